//go:build !goplayer

#include "go_asm.h"
#include "textflag.h"

// The player as a program of its own, see program_amd64.s. Nobody has to tell the
// processor of the code: it comes from an executed file.
//
//	R19  the arena        R20  the entries     R21  the entry    R22  its index
//	R24  the Progress     R23  how many there are   R25  tries of a call
//	R20 and R26 are the arguments and the mode of the call that is made
//
// A constant may not take a literal pool, which would lie behind the mark.

#define SYS_exit_group 94
#define SYS_mmap 222

TEXT ·program(SB),NOSPLIT|NOFRAME,$0-0
	SUB	$64, RSP
	MOVD	RSP, R20

	// mmap(programArena, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 0)
	MOVD	$const_programParams, R21
	MOVD	$const_programArena, R19
	MOVD	R19, R0
	MOVD	programTape_size(R21), R1
	MOVD	$3, R2
	MOVD	$0x8011, R3
	MOVD	programTape_arena(R21), R4
	MOVD	ZR, R5
	MOVD	$SYS_mmap, R8
	SVC
	CMP	R19, R0
	BNE	broken
	MOVD	$const_programRecord, R24
	MOVD	R24, R0
	MOVD	$Progress__size, R1
	MOVD	programTape_progress(R21), R4
	SVC
	CMP	R24, R0
	BNE	broken

	MOVD	ZR, R22
	MOVD	programTape_count(R21), R23

loop:
	CMP	R23, R22
	BHS	end
	MOVD	$op__size, R9
	MUL	R22, R9, R21
	MOVD	$const_programParams, R10
	MOVD	programTape_ops(R10), R10
	ADD	R10, R21
	ADD	R19, R21
	MOVW	R22, Progress_Step(R24)

	// The arguments: as they are, or an address, a word or an int32 of the arena.
	MOVD	ZR, R9
	ADD	$op_arg, R21, R10
argument:
	MOVD	(R10)(R9<<3), R11
	MOVBU	op_rel(R21), R12
	LSR	R9, R12
	TBZ	$0, R12, notaddress
	ADD	R19, R11
	B	put
notaddress:
	MOVBU	op_load(R21), R12
	LSR	R9, R12
	TBZ	$0, R12, notword
	MOVD	(R19)(R11), R11
	B	put
notword:
	MOVBU	op_load32(R21), R12
	LSR	R9, R12
	TBZ	$0, R12, put
	MOVW	(R19)(R11), R11
put:
	MOVD	R11, (R20)(R9<<3)
	ADD	$1, R9
	CMP	$6, R9
	BNE	argument

	MOVD	op_nr(R21), R8
	CMP	$const_nrSet, R8
	BEQ	set
	CMP	$const_nrFail, R8
	BEQ	first
	CMP	$const_nrMark, R8
	BEQ	mark
	CMP	$const_nrExpect, R8
	BEQ	expect
	CMP	$const_nrBranch, R8
	BEQ	branch
	CMP	$const_nrGoto, R8
	BEQ	goto
	CMP	$const_nrCompare, R8
	BEQ	compare

	MOVBU	op_mode(R21), R26
	MOVD	$const_maxInterrupts, R25
again:
	MOVD	0(R20), R0
	MOVD	8(R20), R1
	MOVD	16(R20), R2
	MOVD	24(R20), R3
	MOVD	32(R20), R4
	MOVD	40(R20), R5
	MOVD	op_nr(R21), R8
	SVC
	CMN	$4, R0 // EINTR
	BNE	made
	SUB	$1, R25
	CBNZ	R25, again
made:
	CMN	$4095, R0
	BHS	refused
	CBZ	R0, success
	CMP	$const_modeFork, R26 // at once, because who sees the child can write to the tape by way of that
	BEQ	end
	B	success
refused:
	NEG	R0, R0
	B	failure

	// R0 is the result: store it, and see what the mode makes of it.
success:
	MOVD	op_out(R21), R9
	CBZ	R9, stored
	TBZ	$0, R9, word
	SUB	$const_outInt32, R9
	MOVW	R0, (R19)(R9)
	B	stored
word:
	MOVD	R0, (R19)(R9)
stored:
	MOVBU	op_mode(R21), R12
	CMP	$const_modeOnSuccess, R12
	BEQ	skip
	CMP	$const_modeDemand, R12
	BNE	next
	CBNZ	R0, next
	MOVD	$const_ErrPeerGone, R0
	B	fail

	// R0 is the error number.
failure:
	MOVBU	op_mode(R21), R12
	CMP	$const_modeIgnore, R12
	BEQ	next
	CMP	$const_modeOnSuccess, R12
	BEQ	next
	MOVD	ZR, R9
	ADD	$op_errno, R21, R10
expected:
	MOVHU	(R10)(R9<<1), R11
	CMPW	R0, R11
	BEQ	skip
	ADD	$1, R9
	CMP	$6, R9
	BNE	expected
	CMP	$const_modeHome, R12
	BEQ	home
fail:
	MOVW	R0, Progress_Errno(R24)
	MOVD	$const_exitFailed, R0
	B	exit

skip:
	MOVWU	op_skip(R21), R9
	ADD	R9, R22
next:
	ADD	$1, R22
	B	loop

	// The pseudo calls.
set:
	MOVD	0(R20), R0
	MOVD	op_out(R21), R9
	MOVD	R0, (R19)(R9)
	B	skip
first:
	MOVD	0(R20), R0
	B	failure
mark:
	MOVD	0(R20), R0
	MOVW	R0, Progress_Phase(R24)
	B	next
expect:
	MOVD	0(R20), R9
	MOVBU	(R9), R9
	MOVD	8(R20), R10
	MOVD	16(R20), R0
	CMP	R10, R9
	BNE	failure
	MOVD	ZR, R0
	B	success
branch:
	MOVD	0(R20), R0
	CBNZ	R0, skip
	B	next
goto:
	MOVD	0(R20), R22
	B	loop
compare:
	LDP	0(R20), (R9, R10)
	AND	R10, R9
	LDP	16(R20), (R10, R0)
	MOVD	32(R20), R11
	CMP	R10, R9
	CSET	EQ, R12
	CMP	R11, R12
	BEQ	failure
	MOVD	ZR, R0
	B	success
home:
	MOVD	R0, const_headerErrno(R19)
	MOVD	R22, const_headerFailed(R19)
	MOVD	const_headerHome(R19), R22
	B	loop

broken:
	MOVD	$2, R0
	B	exit
end:
	MOVD	ZR, R0
exit:
	MOVD	$SYS_exit_group, R8
	SVC
	WORD	$0 // UDF: a seccomp filter has refused the exit

	// programMark
	WORD	$0x676e7572
	WORD	$0x00646e65
	RET

// func programCode() uintptr
TEXT ·programCode(SB),NOSPLIT,$0-8
	MOVD	$·program(SB), R0
	MOVD	R0, ret+0(FP)
	RET
