package spawn

// ahead is the stage that was started ahead, if one was.
var ahead struct {
	done  bool
	stage *Stage
	err   error
}

// Ahead starts a stage before it is known whether one is needed. Nothing is
// preserved for it.
func Ahead() {
	ahead.stage, ahead.err = Start(0)
	ahead.done = true
}

// Take is Start, or the stage that was started ahead.
func Take(preserve int) (*Stage, error) {
	if !ahead.done || preserve > 0 {
		return Start(preserve)
	}
	ahead.done = false
	return ahead.stage, ahead.err
}

// Discard ends a stage that was started ahead and not taken.
func Discard() {
	if ahead.done {
		ahead.done = false
		ahead.stage.Close()
	}
}
