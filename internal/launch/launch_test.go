package launch

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

// The places, in order.
var places = []string{"player", "born", "built", "first", "reported", "confirmed"}

// newPlay is the plan of a first process that does nothing but to be made: what it says and waits for is that of a real one. At a place of its
// tape something else can happen. Where the first process is seen another one builds.
func newPlay(seen bool, at string, what func(*nsenter.Tape), steps ...step.Step) *plan.Plan {
	t := nsenter.NewTape()
	p := &plan.Plan{Tape: t, Shared: -1, PIDs: -1}
	o, s := &p.Orders, &p.Slots
	o.Steps = steps
	o.Pid, o.Helper, o.Sock = t.Slot(), t.Slot(), t.FDSlot()
	s.Gate, s.Status, s.Control = t.FDSlot(), t.FDSlot(), t.FDSlot()
	place := func(name string) {
		t.Call("come to "+name, unix.SYS_GETPID)
		if name == at {
			what(t)
		}
	}
	clone := func(label string, pid nsenter.Slot) {
		args := t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, pid)
		if o.CloneArgs == 0 {
			o.CloneArgs = args.Slot
		}
		t.Call(label, unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
		t.Call("set death signal", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(int(unix.SIGKILL)))
	}
	place("player")
	if seen {
		o.Builder = t.Slot()
		clone("clone builder", o.Builder)
		msg, _ := t.Message(0)
		t.Call("report to runtime", unix.SYS_SENDMSG, o.Sock.FD(), msg.Addr(), nsenter.Int(unix.MSG_NOSIGNAL))
	} else {
		clone("clone first process", o.Pid)
	}
	place("born")
	p.Remote.Annex = t.Annex(o.Sock, 32, 8<<10)
	place("built")
	if seen {
		clone("clone first process", o.Pid)
	}
	place("first")
	buf := t.Alloc(8)
	t.Call("report to runtime", unix.SYS_WRITE, s.Control.FD(), buf.Addr(), nsenter.Int(1))
	place("reported")
	t.Call("wait for runtime", unix.SYS_READ, s.Control.FD(), buf.Addr(), nsenter.Int(1)).Demand()
	place("confirmed")
	t.Call("confirm to runtime", unix.SYS_WRITE, s.Control.FD(), buf.Addr(), nsenter.Int(1))
	t.Call("wait for start", unix.SYS_READ, s.Gate.FD(), buf.Addr(), nsenter.Int(1)).Demand()
	t.Call("end", unix.SYS_EXIT_GROUP, nsenter.Int(42))
	return p
}

// inputs are those of a launch on no host in particular.
func inputs(t *testing.T) (in *Inputs, start func()) {
	t.Helper()
	var gate, status [2]int
	for _, p := range []*[2]int{&gate, &status} {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	progress := testbed.Memory(t, nil)
	if err := nsenter.InitProgress(progress); err != nil {
		t.Fatal(err)
	}
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fdio.CloseAll([]int{gate[0], gate[1], status[0], status[1]})
		host.Close()
	})
	none := func(int) error { return nil }
	return &Inputs{
		Gate: gate[0], Status: status[1], Progress: progress, Unified: -1, Proc: host.FD,
		HostHooks: none, NetDevices: none, Meanwhile: func() error { return nil }, OOMKilled: func() bool { return false },
	}, func() { _, _ = unix.Write(gate[1], []byte{1}) }
}

// guard fails the test if it leaves a child or a descriptor.
func guard(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	same := testbed.Same(t, os.Getpid())
	t.Cleanup(func() {
		defer runtime.UnlockOSThread()
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
			t.Errorf("a child is left: %d, %v", pid, err)
		}
		same()
	})
}

// A doing is a step that does what a test says.
type doing struct {
	name string
	do   func(e *step.Env)
}

func (d *doing) String() string  { return d.name }
func (d *doing) Run(e *step.Env) { d.do(e) }

// who has a launch made by both kinds of first processes.
func who(t *testing.T, f func(t *testing.T, seen bool)) {
	t.Helper()
	for _, seen := range []bool{false, true} {
		t.Run(fmt.Sprintf("seen %v", seen), func(t *testing.T) {
			guard(t)
			f(t, seen)
		})
	}
}

func TestStart(t *testing.T) {
	who(t, func(t *testing.T, seen bool) {
		in, start := inputs(t)
		protected, hooked := false, 0
		in.Meanwhile = func() error { protected = true; return nil }
		in.HostHooks = func(pid int) error { hooked = pid; return nil }
		made := 0
		p, err := Start(newPlay(seen, "", nil, &doing{"make something", func(e *step.Env) {
			e.K.Call("look", unix.SYS_GETPID)
			if err := e.K.Flush(); err != nil {
				t.Error(err)
			}
			e.K.Keep(e.Host.HostHooks())
			made++
		}}), in)
		if err != nil {
			t.Fatal(err)
		}
		if made != 1 || !protected || hooked <= 0 || (hooked == p.PID) == seen {
			t.Errorf("made %d, protected %v, hooks saw %d, the process is %d", made, protected, hooked, p.PID)
		}
		if err := p.Confirm(); err != nil {
			t.Error(err)
		}
		first := p.first
		p.Finish()
		start()
		if first.Wait(); first.Status.ExitStatus() != 42 {
			t.Errorf("the first process ended with %#x", uint32(first.Status))
		}
	})
}

// Whoever dies or fails, wherever it is: the error says how, or what was done, and nothing is left.
func TestDeaths(t *testing.T) {
	ways := []struct {
		name string
		what func(*nsenter.Tape)
		says func(place string) string
	}{
		{"fails", func(t *nsenter.Tape) { t.Fail("do something", unix.EXDEV) }, func(string) string { return "do something: invalid cross-device link" }},
		{"ends", func(t *nsenter.Tape) { t.Call("end early", unix.SYS_EXIT_GROUP, nsenter.Int(7)) }, func(place string) string {
			if place == "player" {
				return "player ended with wait status 0x700"
			}
			return "container init ended with status 7 at: end early"
		}},
		{"is killed", func(t *nsenter.Tape) {
			pid := t.Slot()
			t.Call("look", unix.SYS_GETPID).Into(pid)
			t.Call("kill itself", unix.SYS_KILL, pid.Value(), nsenter.Int(int(unix.SIGKILL)))
		}, func(place string) string {
			if place == "player" {
				return "player ended with wait status 0x9"
			}
			return "container init was killed by signal 9 (killed) at: kill itself"
		}},
	}
	who(t, func(t *testing.T, seen bool) {
		for _, place := range places {
			for _, way := range ways {
				t.Run(place+" "+way.name, func(t *testing.T) {
					guard(t)
					in, _ := inputs(t)
					p, err := Start(newPlay(seen, place, way.what), in)
					if err == nil { // it came to its report before
						err = p.Confirm()
						p.Kill()
					}
					want := way.says(place)
					if place == "player" && !nsenter.HaveProgram && !strings.HasPrefix(want, "do ") {
						want = "player ended with wait status 0x0" // its fork has ended, whom it doesn't judge
					}
					if err == nil || err.Error() != want {
						t.Errorf("%v, want %s", err, want)
					}
				})
			}
		}
	})
}

// An out of memory is told as such.
func TestOOM(t *testing.T) {
	who(t, func(t *testing.T, seen bool) {
		in, _ := inputs(t)
		in.OOMKilled = func() bool { return true }
		_, err := Start(newPlay(seen, "", nil, &doing{"eat", func(e *step.Env) {
			pid, _ := e.K.Call("look", unix.SYS_GETPID).Now()
			e.K.Call("kill", unix.SYS_KILL, calls.Int(int(pid)), calls.Int(int(unix.SIGKILL)))
		}}), in)
		if !errors.Is(err, ErrOOM) {
			t.Errorf("%v, want %v", err, ErrOOM)
		}
	})
}

// What a step fails with is told with the step, and what the runtime was asked for as it is.
func TestStepFails(t *testing.T) {
	own := errors.New("our own words")
	for name, tt := range map[string]struct {
		do   func(e *step.Env)
		want string
	}{
		"call":    {func(e *step.Env) { e.K.Call("try", unix.SYS_FCHDIR, calls.Int(-1)); _ = e.K.Flush() }, "do it: try: bad file descriptor"},
		"error":   {func(e *step.Env) { e.K.Fail("think", own) }, "do it: think: our own words"},
		"hooks":   {func(e *step.Env) { e.K.Keep(e.Host.HostHooks()) }, "our own words"},
		"devices": {func(e *step.Env) { e.K.Keep(e.Host.NetDevices()) }, "our own words"},
		"console": {func(e *step.Env) { e.K.Keep(e.Host.Console(0)) }, "console without a place for it"},
		"ids":     {func(e *step.Env) { e.K.Keep(e.Host.MapIDs(0)) }, "ids to map without a mount"},
	} {
		t.Run(name, func(t *testing.T) {
			who(t, func(t *testing.T, seen bool) {
				in, _ := inputs(t)
				in.HostHooks = func(int) error { return own }
				in.NetDevices = in.HostHooks
				_, err := Start(newPlay(seen, "", nil, &doing{"do it", tt.do}, &doing{"never", func(*step.Env) { t.Error("the next step runs") }}), in)
				if err == nil || err.Error() != tt.want {
					t.Errorf("%v, want %s", err, tt.want)
				}
			})
		})
	}
}

// What the runtime does meanwhile fails.
func TestMeanwhileFails(t *testing.T) {
	who(t, func(t *testing.T, seen bool) {
		in, _ := inputs(t)
		in.Meanwhile = func() error { return unix.EBUSY }
		if _, err := Start(newPlay(seen, "", nil), in); !errors.Is(err, unix.EBUSY) {
			t.Errorf("%v, want EBUSY", err)
		}
		p := newPlay(seen, "", nil)
		p.Slots.Tasks = []nsenter.Slot{p.Tape.FDSlot()}
		if _, err := Start(p, in); err == nil || err.Error() != "launch doesn't fit its plan" {
			t.Errorf("%v", err)
		}
	})
}

// A process that joins a container: it exists, and why not.
func TestJoin(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after func(*nsenter.Tape)
		join, later   string // errors
	}{
		"runs":          {},
		"player fails":  {before: func(t *nsenter.Tape) { t.Fail("do something", unix.EXDEV) }, join: "do something: invalid cross-device link"},
		"player ends":   {before: func(t *nsenter.Tape) { t.Call("end early", unix.SYS_EXIT_GROUP, nsenter.Int(7)) }, join: ErrPlayerDied.Error()},
		"process fails": {after: func(t *nsenter.Tape) { t.Fail("do something", unix.EXDEV) }, later: "do something: invalid cross-device link"},
	} {
		t.Run(name, func(t *testing.T) {
			guard(t)
			tape := nsenter.NewTape()
			p := &plan.Plan{Tape: tape}
			p.Orders.Pid, p.Orders.Helper = tape.Slot(), tape.Slot()
			if tt.before != nil {
				tt.before(tape)
			}
			args := tape.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, p.Orders.Pid)
			p.Orders.CloneArgs = args.Slot
			tape.Call("clone process", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
			if tt.after != nil {
				tt.after(tape)
			}
			tape.Mark(nsenter.PhaseExec)
			tape.Call("end", unix.SYS_EXIT_GROUP, nsenter.Int(3))
			e, err := Join(p, &ExecInputs{Unified: -1})
			if tt.join != "" {
				if err == nil || err.Error() != tt.join {
					t.Errorf("Join = %v, want %s", err, tt.join)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			defer unix.Close(e.Pidfd)
			e.Wait()
			terr := e.Err()
			if (terr == nil) != (tt.later == "") || terr != nil && terr.Error() != tt.later {
				t.Errorf("Err = %v, want %q", terr, tt.later)
			}
			if ran := e.Ran(); ran != (tt.later == "") || ran && e.Status.ExitStatus() != 3 {
				t.Errorf("Ran = %v, status %#x", ran, uint32(e.Status))
			}
		})
	}
}

// Nothing of this takes long.
func TestMain(m *testing.M) {
	time.AfterFunc(time.Minute, func() { panic("a launch hangs") })
	testbed.Main(m)
}
