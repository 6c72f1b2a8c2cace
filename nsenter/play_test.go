package nsenter

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func ptr2(p *int) unsafe.Pointer { return unsafe.Pointer(p) }

// marks counts, in the tape's memory, which of its entries were played.
type marks struct {
	*Tape
	slots []Slot
}

// at appends an entry that leaves a trace.
func (m *marks) at() {
	s := m.Slot()
	m.slots = append(m.slots, s)
	m.Set("", s, Int(len(m.slots)), 0)
}

func bad(m *marks) Entry  { return m.Call("bad", unix.SYS_CLOSE, Int(-1)) }
func good(m *marks) Entry { return m.Call("good", unix.SYS_GETPID) }
func zero(m *marks) Entry { return m.Call("zero", unix.SYS_LSEEK, m.devNull(), Int(0), Int(0)) }

// devNull is the descriptor that the tests keep open on /dev/null.
func (m *marks) devNull() Arg { return Int(nullFD) }

var nullFD = func() int {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return fd
}()

func TestPlay(t *testing.T) {
	const gone = uint32(ErrPeerGone)
	for _, tt := range []struct {
		name   string
		tape   func(*marks)
		want   []bool // which marks are reached
		errno  uint32
		failed string // label of the failed entry
	}{
		{"empty", func(*marks) {}, nil, 0, ""},
		{"success goes on", func(m *marks) { good(m); m.at() }, []bool{true}, 0, ""},
		{"error is fatal", func(m *marks) { m.at(); bad(m); m.at() }, []bool{true, false}, uint32(unix.EBADF), "bad"},
		{"ignore", func(m *marks) { bad(m).Ignore(); m.at() }, []bool{true}, 0, ""},
		{"ignore success", func(m *marks) { good(m).Ignore(); m.at() }, []bool{true}, 0, ""},
		{"tolerate", func(m *marks) { bad(m).Tolerate(unix.EBADF); m.at() }, []bool{true}, 0, ""},
		{"tolerate another", func(m *marks) { bad(m).Tolerate(unix.EPERM, unix.EACCES); m.at() }, []bool{false}, uint32(unix.EBADF), "bad"},
		{"tolerate the sixth", func(m *marks) {
			bad(m).Tolerate(unix.EPERM, unix.ENOENT, unix.EACCES, unix.EINVAL, unix.ELOOP, unix.EBADF)
			m.at()
		}, []bool{true}, 0, ""},
		{"skip on error", func(m *marks) { bad(m).SkipOn(2, unix.EBADF); m.at(); m.at(); m.at() }, []bool{false, false, true}, 0, ""},
		{"no skip without error", func(m *marks) { good(m).SkipOn(2, unix.EBADF); m.at(); m.at() }, []bool{true, true}, 0, ""},
		{"skip past the end", func(m *marks) { bad(m).SkipOn(9, unix.EBADF); m.at() }, []bool{false}, 0, ""},
		{"skip on success", func(m *marks) { good(m).SkipOnSuccess(1); m.at(); m.at() }, []bool{false, true}, 0, ""},
		{"no skip without success", func(m *marks) { bad(m).SkipOnSuccess(1); m.at(); m.at() }, []bool{true, true}, 0, ""},
		{"demand a value", func(m *marks) { good(m).Demand(); m.at() }, []bool{true}, 0, ""},
		{"demand of nothing", func(m *marks) { zero(m).Demand(); m.at() }, []bool{false}, gone, "zero"},
		{"demand with an error", func(m *marks) { bad(m).Demand(); m.at() }, []bool{false}, uint32(unix.EBADF), "bad"},
		{"zero without demand", func(m *marks) { zero(m); m.at() }, []bool{true}, 0, ""},
		{"end of file", func(m *marks) {
			m.Call("read", unix.SYS_READ, m.devNull(), m.Alloc(8).Addr(), Int(1)).Demand()
			m.at()
		}, []bool{false}, gone, "read"},
		{"set skips", func(m *marks) { s := m.Slot(); m.Set("", s, Int(1), 1); m.at(); m.at() }, []bool{false, true}, 0, ""},
		{"skip if set", func(m *marks) { s := m.Slot(); m.Put(s, 1); m.SkipIf(s, 1); m.at(); m.at() }, []bool{false, true}, 0, ""},
		{"no skip if zero", func(m *marks) { s := m.Slot(); m.SkipIf(s, 1); m.at(); m.at() }, []bool{true, true}, 0, ""},
		{"skip 70000 entries", func(m *marks) {
			s := m.Slot()
			m.Put(s, 1)
			m.SkipIf(s, 70000)
			for range 70000 {
				m.Fail("skipped too few", unix.EPERM)
			}
			m.at()
		}, []bool{true}, 0, ""},
		{"fail", func(m *marks) { m.Fail("no", unix.ENOTTY); m.at() }, []bool{false}, uint32(unix.ENOTTY), "no"},
		{"expect", func(m *marks) { s := m.Slot(); m.Put(s, '/'*0x0101); m.Expect("byte", s, '/', unix.ENOENT); m.at() }, []bool{true}, 0, ""},
		{"expect another", func(m *marks) { m.Expect("byte", m.Slot(), '/', unix.ENOENT); m.at() }, []bool{false}, uint32(unix.ENOENT), "byte"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &marks{Tape: NewTape()}
			tt.tape(m)
			p, ws := run(t, m.Tape)
			want := 0
			if tt.errno != 0 {
				want = exitFailed
			}
			if !ws.Exited() || ws.ExitStatus() != want {
				t.Errorf("status = %#x, want exit %d", ws, want)
			}
			if p.Progress.Errno != tt.errno {
				t.Errorf("errno = %d, want %d", p.Progress.Errno, tt.errno)
			}
			if got := m.Label(int(p.Progress.Step)); tt.failed != "" && got != tt.failed {
				t.Errorf("failed at %q, want %q", got, tt.failed)
			}
			for i, s := range m.slots {
				if got := p.Arena.Word(s) == uintptr(i+1); got != tt.want[i] {
					t.Errorf("mark %d reached: %v, want %v", i, got, tt.want[i])
				}
			}
		})
	}
}

// Results go where they shall, and only there.
func TestSlots(t *testing.T) {
	tape := NewTape()
	pid, copyOf, before, fd, after, addr := tape.Slot(), tape.Slot(), tape.Slot(), tape.FDSlot(), tape.Slot(), tape.Slot()
	none := tape.Slot()
	tape.Put(before, ^uintptr(0))
	tape.Put(after, ^uintptr(0))
	tape.Put(none, 77)
	tape.Call("pid", unix.SYS_GETPID).Into(pid)
	tape.Set("", copyOf, pid.Value(), 0)
	tape.Set("", addr, pid.Addr(), 0)
	tape.Call("dup", unix.SYS_FCNTL, Int(nullFD), Int(unix.F_DUPFD_CLOEXEC), Int(3)).IntoFD(fd)
	tape.Call("use", unix.SYS_FCNTL, fd.FD(), Int(unix.F_GETFD), Int(0)).Demand()
	tape.Call("failed", unix.SYS_CLOSE, Int(-1)).Into(none).Ignore()
	p, ws := run(t, tape)
	if ws != 0 || p.Progress.Errno != 0 {
		t.Fatalf("status %#x, errno %d at %q", ws, p.Progress.Errno, tape.Label(int(p.Progress.Step)))
	}
	a := p.Arena
	if a.Word(pid) == 0 || a.Word(copyOf) != a.Word(pid) {
		t.Errorf("pid %d, copied as %d", a.Word(pid), a.Word(copyOf))
	}
	if a.Word(addr) != a.Addr(pid) {
		t.Errorf("address = %#x, want %#x", a.Word(addr), a.Addr(pid))
	}
	if a.Int32(fd) < 3 {
		t.Errorf("descriptor = %d", a.Int32(fd))
	}
	if a.Word(before) != ^uintptr(0) || a.Word(after) != ^uintptr(0) {
		t.Errorf("neighbours of a slot = %#x, %#x", a.Word(before), a.Word(after))
	}
	if a.Word(none) != 77 {
		t.Errorf("the slot of a failed call = %d, want it untouched", a.Word(none))
	}
}

// An FDSlot that nobody has filled must never be descriptor 0.
func TestEmptyFDSlot(t *testing.T) {
	tape := NewTape()
	tape.Call("use", unix.SYS_FCNTL, tape.FDSlot().FD(), Int(unix.F_GETFD))
	if p, _ := run(t, tape); p.Progress.Errno != uint32(unix.EBADF) {
		t.Errorf("errno = %d, want EBADF", p.Progress.Errno)
	}
}

// Strings, vectors and what is filled in later arrive in the program.
func TestExec(t *testing.T) {
	r, w := pipe(t)
	tape := NewTape()
	env := tape.Strs([]string{"A=1"}, 1)
	late := tape.Alloc(64)
	tape.Call("stdout", unix.SYS_DUP3, Int(w), Int(1), Int(0))
	tape.Call("exec", unix.SYS_EXECVE, tape.Str("/bin/sh"), tape.Strs([]string{"sh", "-c", `echo "$A-$B-$#-$1"`, "sh", "", "é x"}, 0).Addr(), env.Addr())
	for _, filled := range []bool{false, true} {
		p, err := NewLocal(tape.Image())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Free)
		*p.Arena.word(0) = p.Arena.base // as OpenArena does
		want := "1--2-"
		if filled {
			p.Arena.SetString(late, env+Slot(wordSize), "B=two")
			want = "1-two-2-"
		}
		pid, err := Fork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p)
		if err != nil {
			t.Fatal(err)
		}
		if ws := testbed.Await(t, pid); ws != 0 {
			t.Fatalf("status %#x, errno %d", ws, p.Progress.Errno)
		}
		if got := readText(t, r); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}

// The helper's clone: its parent exits, its child goes on as our child and
// leaves its pid in the slot.
func TestForkInTape(t *testing.T) {
	tape := NewTape()
	pid, self := tape.Slot(), tape.Slot()
	ca := tape.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, pid)
	tape.Call("clone", unix.SYS_CLONE3, ca.Slot.Addr(), Int(ca.Size)).Fork()
	tape.Call("pid", unix.SYS_GETPID).Into(self)
	tape.Mark(PhaseStarted)
	tape.Fail("child", unix.EXDEV)
	helper, p := start(t, tape)
	if ws := testbed.Await(t, helper); ws != 0 {
		t.Errorf("status of the helper = %#x, want 0", ws)
	}
	child := p.Arena.Int32(pid)
	if child <= 0 || child == helper {
		t.Fatalf("pid of the child = %d (helper %d)", child, helper)
	}
	if ws := testbed.Await(t, child); ws.ExitStatus() != exitFailed {
		t.Errorf("status of the child = %#x", ws)
	}
	if got := int(p.Arena.Word(self)); got != child {
		t.Errorf("the child's own pid = %d, want %d", got, child)
	}
	if p.Progress.Phase != PhaseStarted || p.Progress.Errno != uint32(unix.EXDEV) {
		t.Errorf("progress = %+v", *p.Progress)
	}
}

func TestForkInTapeFails(t *testing.T) {
	tape := NewTape()
	ca := tape.CloneArgs(unix.CLONE_SIGHAND, tape.Slot()) // needs CLONE_VM
	tape.Call("clone", unix.SYS_CLONE3, ca.Slot.Addr(), Int(ca.Size)).Fork()
	p, ws := run(t, tape)
	if ws.ExitStatus() != exitFailed || p.Progress.Errno != uint32(unix.EINVAL) {
		t.Errorf("status %#x, errno %d, want EINVAL", ws, p.Progress.Errno)
	}
}

func TestIntoCgroup(t *testing.T) {
	tape := NewTape()
	pid := tape.Slot()
	ca := tape.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, pid)
	a := &Arena{mem: tape.Image().Data}
	a.IntoCgroup(ca.Slot, 42)
	c := (*CloneArgs)(unsafe.Pointer(&a.mem[ca.Slot]))
	if c.Flags != unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID|unix.CLONE_INTO_CGROUP || c.Cgroup != 42 {
		t.Errorf("clone arguments = %+v", *c)
	}
	if ca.Size != int(unsafe.Sizeof(CloneArgs{})) || ca.Size != 88 {
		t.Errorf("size = %d, want 88 (CLONE_ARGS_SIZE_VER2)", ca.Size)
	}
}

func TestSendMessage(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	tape := NewTape()
	msg, fds := tape.Message(2)
	for i, name := range []string{"first", "second"} {
		tape.Call("memfd", unix.SYS_MEMFD_CREATE, tape.Str(name), Int(0)).IntoFD(fds[i])
	}
	tape.Call("send", unix.SYS_SENDMSG, Int(pair[1]), msg.Addr(), Int(unix.MSG_NOSIGNAL)).Demand()
	if p, ws := run(t, tape); ws != 0 {
		t.Fatalf("status %#x, errno %d", ws, p.Progress.Errno)
	}
	buf, oob := make([]byte, 8), make([]byte, 256)
	n, oobn, _, _, err := unix.Recvmsg(pair[0], buf, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil || n != 1 {
		t.Fatalf("received %d bytes, %v, want 1", n, err)
	}
	for i, fd := range rights(t, oob[:oobn]) {
		got := make([]byte, 64)
		n, _ := unix.Readlink("/proc/self/fd/"+itoa(fd), got)
		if want := "/memfd:" + []string{"first", "second"}[i] + " (deleted)"; string(got[:n]) != want {
			t.Errorf("descriptor %d is %s, want %s", i, got[:n], want)
		}
		unix.Close(fd)
	}
}

func rights(t *testing.T, oob []byte) (all []int) {
	t.Helper()
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fds...)
	}
	return all
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// A message that lacks a descriptor leads to EBADF and not to descriptor 0.
func TestReceiveMessage(t *testing.T) {
	for have := range 3 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		tape := NewTape()
		msg, fds := tape.Message(2)
		tape.Call("close foreign", unix.SYS_CLOSE, Int(pair[0]))
		tape.Call("receive", unix.SYS_RECVMSG, Int(pair[1]), msg.Addr(), Int(unix.MSG_CMSG_CLOEXEC)).Demand()
		for _, label := range []string{"first", "second"} {
			fd := fds[0]
			if label == "second" {
				fd = fds[1]
			}
			tape.Call(label, unix.SYS_FCNTL, fd.FD(), Int(unix.F_GETFD), Int(0)).Demand()
		}
		list := []int{nullFD, nullFD}[:have]
		var oob []byte
		if have > 0 {
			oob = unix.UnixRights(list...)
		}
		if err := unix.Sendmsg(pair[0], []byte{0}, oob, nil, unix.MSG_NOSIGNAL); err != nil {
			t.Fatal(err)
		}
		p, ws := run(t, tape)
		if have == 2 {
			if ws != 0 || p.Progress.Errno != 0 {
				t.Errorf("two descriptors: errno %d at %q", p.Progress.Errno, tape.Label(int(p.Progress.Step)))
			}
		} else if want := []string{"first", "second"}[have]; p.Progress.Errno != uint32(unix.EBADF) || tape.Label(int(p.Progress.Step)) != want {
			t.Errorf("%d descriptors: errno %d at %q, want EBADF at %q", have, p.Progress.Errno, tape.Label(int(p.Progress.Step)), want)
		}
		if got := p.Arena.Int32(fds[1]); have < 2 && got != -1 {
			t.Errorf("%d descriptors: the second is %d, want -1", have, got)
		}
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
}

// The peer's death wakes a receiver.
func TestReceiveFromTheDead(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tape := NewTape()
	msg, _ := tape.Message(0)
	tape.Call("close foreign", unix.SYS_CLOSE, Int(pair[0]))
	tape.Call("receive", unix.SYS_RECVMSG, Int(pair[1]), msg.Addr(), Int(0)).Demand()
	pid, p := start(t, tape)
	unix.Close(pair[1])
	unix.Close(pair[0])
	if ws := testbed.Await(t, pid); ws.ExitStatus() != exitFailed || p.Progress.Errno != ErrPeerGone {
		t.Errorf("status %#x, errno %d, want the peer gone", ws, p.Progress.Errno)
	}
}

// A system call that is interrupted is made again: epoll_pwait(2) is by SIGSTOP
// and SIGCONT, without any handler.
func TestInterrupted(t *testing.T) {
	r, w := pipe(t)
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ep)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	tape := NewTape()
	tape.Mark(PhaseWaiting)
	tape.Call("wait", unix.SYS_EPOLL_PWAIT, Int(ep), tape.Alloc(64).Addr(), Int(1), Int(-1), Int(0), Int(8)).Demand()
	pid, p := start(t, tape)
	for range 3 {
		testbed.Blocked(t, pid, unix.SYS_EPOLL_PWAIT)
		unix.Kill(pid, unix.SIGSTOP)
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil); err != nil || !ws.Stopped() {
			break // it has ended, as is seen below
		}
		unix.Kill(pid, unix.SIGCONT)
	}
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if ws := testbed.Await(t, pid); ws != 0 || p.Progress.Errno != 0 {
		t.Errorf("status %#x, errno %d", ws, p.Progress.Errno)
	}
}

func TestLabels(t *testing.T) {
	tape := NewTape()
	tape.Call("one", 1)
	tape.Mark(PhaseExec)
	if tape.Len() != 2 || tape.Label(0) != "one" || tape.Label(1) != "" || tape.Label(2) != "" || tape.Label(-1) != "" {
		t.Errorf("labels = %q", tape.Labels())
	}
}
