// Command run runs a command in a root filesystem, and exits with its exit code:
//
//	run /images/busybox sh -c 'hostname; id'
//
// It has the command's input and output; an interrupt ends it, and leaves nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/rung-oci/rung/libcontainer"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: run ROOTFS COMMAND [ARGUMENT...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx, os.Args[1], os.Args[2:])
	if config, ok := errors.AsType[*libcontainer.ConfigError](err); ok {
		for _, f := range config.Findings {
			log.Printf("%s: %s", f.Field, f.Problem)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(int(status))
}

func run(ctx context.Context, rootfs string, args []string) (libcontainer.ExitStatus, error) {
	spec := libcontainer.DefaultSpec()
	spec.Root.Path = rootfs
	spec.Process.Args = args
	spec.Process.Terminal = false
	runtime := &libcontainer.Runtime{Root: filepath.Join(os.TempDir(), "rung-examples"), Warn: log.Printf}
	return runtime.Run(ctx, &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{
		ID:   fmt.Sprintf("run-%d", os.Getpid()),
		Spec: spec, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}})
}
