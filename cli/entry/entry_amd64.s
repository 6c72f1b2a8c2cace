#include "go_asm.h"
#include "textflag.h"

// The program's entry point. The kernel leaves argc, the arguments, a null, the
// environment and another null on the stack. What is to be forgotten of the
// environment becomes an empty string: nothing may move, for the auxiliary vector
// follows. Eight bytes can be read of every string: the stack ends with the name of
// the program and a null word.
//
// The Go runtime's first allocation would be one that a profile of memory samples, by a walk up the stack; nobody asks for one. And its
// monitor thread sleeps longer, see slack.
//
//	SI  the place of a variable    DI  the variable    AX  its first eight bytes
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ	·writer(SB), AX
	MOVQ	AX, runtime·overrideWrite(SB)
	MOVQ	·profileRate(SB), AX
	MOVQ	$0, 0(AX)
	MOVL	$157, AX // prctl
	MOVL	$29, DI // PR_SET_TIMERSLACK
	MOVL	$const_slack, SI
	SYSCALL
	MOVQ	0(SP), CX
	TESTQ	CX, CX
	JEQ	done
	MOVQ	8(SP), DI
	MOVQ	$0x696e692d676e7572, AX // "rung-ini": the environment of a player in Go is ours
	CMPQ	AX, 0(DI)
	JNE	tune
	CMPW	8(DI), $0x74 // "t", and the end
	JEQ	done
tune:
	LEAQ	16(SP)(CX*8), SI
	LEAQ	·nothing(SB), DX
	JMP	look
next:
	ADDQ	$8, SI
look:
	MOVQ	0(SI), DI
	TESTQ	DI, DI
	JEQ	done
	MOVQ	0(DI), AX
	CMPW	AX, $0x4f47 // "GO"
	JNE	next
	MOVQ	$0x3d47554245444f47, BX // "GODEBUG="
	CMPQ	AX, BX
	JEQ	forget
	MOVQ	$0x4d494c4d454d4f47, BX // "GOMEMLIM"
	CMPQ	AX, BX
	JEQ	limit
	MOVQ	$0x4f525058414d4f47, BX // "GOMAXPRO"
	CMPQ	AX, BX
	JEQ	procs
	MOVQ	$0x4245434152544f47, BX // "GOTRACEB"
	CMPQ	AX, BX
	JEQ	back
	MOVQ	$0xffffffffff, BX
	ANDQ	BX, AX
	MOVQ	$0x3d43474f47, BX // "GOGC="
	CMPQ	AX, BX
	JNE	next
forget:
	MOVQ	DX, 0(SI)
	JMP	next
limit:
	MOVL	8(DI), AX
	ANDL	$0xffffff, AX
	CMPL	AX, $0x3d5449 // "IT="
	JEQ	forget
	JMP	next
procs:
	MOVL	8(DI), AX
	ANDL	$0xffffff, AX
	CMPL	AX, $0x3d5343 // "CS="
	JEQ	forget
	JMP	next
back:
	MOVL	8(DI), AX
	CMPL	AX, $0x3d4b4341 // "ACK="
	JEQ	forget
	JMP	next
done:
	JMP	_rt0_amd64_linux(SB)

// An empty string.
DATA	·nothing+0(SB)/8, $0
GLOBL	·nothing(SB), RODATA|NOPTR, $8
