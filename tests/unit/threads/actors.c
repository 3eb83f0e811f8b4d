/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: those that ask for something, from outside or from a guest. */
#include "threads/machine.h"

#include <unistd.h>

#include <hartvisor/sbi.h>

#include "vcpu/fence.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"

void calls(struct machine *mc, uint64_t set, int n)
{
	for (; set; set &= set - 1)
		__atomic_fetch_add(&mc->guests[__builtin_ctzll(set)].calls, (uint32_t)n,
				   __ATOMIC_SEQ_CST);
	add_now(&operations, n > 0);
}

void posts(struct vcpu *v)
{
	calls(machine_of(v), BIT(v->id), 1);
	add_now(&guest_of(v)->posted, 1);
	vcpu_inject(v, BIT(IRQ_VS_SOFT));
	calls(machine_of(v), BIT(v->id), -1);
	add_now(&did.injects, 1);
}

void post_begins(struct machine *mc, uint64_t set)
{
	calls(mc, set, 1);
	for (unsigned int i = 0; i < VCPUS; i++)
		if (set & BIT(i))
			add_now(&mc->guests[i].posted, 1);
}

void post_ends(struct machine *mc, uint64_t set)
{
	calls(mc, set, -1);
	add_now(&did.injects, 1);
}

void throws(struct vcpu *v)
{
	add_now(&guest_of(v)->thrown, 1);
	vcpu_unhalt(v);
}

void raises(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	calls(machine_of(v), BIT(v->id), 1);
	pthread_mutex_lock(&g->line);
	add_now(&g->raised, 1);
	vcpu_set_level(v, IRQ_VS_EXT, true);
	pthread_mutex_unlock(&g->line);
	calls(machine_of(v), BIT(v->id), -1);
	add_now(&did.levels, 1);
}

void claims(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	pthread_mutex_lock(&g->line);
	vcpu_set_level(v, IRQ_VS_EXT, false);
	write_now(&g->claimed, read_now(&g->raised));
	pthread_mutex_unlock(&g->line);
}

void fence_begins(struct machine *mc, uint64_t set, enum hart_fence kind, struct fence_call *c)
{
	*c = (struct fence_call){ .set = set, .kind = kind };
	for (unsigned int i = 0; i < VCPUS; i++)
		if (set & BIT(i))
			c->asked[i] = add_now(&mc->guests[i].asked[kind], 1) + 1;
	calls(mc, set, 1);
}

void fence_ends(struct machine *mc, const struct fence_call *c)
{
	for (unsigned int i = 0; i < VCPUS; i++) {
		uint64_t *r = &mc->guests[i].returned[c->kind], old = read_now(r);

		while (old < c->asked[i] &&
		       !__atomic_compare_exchange_n(r, &old, c->asked[i], false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
			;
	}
	calls(mc, c->set, -1);
	add_now(&did.fences, 1);
}

void fences(struct machine *mc, uint64_t set, enum hart_fence kind)
{
	const struct vcpu_fence page = { .start = { 0x1000 }, .size = 0x1000 }, space = { 0 };
	struct fence_call call;

	fence_begins(mc, set, kind, &call);
	if (kind == HART_FENCE_I)
		vm_fence_i(&mc->vm, (struct vcpu_set){ set });
	else if (kind == HART_FENCE_VVMA)
		vm_fence_vvma(&mc->vm, (struct vcpu_set){ set }, chance(3) ? &page : &space);
	else
		(void)vm_give_back_ram(&mc->vm, gpa(0), PAGE_SIZE);
	fence_ends(mc, &call);
}

void reboots(struct machine *mc)
{
	calls(mc, BIT(VCPUS) - 1, 1);
	if (vm_stop(&mc->vm, VM_STOP_REBOOT, NULL))
		add_now(&did.reboots, 1);
	calls(mc, BIT(VCPUS) - 1, -1);
}

/* As vm/lifecycle.c has it; in place of loading, one lock that keeps the outsiders away. */
void begin_life(struct machine *mc)
{
	struct vm *vm = &mc->vm;

	for (unsigned int i = 0; i < VCPUS; i++) {
		vcpu_power_on(vm->vcpus[i]);
		write_now(&mc->guests[i].claimed, read_now(&mc->guests[i].raised));
		write_now(&mc->guests[i].slept, 0);
		write_now(&mc->guests[i].waits, 0);
		for (int k = 0; k < NR_HART_FENCES; k++)
			mc->guests[i].fenced[k] = mc->guests[i].asked[k];
	}
	write_now(&mc->newest, 0);
	mc->lives++;
	write_now(&mc->dead, 0);
	if (!vm_begin_life(vm, timer_now()))
		broken("a life that does not begin");
	(void)vcpu_hsm_start(vm->vcpus[0], gpa(0x1000), 0);
}

bool life_step(struct sched_entity *se)
{
	struct machine *mc = container_of(se, struct machine, vm.task);

	if (atomic_read_acquire(&mc->vm.state) != VM_STOPPING)
		return false;
	if (atomic_read_acquire(&mc->vm.active) != 0)
		return vm_stop_step(&mc->vm);
	sched_expedite_end(se);
	write_now(&mc->dead, 1);
	pthread_rwlock_wrlock(&mc->life);
	(void)vm_set_state(&mc->vm, VM_BUILDING);
	begin_life(mc);
	pthread_rwlock_unlock(&mc->life);
	add_now(&progress, 1);
	return false;
}

void pauses(struct machine *mc)
{
	uint64_t all = BIT(VCPUS) - 1;
	bool done;

	calls(mc, all, 1);
	done = vm_pause(&mc->vm);
	calls(mc, all, -1);
	if (!done)
		return;
	usleep((useconds_t)chance(200));
	calls(mc, all, 1);
	/* The other operator may have been first, or the VM's end: a vcpu was on its way out when the pause began. */
	(void)vm_resume(&mc->vm);
	calls(mc, all, -1);
	add_now(&did.pauses, 1);
}

void moves(struct vcpu *v, unsigned int harts)
{
	struct pcpu_set set = pcpu_set_from_mask(1 + chance(BIT(harts) - 1));

	sched_set_affinity(&v->se, &set);
}

void toggles(struct machine *mc)
{
	uint64_t all = BIT(VCPUS) - 1;

	calls(mc, all, 1);
	if (!vm_resume(&mc->vm) && vm_pause(&mc->vm))
		(void)vm_resume(&mc->vm);
	calls(mc, all, -1);
}

void starts(struct machine *mc)
{
	for (unsigned int i = 0; i < VCPUS; i++) {
		struct vcpu *v = mc->vm.vcpus[i];

		calls(mc, BIT(i), 1);
		if (vcpu_hsm_status(v) == SBI_HSM_STATE_STOPPED &&
		    vcpu_hsm_start(v, gpa(0x1000), 0) == HV_OK)
			add_now(&did.starts, 1);
		calls(mc, BIT(i), -1);
	}
}

void frees(struct machine *mc)
{
	fences(mc, BIT(VCPUS) - 1, HART_FENCE_GVMA);
	add_now(&did.flushes, 1);
}
