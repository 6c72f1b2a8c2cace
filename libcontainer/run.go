package libcontainer

import "errors"

// Run is being written.
func (r *Runtime) Run(o *RunOptions) (int, error) { return 0, errors.New("not yet") }
