#include "go_asm.h"
#include "textflag.h"

// The program's entry point, see entry_amd64.s.
//
//	R3  the place of a variable    R4  the variable    R5  its first eight bytes
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0-0
	MOVD	·writer(SB), R5
	MOVD	R5, runtime·overrideWrite(SB)
	MOVD	·profileRate(SB), R5
	MOVD	ZR, 0(R5)
	MOVD	$167, R8 // prctl
	MOVD	$29, R0 // PR_SET_TIMERSLACK
	MOVD	$const_slack, R1
	SVC
	MOVD	0(RSP), R2
	CBZ	R2, done
	MOVD	8(RSP), R4
	MOVD	0(R4), R5
	MOVD	$0x696e692d676e7572, R6 // "rung-ini": the environment of a player in Go is ours
	CMP	R6, R5
	BNE	tune
	MOVHU	8(R4), R5
	CMP	$0x74, R5 // "t", and the end
	BEQ	done
tune:
	ADD	$16, RSP, R3
	ADD	R2<<3, R3, R3
	MOVD	$·nothing(SB), R7
	B	look
next:
	ADD	$8, R3
look:
	MOVD	0(R3), R4
	CBZ	R4, done
	MOVD	0(R4), R5
	MOVD	$0xffff, R6
	AND	R6, R5, R8
	MOVD	$0x4f47, R6 // "GO"
	CMP	R6, R8
	BNE	next
	MOVD	$0x3d47554245444f47, R6 // "GODEBUG="
	CMP	R6, R5
	BEQ	forget
	MOVD	$0x4d494c4d454d4f47, R6 // "GOMEMLIM"
	CMP	R6, R5
	BEQ	limit
	MOVD	$0x4f525058414d4f47, R6 // "GOMAXPRO"
	CMP	R6, R5
	BEQ	procs
	MOVD	$0x4245434152544f47, R6 // "GOTRACEB"
	CMP	R6, R5
	BEQ	back
	MOVD	$0xffffffffff, R6
	AND	R6, R5, R8
	MOVD	$0x3d43474f47, R6 // "GOGC="
	CMP	R6, R8
	BNE	next
forget:
	MOVD	R7, 0(R3)
	B	next
limit:
	MOVD	$0x3d5449, R6 // "IT="
	B	three
procs:
	MOVD	$0x3d5343, R6 // "CS="
three:
	MOVWU	8(R4), R5
	MOVD	$0xffffff, R8
	AND	R8, R5, R5
	CMP	R6, R5
	BEQ	forget
	B	next
back:
	MOVWU	8(R4), R5
	MOVD	$0x3d4b4341, R6 // "ACK="
	CMP	R6, R5
	BEQ	forget
	B	next
done:
	B	_rt0_arm64_linux(SB)

// An empty string.
DATA	·nothing+0(SB)/8, $0
GLOBL	·nothing(SB), RODATA|NOPTR, $8
