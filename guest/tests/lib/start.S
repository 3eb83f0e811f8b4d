/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a test guest begins: as the boot hart with a0 = hartid and a1 = device tree, or as a hart that
 * smp.c started, with a1 = its struct cpu.
 */
#include "cpu.h"

	.section .head, "ax"
	.globl	_start
_start:
	/* RISC-V Linux boot image header, version 0.2 (Documentation/arch/riscv/boot-image-header.rst). */
	.option	push
	.option	norvc
	j	boot
	nop
	.option	pop
	.dword	0x200000		/* text_offset */
	.dword	_image_size
	.dword	0			/* flags: little endian */
	.word	2
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\005"
	.word	0

	.text
boot:
	/* All registers as they came, for guests that look what another one left in them. */
	csrw	sscratch, t0
	la	t0, boot_regs
	sd	x1, 8(t0)
	sd	x2, 16(t0)
	sd	x3, 24(t0)
	sd	x4, 32(t0)
	sd	x6, 48(t0)
	.irp	n, 7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, \n * 8(t0)
	.endr
	csrr	t1, sscratch
	sd	t1, 40(t0)
	csrr	t1, time
	sd	t1, 256(t0)		/* boot_time */
	csrw	sie, zero
	csrw	satp, zero

	la	t0, _bss_start
	la	t1, _bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, 0(t0)
	addi	t0, t0, 8
	j	1b
2:
	la	sp, cpu_stacks + STACK_SIZE
	mv	s0, a0
	mv	s1, a1
	call	cpu_init_boot		/* (hartid, fdt) -> its struct cpu */
	mv	tp, a0
	csrw	sscratch, tp
	la	t0, trap_entry
	csrw	stvec, t0
	call	guest_start
1:	wfi
	j	1b

	.globl	secondary_start
secondary_start:
	csrw	sie, zero
	mv	tp, a1
	csrw	sscratch, tp
	la	t0, trap_entry
	csrw	stvec, t0
	ld	sp, CPU_STACK_SP(tp)
	call	smp_entry		/* (hartid, cpu), comes not back */
1:	wfi
	j	1b

	.section .data
	.balign	8
	.globl	boot_regs
boot_regs:
	.fill	32, 8, 0
	.globl	boot_time
boot_time:
	.dword	0
