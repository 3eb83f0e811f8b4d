/* SPDX-License-Identifier: BSD-2-Clause */
/* The trap vector, and the way to U-mode and back. */
#include "cpu.h"

	.text
	.balign	4
	.globl	trap_entry
trap_entry:
	csrrw	a0, sscratch, a0
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, (CPU_FRAME + \n * 8)(a0)
	.endr
	csrr	t0, sscratch
	sd	t0, (CPU_FRAME + 10 * 8)(a0)
	csrw	sscratch, a0
	csrr	t0, sepc
	sd	t0, (CPU_FRAME + FRAME_SEPC)(a0)
	csrr	t0, sstatus
	sd	t0, (CPU_FRAME + FRAME_SSTATUS)(a0)
	ld	sp, CPU_TRAP_SP(a0)
	mv	tp, a0
	call	trap_handle		/* (cpu) */
	mv	a0, tp
	ld	t0, (CPU_FRAME + FRAME_SEPC)(a0)
	csrw	sepc, t0
	ld	t0, (CPU_FRAME + FRAME_SSTATUS)(a0)
	csrw	sstatus, t0
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, (CPU_FRAME + \n * 8)(a0)
	.endr
	ld	a0, (CPU_FRAME + 10 * 8)(a0)
	sret

/*
 * unsigned long user_call(unsigned long (*fn)(unsigned long), unsigned long arg, void *stack_top)
 *
 * fn runs in U-mode; when it returns, what it returned is the result. trap_handle() sends the final
 * ecall to user_return.
 */
	.globl	user_call
user_call:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	sd	s1, 16(sp)
	sd	s2, 24(sp)
	sd	s3, 32(sp)
	sd	s4, 40(sp)
	sd	s5, 48(sp)
	sd	s6, 56(sp)
	sd	s7, 64(sp)
	sd	s8, 72(sp)
	sd	s9, 80(sp)
	sd	s10, 88(sp)
	sd	s11, 96(sp)
	sd	sp, CPU_USER_SP(tp)
	li	t0, 1 << 8		/* sstatus.SPP */
	csrc	sstatus, t0
	csrw	sepc, a0
	mv	a0, a1
	mv	sp, a2
	la	ra, user_exit
	sret

	.globl	user_exit
user_exit:
	ecall
	j	user_exit

	.globl	user_return
user_return:
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	ld	s1, 16(sp)
	ld	s2, 24(sp)
	ld	s3, 32(sp)
	ld	s4, 40(sp)
	ld	s5, 48(sp)
	ld	s6, 56(sp)
	ld	s7, 64(sp)
	ld	s8, 72(sp)
	ld	s9, 80(sp)
	ld	s10, 88(sp)
	ld	s11, 96(sp)
	addi	sp, sp, 112
	ret
