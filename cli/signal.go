package cli

import (
	"errors"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/suggest"
)

// firstRealtime is SIGRTMIN as programs know it: C libraries keep the kernel's
// first two, 32 and 33, to themselves.
const firstRealtime = 34

// lastSignal returns the highest signal, SIGRTMAX.
func lastSignal(arch string) int {
	if strings.HasPrefix(arch, "mips") {
		return 127
	}
	return 64
}

// parseSignal reads a signal: a number, or a name in any case, with or without
// SIG. 0 is one: it asks whether there is a process.
func parseSignal(s string) (unix.Signal, error) {
	last := lastSignal(runtime.GOARCH)
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && int(n) <= last {
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if n := realtime(name, last); n != 0 {
		return unix.Signal(n), nil
	}
	switch name {
	case "CLD":
		name = "CHLD"
	case "IOT":
		name = "ABRT"
	case "POLL":
		name = "IO"
	}
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	return 0, errors.New("unknown signal " + strconv.Quote(s) + suggest.Meant(name, signalNames(), ""))
}

// realtime reads RTMIN, RTMIN+n, RTMAX and RTMAX-n. It returns 0 for others.
func realtime(name string, last int) int {
	base, sign := firstRealtime, "+"
	rest, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		if rest, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0
		}
		base, sign = last, "-"
	}
	if rest == "" {
		return base
	}
	digits, ok := strings.CutPrefix(rest, sign)
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || int(n) > last-firstRealtime {
		return 0
	}
	if sign == "-" {
		return base - int(n)
	}
	return base + int(n)
}

// signalNames are the names of the signals that have one.
func signalNames() (names []string) {
	for n := unix.Signal(1); n < 64; n++ {
		if name := unix.SignalName(n); name != "" {
			names = append(names, strings.TrimPrefix(name, "SIG"))
		}
	}
	return names
}
