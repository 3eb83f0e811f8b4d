/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's scenes: the threads that ask for something, from outside or from another vcpu. */
#include "explorer/scene.h"

#include "vcpu/fence.h"
#include "vcpu/irq.h"

void calls(uint64_t set, int n)
{
	for (; set; set &= set - 1)
		world.guests[__builtin_ctzll(set)].calls += (unsigned int)n;
}

void fence_i(uint64_t set)
{
	uint64_t asked[VCPUS_MAX];

	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (set & BIT(i))
			asked[i] = ++world.guests[i].asked[HART_FENCE_I];
	calls(set, 1);
	vm_fence_i(&world.vm, (struct vcpu_set){ set });
	calls(set, -1);
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (set & BIT(i))
			world.guests[i].returned[HART_FENCE_I] =
				max_u64(world.guests[i].returned[HART_FENCE_I], asked[i]);
}

void throws_without_kick(unsigned int i)
{
	struct guest *g = &world.guests[i];

	explorer_store(&g->thrown, sizeof(g->thrown),
		       explorer_load(&g->thrown, sizeof(g->thrown), false) + 1, false);
}

void throws_to(unsigned int i)
{
	throws_without_kick(i);
	vcpu_unhalt(vcpu(i));
}

void posts_to(unsigned int i)
{
	world.guests[i].posted++;
	calls(BIT(i), 1);
	vcpu_inject(vcpu(i), BIT(IRQ_VS_SOFT));
	calls(BIT(i), -1);
}

void asks_fence_i(void *arg)
{
	uint64_t set = (uintptr_t)arg;

	fence_i(set);
}

void kicks_request(void *arg)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)arg);

	calls(BIT(v->id), 1);
	vcpu_make_request(REQUEST_HFENCE_VVMA_ALL, v);
	vcpu_kick(v);
	calls(BIT(v->id), -1);
}

void posts(void *arg)
{
	posts_to((unsigned int)(uintptr_t)arg);
}

void posts_twice(void *arg)
{
	posts(arg);
	posts(arg);
}

void throws(void *arg)
{
	throws_to((unsigned int)(uintptr_t)arg);
}

void throws_and_throws(void *arg)
{
	throws(arg);
	throws(arg);
}

static bool is_armed(void *g)
{
	return ((const struct guest *)g)->armed;
}

void time_passes(void *i)
{
	explorer_wait(is_armed, &world.guests[(uintptr_t)i]);
	world.time += TIMER_TICKS;
	explorer_step();
	world.time += TIMER_TICKS;
	explorer_step();
}

void pauses(void *arg)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	(void)arg;
	calls(all, 1);
	if (!vm_pause(&world.vm) && world.vm.state == VM_RUNNING)
		explorer_fail("not paused");
	world.time += 100;
	calls(all, -1);
	explorer_step();
	explorer_step();
}

void pauses_and_resumes(void *arg)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	pauses(arg);
	calls(all, 1);
	(void)vm_resume(&world.vm);
	calls(all, -1);
}

void pauses_over_deadline(void *i)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	explorer_wait(is_armed, &world.guests[(uintptr_t)i]);
	pauses(NULL);
	world.time += TIMER_TICKS;
	explorer_step();
	calls(all, 1);
	(void)vm_resume(&world.vm);
	calls(all, -1);
	explorer_step();
	time_passes(i);
}

void toggles_twice(void *arg)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	(void)arg;
	for (unsigned int i = 0; i < 2; i++) {
		calls(all, 1);
		if (!vm_resume(&world.vm))
			(void)vm_pause(&world.vm);
		world.time += 100;
		calls(all, -1);
		explorer_step();
	}
}

void pauses_before_time_passes(void *i)
{
	pauses_and_resumes(NULL);
	time_passes(i);
}
