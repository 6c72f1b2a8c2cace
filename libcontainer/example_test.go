package libcontainer_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
)

// The directories that TestMain has made for examples: a root filesystem, and one for the state of containers.
func rootfs() string { return os.Getenv("RUNG_EXAMPLE") + "/rootfs" }
func state() string  { return os.Getenv("RUNG_EXAMPLE") + "/state" }

// configuration is of a container that runs a script.
func configuration(script string) *specs.Spec {
	s := libcontainer.DefaultSpec()
	s.Root.Path = rootfs()
	s.Process.Args = []string{"sh", "-c", script}
	s.Process.Terminal = false
	return s
}

// A command in a container, as Cmd.Run of os/exec has it on the host.
func ExampleRuntime_Run() {
	runtime := &libcontainer.Runtime{Root: state()}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // after which it would be killed
	defer cancel()
	status, err := runtime.Run(ctx, &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{
		ID: "rung-example-run", Spec: configuration("echo I am $$ on $(hostname); exit 3"), Stdout: os.Stdout, Stderr: os.Stderr,
	}})
	fmt.Println(status, err)
	// Output:
	// I am 1 on rung
	// exit status 3 <nil>
}

// A process beside the container's own, on a terminal that the program has the other end of.
func ExampleContainer_Exec() {
	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: state()}
	c, err := runtime.Create(ctx, &libcontainer.CreateOptions{ID: "rung-example-exec", Spec: configuration("sleep 100")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Delete(ctx, true)
	if err := c.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.Exec(ctx, &libcontainer.ExecOptions{
		Args: []string{"sh", "-c", "stty -echo; echo ready; read name; echo hello $name; stty size"}, Terminal: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Terminal().Close()
	lines := bufio.NewScanner(p.Terminal())
	for lines.Scan() {
		fmt.Println(lines.Text())
		if lines.Text() == "ready" {
			p.Resize(132, 43)
			fmt.Fprintln(p.Terminal(), "world")
		}
	}
	fmt.Println(p.Wait(ctx))
	// Output:
	// ready
	// hello world
	// 43 132
	// exit status 0 <nil>
}

// What a container uses, when it is asked for.
func ExampleContainer_Stats() {
	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: state()}
	c, err := runtime.Create(ctx, &libcontainer.CreateOptions{ID: "rung-example-stats", Spec: configuration("sleep 100")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Delete(ctx, true)
	stats, err := c.Stats()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("nanoseconds of a processor:", stats.CPU.Total > 0)
	// Output: nanoseconds of a processor: true
}

// What a container uses, again and again until it ends.
func ExampleContainer_Events() {
	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: state()}
	c, err := runtime.Create(ctx, &libcontainer.CreateOptions{ID: "rung-example-events", Spec: configuration("sleep 100")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Delete(ctx, true)
	if err := c.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	n := 0
	for event, err := range c.Events(ctx, 10*time.Millisecond) {
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case event.Stats == nil:
			fmt.Println("it was out of memory")
			continue
		}
		if n++; n == 3 {
			c.Kill(unix.SIGKILL, false) // a pid 1 hears no other one unless it wants to
		}
	}
	status, err := c.Wait(ctx)
	fmt.Println(n >= 3, status, err)
	// Output: true exit status 137 <nil>
}
