package v1

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// inherit copies cpus and memory nodes from the parent into the cpuset rel below
// base, where they are empty: a v1 cpuset begins empty and takes no process until
// it has both. Parents that are empty themselves are filled first.
func inherit(base cgfile.Dir, rel string) error {
	for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} {
		if _, err := inheritFile(base, rel, file); err != nil {
			return err
		}
	}
	return nil
}

func inheritFile(base cgfile.Dir, rel, file string) (string, error) {
	name := path.Join(rel, file)
	text, err := base.Read(name)
	if errors.Is(err, unix.ENOENT) && strings.HasPrefix(file, "cpuset.") {
		// A cpuset mounted with noprefix calls them just cpus and mems.
		return inheritFile(base, rel, strings.TrimPrefix(file, "cpuset."))
	}
	if err != nil {
		return "", err
	}
	if text = strings.TrimSpace(text); text != "" || rel == "." {
		return text, nil
	}
	if text, err = inheritFile(base, path.Dir(rel), file); err != nil || text == "" {
		return "", err
	}
	return text, base.Write(name, text)
}
