// Command bench measures rung beside Debian's crun and runc on this machine: the
// time of each command in interleaved, paired rounds, the peak memory of every
// process of a runtime, and the smallest memory limit of a container.
//
//	go run ./bench                 # everything: about 10 minutes
//	go run ./bench -short          # a look: under a minute
//	go run ./bench -only run,rss   # parts of it
//
// It needs root. Times are taken in a private mount namespace that shows cgroup2
// alone; memory limits on the host's own view and, on hybrid hosts, where crun
// refuses to work, in one that shows v1 alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// operations are what is measured, in the order of a round. Those of cycle
// follow a container's life; those with docker use the configuration that Docker
// gives a container.
var (
	operations = append([]string{"run", "run docker", "exec docker"}, cycle...)
	cycle      = []string{"create", "state", "start", "exec", "kill", "delete"}
)

type options struct {
	rounds, quietRounds int
	quiet               time.Duration
	only                []string
	rung, crun, runc    string
	json                string
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
	f.StringVar(&only, "only", "", "measure only these, of "+strings.Join(operations, ",")+",rss,floor")
	f.BoolVar(&short, "short", false, "few rounds: 20, and 3 on a quiet host")
	f.StringVar(&o.rung, "rung", "", "`path` of rung (default: built from this repository)")
	f.StringVar(&o.crun, "crun", "/usr/bin/crun", "`path` of crun")
	f.StringVar(&o.runc, "runc", "/usr/sbin/runc", "`path` of runc")
	f.StringVar(&o.json, "json", "", "write the results to `file` too")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 if a target is missed")
	f.StringVar(&o.dir, "dir", "", "internal: scratch directory")
	f.StringVar(&o.part, "part", "", "internal: what to measure")
	f.StringVar(&o.view, "view", "", "internal: the view of cgroups")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if short {
		o.rounds, o.quietRounds = 20, 3
	}
	o.only = strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, name := range o.only {
		if !slices.Contains(append([]string{"rss", "floor"}, operations...), name) {
			return nil, fmt.Errorf("-only: nothing is called %q", name)
		}
	}
	return o, nil
}

func (o *options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func (o *options) wantsCycle() bool { return slices.ContainsFunc(cycle, o.wants) }

func (o *options) wantsTime() bool { return slices.ContainsFunc(operations, o.wants) }

// parent builds rung, measures each part in a process of its own and prints.
func parent(o *options) (missed bool, err error) {
	dir, err := os.MkdirTemp("", "rungbench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
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
