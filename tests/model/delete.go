package model

// delete is a step of delete, up to where the entry goes.
func (t *turn) delete() bool {
	switch t.me().At {
	case Interrupt: // kills the process of one that another verb has
		if t.to(Overtake); t.s.Named != 0 {
			if d := &t.s.Dirs[t.s.Named-1]; d.Lock != 0 && d.Record && d.Proc.Alive() {
				d.Proc = Dying
			}
		}
	case Overtake: // of another delete that runs hooks
		t.to(OpenDelete)
		if t.open() && t.dir().Poststop && t.dir().Lock != 0 {
			t.to(RemoveFiles)
			return true
		}
		t.me().Dir = 0
	case OpenDelete:
		t.to(LockDelete)
		if !t.open() {
			t.me().Absent = true
			t.leftOrEnd()
		}
	case LockDelete:
		blocked, gone := t.lock()
		if blocked {
			return false
		}
		if t.to(LookDelete); gone {
			t.me().Absent = true
			t.leftOrEnd()
		}
	case LookDelete:
		t.look()
	case LookHooks:
		switch t.to(LookAgain); {
		case t.dir().Poststop: // a delete was killed, and nothing else is left to be done
			t.to(BeginPoststop)
		case t.m.Broken == NoSecondLook:
			t.to(EndInit)
		}
	case LookAgain:
		switch t.to(EndInit); {
		case t.dir().Record:
		case t.linked():
			t.to(RemoveFiles)
		default:
			t.to(Close)
		}
	default:
		return t.dismantle()
	}
	return true
}

// dismantle is a step of delete at what there is of a container.
func (t *turn) dismantle() bool {
	switch t.me().At {
	case EndInit:
		t.endInit()
	case EndRest:
		t.killCgroup()
		t.to(AwaitEnd)
	case AwaitEnd:
		if t.dir().Proc.InCgroup() {
			return false
		}
		t.to(RemoveCgroup)
	case RemoveCgroup:
		if !t.removeCgroup() {
			return false
		}
		t.afterCgroup()
	case BeginPoststop:
		// Where nothing can be written it isn't remembered.
		t.dir().Poststop = t.dir().Poststop || t.linked()
		t.to(EndPoststop)
	case EndPoststop:
		if t.to(RemoveFiles); !t.linked() && t.m.Broken != NoGoneCheck {
			t.to(Close)
		}
		if t.m.Broken == NoGoneCheck && !t.linked() && t.s.Named != 0 {
			t.unlock()
			t.open()
		}
	}
	return true
}

func (t *turn) unlock() {
	if d := t.dir(); d.Lock == uint8(t.a+1) {
		d.Lock = 0
	}
}

// leftOrEnd is where a delete without force is over, and a forced one looks for what a create has left.
func (t *turn) leftOrEnd() {
	if t.me().Dir != 0 {
		t.unlock()
	}
	t.me().Dir = 0
	if t.me().Verb == Force {
		t.to(OpenLeft)
		return
	}
	t.refuse()
}

// look decides what is to be done with an entry that is locked.
func (t *turn) look() {
	d := t.dir()
	switch {
	case !d.Record:
		t.leftOrEnd()
	case t.me().Verb == Delete && d.Proc == Running:
		t.fail(Close)
	case t.m.Hooks:
		t.to(LookHooks)
	case t.m.Broken == EntryFirst:
		t.to(RemoveFiles)
	default:
		t.to(EndInit)
	}
}

// endInit ends the first process. If that has ended before, whatever is in the cgroup now is another's.
func (t *turn) endInit() {
	d := t.dir()
	switch {
	case t.m.Broken == NoEndInit && d.Proc == Waiting:
		t.afterCgroup()
	case d.Proc.InCgroup():
		d.Proc = Dying
		t.to(EndRest)
	case t.s.populated():
		t.afterCgroup()
	default:
		t.to(RemoveCgroup)
	}
}

func (t *turn) afterCgroup() {
	if t.to(RemoveFiles); t.m.Hooks && t.dir().Record {
		t.to(BeginPoststop)
	}
}

// remove is a step of a forced delete without a record, or one by which an entry goes.
func (t *turn) remove() bool {
	switch t.me().At {
	case OpenLeft:
		if t.to(LockLeft); !t.open() {
			t.end()
		}
	case LockLeft:
		blocked, gone := t.lock()
		if blocked {
			return false
		}
		if t.to(LookLeftHooks); gone {
			t.to(Close)
		}
	case LookLeftHooks:
		t.me().Hooked = t.dir().Poststop
		t.to(LookLeft)
	case LookLeft:
		switch t.to(EndLeft); {
		case t.dir().Record && t.me().Absent: // somebody has made one since
			t.unlock()
			t.me().Absent, t.me().Dir = false, 0
			t.to(Interrupt)
		case !t.dir().Intent || t.me().Hooked:
			t.to(RemoveFiles)
		}
	case EndLeft: // what was there is this one's: it had found the cgroup empty
		t.killCgroup()
		if t.s.populated() {
			t.to(AwaitEnd)
			return true
		}
		t.to(RemoveCgroup)
	case RemoveFiles:
		d := t.dir()
		d.Record, d.Poststop = false, d.Poststop && t.m.Broken != MarkFirst
		t.to(RemoveIntent)
	case RemoveIntent:
		t.dir().Intent = false
		t.to(RemoveMark)
	case RemoveMark:
		t.dir().Poststop = false
		t.to(Rmdir)
	case Rmdir: // by its name, and only what is empty
		if t.to(Close); t.s.Named != 0 {
			if d := &t.s.Dirs[t.s.Named-1]; !d.Intent && !d.Record && !d.Poststop {
				t.s.Named = 0
			}
		}
		if t.m.Broken == EntryFirst && t.me().Verb >= Delete {
			t.to(EndInit)
		}
	case Close:
		t.end()
	}
	return true
}
