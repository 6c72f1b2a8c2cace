package lifecycle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// pending is the set of signals that wait for a process.
func pending(t *testing.T, pid int) (set uint64) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if value, ok := strings.CutPrefix(line, "ShdPnd:"); ok {
			if set, err = strconv.ParseUint(strings.TrimSpace(value), 16, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	return set
}

// blocker blocks all signals and sleeps, so that those it is sent stay pending.
const blocker = `
#if defined(__x86_64__)
#define NR_sigprocmask 14
#define NR_ppoll 271
#else
#define NR_sigprocmask 135
#define NR_ppoll 73
#endif
void _start(void) {
	unsigned long all = ~0UL;
	sys(NR_sigprocmask, 0, (long)&all, 0, 8, 0, 0);
	sys(NR_write, 1, (long)"ready", 5, 0, 0, 0);
	for (;;) sys(NR_ppoll, 0, 0, 0, 0, 0, 0);
}
`

// Signals by name and number.
func TestSignalNames(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/blocker"))
	copyProgram(t, harness.C(t, "blocker", blocker), b.Rootfs+"/bin/blocker")
	pid, r := b.Create(t)
	b.Must(t, "start")
	ready(t, r)
	want := uint64(0)
	for name, sig := range map[string]unix.Signal{
		"USR1": 10, "SIGUSR2": 12, "hup": 1, "sigquit": 3, "14": 14, "35": 35, "64": 64,
		"RTMIN": 34, "SIGRTMIN+3": 37, "rtmax-2": 62, "IOT": 6, "CLD": 17, "TERM": 15,
	} {
		if !harness.IsRung() && (strings.Contains(strings.ToUpper(name), "RTM") || name == "IOT" || name == "CLD") {
			continue
		}
		b.Must(t, "kill", name)
		want |= 1 << (sig - 1)
		if got := pending(t, pid); got != want {
			t.Errorf("kill %s: pending %x, want %x", name, got, want)
			want = got
		}
	}
	for _, name := range []string{"FOO", "65", "-1", "SIG", "RTMIN+31", "9999999999"} {
		if r := b.Run(t, "kill", "--", b.ID, name); r.Code != 1 || r.Stderr == "" {
			t.Errorf("want an error: %v", r)
		}
	}
	b.Must(t, "kill", "0")
	if got := pending(t, pid); got != want {
		t.Errorf("pending %x, want %x", got, want)
	}
	b.Must(t, "kill", "9")
	if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("wait status = %x, want SIGKILL", ws)
	}
	b.Must(t, "delete")
}

// pidKinds are the pid namespaces that a container can have. A joined one is of
// a container beside it, which must survive.
var pidKinds = []string{"own", "host", "joined"}

// kinship makes a container of three processes with a kind of pid namespace,
// and a check that others live.
func kinship(t *testing.T, kind, script string) (b *harness.Bundle, others func()) {
	t.Helper()
	var edit harness.Edit
	var bystander *harness.Bundle
	var other int
	switch kind {
	case "own":
		edit = func(*specs.Spec) {}
	case "host":
		edit = func(s *specs.Spec) { harness.WithoutNS(specs.PIDNamespace)(s) }
	case "joined":
		bystander = harness.New(t, harness.Args("/bin/sleep", "60"))
		other = crowd(t, bystander, 1)
		edit = addNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", other))
	}
	b = harness.New(t, writable, harness.Shell(script), edit)
	return b, func() {
		t.Helper()
		b.ReapAll(t)
		if bystander != nil {
			waitCrowd(t, bystander, 1)
			bystander.End(t, other)
		}
	}
}

// kill --all reaches every process and nobody else, wherever the container's
// pid namespace is: it goes by the cgroup.
func TestKillAll(t *testing.T) {
	harness.NeedRung(t, "kill --all with other signals than SIGKILL")
	const script = `for i in 1 2; do sh -c "trap 'echo $i >>/tmp/got' USR1; echo >>/tmp/ready; while :; do sleep 0.02; done" & done
		trap 'echo 0 >>/tmp/got' USR1; echo >>/tmp/ready; while :; do wait; done`
	for _, kind := range pidKinds {
		t.Run(kind, func(t *testing.T) {
			b, others := kinship(t, kind, script)
			pid, _ := b.Create(t)
			b.Must(t, "start")
			lines(t, b, "tmp/ready", 3)
			for _, p := range psPIDs(t, b) {
				if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); p != pid && strings.TrimSpace(string(comm)) == "sh" {
					intoSub(t, b, "a/b", p)
					break
				}
			}
			// A sleep that gets it ends, and is started again.
			b.Run(t, "kill", "--all", b.ID, "USR1").Silent(t)
			got := lines(t, b, "tmp/got", 3)
			slices.Sort(got)
			if !slices.Equal(got, []string{"0", "1", "2"}) {
				t.Errorf("got %v, want all three", got)
			}
			b.Run(t, "kill", "-a", b.ID, "KILL").Silent(t)
			harness.Wait(t, pid)
			waitCrowd(t, b, 0)
			b.WaitStatus(t, specs.StateStopped)
			b.Must(t, "delete")
			others()
		})
	}
}

// lines waits until a file of the container has n lines.
func lines(t *testing.T, b *harness.Bundle, name string, n int) (got []string) {
	t.Helper()
	harness.Until(t, fmt.Sprintf("%s has %d lines", name, n), func() bool {
		data, _ := os.ReadFile(b.Rootfs + "/" + name)
		got = strings.Fields(string(data))
		return strings.Count(string(data), "\n") == n
	})
	return got
}

// SIGKILL without --all ends every process too, if not by the kernel then by
// the cgroup.
func TestKillReachesAll(t *testing.T) {
	for _, kind := range pidKinds {
		t.Run(kind, func(t *testing.T) {
			b, others := kinship(t, kind, "sleep 61 & sleep 62 & wait")
			pid := crowd(t, b, 3)
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			waitCrowd(t, b, 0)
			b.Must(t, "delete")
			others()
		})
	}
}

// Another signal than SIGKILL is for the first process alone.
func TestSignalFirstOnly(t *testing.T) {
	for _, kind := range pidKinds {
		t.Run(kind, func(t *testing.T) {
			harness.Share(t)
			b, others := kinship(t, kind, "trap 'echo 0 >>/tmp/got' HUP; sleep 61 & sleep 62 & while :; do wait; done")
			pid := crowd(t, b, 3)
			b.Must(t, "kill", "HUP")
			lines(t, b, "tmp/got", 1)
			if n := len(psPIDs(t, b)); n != 3 {
				t.Errorf("%d processes, want 3", n)
			}
			b.End(t, pid)
			others()
		})
	}
}
