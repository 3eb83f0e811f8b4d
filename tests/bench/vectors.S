/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trap vectors as short as they can be, so that what is measured is not the guest. They use registers
 * that bench.h's loops give to them: s11 counts, s8 to s10 are free.
 */
	.text

/* A software interrupt: cleared. */
	.balign	4
	.globl	bench_vec_soft
bench_vec_soft:
	csrci	sip, 2
	addi	s11, s11, 1
	sret

/* An exception: its instruction, of four bytes, is skipped. */
	.balign	4
	.globl	bench_vec_skip
bench_vec_skip:
	csrr	s10, sepc
	addi	s10, s10, 4
	csrw	sepc, s10
	addi	s11, s11, 1
	sret

/* The timer's interrupt. s8 = the next tick, s9 += turns of three instructions until it came. */
	.balign	4
	.globl	bench_vec_timer
bench_vec_timer:
	csrr	s10, time
1:	addi	s9, s9, 1
	csrr	s8, time
	beq	s8, s10, 1b
	li	s10, -1
	csrw	0x14d, s10		/* stimecmp */
	addi	s11, s11, 1
	sret

/* A device's interrupt: claimed (s8), acknowledged (s9, the device; s7 is 1), completed. Five instructions. */
	.balign	4
	.globl	bench_vec_disk
bench_vec_disk:
	lw	s10, 0(s8)
	sw	s7, 0x64(s9)
	sw	s10, 0(s8)
	addi	s11, s11, 1
	sret

/*
 * Where a hart begins whose start is measured: a1 points to where its first moment goes, as the next
 * tick and the turns until it came; then it stops again.
 */
	.balign	4
	.globl	bench_hart_entry
bench_hart_entry:
	csrr	t0, time
	li	t1, 0
1:	addi	t1, t1, 1
	csrr	t2, time
	beq	t2, t0, 1b
	sd	t1, 8(a1)
	fence	rw, rw
	sd	t2, 0(a1)
	li	a7, 0x48534d
	li	a6, 1
	ecall
2:	j	2b
