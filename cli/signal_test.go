package cli

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseSignal(t *testing.T) {
	last := unix.Signal(lastSignal(runtime.GOARCH))
	for text, want := range map[string]unix.Signal{
		"0": 0, "9": 9, "15": 15, "64": 64, "09": 9,
		"KILL": unix.SIGKILL, "kill": unix.SIGKILL, "SIGKILL": unix.SIGKILL, "sigKill": unix.SIGKILL,
		"TERM": unix.SIGTERM, "SIGHUP": unix.SIGHUP, "usr1": unix.SIGUSR1, "WINCH": unix.SIGWINCH,
		"CLD": unix.SIGCHLD, "SIGIOT": unix.SIGABRT, "poll": unix.SIGIO,
		"RTMIN": 34, "SIGRTMIN": 34, "rtmin+3": 37, "SIGRTMIN+30": 64, "RTMIN+0": 34,
		"RTMAX": last, "SIGRTMAX": last, "RTMAX-1": last - 1, "rtmax-0": last,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("parseSignal(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseSignalUnknown(t *testing.T) {
	for _, text := range []string{
		"", "-1", "-9", "+9", " 9", "9 ", "9.0", "0x9", "128", "255", "256", "4294967305", "99999999999999999999",
		"SIG", "FOO", "SIGSIGKILL", "SIG9", "KILL9", "RTMIN-1", "RTMIN+", "RTMIN+-1", "RTMIN++1", "RTMIN3",
		"RTMIN+100", "RTMIN+256", "RTMAX+1", "RTMAX-", "RTMAX-100", "KILL\n", "K\x00ILL",
	} {
		got, err := parseSignal(text)
		if err == nil || !strings.HasPrefix(err.Error(), `unknown signal "`) {
			t.Errorf("parseSignal(%q) = %d, %v, want unknown signal", text, got, err)
		}
	}
}

func TestLastSignal(t *testing.T) {
	for arch, want := range map[string]int{"amd64": 64, "arm64": 64, "386": 64, "mips64le": 127, "mips": 127} {
		if got := lastSignal(arch); got != want {
			t.Errorf("lastSignal(%q) = %d, want %d", arch, got, want)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	for _, text := range []string{"9", "KILL", "SIGRTMIN+3", "RTMAX-64", "-1", "", "ſigkill"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sig, err := parseSignal(text)
		if err == nil && (sig < 0 || int(sig) > lastSignal(runtime.GOARCH)) {
			t.Errorf("parseSignal(%q) = %d, which is no signal", text, sig)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("parseSignal(%q): the error %q isn't a line", text, err)
		}
	})
}
