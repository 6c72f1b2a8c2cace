package harness

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// A stat is what /proc/PID/stat says of a process, see proc_pid_stat(5).
type stat struct {
	comm   string
	zombie bool
	parent int
	flags  uint64
}

// Flags of a process, include/linux/sched.h.
const (
	exiting      = 1 << 2  // PF_EXITING
	kernelThread = 1 << 21 // PF_KTHREAD
)

// readStat reads the file in a process's directory of /proc; it isn't ok if there is no such process.
func readStat(dir string) (s stat, ok bool) {
	data, _ := os.ReadFile(dir + "/stat")
	begin, end := bytes.IndexByte(data, '('), bytes.LastIndex(data, []byte(") "))
	if begin < 0 || end < begin {
		return s, false
	}
	fields := strings.Fields(string(data[end+2:])) // from the third on: state, parent, …, flags
	if len(fields) < 7 {
		return s, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return s, false
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return stat{comm: string(data[begin+1 : end]), zombie: fields[0] == "Z", parent: parent, flags: flags}, err == nil
}
