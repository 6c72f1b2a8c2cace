// Package idmap writes the id maps of a new user namespace, the container's or
// one that only id-maps mounts: directly, or with
// the help of newuidmap(1) and newgidmap(1), which are allowed to give an
// ordinary user the ids that /etc/subuid and /etc/subgid promise him.
package idmap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/proc"
)

// Maps are both maps and how to write them.
type Maps struct {
	UID, GID             string // texts for uid_map and gid_map; "": there is none to write
	UIDHelper, GIDHelper bool   // newuidmap, newgidmap write it
	// DenyGroups forbids setgroups(2) in the namespace first: who may not set
	// groups may map his own only if they stay (CVE-2014-8989).
	DenyGroups bool
	Field      string // of the configuration, that has uidMappings and gidMappings: "linux"
}

// Write writes the maps of the user namespace of process pid.
func (m *Maps) Write(fs proc.FS, pid int) error {
	if err := write(fs, pid, m.UID, "uid_map", m.UIDHelper, "newuidmap", m.Field+".uidMappings"); err != nil {
		return err
	}
	if m.DenyGroups {
		if err := fs.WriteFile(proc.PID(pid, "setgroups"), "deny"); err != nil {
			return fmt.Errorf("%s.gidMappings: %w", m.Field, err)
		}
	}
	return write(fs, pid, m.GID, "gid_map", m.GIDHelper, "newgidmap", m.Field+".gidMappings")
}

func write(fs proc.FS, pid int, text, file string, byHelper bool, helper, field string) error {
	var err error
	switch {
	case text == "":
		return nil
	case byHelper:
		if err = help(dirs, helper, pid, text); err == nil {
			err = written(fs, pid, file, helper)
		}
	default:
		err = explain(fs.WriteFile(proc.PID(pid, file), text), text)
	}
	if err != nil {
		return fmt.Errorf("%s: write id map: %w", field, err)
	}
	return nil
}

// explain adds what the kernel's EPERM may mean: since Linux 5.12 root of the
// parent can be mapped only by who could give files capabilities there.
func explain(err error, text string) error {
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && f[1] == "0" {
			return fmt.Errorf("%w (hostID 0 takes CAP_SETFCAP)", err)
		}
	}
	return err
}

// dirs are where the helpers are looked for. PATH isn't asked: whoever sets it
// for us would choose what gets our process into his hands, and podman sets
// none.
var dirs = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/run/wrappers/bin"}

// patience is how long a helper may take, in seconds. It may have to ask a
// directory service for the ids.
const patience = 10

// help has a helper write a map.
func help(dirs []string, name string, pid int, text string) error {
	path, err := find(dirs, name)
	if err != nil {
		return err
	}
	limit := patience
	h := &specs.Hook{
		Path: path, Args: append([]string{name, strconv.Itoa(pid)}, strings.Fields(text)...),
		Env: []string{"PATH=/usr/bin:/bin"}, Timeout: &limit,
	}
	err = hook.Run(h, "", hook.Place{}.Start, hook.Until{})
	if err == nil {
		return nil
	}
	if text, ok := strings.CutPrefix(err.Error(), path+": "); ok {
		return errors.New(name + ": " + text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// written checks that a helper which says so has really done its work.
func written(fs proc.FS, pid int, file, helper string) error {
	text, err := fs.ReadFile(proc.PID(pid, file), 64)
	if err == nil && len(text) == 0 {
		err = errors.New(helper + ": ended without an error and without a map")
	}
	return err
}

// find looks a helper up.
func find(dirs []string, name string) (string, error) {
	var denied error
	for _, dir := range dirs {
		path := dir + "/" + name
		err := unix.Access(path, unix.X_OK)
		if err == nil {
			return path, nil
		}
		if err != unix.ENOENT && denied == nil {
			denied = fmt.Errorf("%s: %w", path, err)
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", fmt.Errorf("%s isn't installed, without which an ordinary user can map his own id only (looked in %s)",
		name, strings.Join(dirs, ", "))
}
