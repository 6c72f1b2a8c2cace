package libcontainer

// undo is what has to be taken back if a verb fails, last thing first.
type undo []func()

func (u *undo) push(f func()) { *u = append(*u, f) }

// run takes everything back.
func (u *undo) run() {
	for i := len(*u) - 1; i >= 0; i-- {
		(*u)[i]()
	}
	*u = nil
}

// keep forgets what was to be taken back: the verb has succeeded.
func (u *undo) keep() { *u = nil }
