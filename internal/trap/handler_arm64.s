#include "textflag.h"

DATA	·entry+0(SB)/8, $·handler(SB)
GLOBL	·entry(SB), NOPTR, $8

// Signals that a fault of our own raises: ILL TRAP BUS FPE SEGV SYS.
#define FAULTS $(1<<4|1<<5|1<<7|1<<8|1<<11|1<<31)

// handler is called by the kernel, by the C calling convention: R0 is the
// signal, R1 its siginfo, and the link register leads to rt_sigreturn(2).
// Faults (si_code > 0) are the Go runtime's. A SIGPIPE from ourselves is the kernel's
// word on a write of ours, which has its error to say it: only another's is passed on.
TEXT ·handler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPW	$13, R0 // PIPE
	BNE	fault
	MOVW	16(R1), R9
	MOVW	·self(SB), R10
	CMPW	R10, R9
	BNE	write
	RET
fault:
	CMPW	$31, R0
	BGT	write
	MOVD	FAULTS, R9
	LSR	R0, R9, R9
	TBZ	$0, R9, write
	MOVW	8(R1), R9
	CMPW	$0, R9
	BLE	write
	MOVD	·previous(SB), R9
	B	(R9)
write:
	SUB	$16, RSP
	MOVW	R0, (RSP)
	MOVW	·pipe(SB), R0
	MOVD	RSP, R1
	MOVD	$4, R2
	MOVD	$64, R8 // write
	SVC
	ADD	$16, RSP
	RET
