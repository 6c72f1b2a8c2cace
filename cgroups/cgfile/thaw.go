package cgfile

// thawTries is how often a thaw is tried.
const thawTries = 3

// Thaw writes what thaws the cgroup, again if it fails: a file that can't be opened or written for a moment would leave
// everything frozen, for which nobody may come back.
func (d Dir) Thaw(file, text string) (err error) {
	for range thawTries {
		if err = d.Write(file, text); UnlessGone(err) == nil {
			return err
		}
	}
	return err
}
