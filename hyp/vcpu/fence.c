// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/fence.h"

#include "lib/bits.h"

/* The caller, if it is one of @vm's: it is loaded here, so what is asked of it can be done at once. */
static uint64_t own_bit(const struct vm *vm)
{
	const struct vcpu *v = this_vcpu();

	return v && v->vm == vm ? BIT(v->id) : 0;
}

void vm_fence_i(struct vm *vm, uint64_t set)
{
	uint64_t own = set & own_bit(vm);

	if (own)
		arch_fence_i();
	if (set != own)
		(void)vcpus_make_request(vm, set & ~own, REQUEST_FENCE_I);
}

/* False: no room; all of @v's entries have to go. */
static bool queue_fence(struct vcpu *v, const struct vcpu_fence *f)
{
	bool room;

	spin_lock(&v->fences.lock);
	room = v->fences.nr < VCPU_FENCE_RING;
	if (room)
		v->fences.ring[v->fences.nr++ % VCPU_FENCE_RING] = *f;
	spin_unlock(&v->fences.lock);
	return room;
}

static noinline void fence_some_and_all(struct vm *vm, uint64_t some, uint64_t all)
{
	if (all)
		(void)vcpus_make_request(vm, all, REQUEST_HFENCE_VVMA_ALL);
	(void)vcpus_make_request(vm, some, REQUEST_HFENCE);
}

void vm_fence_others(struct vm *vm, uint64_t set, const struct vcpu_fence *f)
{
	uint64_t all = 0;

	if (f->size == 0 && !f->by_asid) {
		(void)vcpus_make_request(vm, set, REQUEST_HFENCE_VVMA_ALL);
		return;
	}
	for (uint64_t s = set; s; s &= s - 1) {
		struct vcpu *v = vm->vcpus[bit_first(s)];

		/* To one that sleeps everything is less work than the list, for both. */
		if (atomic_read(&v->halt.blocked) || !queue_fence(v, f))
			all |= s & -s;
	}
	if (all == set)
		(void)vcpus_make_request(vm, set, REQUEST_HFENCE_VVMA_ALL);
	else
		fence_some_and_all(vm, set & ~all, all);
}

void vm_fence_vvma(struct vm *vm, uint64_t set, const struct vcpu_fence *f)
{
	uint64_t own = set & own_bit(vm);

	if (own)
		vcpu_fence_now(f);
	if (set != own)
		vm_fence_others(vm, set & ~own, f);
}

void vcpu_fence_drain(struct vcpu *v)
{
	spin_lock(&v->fences.lock);
	for (unsigned int i = 0; i < v->fences.nr; i++)
		vcpu_fence_now(&v->fences.ring[i]);
	v->fences.nr = 0;
	spin_unlock(&v->fences.lock);
}

void vcpu_fence_all(struct vcpu *v)
{
	spin_lock(&v->fences.lock);
	v->fences.nr = 0;
	spin_unlock(&v->fences.lock);
	arch_hfence_vvma_all();
}
