package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// results is all that was measured, as -json writes it. Times are milliseconds,
// sizes KiB.
type results struct {
	Date     string            `json:"date"`
	Kernel   string            `json:"kernel"`
	CPUs     int               `json:"cpus"`
	Load     string            `json:"load"` // at the start
	Versions map[string]string `json:"versions"`
	Times    []timing          `json:"times,omitempty"`
	Peaks    []peak            `json:"peaks,omitempty"`
	Waiting  []waiting         `json:"waiting,omitempty"`
	Floors   []floor           `json:"floors,omitempty"`
	Curves   []curve           `json:"curves,omitempty"`
	Rates    []rate            `json:"rates,omitempty"`
	Embedded *embedded         `json:"embedded,omitempty"`
	Binary   int64             `json:"binary"` // bytes of rung's executable
	Static   bool              `json:"static"` // it asks for no interpreter
	Targets  []target          `json:"targets,omitempty"`
}

// timing is one command of all runtimes, in paired rounds.
type timing struct {
	Operation string             `json:"operation"`
	View      string             `json:"view,omitempty"`
	Quiet     float64            `json:"quiet"` // before each command
	Rounds    int                `json:"rounds"`
	Median    map[string]float64 `json:"median"`
	Error     map[string]float64 `json:"error"` // standard error of the median
	Min       map[string]float64 `json:"min"`
	CPU       map[string]float64 `json:"cpu"`   // median, with the children that were waited for
	Ratio     map[string]float64 `json:"ratio"` // rung / other, median of the rounds' ratios
	Low       map[string]float64 `json:"low"`   // first quartile of the ratios
	High      map[string]float64 `json:"high"`  // third quartile
}

// peak is the peak resident set (VmHWM) of the processes of one command.
type peak struct {
	Runtime   string `json:"runtime"`
	Operation string `json:"operation"`
	Parent    int    `json:"parent"` // the process that was started
	Child     int    `json:"child"`  // largest of the others; 0 if there were none
}

// waiting is the memory of a container's first process between create and start.
type waiting struct {
	Runtime string `json:"runtime"`
	Private int    `json:"private"`
	RSS     int    `json:"rss"`
}

// floor is about memory limits under which a static program without a libc runs.
type floor struct {
	Runtime  string `json:"runtime"`
	View     string `json:"view"`
	Good     int    `json:"good"`     // of 20 runs under 512 KiB, those that exited with 0
	Smallest int    `json:"smallest"` // that worked thrice; 0: none up to 4 MiB
	OnePid   bool   `json:"onePid"`   // a run under a pids.limit of 1 works
	Error    string `json:"error,omitempty"`
}

const floorRuns = 20

func about(o *options) (*results, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	load, _ := os.ReadFile("/proc/loadavg")
	r := &results{
		Date:     time.Now().Format(time.RFC3339),
		Kernel:   unix.ByteSliceToString(name.Release[:]),
		CPUs:     runtime.NumCPU(),
		Load:     strings.Join(append(strings.Fields(string(load)), "", "", "")[:3], " "),
		Versions: map[string]string{},
	}
	for _, rt := range o.runtimes() {
		text, err := exec.Command(rt.path, "--version").Output()
		if err != nil {
			return nil, err
		}
		r.Versions[rt.name], _, _ = strings.Cut(string(text), "\n")
	}
	return r, r.aboutExecutable(o.rung)
}

func (r *results) aboutExecutable(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r.Binary = st.Size()
	r.Static = !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	return nil
}

// add takes over what a part measured.
func (r *results) add(p *results) {
	r.Times = append(r.Times, p.Times...)
	r.Peaks = append(r.Peaks, p.Peaks...)
	r.Waiting = append(r.Waiting, p.Waiting...)
	r.Floors = append(r.Floors, p.Floors...)
	r.Curves = append(r.Curves, p.Curves...)
	r.Rates = append(r.Rates, p.Rates...)
	if p.Embedded != nil {
		r.Embedded = p.Embedded
	}
}
