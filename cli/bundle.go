package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/inherited"
	"github.com/rung-oci/rung/libcontainer"
)

// createFlags are the flags that create and run share.
func createFlags(o *libcontainer.CreateOptions) []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle,
			Usage:       "`directory` of the bundle: config.json and the root filesystem",
			DefaultText: "the current directory",
		},
		&urfave.StringFlag{
			Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "`path` of the AF_UNIX socket that gets the master of the container's terminal",
		},
		&urfave.StringFlag{
			Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "`path` of the AF_UNIX socket that gets a pidfd of the container's first process",
		},
		&urfave.StringFlag{
			Name: "pid-file", Destination: &o.PidFile,
			Usage: "`file` to write the id of the container's first process to",
		},
		&urfave.BoolFlag{
			Name: "no-pivot", Destination: &o.NoPivot,
			Usage: "move the root with chroot instead of pivot_root, for root filesystems on a ramdisk",
		},
		&urfave.BoolFlag{
			Name: "no-new-keyring", Destination: &o.NoNewKeyring,
			Usage: "let the container inherit rung's session keyring",
		},
		&numberFlag{
			Name: "preserve-fds", Destination: &o.PreserveFDs,
			Usage: "pass `N` more file descriptors: 3 + $LISTEN_FDS and those after it",
		},
	}
}

// creator begins a create or a run, and completes its options.
func (a *app) creator(o *libcontainer.CreateOptions, id string) (*libcontainer.Runtime, error) {
	o.ID, a.holds = id, true
	o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := checkPreserved(o.PreserveFDs, inherited.CheckPreserved); err != nil {
		return nil, err
	}
	r, err := a.runtime()
	if err != nil {
		return nil, err
	}
	if err := absolute(&o.Bundle, &o.PidFile); err != nil {
		return nil, err
	}
	me := thisCaller()
	r.Rootless = a.global.withoutPrivileges(me)
	if a.global.root == "" {
		err = makeRoot(me)
	}
	return r, err
}

// absolute makes paths absolute. The first, the bundle's, has a default: the
// current directory.
func absolute(bundle, pidFile *string) error {
	var err error
	if *bundle, err = filepath.Abs(*bundle); err != nil {
		return fmt.Errorf("option --bundle: %w", err)
	}
	return absPath("--pid-file", pidFile)
}

// absPath makes the path of an option absolute, if it is given.
func absPath(option string, path *string) (err error) {
	if *path == "" {
		return nil
	}
	if *path, err = filepath.Abs(*path); err != nil {
		return fmt.Errorf("option %s: %w", option, err)
	}
	return nil
}

// checkPreserved checks --preserve-fds. It comes first of all: a descriptor of
// ours could fill a gap in the caller's.
func checkPreserved(n int, check func(int) error) error {
	if n < 0 {
		return errors.New("option --preserve-fds must not be negative")
	}
	return check(n)
}
