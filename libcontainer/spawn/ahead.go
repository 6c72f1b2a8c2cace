package spawn

// ahead is the stage that was started ahead, if one was.
var ahead chan result

type result struct {
	stage *Stage
	err   error
}

// Ahead starts a stage before it is known whether one is needed, beside what
// the caller goes on with. Nothing is preserved for it.
func Ahead() {
	ahead = make(chan result, 1)
	go func() {
		s, err := Start(0)
		ahead <- result{s, err}
	}()
}

// Take is Start, or the stage that was started ahead.
func Take(preserve int) (*Stage, error) {
	if ahead == nil || preserve > 0 {
		return Start(preserve)
	}
	r := <-ahead
	ahead = nil
	return r.stage, r.err
}

// Discard ends a stage that was started ahead and not taken.
func Discard() {
	if ahead != nil {
		r := <-ahead
		ahead = nil
		r.stage.Close()
	}
}
