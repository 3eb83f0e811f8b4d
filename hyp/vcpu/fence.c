// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/fence.h"

/* The caller, if it is one of @vm's: it is loaded here, so what is asked of it can be done at once. */
static struct vcpu_set caller_of(const struct vm *vm)
{
	const struct vcpu *v = this_vcpu();

	return v && v->vm == vm ? vcpu_set_of(v->id) : vcpu_set_none();
}

void vm_fence_i(struct vm *vm, struct vcpu_set set)
{
	struct vcpu_set own = vcpu_set_and(set, caller_of(vm));

	if (!vcpu_set_empty(own))
		arch_fence_i();
	if (!vcpu_set_equal(set, own))
		(void)vcpus_make_request(vm, vcpu_set_without(set, own), REQUEST_FENCE_I);
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

static noinline void fence_some_and_all(struct vm *vm, struct vcpu_set some, struct vcpu_set all)
{
	if (!vcpu_set_empty(all))
		(void)vcpus_make_request(vm, all, REQUEST_HFENCE_VVMA_ALL);
	(void)vcpus_make_request(vm, some, REQUEST_HFENCE);
}

void vm_fence_others(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f)
{
	struct vcpu_set all = vcpu_set_none();

	if (f->size == 0 && !f->by_asid) {
		(void)vcpus_make_request(vm, set, REQUEST_HFENCE_VVMA_ALL);
		return;
	}
	vcpu_set_for_each_left(left, set) {
		struct vcpu *v = vm_lowest_vcpu(vm, left);

		/* To one that sleeps everything is less work than the list, for both. */
		if (atomic_read(&v->halt.blocked) || !queue_fence(v, f))
			all = vcpu_set_or(all, vcpu_set_head(left));
	}
	if (vcpu_set_equal(all, set))
		(void)vcpus_make_request(vm, set, REQUEST_HFENCE_VVMA_ALL);
	else
		fence_some_and_all(vm, vcpu_set_without(set, all), all);
}

void vm_fence_vvma(struct vm *vm, struct vcpu_set set, const struct vcpu_fence *f)
{
	struct vcpu_set own = vcpu_set_and(set, caller_of(vm));

	if (!vcpu_set_empty(own))
		vcpu_fence_now(f);
	if (!vcpu_set_equal(set, own))
		vm_fence_others(vm, vcpu_set_without(set, own), f);
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
