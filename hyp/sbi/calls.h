/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that come most, in line: for their extensions' handlers, and for the fast path, which finds them without the
 * table. Those with _self do what concerns @v alone; it is all that they do, so nothing else has to be looked at.
 */
#ifndef SBI_CALLS_H
#define SBI_CALLS_H

#include "sbi/sbi.h"
#include "vcpu/fence.h"
#include "vcpu/irq.h"
#include "vcpu/vtimer.h"

/* sbi_set_timer - TIME's only function. */
static inline struct next sbi_set_timer(struct vcpu *v)
{
	vcpu_timer_set(v, sbi_arg(v, 0));
	return sbi_ok(v, 0);
}

/* sbi_send_ipi - IPI's only function. sbi_ipi_self - the same when sbi_names_self(). */
static inline struct next sbi_ipi_self(struct vcpu *v)
{
	vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
	return sbi_ok(v, 0);
}

struct next sbi_send_ipi(struct vcpu *v);

/* satp.ASID has 16 bits; a hart ignores the others of sfence.vma's operand, and so do we. */
#define SBI_ASID_MASK UINT64_C(0xffff)

/* sbi_to_fence - what is to be fenced. False: nothing is, as the range is empty. */
static always_inline bool sbi_to_fence(struct vcpu_fence *f, uint64_t start, uint64_t size,
				       bool by_asid, uint64_t asid)
{
	const uint64_t last_page = align_down(UINT64_MAX, PAGE_SIZE);
	const bool whole = (start == 0 && size == 0) || size == UINT64_MAX;

	*f = (struct vcpu_fence){ .asid = by_asid ? asid & SBI_ASID_MASK : 0, .by_asid = by_asid };
	/*
	 * A range that reaches into the last page, or beyond, becomes the whole space as well: its
	 * end has no number.
	 */
	if (!whole && start < last_page && size <= last_page - start) {
		f->start = gva(align_down(start, PAGE_SIZE));
		f->size = align_up(start + size, PAGE_SIZE) - f->start.gva;
	}
	/* An empty range as a struct vcpu_fence would mean the whole space. */
	return size != 0 || whole;
}

/* sbi_fence - REMOTE_FENCE_I, REMOTE_SFENCE_VMA and REMOTE_SFENCE_VMA_ASID. */
struct next sbi_fence(struct vcpu *v, uint64_t fid);

/* sbi_sfence_self - REMOTE_SFENCE_VMA, when sbi_names_self(). */
static always_inline struct next sbi_sfence_self(struct vcpu *v)
{
	struct vcpu_fence f;

	if (sbi_to_fence(&f, sbi_arg(v, 2), sbi_arg(v, 3), false, 0))
		vcpu_fence_now(&f);
	return sbi_ok(v, 0);
}

/* sbi_fence_i_self - REMOTE_FENCE_I, when sbi_names_self(). */
static inline struct next sbi_fence_i_self(struct vcpu *v)
{
	arch_fence_i();
	return sbi_ok(v, 0);
}

/* sbi_base_constant - BASE's first functions: what they say. */
#define SBI_BASE_CONSTANTS (SBI_BASE_GET_IMPL_VERSION + 1)

static inline struct next sbi_base_constant(struct vcpu *v, uint64_t fid)
{
	return sbi_ok(v, fid == SBI_BASE_GET_SPEC_VERSION ? SBI_SPEC_VERSION :
			 fid == SBI_BASE_GET_IMPL_ID	  ? HARTVISOR_SBI_IMPL_ID :
							    SBI_IMPL_VERSION);
}

#endif
