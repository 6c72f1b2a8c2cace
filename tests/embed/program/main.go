// Command program is a program that embeds package libcontainer and does other things
// as well: it has goroutines that poll, children of its own, and makes containers
// beside one another. It prints what became of them, as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rung-oci/rung/libcontainer"
)

// A report is what the program prints.
type report struct {
	Runs, Execs, Commands int      // that were made
	Errors                []string // of those that failed
	Inheritable           bool     // a descriptor that the program had made inheritable still is
	Dumpable              bool
	Subreaper             bool
	Caught                bool // a signal for the program came to the program
	Zombies               int  // children that nobody has waited for
}

type program struct {
	r    libcontainer.Runtime
	mu   sync.Mutex
	out  report
	stop atomic.Bool
}

func (p *program) fail(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.out.Errors) < 20 {
		p.out.Errors = append(p.out.Errors, fmt.Sprintf(format, args...))
	}
}

// main takes the state directory, bundles whose processes end with status 7, separated by
// commas, one whose process doesn't end, how many containers to make at a time and how many times, and
// the limit of containers' names.
func main() {
	p := &program{r: libcontainer.Runtime{Root: os.Args[1], Rootless: os.Geteuid() != 0}}
	bundles := strings.Split(os.Args[2], ",")
	at, _ := strconv.Atoi(os.Args[4])
	times, _ := strconv.Atoi(os.Args[5])
	open, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0) // without close-on-exec
	if err != nil {
		panic(err)
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	var others sync.WaitGroup
	for range 4 {
		others.Go(p.work)
	}
	others.Go(p.poll)
	others.Go(p.threads)
	p.together(at, func(i int) {
		for n := range times {
			p.run(bundles[i%len(bundles)], fmt.Sprintf("%s-run-%d-%d", os.Args[6], i, n))
		}
	})
	p.execs(os.Args[3], os.Args[6]+"-exec", at, times)
	p.stop.Store(true)
	others.Wait()
	p.look(open, caught)
	json.NewEncoder(os.Stdout).Encode(&p.out)
}

// together calls do n times at once.
func (p *program) together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func (p *program) run(bundle, id string) {
	status, err := p.r.Run(context.Background(), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: id, Bundle: bundle}})
	if err != nil || status != 7 {
		p.fail("run: status %d, %v", status, err)
	}
	p.mu.Lock()
	p.out.Runs++
	p.mu.Unlock()
}

func (p *program) execs(bundle, id string, at, times int) {
	ctx := context.Background()
	c, err := p.r.Create(ctx, &libcontainer.CreateOptions{ID: id, Bundle: bundle})
	if err != nil {
		p.fail("create: %v", err)
		return
	}
	if err := c.Start(ctx); err != nil {
		p.fail("start: %v", err)
	}
	p.together(at, func(i int) {
		for range times {
			want := 20 + i
			status, err := c.Run(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", fmt.Sprintf("exit %d", want)}})
			if err != nil || int(status) != want {
				p.fail("exec: status %d, %v, want %d", status, err, want)
			}
			p.mu.Lock()
			p.out.Execs++
			p.mu.Unlock()
		}
	})
	if err := c.Delete(ctx, true); err != nil {
		p.fail("delete: %v", err)
	}
}

// work has commands of its own, whose end it waits for.
func (p *program) work() {
	for !p.stop.Load() {
		err := exec.Command("sh", "-c", "exit 5").Run()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != 5 {
			p.fail("command: %v", err)
		}
		p.mu.Lock()
		p.out.Commands++
		p.mu.Unlock()
	}
}

// threads has threads that end: what was started on one of them is told so (PR_SET_PDEATHSIG
// counts from it).
func (p *program) threads() {
	for !p.stop.Load() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				runtime.LockOSThread()
				time.Sleep(100 * time.Microsecond)
			})
		}
		wg.Wait()
	}
}

// poll keeps the poller busy, and the garbage collector.
func (p *program) poll() {
	l, err := net.Listen("unix", filepath.Join(os.Args[1], "socket"))
	if err != nil {
		p.fail("listen: %v", err)
		return
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("x"))
			c.Close()
		}
	}()
	for !p.stop.Load() {
		c, err := net.Dial("unix", l.Addr().String())
		if err == nil {
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if err != nil {
			p.fail("dial: %v", err)
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

// look finds out what is left of the program's own settings.
func (p *program) look(open int, caught <-chan os.Signal) {
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(open), syscall.F_GETFD, 0)
	p.out.Inheritable = flags == 0
	const getDumpable, getSubreaper = 3, 37
	dumpable, _, _ := syscall.Syscall(syscall.SYS_PRCTL, getDumpable, 0, 0)
	p.out.Dumpable = dumpable == 1
	p.out.Subreaper = subreaper(getSubreaper)
	for {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
			break
		}
		p.out.Zombies++
	}
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	select {
	case <-caught:
		p.out.Caught = true
	case <-time.After(5 * time.Second):
	}
}
