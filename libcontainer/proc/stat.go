package proc

import (
	"bytes"
	"fmt"
	"strconv"
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
	b, err := p.ReadFile(PID(pid, "stat"), 4096)
	if err != nil {
		return Stat{}, err
	}
	return ParseStat(b)
}

// ParseStat parses the text of /proc/PID/stat. The name of the program, in
// parentheses, may hold anything, parentheses too, so fields count from the
// last one.
func ParseStat(b []byte) (Stat, error) {
	bad := func() (Stat, error) { return Stat{}, fmt.Errorf("malformed stat record %.80q", b) }
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+3 >= len(b) || b[i+1] != ' ' {
		return bad()
	}
	f := bytes.Fields(b[i+2:])
	if len(f) < 20 || len(f[0]) != 1 {
		return bad()
	}
	start, err := strconv.ParseUint(string(f[19]), 10, 64)
	if err != nil {
		return bad()
	}
	return Stat{State: f[0][0], Start: start}, nil
}
