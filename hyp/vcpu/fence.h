/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remote fences between vcpus of one VM (SBI RFENCE). A target in guest mode gets a request and the
 * IPI, and the caller waits until it has left; a target that does not run is only marked, and takes a
 * fresh VMID or fences before its next entry. No hart waits for a vcpu that is not running.
 */
#ifndef VCPU_FENCE_H
#define VCPU_FENCE_H

#include "arch/fence.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* Above so many pages one fence of everything is cheaper than one a page. */
#define VCPU_FENCE_PAGES_MAX 64

/* vcpu_fence_now - on this hart, under the VMID that hgatp holds. */
static inline void vcpu_fence_now(const struct vcpu_fence *f)
{
	gva_t end = gva_add(f->start, f->size);

	if (f->size == 0 || f->size > VCPU_FENCE_PAGES_MAX * PAGE_SIZE) {
		if (f->by_asid)
			arch_hfence_vvma_asid(f->asid);
		else
			arch_hfence_vvma_all();
		return;
	}
	for (gva_t at = f->start; at.gva != end.gva; at = gva_add(at, PAGE_SIZE)) {
		if (f->by_asid)
			arch_hfence_vvma_addr_asid(at, f->asid);
		else
			arch_hfence_vvma_addr(at);
	}
}

/* vm_fence_i - fence.i on every vcpu in @set before it next executes a guest instruction. */
void vm_fence_i(struct vm *vm, struct vcpu_set set);

/* vm_fence_vvma - sfence.vma of [f->start, +size) (whole space, one ASID or all) on every vcpu in @set. */
void vm_fence_vvma(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f);

/* vm_fence_others - the same; @set is not empty and the caller not in it. */
void vm_fence_others(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f);

/*
 * vm_fence_asleep - sfence.vma of everything on @v, another one than the caller, if it sleeps. False: it does not, or not
 * any more, and vm_fence_vvma() is to be called.
 */
static always_inline bool vm_fence_asleep(struct vcpu *v)
{
	return atomic_read(&v->halt.blocked) && vcpu_ask_outside(v, REQUEST_HFENCE_VVMA_ALL);
}

/* vcpu_fence_drain / vcpu_fence_all - own pcpu, loaded: do what the HFENCE and HFENCE_VVMA_ALL requests
 * ask, under the VMID that hgatp holds. */
void vcpu_fence_drain(struct vcpu *v);
void vcpu_fence_all(struct vcpu *v);

#endif
