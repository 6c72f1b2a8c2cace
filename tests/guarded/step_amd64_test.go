package guarded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Where the player has what is its own, and its parameters in the file: see nsenter/program.go.
const (
	codeAt   = 0x400000
	codeSize = 0x1000
	arenaAt  = 0x10000000
	recordAt = 0x0e000000
	params   = codeAt + 64 + 2*56
)

// A span is memory, from the first byte to behind the last.
type span struct {
	name     string
	from, to uint64
}

// A stepper follows a call of the runtime and all that it forks, and steps through what executes the player.
type stepper struct {
	half     bool             // the arena is taken to be half as long as it is, to see that the check works
	players  map[int]*player  // by thread: nil for those that aren't stepped through
	early    map[int]bool     // threads that have stopped before anybody has said whose children they are
	programs int              // how many have begun
	steps    int              // instructions
	touched  map[string]int   // accesses, by spans
	wrong    map[string]bool  // accesses elsewhere
	status   *unix.WaitStatus // of the runtime
}

// A player is one that executes the program, or was cloned by one that does.
type player struct {
	code  []byte
	spans []span
}

const options = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// follow runs a command.
func (s *stepper) follow(argv, env []string, output *os.File, atMost time.Duration) error {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	main, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{null.Fd(), output.Fd(), output.Fd()}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return err
	}
	s.players, s.early = map[int]*player{main: nil}, map[int]bool{}
	s.touched, s.wrong = map[string]int{}, map[string]bool{}
	timer := time.AfterFunc(atMost, func() { _ = unix.Kill(main, unix.SIGKILL) })
	defer timer.Stop()
	begun := false
	for s.status == nil {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if !ws.Stopped() {
			delete(s.players, tid)
			if tid == main {
				s.status = &ws
			}
			continue
		}
		if !begun {
			begun = true
			if err := unix.PtraceSetOptions(tid, options); err != nil {
				return fmt.Errorf("set options: %w", err)
			}
		}
		if err := s.stopped(tid, ws); err != nil && !errors.Is(err, unix.ESRCH) { // somebody has killed it
			return err
		}
	}
	return nil
}

// stopped looks at a thread that has stopped, and has it go on.
func (s *stepper) stopped(tid int, ws unix.WaitStatus) error {
	sig := int(ws.StopSignal())
	if _, known := s.players[tid]; !known {
		s.early[tid] = true
		return nil
	}
	switch ws.TrapCause() {
	case unix.PTRACE_EVENT_EXEC:
		sig = 0
		s.players[tid] = nil
		if p, err := newPlayer(tid); err != nil {
			return err
		} else if p != nil {
			s.programs++
			s.players[tid] = p
		}
	case unix.PTRACE_EVENT_CLONE, unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK:
		sig = 0
		child, err := unix.PtraceGetEventMsg(tid)
		if err != nil {
			return err
		}
		s.players[int(child)] = s.players[tid]
		if s.early[int(child)] {
			delete(s.early, int(child))
			if err := s.goOn(int(child), 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	default:
		if sig == int(unix.SIGTRAP) || sig == int(unix.SIGSTOP) {
			sig = 0
		}
	}
	return s.goOn(tid, sig)
}

// goOn has a thread go on: by one instruction, if it is a player.
func (s *stepper) goOn(tid, sig int) error {
	p := s.players[tid]
	if p == nil {
		return unix.PtraceCont(tid, sig)
	}
	if err := s.step(tid, p); err != nil {
		return err
	}
	return ptrace(unix.PTRACE_SINGLESTEP, tid, uintptr(sig))
}

func ptrace(what, tid int, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(what), uintptr(tid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// newPlayer is what has just been executed, if that is the player.
func newPlayer(tid int) (*player, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", tid))
	if err != nil {
		return nil, err
	}
	p := &player{spans: []span{{"code", codeAt, codeAt + codeSize}, {"record", recordAt, recordAt + uint64(nsenter.ProgressSize)}}}
	is := false
	for line := range strings.Lines(string(text)) {
		is = is || strings.HasPrefix(line, fmt.Sprintf("%08x-%08x r-xp", codeAt, codeAt+codeSize))
		if strings.HasSuffix(strings.TrimSpace(line), "[stack]") {
			from, rest, _ := strings.Cut(line, "-")
			to, _, _ := strings.Cut(rest, " ")
			low, _ := strconv.ParseUint(from, 16, 64)
			high, _ := strconv.ParseUint(to, 16, 64)
			p.spans = append(p.spans, span{"stack", low, high})
		}
	}
	if !is {
		return nil, nil
	}
	p.code = make([]byte, codeSize)
	if n, err := unix.PtracePeekText(tid, codeAt, p.code); err != nil || n != codeSize {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	size := binary.LittleEndian.Uint64(p.code[params+8-codeAt:])
	p.spans = append(p.spans, span{"arena", arenaAt, arenaAt + size})
	return p, nil
}

// step checks what the next instruction touches.
func (s *stepper) step(tid int, p *player) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	s.steps++
	at := regs.Rip
	if at < codeAt || at >= codeAt+codeSize {
		s.wrong[fmt.Sprintf("an instruction at %#x", at)] = true
		return nil
	}
	inst, err := x86asm.Decode(p.code[at-codeAt:], 64)
	if err != nil {
		s.wrong[fmt.Sprintf("no instruction at %#x: %v", at, err)] = true
		return nil
	}
	if inst.Op == x86asm.LEA || inst.Op == x86asm.NOP {
		return nil
	}
	for _, arg := range inst.Args {
		if m, ok := arg.(x86asm.Mem); ok {
			s.touch(p, at, inst, address(m, &regs, at+uint64(inst.Len)))
		}
	}
	return nil
}

// touch counts an access.
func (s *stepper) touch(p *player, at uint64, inst x86asm.Inst, addr uint64) {
	end := addr + uint64(max(inst.MemBytes, 1))
	for _, sp := range p.spans {
		to := sp.to
		if sp.name == "arena" && s.half {
			to -= (to - sp.from) / 2
		}
		if addr >= sp.from && end <= to {
			s.touched[sp.name]++
			return
		}
	}
	s.wrong[fmt.Sprintf("%#x: %s touches %#x, %d bytes", at, inst, addr, inst.MemBytes)] = true
}

// address is where a memory operand is.
func address(m x86asm.Mem, r *unix.PtraceRegs, next uint64) uint64 {
	addr := uint64(m.Disp)
	if m.Base != 0 {
		addr += register(m.Base, r, next)
	}
	if m.Index != 0 {
		addr += register(m.Index, r, next) * uint64(m.Scale)
	}
	return addr
}

func register(reg x86asm.Reg, r *unix.PtraceRegs, next uint64) uint64 {
	switch reg {
	case x86asm.RAX:
		return r.Rax
	case x86asm.RBX:
		return r.Rbx
	case x86asm.RCX:
		return r.Rcx
	case x86asm.RDX:
		return r.Rdx
	case x86asm.RSI:
		return r.Rsi
	case x86asm.RDI:
		return r.Rdi
	case x86asm.RBP:
		return r.Rbp
	case x86asm.RSP:
		return r.Rsp
	case x86asm.R8:
		return r.R8
	case x86asm.R9:
		return r.R9
	case x86asm.R10:
		return r.R10
	case x86asm.R11:
		return r.R11
	case x86asm.R12:
		return r.R12
	case x86asm.R13:
		return r.R13
	case x86asm.R14:
		return r.R14
	case x86asm.R15:
		return r.R15
	case x86asm.RIP:
		return next
	}
	panic(fmt.Sprintf("register %v", reg))
}
