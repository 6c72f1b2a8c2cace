//go:build !goplayer

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
// The offsets are those of struct op, the small numbers its modes and pseudo
// calls; TestProgramLayout compares them.

#define PARAMS 0x4000b0
#define ARENA 0x10000000
#define PROGRESS 0x0e000000
#define OPSIZE 88

TEXT ·program(SB),NOSPLIT|NOFRAME,$0-0
	SUBQ	$64, SP

	// mmap(ARENA, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 0)
	MOVQ	$PARAMS, BX
	MOVQ	$ARENA, DI
	MOVQ	8(BX), SI
	MOVQ	$3, DX
	MOVQ	$0x8011, R10
	MOVQ	0(BX), R8
	XORL	R9, R9
	MOVL	$9, AX
	SYSCALL
	CMPQ	AX, $ARENA
	JNE	broken
	MOVQ	$PROGRESS, DI
	MOVQ	$4096, SI
	MOVQ	32(BX), R8
	MOVL	$9, AX
	SYSCALL
	CMPQ	AX, $PROGRESS
	JNE	broken

	MOVQ	$ARENA, R12
	XORL	R14, R14
	MOVQ	24(BX), R15
	MOVQ	$PROGRESS, BX

loop:
	CMPQ	R14, R15
	JCC	end
	IMUL3Q	$OPSIZE, R14, R13
	MOVQ	$PARAMS, CX
	ADDQ	16(CX), R13
	ADDQ	R12, R13
	MOVL	R14, 4(BX)

	// The arguments: as they are, or an address, a word or an int32 of the arena.
	XORL	CX, CX
argument:
	MOVQ	8(R13)(CX*8), AX
	MOVBLZX	64(R13), DX
	BTL	CX, DX
	JCC	notaddress
	ADDQ	R12, AX
	JMP	put
notaddress:
	MOVBLZX	65(R13), DX
	BTL	CX, DX
	JCC	notword
	MOVQ	(R12)(AX*1), AX
	JMP	put
notword:
	MOVBLZX	66(R13), DX
	BTL	CX, DX
	JCC	put
	MOVLQSX	(R12)(AX*1), AX
put:
	MOVQ	AX, 0(SP)(CX*8)
	INCL	CX
	CMPL	CX, $6
	JNE	argument

	MOVQ	0(R13), AX
	CMPQ	AX, $-1
	JEQ	set
	CMPQ	AX, $-2
	JEQ	first
	CMPQ	AX, $-3
	JEQ	mark
	CMPQ	AX, $-4
	JEQ	expect
	CMPQ	AX, $-5
	JEQ	branch
	CMPQ	AX, $-6
	JEQ	goto
	CMPQ	AX, $-7
	JEQ	compare

	MOVBLZX	67(R13), AX
	MOVL	AX, 48(SP)
	MOVQ	0(SP), DI
	MOVQ	8(SP), SI
	MOVQ	16(SP), DX
	MOVQ	24(SP), R10
	MOVQ	32(SP), R8
	MOVQ	40(SP), R9
	MOVL	$0x10000, BP // maxInterrupts
again:
	MOVQ	0(R13), AX
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
	CMPL	48(SP), $3 // modeFork: at once, because who sees the child can write to the tape by way of that
	JEQ	end
	JMP	success
refused:
	NEGQ	AX
	JMP	failure

	// AX is the result: store it, and see what the mode makes of it.
success:
	MOVQ	56(R13), CX
	TESTQ	CX, CX
	JEQ	stored
	BTL	$0, CX
	JCC	word
	MOVL	AX, -1(R12)(CX*1)
	JMP	stored
word:
	MOVQ	AX, (R12)(CX*1)
stored:
	MOVBLZX	67(R13), DX
	CMPL	DX, $4 // modeOnSuccess
	JEQ	skip
	CMPL	DX, $2 // modeDemand
	JEQ	demand
	JMP	next
demand:
	TESTQ	AX, AX
	JNE	next
	MOVL	$4096, AX // ErrPeerGone
	JMP	fail

	// AX is the error number.
failure:
	MOVBLZX	67(R13), DX
	CMPL	DX, $1 // modeIgnore
	JEQ	next
	CMPL	DX, $4 // modeOnSuccess
	JEQ	next
	XORL	CX, CX
expected:
	MOVWLZX	72(R13)(CX*2), DX
	CMPL	DX, AX
	JEQ	skip
	INCL	CX
	CMPL	CX, $6
	JNE	expected
	MOVBLZX	67(R13), DX
	CMPL	DX, $5 // modeHome
	JEQ	home
fail:
	MOVL	AX, 8(BX)
	MOVL	$1, DI
	JMP	exit

skip:
	MOVL	68(R13), CX
	ADDQ	CX, R14
next:
	INCQ	R14
	JMP	loop

	// The pseudo calls.
set:
	MOVQ	0(SP), AX
	MOVQ	56(R13), CX
	MOVQ	AX, (R12)(CX*1)
	JMP	skip
first:
	MOVQ	0(SP), AX
	JMP	failure
mark:
	MOVQ	0(SP), AX
	MOVL	AX, 0(BX)
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
	MOVQ	AX, 16(R12) // headerErrno
	MOVQ	R14, 24(R12) // headerFailed
	MOVQ	8(R12), R14 // headerHome
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
