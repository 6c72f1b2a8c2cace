#include "textflag.h"

DATA	·entry+0(SB)/8, $·handler(SB)
GLOBL	·entry(SB), NOPTR, $8

// Signals that a fault of our own raises: ILL TRAP BUS FPE SEGV SYS.
#define FAULTS $(1<<4|1<<5|1<<7|1<<8|1<<11|1<<31)

// handler is called by the kernel, by the C calling convention: DI is the
// signal, SI its siginfo, and the return address leads to rt_sigreturn(2).
// Faults (si_code > 0) are the Go runtime's. A SIGPIPE from ourselves is the kernel's
// word on a write of ours, which has its error to say it: only another's is passed on.
TEXT ·handler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPL	DI, $13 // PIPE
	JNE	fault
	MOVL	16(SI), AX
	CMPL	AX, ·self(SB)
	JNE	write
	RET
fault:
	MOVL	FAULTS, AX
	CMPL	DI, $31
	JGT	write
	BTL	DI, AX
	JCC	write
	CMPL	8(SI), $0
	JLE	write
	MOVQ	·previous(SB), AX
	JMP	AX
write:
	SUBQ	$16, SP
	MOVL	DI, 0(SP)
	MOVL	·pipe(SB), DI
	MOVQ	SP, SI
	MOVL	$4, DX
	MOVL	$1, AX // write
	SYSCALL
	ADDQ	$16, SP
	RET
