/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's jump to C: the RISC-V Linux Image header (Linux,
 * Documentation/arch/riscv/boot-image-header.rst), the boot hart's entry and the other harts' entry.
 *
 * Both entries arrive with translation off (SBI HSM: satp = 0, sstatus.SIE = 0, a0 = hart id) and turn
 * it on by pointing stvec at the continuation's linked address: the first fetch after the write of
 * satp faults, since nothing is mapped one to one, and lands there.
 */
#include <hartvisor/sbi.h>

#include "arch/asm_offsets.h"
#include "arch/csr.h"
#include "arch/memmap.h"

#define BOOT_STACK_SIZE 0x4000

	.section .head.text, "ax"
	.option norvc
	.globl _start
_start:
	j	boot_entry		/* code0 */
	.word	0			/* code1 */
	.dword	0x200000		/* text_offset: keep the firmware's 2 MiB */
	.dword	__image_end - __image_start /* image_size: with bss */
	.dword	0			/* flags: little endian */
	.word	2			/* version 0.2 */
	.word	0
	.globl	image_bundle_offset
image_bundle_offset:
	.dword	0			/* offset 40: where firmware/mkfw.py appended a bundle; 0: none */
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
	.option rvc

/* a0 = hart id, a1 = host-physical address of the device tree. */
	.balign 4
boot_entry:
	csrw	CSR_SIE, zero
	csrw	CSR_SSCRATCH, zero

	/* .data lies in the file before its place (hartvisor.lds): the last one first, they may overlap. */
	lla	t0, __data_start
	lla	t1, __data_init_end
	lla	t2, __data_load
	sub	t3, t1, t0
	add	t2, t2, t3
	j	2f
1:	addi	t1, t1, -8
	addi	t2, t2, -8
	ld	t3, (t2)
	sd	t3, (t1)
2:	bltu	t0, t1, 1b

	lla	t0, __bss_start
	lla	t1, __bss_end
1:	sd	zero, (t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b

	mv	s0, a0
	mv	s1, a1
	lla	sp, boot_stack_top
	lla	a0, _start
	call	boot_map		/* -> satp of the boot tables */

	lla	t0, boot_link_offset	/* linked address - load address */
	ld	t0, (t0)
	add	sp, sp, t0
	lla	t1, 2f
	add	t1, t1, t0
	csrw	CSR_STVEC, t1
	sfence.vma
	csrw	CSR_SATP, a0
	/* Only a hart without Sv39 comes here, where addresses are physical still: satp has not changed. */
	csrr	t1, CSR_SATP
	beq	t1, a0, 2f
	sub	sp, sp, t0
	call	boot_refuse
	.balign 4
2:	lla	t0, trap_vector
	csrw	CSR_STVEC, t0
	lla	tp, boot_pcpu
	mv	a0, s0
	mv	a1, s1
	call	hartvisor_main
3:	wfi
	j	3b

/* Other harts: a0 = hart id, a1 = host-physical address of their struct pcpu. */
	.balign 4
	.globl	secondary_entry
secondary_entry:
	csrw	CSR_SIE, zero
	csrw	CSR_SSCRATCH, zero
	ld	sp, PCPU_STACK_TOP(a1)	/* a linked address */
	li	t0, DIRECT_MAP_BASE
	add	tp, a1, t0
	lla	t0, boot_link_offset
	ld	t0, (t0)
	lla	t1, 4f
	add	t1, t1, t0
	csrw	CSR_STVEC, t1
	lla	t2, secondary_satp
	ld	t2, (t2)
	sfence.vma
	csrw	CSR_SATP, t2
	csrr	t1, CSR_SATP
	bne	t1, t2, 6f		/* a hart without Sv39 */
	.balign 4
4:	lla	t0, trap_vector
	csrw	CSR_STVEC, t0
	call	smp_secondary_main
5:	wfi
	j	5b

/* Stop: the boot hart reads by SBI HSM that this one has, and leaves it out. */
6:	li	a7, SBI_EXT_HSM
	li	a6, SBI_HSM_HART_STOP
	ecall
	j	5b

/* stack_switch_call(sp, fn): leave the boot stack for good. */
	.globl	stack_switch_call
stack_switch_call:
	mv	sp, a0
	jr	a1

	.section .bss.boot_stack, "aw", @nobits
	.balign 16
boot_stack:
	.space	BOOT_STACK_SIZE
	.globl	boot_stack_top
boot_stack_top:
