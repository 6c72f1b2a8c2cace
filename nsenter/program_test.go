package nsenter

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// startProgram starts a program that plays the tape. It inherits what the fork of
// another test would: all descriptors that are open.
func startProgram(t *testing.T, tape *Tape) (int, Player) {
	t.Helper()
	fd := memoryFile(t, nil)
	if err := InitProgress(fd); err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(fd, 4096); err != nil {
		t.Fatal(err)
	}
	im := tape.Image()
	a, err := NewArena(im)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	p, err := OpenProgram(a.FD, len(im.Data), im.Relocs, im.Ops, im.Count)
	if err != nil {
		t.Fatal(err)
	}
	exe := memoryFile(t, p.Executable(a.FD, fd))
	inherit := []int{}
	for fd := 3; fd < 256; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			inherit = append(inherit, fd)
		}
	}
	pid, pidfd, err := Spawn{Exe: exe, Args: []string{""}, Inherit: inherit}.Start()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pidfd)
	progress, err := MapProgress(fd)
	if err != nil {
		t.Fatal(err)
	}
	p.Arena.base = programArena
	return pid, Player{Arena: p.Arena, Ops: im.Ops, Count: im.Count, Progress: progress}
}

func memoryFile(t *testing.T, data []byte) int {
	t.Helper()
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.Pwrite(fd, data, 0); err != nil {
		t.Fatal(err)
	}
	return fd
}

// What a fork plays, the program plays in the same way.
func TestProgram(t *testing.T) {
	if !HaveProgram {
		t.Skip("there is no machine code for this architecture")
	}
	alone = true
	defer func() { alone = false }()
	for name, f := range map[string]func(*testing.T){
		"Play": TestPlay, "Slots": TestSlots, "EmptyFDSlot": TestEmptyFDSlot, "Exec": TestExec, "ForkInTape": TestForkInTape,
		"ForkInTapeFails": TestForkInTapeFails, "SendMessage": TestSendMessage, "ReceiveMessage": TestReceiveMessage,
		"ReceiveFromTheDead": TestReceiveFromTheDead, "Interrupted": TestInterrupted, "NoExit": TestNoExit, "AlwaysInterrupted": TestAlwaysInterrupted,
	} {
		t.Run(name, f)
	}
}

// The assembler has these numbers again.
func TestProgramLayout(t *testing.T) {
	var o op
	for _, n := range []struct {
		name      string
		got, want uintptr
	}{
		{"programParams", programParams, 0x4000b0},
		{"op", unsafe.Sizeof(o), 88},
		{"op.arg", unsafe.Offsetof(o.arg), 8},
		{"op.out", unsafe.Offsetof(o.out), 56},
		{"op.rel", unsafe.Offsetof(o.rel), 64},
		{"op.load", unsafe.Offsetof(o.load), 65},
		{"op.load32", unsafe.Offsetof(o.load32), 66},
		{"op.mode", unsafe.Offsetof(o.mode), 67},
		{"op.skip", unsafe.Offsetof(o.skip), 68},
		{"op.errno", unsafe.Offsetof(o.errno), 72},
		{"op.errno's number", uintptr(len(o.errno)), 6},
		{"Progress.Step", unsafe.Offsetof(Progress{}.Step), 4},
		{"Progress.Errno", unsafe.Offsetof(Progress{}.Errno), 8},
		{"modeIgnore", modeIgnore, 1},
		{"modeDemand", modeDemand, 2},
		{"modeFork", modeFork, 3},
		{"modeOnSuccess", modeOnSuccess, 4},
		{"nrGoto", nrGoto, ^uintptr(5)},
		{"nrCompare", nrCompare, ^uintptr(6)},
		{"ErrPeerGone", ErrPeerGone, 4096},
	} {
		if HaveProgram && n.got != n.want {
			t.Errorf("%s is %#x, the assembler has %#x", n.name, n.got, n.want)
		}
	}
}

// A program that can't map its image ends at once: a container's program that
// executes it by /proc/self/exe gets nothing.
func TestProgramAlone(t *testing.T) {
	if !HaveProgram {
		t.Skip("there is no machine code for this architecture")
	}
	im := NewTape().Image()
	a, err := NewArena(im)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	p, err := OpenProgram(a.FD, len(im.Data), nil, im.Ops, im.Count)
	if err != nil {
		t.Fatal(err)
	}
	exe := memoryFile(t, p.Executable(-1, -1))
	pid, pidfd, err := Spawn{Exe: exe, Args: []string{""}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pidfd)
	if ws := await(t, pid); !ws.Exited() || ws.ExitStatus() != 2 {
		t.Errorf("status %#x, want exit 2", ws)
	}
}
