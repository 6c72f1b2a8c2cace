package libcontainer

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

// A watch tells whether a CRIU gets on: it, and the programs that it has started, such as the tar of a tmpfs. Of those one that neither reads
// nor computes may be waiting for a slow disk, which is nothing that CRIU's own time-outs know of: each has [programLooks].
type watch struct {
	host  proc.FS
	pid   int
	looks map[int]uint64 // how often a program has been seen
}

// programLooks is for how many looks, which are a second apart, a program of CRIU's is a sign of life by being there.
const programLooks = 120

// computed is the processor time of CRIU and what it has started, with the looks.
func (w *watch) computed() (sum uint64) {
	pids := w.family()
	for _, pid := range pids {
		sum += ticks(w.host, pid)
	}
	return sum + w.look(pids)
}

// read is how much CRIU and what it has started and restored have read, with the looks. (They may well be busy, and write logs, without getting
// on: with images that are too short.)
func (w *watch) read(restored []int) (sum uint64) {
	pids := append(w.family(), restored...)
	slices.Sort(pids)
	pids = slices.Compact(pids)
	for _, pid := range pids {
		sum += bytesRead(w.host, pid)
	}
	return sum + w.look(pids)
}

// look counts looks at programs.
func (w *watch) look(pids []int) (sum uint64) {
	if w.looks == nil {
		w.looks = map[int]uint64{}
	}
	for _, pid := range pids {
		if w.looks[pid] < programLooks && w.program(pid) {
			w.looks[pid]++
		}
	}
	for _, n := range w.looks {
		sum += n
	}
	return sum
}

// program tells whether a process is another program than CRIU, as what is half restored is not.
func (w *watch) program(pid int) bool {
	var own, other unix.Stat_t
	return unix.Fstatat(w.host.FD, proc.PID(w.pid, "exe"), &own, 0) == nil && unix.Fstatat(w.host.FD, proc.PID(pid, "exe"), &other, 0) == nil &&
		(own.Ino != other.Ino || own.Dev != other.Dev)
}

// family are CRIU and its descendants, none of which has threads that have children.
func (w *watch) family() []int {
	pids := []int{w.pid}
	for i := 0; i < len(pids); i++ {
		text, err := w.host.ReadFile(proc.PID(pids[i], "task/"+strconv.Itoa(pids[i])+"/children"), maxInitText)
		if err != nil {
			continue // it has ended
		}
		for word := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// ticks is the processor time of a process and of children that it has reaped, in clock ticks; 0 if it can't be read.
func ticks(host proc.FS, pid int) (sum uint64) {
	text, err := host.ReadFile(proc.PID(pid, "stat"), 4096)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	for i, word := range strings.Fields(rest) {
		if i >= 11 && i <= 14 { // utime, stime, cutime, cstime
			n, _ := strconv.ParseUint(word, 10, 64)
			sum += n
		}
	}
	return sum
}

// bytesRead is how much a process has read; 0 if that can't be read.
func bytesRead(host proc.FS, pid int) uint64 {
	text, err := host.ReadFile(proc.PID(pid, "io"), 4096)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "rchar: ")
	word, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseUint(word, 10, 64)
	return n
}
