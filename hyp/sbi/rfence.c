// SPDX-License-Identifier: BSD-2-Clause
/* RFENCE: fences on a guest's other harts (riscv-sbi-doc, "RFENCE Extension"). */
#include "sbi/calls.h"

/* The specification's numbers. Another hypervisor had 3 and 4 swapped, and 5 and 6. */
static_assert(SBI_RFNC_REMOTE_FENCE_I == 0, "RFENCE");
static_assert(SBI_RFNC_REMOTE_SFENCE_VMA == 1, "RFENCE");
static_assert(SBI_RFNC_REMOTE_SFENCE_VMA_ASID == 2, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_GVMA_VMID == 3, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_GVMA == 4, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_VVMA_ASID == 5, "RFENCE");
static_assert(SBI_RFNC_REMOTE_HFENCE_VVMA == 6, "RFENCE");

void sbi_fence_vvma(struct vm *vm, struct vcpu_set set, uint64_t start, uint64_t size, bool by_asid,
		    uint64_t asid)
{
	struct vcpu_fence f;

	if (!vcpu_set_empty(set) && sbi_to_fence(&f, start, size, by_asid, asid))
		vm_fence_vvma(vm, set, &f);
}

static noinline struct next fence_set(struct vcpu *v, uint64_t fid)
{
	struct vcpu_fence f;
	struct vcpu_set set;
	int64_t err = sbi_hart_set(v->vm, sbi_arg(v, 0), sbi_arg(v, 1), &set);

	if (err || vcpu_set_empty(set))
		return sbi_err(v, err);
	if (fid == SBI_RFNC_REMOTE_FENCE_I)
		vm_fence_i(v->vm, set);
	else if (!sbi_to_fence(&f, sbi_arg(v, 2), sbi_arg(v, 3),
			       fid == SBI_RFNC_REMOTE_SFENCE_VMA_ASID, sbi_arg(v, 4)))
		return sbi_ok(v, 0);
	else if (vcpu_set_has(set, v->id))
		vm_fence_vvma(v->vm, set, &f);
	else
		vm_fence_others(v->vm, set, &f);
	return sbi_ok(v, 0);
}

/* One that sleeps has all that it knows fenced, when it runs again: less work than to remember what is asked. */
struct next sbi_fence(struct vcpu *v, uint64_t fid)
{
	struct vcpu *to = sbi_one_hart(v);

	if (fid == SBI_RFNC_REMOTE_FENCE_I || !to || to == v || !vm_fence_asleep(to))
		return fence_set(v, fid);
	return sbi_ok(v, 0);
}

/* The hfences of 3 to 6 are for guests that have the H extension; ours have not. */
static struct next rfence_handle(struct vcpu *v, uint64_t fid)
{
	return fid <= SBI_RFNC_REMOTE_SFENCE_VMA_ASID ? sbi_fence(v, fid) :
							sbi_err(v, SBI_ERR_NOT_SUPPORTED);
}

const struct sbi_extension sbi_ext_rfence = {
	.name = "RFENCE",
	.eid_first = SBI_EXT_RFNC,
	.eid_last = SBI_EXT_RFNC,
	.handle = rfence_handle,
};
