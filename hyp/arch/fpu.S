/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saving and restoring the guests' FP and vector registers: the only FP and vector instructions in
 * hartvisor. The caller has set sstatus.FS (VS) to something other than Off.
 */
#include "arch/asm_offsets.h"

	.text
	.option arch, +d
	.option norvc			/* a hart with Zca and D may lack Zcd, the compressed loads of D */

	.macro	for_f op
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\op	f\n, (\n * 8)(a0)
	.endr
	.endm

/* void arch_fp_save(struct guest_fp *fp) */
	.globl	arch_fp_save
	.type	arch_fp_save, @function
arch_fp_save:
	for_f	fsd
	frcsr	t0
	sd	t0, FP_FCSR(a0)
	ret
	.size	arch_fp_save, . - arch_fp_save

/* void arch_fp_csr_save(struct guest_fp *fp) */
	.globl	arch_fp_csr_save
	.type	arch_fp_csr_save, @function
arch_fp_csr_save:
	frcsr	t0
	sd	t0, FP_FCSR(a0)
	ret
	.size	arch_fp_csr_save, . - arch_fp_csr_save

/* void arch_fp_csr_restore(const struct guest_fp *fp) */
	.globl	arch_fp_csr_restore
	.type	arch_fp_csr_restore, @function
arch_fp_csr_restore:
	ld	t0, FP_FCSR(a0)
	fscsr	t0
	ret
	.size	arch_fp_csr_restore, . - arch_fp_csr_restore

/* void arch_fp_restore(const struct guest_fp *fp) */
	.globl	arch_fp_restore
	.type	arch_fp_restore, @function
arch_fp_restore:
	for_f	fld
	ld	t0, FP_FCSR(a0)
	fscsr	t0
	ret
	.size	arch_fp_restore, . - arch_fp_restore

	.option arch, +v

/* void arch_vector_save(struct guest_vector *v) */
	.globl	arch_vector_save
	.type	arch_vector_save, @function
arch_vector_save:
	csrr	t0, vstart
	csrr	t1, vl
	csrr	t2, vtype
	csrr	t3, vcsr
	sd	t0, VECTOR_VSTART(a0)
	sd	t1, VECTOR_VL(a0)
	sd	t2, VECTOR_VTYPE(a0)
	sd	t3, VECTOR_VCSR(a0)
	addi	a0, a0, VECTOR_V
	csrw	vstart, zero		/* whole-register stores start at vstart */
	csrr	t4, vlenb
	slli	t4, t4, 3		/* eight registers at a time */
	vs8r.v	v0, (a0)
	add	a0, a0, t4
	vs8r.v	v8, (a0)
	add	a0, a0, t4
	vs8r.v	v16, (a0)
	add	a0, a0, t4
	vs8r.v	v24, (a0)
	csrw	vstart, t0
	ret
	.size	arch_vector_save, . - arch_vector_save

/* void arch_vector_csrs_save(struct guest_vector *v): those that change without a vector register or vtype */
	.globl	arch_vector_csrs_save
	.type	arch_vector_csrs_save, @function
arch_vector_csrs_save:
	csrr	t0, vstart
	csrr	t1, vcsr
	sd	t0, VECTOR_VSTART(a0)
	sd	t1, VECTOR_VCSR(a0)
	ret
	.size	arch_vector_csrs_save, . - arch_vector_csrs_save

/* void arch_vector_restore(const struct guest_vector *v) */
	.globl	arch_vector_restore
	.type	arch_vector_restore, @function
arch_vector_restore:
	ld	t0, VECTOR_VSTART(a0)
	ld	t1, VECTOR_VL(a0)
	ld	t2, VECTOR_VTYPE(a0)
	ld	t3, VECTOR_VCSR(a0)
	addi	a0, a0, VECTOR_V
	csrw	vstart, zero
	csrr	t4, vlenb
	slli	t4, t4, 3
	vl8re8.v v0, (a0)
	add	a0, a0, t4
	vl8re8.v v8, (a0)
	add	a0, a0, t4
	vl8re8.v v16, (a0)
	add	a0, a0, t4
	vl8re8.v v24, (a0)
	vsetvl	zero, t1, t2		/* vill in vtype comes back as it was: vl is 0 then */
	csrw	vcsr, t3
	csrw	vstart, t0
	ret
	.size	arch_vector_restore, . - arch_vector_restore
