package libcontainer

import "slices"

// undo is what has to be taken back if a verb fails, last thing first.
type undo []func()

func (u *undo) push(f func()) { *u = append(*u, f) }

// run takes everything back.
func (u *undo) run() {
	for _, f := range slices.Backward(*u) {
		f()
	}
	*u = nil
}

// keep forgets what was to be taken back: the verb has succeeded.
func (u *undo) keep() { *u = nil }
