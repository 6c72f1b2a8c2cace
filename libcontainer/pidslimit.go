package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// explainFull says of a process that couldn't be made in a v2 cgroup which
// pids limit forbids it, if one does: the cgroup's own or that of one above.
func explainFull(dir string, err error) error {
	if dir == "" || !errors.Is(err, unix.EAGAIN) {
		return err
	}
	for ; ; dir = path.Dir(dir) {
		now, cerr := readNumber(dir + "/pids.current")
		limit, merr := readNumber(dir + "/pids.max")
		switch {
		case errors.Is(cerr, unix.ENOENT): // the root, or no controller
			return err
		case cerr == nil && merr == nil && now >= limit:
			return fmt.Errorf("%w (the pids limit of %d is reached in cgroup %s)", err, limit, dir)
		}
	}
}

// readNumber reads a cgroup file's number; "max" is none.
func readNumber(file string) (int, error) {
	text, err := cgfile.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
