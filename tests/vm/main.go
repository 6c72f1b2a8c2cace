// Command vm runs tests in a virtual machine: a stock Debian with systemd as its
// first process and one cgroup v2 tree with every controller.
//
//	go run ./vm                                # the packages in defaults
//	go run ./vm -run Pids lifecycle security   # some tests of some packages
//	go run ./vm -arch arm64 lifecycle          # another architecture, see arch.go
//	go run ./vm -image engines engines         # in a guest that has Docker, containerd and Podman
//	go run ./vm -sh 'systemctl --version'      # a shell command instead
//
// A package is named by its directory, from that of the tests (lifecycle) or of
// the module (cgroups/choose); behind a colon may be the only tests of it that are wanted
// (internal/plan:TestChdir,TestFindProgram). What was skipped, and why, is said at the end. Output and exit status are those of what ran; 124
// is a timeout, 125 a machine that ended on its own.
//
// The machine is emulated, so that it needs no /dev/kvm, and some 25 times slower
// than the host. See README.md in this directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// defaults are the packages that gain something from the machine.
var defaults = []string{"systemd", "cgroups/choose", "cgroups/device", "lifecycle", "security"}

// images are the guests that there are, and the memory in MiB that each has if nobody says otherwise.
var images = map[string]int{"plain": 4096, "engines": 2560}

type options struct {
	arch     string
	image    string
	packages []string
	run      string // -test.run
	shell    string
	long     bool
	verbose  bool
	console  bool
	cache    string
	timeout  time.Duration
	memory   int
	env      []string
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("vm", flag.ContinueOnError)
	f.StringVar(&o.arch, "arch", "amd64", "the machine's `architecture`: "+archNames())
	f.StringVar(&o.image, "image", "plain", "the guest's `image`: plain, or engines, which has Docker, containerd, Podman and buildah")
	f.StringVar(&o.run, "run", "", "run only tests that match `regexp`")
	f.StringVar(&o.shell, "sh", "", "run a shell `command` in place of tests; packages given are there")
	f.BoolVar(&o.long, "long", false, "leave -short out")
	f.BoolVar(&o.verbose, "v", false, "name every test")
	f.BoolVar(&o.console, "console", false, "show the guest's console on stderr")
	f.StringVar(&o.cache, "cache", "/var/tmp/rung-test-vm", "`directory` of the machines' images")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "end the machine after this time")
	f.IntVar(&o.memory, "memory", 0, "the guest's memory in `MiB` (default 4096, engines 2560)")
	f.Func("env", "a `NAME=VALUE` in the environment of what runs in the guest; may be repeated", func(text string) error {
		o.env = append(o.env, text)
		return nil
	})
	err := f.Parse(args)
	o.packages = f.Args()
	if len(o.packages) == 0 && o.shell == "" {
		o.packages = defaults
	}
	if _, ok := arches[o.arch]; !ok && err == nil {
		err = fmt.Errorf("there is no machine for %q, only for %s", o.arch, archNames())
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	memory, ok := images[o.image]
	if !ok && err == nil {
		err = fmt.Errorf("there is no image %q, only plain and engines", o.image)
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	if o.memory == 0 {
		o.memory = memory
	}
	return o, err
}

// dir is the directory of the machine's image.
func (o *options) dir() string {
	if o.image == "plain" {
		return filepath.Join(o.cache, o.arch)
	}
	return filepath.Join(o.cache, o.arch+"-"+o.image)
}

// The main goroutine keeps the main thread, whose end would be the emulator's.
func init() { runtime.LockOSThread() }

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code, err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, o *options) (code int, err error) {
	if runtime.GOARCH != "amd64" {
		return 125, errors.New("the emulator is an amd64 program, and this host isn't amd64")
	}
	tests, err := testsDir()
	if err != nil {
		return 125, err
	}
	if err := makeImage(ctx, tests, o); err != nil {
		return 125, err
	}
	dir, err := os.MkdirTemp(o.dir(), "run-")
	if err != nil {
		return 125, err
	}
	defer os.RemoveAll(dir)
	if err := makeJob(ctx, tests, dir, o); err != nil {
		return 125, err
	}
	return boot(ctx, dir, o)
}

// testsDir is the directory of the tests' module, in which we are or above.
func testsDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		for _, d := range []string{dir, filepath.Join(dir, "tests")} {
			if _, err := os.Stat(filepath.Join(d, "vm", "image.sh")); err == nil {
				return d, nil
			}
		}
	}
	return "", errors.New("call it in the project's directory")
}
