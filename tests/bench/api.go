package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/rung-oci/rung/libcontainer"
)

// embedded is a create through the API, in this process, beside one by the command.
type embedded struct {
	Rounds    int    `json:"rounds"`
	API       timing `json:"api"`       // "rung" is the API, "command" the other
	Peak      peak   `json:"peak"`      // of the command
	Allocated int    `json:"allocated"` // KiB of the heap per create through the API
	Resident  int    `json:"resident"`  // KiB that this process has grown by after all of them
}

const embeddedName = "api"

// embedded measures it.
func (b *bench) embedded(r *results) error {
	if err := b.bundles(); err != nil {
		return err
	}
	rt := b.runtimes()[0]
	fmt.Fprintf(os.Stderr, "%d creates through the API, and by the command\n", b.rounds)
	e := &embedded{Rounds: b.rounds}
	s := map[string][]sample{}
	ways := []struct {
		name string
		do   func(id string) (sample, error)
	}{
		{"rung", func(id string) (sample, error) { return b.createHere(rt, id) }},
		{"command", func(id string) (sample, error) { return b.one(rt, "create", id) }},
	}
	before := 0
	for n := range b.rounds + 2 {
		if n == 2 { // two that don't count
			before, s = resident(), map[string][]sample{}
		}
		for i := range ways {
			way := ways[(i+n)%len(ways)]
			id := b.id(rt)
			got, err := way.do(id)
			if err != nil {
				return err
			}
			s[way.name] = append(s[way.name], got)
			if err := (&libcontainer.Runtime{Root: rt.root}).Container(id).Delete(context.Background(), true); err != nil {
				return err
			}
			b.ended(id)
		}
	}
	e.Resident = max(0, resident()-before)
	e.API = summarize("create", 0, s)
	e.API.View = b.view
	var err error
	if e.Allocated, err = b.allocated(rt); err != nil {
		return err
	}
	id := b.id(rt)
	if e.Peak, err = b.look(rt, "create", id); err != nil {
		return err
	}
	b.forget(id, rt)
	r.Embedded = e
	return nil
}

// createHere makes a container as the command does.
func (b *bench) createHere(rt oci, id string) (sample, error) {
	runtime.GC() // not beside what is measured
	begin, cpu := time.Now(), ownCPU()
	_, err := (&libcontainer.Runtime{Root: rt.root}).Create(context.Background(), &libcontainer.CreateOptions{
		ID: id, Bundle: b.bundleDir(rt, "pause"), PidFile: b.pidFile(rt),
	})
	return sample{milli(time.Since(begin)), ownCPU() - cpu}, err
}

// ownCPU is the time of processors that this process and the children that it has waited for have had.
func ownCPU() (ms float64) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			ms += milli(time.Duration(u.Utime.Nano() + u.Stime.Nano()))
		}
	}
	return ms
}

// allocated is how many KiB of heap a create takes.
func (b *bench) allocated(rt oci) (int, error) {
	var before, after runtime.MemStats
	id := b.id(rt)
	runtime.ReadMemStats(&before)
	_, err := b.createHere(rt, id)
	runtime.ReadMemStats(&after)
	b.forget(id, rt)
	return int(after.TotalAlloc-before.TotalAlloc) >> 10, err
}

// resident is the size of this process's resident set in KiB.
func resident() int {
	runtime.GC()
	data, _ := os.ReadFile("/proc/self/status")
	return field(data, "VmRSS")
}

func (r *results) printEmbedded(w io.Writer) {
	e := r.Embedded
	if e == nil {
		return
	}
	t := &e.API
	fmt.Fprintf(w, "\n## Create through the API beside the command: %d interleaved rounds, %s view\n\n", e.Rounds, t.View)
	fmt.Fprint(w, "| | ms, median (minimum) | API/command | CPU, ms | memory |\n|---|---:|---:|---:|---|\n")
	fmt.Fprintf(w, "| API | %.2f (%.2f) | %.2f (%.2f–%.2f) | %.2f | %d KiB of heap per create; %d KiB more resident after all |\n",
		t.Median["rung"], t.Min["rung"], t.Ratio["command"], t.Low["command"], t.High["command"], t.CPU["rung"], e.Allocated, e.Resident)
	fmt.Fprintf(w, "| `rung create` | %.2f (%.2f) | | %.2f | %.1f + %.1f MiB at its peak |\n",
		t.Median["command"], t.Min["command"], t.CPU["command"], float64(e.Peak.Parent)/1024, float64(e.Peak.Child)/1024)
}
