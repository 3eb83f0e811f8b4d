// SPDX-License-Identifier: BSD-2-Clause
/* RFENCE: fences on a guest's other harts (riscv-sbi-doc, "RFENCE Extension"). */
#include "sbi/sbi.h"
#include "vcpu/fence.h"

/* The specification's numbers. Another hypervisor had 3 and 4 swapped, and 5 and 6. */
static_assert(SBI_RFNC_REMOTE_FENCE_I == 0, "RFENCE");
static_assert(SBI_RFNC_REMOTE_SFENCE_VMA == 1, "RFENCE");
static_assert(SBI_RFNC_REMOTE_SFENCE_VMA_ASID == 2, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_GVMA_VMID == 3, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_GVMA == 4, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_VVMA_ASID == 5, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_VVMA == 6, "RFENCE");

/* satp.ASID has 16 bits; a hart ignores the others of sfence.vma's operand, and so do we. */
#define ASID_MASK UINT64_C(0xffff)

/* What is to be fenced. False: nothing is, as the range is empty. */
static always_inline bool to_fence(struct vcpu_fence *f, uint64_t start, uint64_t size,
				   bool by_asid, uint64_t asid)
{
	const uint64_t last_page = align_down(UINT64_MAX, PAGE_SIZE);
	const bool whole = (start == 0 && size == 0) || size == UINT64_MAX;

	*f = (struct vcpu_fence){ .asid = by_asid ? asid & ASID_MASK : 0, .by_asid = by_asid };
	/*
	 * A range that reaches into the last page, or beyond, becomes the whole space as well: its
	 * end has no number.
	 */
	if (!whole && start < last_page && size <= last_page - start) {
		f->start = align_down(start, PAGE_SIZE);
		f->size = align_up(start + size, PAGE_SIZE) - f->start;
	}
	/* An empty range as a struct vcpu_fence would mean the whole space. */
	return size != 0 || whole;
}

void sbi_fence_vvma(struct vm *vm, uint64_t set, uint64_t start, uint64_t size, bool by_asid,
		    uint64_t asid)
{
	struct vcpu_fence f;

	if (set != 0 && to_fence(&f, start, size, by_asid, asid))
		vm_fence_vvma(vm, set, &f);
}

static always_inline struct sbi_ret do_fence(struct vcpu *v, uint32_t fid, const uint64_t a[6])
{
	struct vcpu_fence f;
	uint64_t set;
	int64_t err = sbi_hart_set(v->vm, a[0], a[1], &set);

	if (err || set == 0)
		return sbi_err(err);
	if (fid == SBI_RFNC_REMOTE_FENCE_I)
		vm_fence_i(v->vm, set);
	else if (!to_fence(&f, a[2], a[3], fid == SBI_RFNC_REMOTE_SFENCE_VMA_ASID, a[4]))
		return sbi_ok(0);
	else if (set & BIT(v->id))
		vm_fence_vvma(v->vm, set, &f);
	else
		vm_fence_others(v->vm, set, &f);
	return sbi_ok(0);
}

static struct sbi_ret rfence_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	(void)eid;
	/* The hfences of 3 to 6 are for guests that have the H extension; ours have not. */
	if (fid > SBI_RFNC_REMOTE_SFENCE_VMA_ASID)
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	return do_fence(v, fid, a);
}

static struct light_end fence_i_quickly(struct vcpu *v, sbi_after_fn *after)
{
	return sbi_light_end(v, do_fence(v, SBI_RFNC_REMOTE_FENCE_I, &v->regs.x[REG_A0]), after);
}

static struct light_end sfence_quickly(struct vcpu *v, sbi_after_fn *after)
{
	return sbi_light_end(v, do_fence(v, SBI_RFNC_REMOTE_SFENCE_VMA, &v->regs.x[REG_A0]), after);
}

static sbi_quick_fn *const quick[SBI_FIRST_FUNCTIONS] = {
	[SBI_RFNC_REMOTE_FENCE_I] = fence_i_quickly,
	[SBI_RFNC_REMOTE_SFENCE_VMA] = sfence_quickly,
};

const struct sbi_extension sbi_ext_rfence = {
	.name = "RFENCE",
	.eid_first = SBI_EXT_RFNC,
	.eid_last = SBI_EXT_RFNC,
	.handle = rfence_handle,
	.light = UINT64_MAX,
	.quick = &quick,
	.nr_quick = SBI_RFNC_REMOTE_SFENCE_VMA + 1,
};
