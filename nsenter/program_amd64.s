//go:build !goplayer

#include "go_asm.h"
#include "textflag.h"

// The player as a program of its own: the code between here and the mark at its
// end is copied into an executable, see program.go. It does what play does, entry
// by entry, and like the tape needs nothing of Go's: the stack is the kernel's,
// for the arguments of one call, and all else lies at addresses that program.go
// sets.
//
//	R12  the arena        R13  the entry      R14  its index
//	BX   the Progress     R15  how many there are   BP  tries of a call
//
// Offsets and constants are the compiler's: it writes go_asm.h.

TEXT ·program(SB),NOSPLIT|NOFRAME,$0-0
	SUBQ	$64, SP

	// mmap(ARENA, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 0)
	MOVQ	$const_programParams, BX
	MOVQ	$const_programArena, DI
	MOVQ	programTape_size(BX), SI
	MOVQ	$3, DX
	MOVQ	$0x8011, R10
	MOVQ	programTape_arena(BX), R8
	XORL	R9, R9
	MOVL	$9, AX
	SYSCALL
	CMPQ	AX, $const_programArena
	JNE	broken
	MOVQ	$const_programRecord, DI
	MOVQ	$Progress__size, SI
	MOVQ	programTape_progress(BX), R8
	MOVL	$9, AX
	SYSCALL
	CMPQ	AX, $const_programRecord
	JNE	broken

	MOVQ	$const_programArena, R12
	XORL	R14, R14
	MOVQ	programTape_count(BX), R15
	MOVQ	$const_programRecord, BX

loop:
	CMPQ	R14, R15
	JCC	end
	IMUL3Q	$op__size, R14, R13
	MOVQ	$const_programParams, CX
	ADDQ	programTape_ops(CX), R13
	ADDQ	R12, R13
	MOVL	R14, Progress_Step(BX)

	// The arguments: as they are, or an address, a word or an int32 of the arena.
	XORL	CX, CX
argument:
	MOVQ	op_arg(R13)(CX*8), AX
	MOVBLZX	op_rel(R13), DX
	BTL	CX, DX
	JCC	notaddress
	ADDQ	R12, AX
	JMP	put
notaddress:
	MOVBLZX	op_load(R13), DX
	BTL	CX, DX
	JCC	notword
	MOVQ	(R12)(AX*1), AX
	JMP	put
notword:
	MOVBLZX	op_load32(R13), DX
	BTL	CX, DX
	JCC	put
	MOVLQSX	(R12)(AX*1), AX
put:
	MOVQ	AX, 0(SP)(CX*8)
	INCL	CX
	CMPL	CX, $6
	JNE	argument

	MOVQ	op_nr(R13), AX
	CMPQ	AX, $const_nrSet
	JEQ	set
	CMPQ	AX, $const_nrFail
	JEQ	first
	CMPQ	AX, $const_nrMark
	JEQ	mark
	CMPQ	AX, $const_nrExpect
	JEQ	expect
	CMPQ	AX, $const_nrBranch
	JEQ	branch
	CMPQ	AX, $const_nrGoto
	JEQ	goto
	CMPQ	AX, $const_nrCompare
	JEQ	compare

	MOVBLZX	op_mode(R13), AX
	MOVL	AX, 48(SP)
	MOVQ	0(SP), DI
	MOVQ	8(SP), SI
	MOVQ	16(SP), DX
	MOVQ	24(SP), R10
	MOVQ	32(SP), R8
	MOVQ	40(SP), R9
	MOVL	$const_maxInterrupts, BP
again:
	MOVQ	op_nr(R13), AX
	SYSCALL
	CMPQ	AX, $-4 // EINTR
	JNE	made
	DECL	BP
	JNE	again
made:
	CMPQ	AX, $-4095
	JCC	refused
	TESTQ	AX, AX
	JEQ	success
	CMPL	48(SP), $const_modeFork // at once, because who sees the child can write to the tape by way of that
	JEQ	end
	JMP	success
refused:
	NEGQ	AX
	JMP	failure

	// AX is the result: store it, and see what the mode makes of it.
success:
	MOVQ	op_out(R13), CX
	TESTQ	CX, CX
	JEQ	stored
	BTL	$0, CX
	JCC	word
	MOVL	AX, -const_outInt32(R12)(CX*1)
	JMP	stored
word:
	MOVQ	AX, (R12)(CX*1)
stored:
	MOVBLZX	op_mode(R13), DX
	CMPL	DX, $const_modeOnSuccess
	JEQ	skip
	CMPL	DX, $const_modeDemand
	JEQ	demand
	JMP	next
demand:
	TESTQ	AX, AX
	JNE	next
	MOVL	$const_ErrPeerGone, AX
	JMP	fail

	// AX is the error number.
failure:
	MOVBLZX	op_mode(R13), DX
	CMPL	DX, $const_modeIgnore
	JEQ	next
	CMPL	DX, $const_modeOnSuccess
	JEQ	next
	XORL	CX, CX
expected:
	MOVWLZX	op_errno(R13)(CX*2), DX
	CMPL	DX, AX
	JEQ	skip
	INCL	CX
	CMPL	CX, $6
	JNE	expected
	MOVBLZX	op_mode(R13), DX
	CMPL	DX, $const_modeHome
	JEQ	home
fail:
	MOVL	AX, Progress_Errno(BX)
	MOVL	$const_exitFailed, DI
	JMP	exit

skip:
	MOVL	op_skip(R13), CX
	ADDQ	CX, R14
next:
	INCQ	R14
	JMP	loop

	// The pseudo calls.
set:
	MOVQ	0(SP), AX
	MOVQ	op_out(R13), CX
	MOVQ	AX, (R12)(CX*1)
	JMP	skip
first:
	MOVQ	0(SP), AX
	JMP	failure
mark:
	MOVQ	0(SP), AX
	MOVL	AX, Progress_Phase(BX)
	JMP	next
expect:
	MOVQ	0(SP), CX
	MOVBQZX	(CX), CX
	MOVQ	16(SP), AX
	CMPQ	CX, 8(SP)
	JNE	failure
	XORL	AX, AX
	JMP	success
branch:
	CMPQ	0(SP), $0
	JNE	skip
	JMP	next
goto:
	MOVQ	0(SP), R14
	JMP	loop
compare:
	MOVQ	0(SP), CX
	ANDQ	8(SP), CX
	MOVQ	24(SP), AX
	XORL	DX, DX
	CMPQ	CX, 16(SP)
	SETEQ	DX
	CMPQ	DX, 32(SP)
	JEQ	failure
	XORL	AX, AX
	JMP	success
home:
	MOVQ	AX, const_headerErrno(R12)
	MOVQ	R14, const_headerFailed(R12)
	MOVQ	const_headerHome(R12), R14
	JMP	loop

broken:
	MOVL	$2, DI
	JMP	exit
end:
	XORL	DI, DI
exit:
	MOVL	$231, AX
	SYSCALL
	BYTE	$0x0f; BYTE	$0x0b // UD2: a seccomp filter has refused the exit

	// programMark
	BYTE	$0xcc; BYTE	$0x72; BYTE	$0x75; BYTE	$0x6e; BYTE	$0x67; BYTE	$0x65; BYTE	$0x6e; BYTE	$0x64
	RET

// func programCode() uintptr
TEXT ·programCode(SB),NOSPLIT,$0-8
	LEAQ	·program(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
