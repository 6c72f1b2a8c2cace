// Command supervise keeps a command running in a root filesystem: it begins anew when the command ends, or when a check fails that a shell makes beside
// it every second.
//
//	supervise /images/web 'wget -q -O /dev/null http://localhost/' httpd -f
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rung-oci/rung/libcontainer"
)

const interval = time.Second

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: supervise ROOTFS CHECK COMMAND [ARGUMENT...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime := &libcontainer.Runtime{Root: filepath.Join(os.TempDir(), "rung-examples"), Warn: log.Printf}
	for n := 1; ctx.Err() == nil; n++ {
		status, err := once(ctx, runtime, os.Args[1], os.Args[2], os.Args[3:])
		log.Printf("run %d: %v, error: %v", n, status, err)
		select {
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
}

// once makes a container, and deletes it when its command has ended.
func once(ctx context.Context, runtime *libcontainer.Runtime, rootfs, check string, args []string) (libcontainer.ExitStatus, error) {
	spec := libcontainer.DefaultSpec()
	spec.Root.Path, spec.Process.Args, spec.Process.Terminal = rootfs, args, false
	c, err := runtime.Create(ctx, &libcontainer.CreateOptions{
		ID: fmt.Sprintf("supervise-%d", os.Getpid()), Spec: spec, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		return 0, err
	}
	defer c.Delete(context.WithoutCancel(ctx), true) // ctx is done when somebody stops us
	if err := c.Start(ctx); err != nil {
		return 0, err
	}
	watched, done := context.WithCancel(ctx)
	defer done()
	go watch(watched, c, check)
	return c.Wait(ctx)
}

// watch kills the container's command when a check fails, or takes too long.
func watch(ctx context.Context, c *libcontainer.Container, check string) {
	for tick := time.Tick(interval); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		limited, done := context.WithTimeout(ctx, interval)
		status, err := c.Run(limited, &libcontainer.ExecOptions{Args: []string{"sh", "-c", check}})
		done()
		if ctx.Err() == nil && (err != nil || !status.Success()) {
			log.Printf("check: %v, error: %v", status, err)
			c.Kill(syscall.SIGKILL, false)
		}
	}
}
