package cli

import (
	"context"
	"fmt"
	"os"
	"syscall"

	urfave "github.com/urfave/cli/v3"
)

// keepCommand waits for the end of a container that startKeeper has a pidfd of, and writes down how it has ended.
var keepCommand = command{
	name:      "__keep",
	usage:     "wait for the end of a container behind descriptor 3",
	argsUsage: "<container-id>",
	hidden:    true,
	minArgs:   1,
	maxArgs:   1,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			_, err = r.Container(args[0]).Keep(context.Background(), keptFD)
			return err
		}
	},
}

const keptFD = 3

// startKeeper starts ourselves anew, to stay when we have ended. It has nothing of ours but the pidfd and the global options that say where the
// container is, so that nobody waits for it.
func (a *app) startKeeper(id string, pidfd int) error {
	root, err := a.global.directory()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	args := []string{"rung", "--root", root, "__keep", id}
	_, err = syscall.ForkExec("/proc/self/exe", args, &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), uintptr(pidfd)}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("container %s runs, but how it ends isn't kept: start a process: %w", id, err)
	}
	return nil
}
