package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Stat is what /proc/PID/stat says of a process.
type Stat struct {
	State byte   // R, S, D, Z (zombie), X (dead)…
	Start uint64 // clock ticks from boot to its start; with the pid and the boot it names a process
}

// Dead tells whether the process has ended, reaped or not.
func (s Stat) Dead() bool { return s.State == 'Z' || s.State == 'X' }

// Stat reads /proc/PID/stat.
func (p FS) Stat(pid int) (Stat, error) {
	var buf [2048]byte // 50 numbers and a name of at most 64 bytes
	b, err := p.readRecord(PID(pid, "stat"), buf[:])
	if err != nil {
		return Stat{}, err
	}
	return ParseStat(b)
}

// ParseStat parses the text of /proc/PID/stat. The name of the program, in
// parentheses, may hold anything, parentheses too, so fields count from the
// last one.
func ParseStat(b []byte) (Stat, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+3 >= len(b) || b[i+1] != ' ' || b[i+3] != ' ' {
		return malformed(b)
	}
	const start = 19 // fields after the state
	n := 0
	for f := range bytes.FieldsSeq(b[i+3:]) {
		if n++; n < start {
			continue
		}
		ticks, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			break
		}
		return Stat{State: b[i+2], Start: ticks}, nil
	}
	return malformed(b)
}

func malformed(b []byte) (Stat, error) {
	return Stat{}, fmt.Errorf("malformed stat record %.80q", b)
}

// Umask is the calling process's umask. (umask(2) tells only whom it changes it for.)
func (p FS) Umask() (int, error) {
	name := PID(unix.Getpid(), "status")
	text, err := p.ReadFile(name, 4096)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Umask:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 8, 32)
			return int(n), err
		}
	}
	return 0, fmt.Errorf("/proc/%s has no umask", name)
}
