// Command bench measures rung beside Debian's crun and runc on this machine: the
// time of each command in interleaved, paired rounds, the peak memory of every
// process of a runtime, the smallest memory limit of a container, how times grow
// with what there is of containers, mounts and so on, and containers per second.
//
//	go run ./bench                           # everything: about 25 minutes
//	go run ./bench -short                    # a look: about 4 minutes
//	go run ./bench -only run,rss             # parts of it
//	go run ./bench -only growth -svg /tmp/x  # curves, and a plot of each
//
// It needs root, and to run in tests. Times are taken in a private mount namespace
// that shows cgroup2 alone; "run limits" and, beside the host's own view, memory
// limits in one that shows v1 alone on hybrid hosts, where crun refuses to work.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type options struct {
	rounds, quietRounds int
	quiet               time.Duration
	growthRounds        int
	rateRounds          int
	rateTime            time.Duration
	only                []string
	rung, crun, runc    string
	limit               string // the reference in C; "": none
	json, svg           string
	strict              bool
	dir                 string // scratch directory
	part, view          string // in a child: what to measure, and where it is
}

// The main goroutine keeps the main thread: what children ask of their parent's
// thread (death signals, ptrace) must not depend on the scheduler.
func init() { runtime.LockOSThread() }

func main() {
	o, err := parse(os.Args[1:])
	if err == nil && os.Geteuid() != 0 {
		err = fmt.Errorf("needs root")
	}
	missed := false
	if err == nil {
		if o.part != "" {
			err = child(o)
		} else {
			missed, err = parent(o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed && o.strict {
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	o := new(options)
	var only string
	var short bool
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.IntVar(&o.rounds, "n", 100, "`rounds` back to back")
	f.IntVar(&o.quietRounds, "nq", 30, "`rounds` on a quiet host")
	f.DurationVar(&o.quiet, "quiet", 700*time.Millisecond, "`time` of quiet before each command")
	f.IntVar(&o.growthRounds, "ng", 15, "`rounds` per size of what grows")
	f.IntVar(&o.rateRounds, "nr", 3, "`rounds` per number of runs at a time")
	f.DurationVar(&o.rateTime, "rate", 2*time.Second, "`time` of runs at a time, per runtime and round")
	f.StringVar(&only, "only", "", "measure only these, of "+strings.Join(names(), ","))
	f.BoolVar(&short, "short", false, "few rounds: 20, 3 on a quiet host, 5 per size, 1 of half a second per rate")
	f.StringVar(&o.rung, "rung", "", "`path` of rung (default: built from this repository)")
	f.StringVar(&o.crun, "crun", "/usr/bin/crun", "`path` of crun")
	f.StringVar(&o.runc, "runc", "/usr/sbin/runc", "`path` of runc")
	f.StringVar(&o.limit, "limit", "", "internal: path of the reference in C")
	f.StringVar(&o.json, "json", "", "write the results to `file` too")
	f.StringVar(&o.svg, "svg", "", "write a plot per curve to `directory`")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 if a target is missed")
	f.StringVar(&o.dir, "dir", "", "internal: scratch directory")
	f.StringVar(&o.part, "part", "", "internal: what to measure")
	f.StringVar(&o.view, "view", "", "internal: the view of cgroups")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if short {
		o.rounds, o.quietRounds, o.growthRounds, o.rateRounds, o.rateTime = 20, 3, 5, 1, time.Second/2
	}
	o.only = strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-only: nothing is called %q", name)
		}
	}
	return o, nil
}

func (o *options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func (o *options) wantsCycle() bool { return slices.ContainsFunc(cycle, o.wants) }

func (o *options) wantsAny(names []string) bool { return slices.ContainsFunc(names, o.wants) }

// names are what -only takes.
func names() []string {
	return slices.Concat(operations, limits, []string{"rss", "floor", "growth", "rate", embeddedName}, subjectNames())
}

// parent builds rung, measures each part in a process of its own and prints.
func parent(o *options) (missed bool, err error) {
	dir, err := os.MkdirTemp("", "rungbench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	// The root of a user namespace must get to the root filesystems below it.
	if err := os.Chmod(dir, 0o711); err != nil {
		return false, err
	}
	o.dir = dir
	if o.rung == "" {
		o.rung = filepath.Join(dir, "rung")
		if err := build(o.rung); err != nil {
			return false, err
		}
	} else if o.rung, err = filepath.Abs(o.rung); err != nil {
		return false, err
	}
	r, err := about(o)
	if err != nil {
		return false, err
	}
	if o.wants(limitOperation) {
		o.limit = filepath.Join(dir, limitName)
		if err := buildLimit(o.limit); errors.Is(err, errNoLimit) {
			fmt.Fprintln(os.Stderr, "bench:", err)
			o.limit = ""
		} else if err != nil {
			return false, err
		}
	}
	for _, p := range parts(o) {
		if err := measure(o, p, r); err != nil {
			return false, fmt.Errorf("%s in the %s view: %w", p.name, p.view.name, err)
		}
	}
	r.judge()
	r.print(os.Stdout)
	if o.json != "" {
		if err := writeJSON(o.json, r); err != nil {
			return false, err
		}
	}
	if o.svg != "" {
		if err := writePlots(o.svg, r.Curves); err != nil {
			return false, err
		}
	}
	return r.missed(), nil
}

func writeJSON(file string, r *results) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
