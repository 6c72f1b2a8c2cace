package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memoryRuns is how often a peak is taken; the largest counts.
const memoryRuns = 5

// memory measures the peak memory of every operation, and that of a first
// process that waits for start.
func (b *bench) memory(r *results) error {
	fmt.Fprintln(os.Stderr, "peaks of memory")
	if err := b.bundles(); err != nil {
		return err
	}
	for _, rt := range b.runtimes() {
		peaks := make([]peak, len(operations))
		for range memoryRuns {
			var id string
			for i, operation := range operations {
				if begins(operation) {
					id = b.id(rt)
				}
				if err := b.ready(rt, operation); err != nil {
					return err
				}
				p, err := b.look(rt, operation, id)
				if err != nil {
					return err
				}
				peaks[i] = peak{rt.name, operation, max(peaks[i].Parent, p.Parent), max(peaks[i].Child, p.Child)}
			}
		}
		r.Peaks = append(r.Peaks, peaks...)
		w, err := b.waiting(rt)
		if err != nil {
			return err
		}
		r.Waiting = append(r.Waiting, w)
	}
	return nil
}

// look takes the peak of one operation on the container id.
func (b *bench) look(rt oci, operation, id string) (peak, error) {
	files, done, err := b.filesFor(operation)
	if err != nil {
		return peak{}, err
	}
	defer done()
	p, err := b.traced(files, b.arguments(rt, operation, id))
	if err != nil {
		return p, err
	}
	return p, b.after(rt, operation, id)
}

// waiting creates a container and looks at its first process.
func (b *bench) waiting(rt oci) (waiting, error) {
	w := waiting{Runtime: rt.name}
	id := b.id(rt)
	if _, err := b.one(rt, "create", id); err != nil {
		return w, err
	}
	pid, err := b.firstProcess(rt)
	if err != nil {
		return w, err
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return w, err
	}
	w.RSS = field(data, "Rss")
	w.Private = field(data, "Private_Clean") + field(data, "Private_Dirty")
	for _, operation := range []string{"kill", "delete"} {
		if _, err := b.one(rt, operation, id); err != nil {
			return w, err
		}
	}
	return w, nil
}

// field reads the number of a line "name:  123 kB" of a proc file; 0 if there is none.
func field(data []byte, name string) int {
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				n, _ := strconv.Atoi(words[0])
				return n
			}
		}
	}
	return 0
}
