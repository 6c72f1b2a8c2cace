package nsenter

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// startProgram starts a program that plays the tape. It inherits what the fork of
// another test would: all descriptors that are open.
func startProgram(t *testing.T, tape *Tape) (int, Player) {
	t.Helper()
	fd := testbed.Memory(t, nil)
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
	exe := testbed.Memory(t, p.Executable(a.FD, fd))
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

// What the assembler can't take from the compiler: how many arguments and expected errors it goes through,
// that a slot's mark is its lowest bit, and the meaning of two results. And mappings begin at a page.
func TestProgramLayout(t *testing.T) {
	if !HaveProgram {
		t.Skip("there is no machine code for this architecture")
	}
	var o op
	for _, n := range []struct {
		name      string
		got, want uintptr
	}{
		{"number of arguments", uintptr(len(o.arg)), 6},
		{"number of errors that are expected", uintptr(len(o.errno)), 6},
		{"size of an argument", unsafe.Sizeof(o.arg[0]), 8},
		{"size of an error", unsafe.Sizeof(o.errno[0]), 2},
		{"outInt32", outInt32, 1},
		{"EINTR", uintptr(unix.EINTR), 4},
		{"protection", unix.PROT_READ | unix.PROT_WRITE, 3},
		{"flags of a mapping", unix.MAP_SHARED | unix.MAP_FIXED | unix.MAP_POPULATE, 0x8011},
		{"offset of the parameters, behind a header and two of segments", programParams - programBase, 64 + 2*56},
		{"offset of the base in a page", programBase % largestPage, 0},
		{"offset of the record in a page", programRecord % largestPage, 0},
		{"offset of the arena in a page", programArena % largestPage, 0},
	} {
		if n.got != n.want {
			t.Errorf("%s is %#x, the assembler has %#x", n.name, n.got, n.want)
		}
	}
	code := programText()
	if len(code)%4 != 0 && programMachine == 183 {
		t.Errorf("the code is %d bytes, which are no instructions", len(code))
	}
	// All of it in one page of the smallest size, so that it is in memory at once.
	if n := int(unsafe.Sizeof(programFile{})) + len(code); n > 4096 {
		t.Errorf("the program has %d bytes, more than a page", n)
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
	exe := testbed.Memory(t, p.Executable(-1, -1))
	pid, pidfd, err := Spawn{Exe: exe, Args: []string{""}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pidfd)
	if ws := testbed.Await(t, pid); !ws.Exited() || ws.ExitStatus() != 2 {
		t.Errorf("status %#x, want exit 2", ws)
	}
}
