// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm.h"

#include <string.h>

#include "arch/timer.h"
#include "arch/trace.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm_mem.h"
#include "vcpu/vm_part.h"

void (*vm_state_trace)(const struct vm *vm, enum vm_state from, enum vm_state to);
void (*vm_state_event)(const struct vm *vm, enum vm_state from, enum vm_state to);

/* The states that may follow each state. */
static const uint16_t next_states[VM_STATES] = {
	[VM_RUNNING] = BIT(VM_PAUSING) | BIT(VM_STOPPING),
	[VM_PAUSING] = BIT(VM_PAUSED) | BIT(VM_STOPPING),
	[VM_PAUSED] = BIT(VM_RUNNING) | BIT(VM_STOPPING),
	[VM_BUILDING] = BIT(VM_RUNNING) | BIT(VM_FAILED) | BIT(VM_STOPPING),
	[VM_STOPPING] = BIT(VM_BUILDING) | BIT(VM_OFF) | BIT(VM_CRASHED),
	[VM_OFF] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
	[VM_CRASHED] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
	[VM_FAILED] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
};

static bool may_become(const struct vm *vm, enum vm_state to)
{
	return next_states[index_below(atomic_read(&vm->state), VM_STATES)] & BIT(to);
}

/* A VM that begins to be built may be a new one, with the number of one that has gone. */
void vm_trace_state(const struct vm *vm, enum vm_state from, enum vm_state to)
{
	if (to == VM_BUILDING || from == to)
		trace_name_vm(vm->id, vm->name);
	trace_event(TRACE_VM, trace_label(vm->id, TRACE_NO_VCPU), to, from, 0);
}

/* vm->transition is held. */
static bool set_state(struct vm *vm, enum vm_state to)
{
	enum vm_state from = atomic_read(&vm->state);

	if (!may_become(vm, to) || (to == VM_BUILDING && vm->doomed))
		return false;
	atomic_set_release(&vm->state, to);
	if (vm_state_trace)
		vm_state_trace(vm, from, to);
	if (vm_state_event)
		vm_state_event(vm, from, to);
	if (trace_is_on())
		vm_trace_state(vm, from, to);
	return true;
}

bool vm_set_state(struct vm *vm, enum vm_state to)
{
	bool done;

	spin_lock(&vm->transition);
	done = set_state(vm, to);
	spin_unlock(&vm->transition);
	return done;
}

bool vm_begin_life(struct vm *vm, uint64_t now)
{
	bool done;

	spin_lock(&vm->transition);
	done = atomic_read(&vm->state) == VM_BUILDING;
	if (done) {
		atomic_set(&vm->active, vm->nr_vcpus);
		atomic_set(&vm->stop, VM_STOP_NONE);
		vm->stop_why[0] = '\0';
		vm->watch = (struct vm_watch){ .since = now };
		sched_group_go(&vm->group, now);
		atomic_set(&vm->htimedelta, -now); /* a guest's clock starts with it */
		/* One that slept for room when it ended is not to be woken now. */
		vcpu_set_atomic_clear(&vm->console_waits);
		(void)set_state(vm, VM_RUNNING);
	}
	spin_unlock(&vm->transition);
	return done;
}

bool vm_start(struct vm *vm)
{
	bool done;

	spin_lock(&vm->transition);
	done = vm->made && vm_has_ended(atomic_read(&vm->state)) && set_state(vm, VM_BUILDING);
	spin_unlock(&vm->transition);
	if (done)
		(void)sched_wake(&vm->task);
	return done;
}

/*
 * vm->transition is held. The requests come before the state, because the task begins to wake vcpus as soon as it sees
 * that, and one that finds no request sleeps on.
 */
static void begin_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	atomic_set(&vm->stop, how);
	vm->stop_why[0] = '\0';
	if (why)
		(void)strncat(vm->stop_why, why, sizeof(vm->stop_why) - 1);
	/* One that is being built has no vcpu that is active. */
	if (atomic_read(&vm->state) != VM_BUILDING) {
		(void)vm_make_all_vcpus_request(vm, REQUEST_VM_DEAD | REQUEST_NO_WAKEUP);
		vm->told = 0;
	}
	(void)set_state(vm, VM_STOPPING);
}

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	bool first;

	spin_lock(&vm->transition);
	first = may_become(vm, VM_STOPPING);
	if (first)
		begin_stop(vm, how, why);
	spin_unlock(&vm->transition);
	if (!first)
		return false;
	/* It needs a hart to end the VM, which it would not get where class fifo runs for ever. */
	sched_expedite(&vm->task);
	(void)sched_wake(&vm->task);
	return true;
}

/* To wake one takes some 400 instructions. */
#define STOP_STEP 8

bool vm_stop_step(struct vm *vm)
{
	unsigned int end = vm->told + STOP_STEP;

	for (; vm->told < end && vm->told < vm->nr_vcpus; vm->told++) {
		struct vcpu *v = vm->vcpus[index_below(vm->told, VM_MAX_VCPUS)];

		/* It ends on a hart, too. */
		sched_expedite(&v->se);
		vcpu_kick(v);
	}
	return vm->told < vm->nr_vcpus;
}

bool vm_pause(struct vm *vm)
{
	uint32_t mine = 0;
	bool done;

	spin_lock(&vm->transition);
	done = set_state(vm, VM_PAUSING);
	if (done)
		mine = ++vm->pauses;
	spin_unlock(&vm->transition);
	if (!done)
		return false;
	/*
	 * SLEEP makes a vcpu outside guest mode look at the state before it enters. OUTSIDE_GUEST_MODE gets the
	 * others out, and waits. Set the request bits before reading modes: a vcpu seen outside guest mode finds
	 * its bit before it enters.
	 */
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_make_request(REQUEST_SLEEP, vm->vcpus[i]);
	(void)vm_make_all_vcpus_request(vm, REQUEST_OUTSIDE_GUEST_MODE);
	vm_mem_wait(); /* for device code that has seen it run (dev/virtio/virtio.c) */
	/*
	 * A vcpu that handles an exit may have ended the VM meanwhile. Then the pause is void; the next life
	 * begins without one, and another operator may have begun to pause that.
	 */
	spin_lock(&vm->transition);
	done = atomic_read(&vm->state) == VM_PAUSING && vm->pauses == mine;
	if (done) {
		vm->paused_at = timer_now();
		sched_group_stop(&vm->group, vm->paused_at);
		(void)set_state(vm, VM_PAUSED);
	}
	spin_unlock(&vm->transition);
	return done;
}

/*
 * Every vcpu takes over the new clock with UPDATE_CLOCK before it enters again. The bits are there before it is
 * RUNNING, since a vcpu that is awake enters as soon as it sees that. vm->transition is held, so that no new life begins
 * between the two.
 */
static void resume(struct vm *vm)
{
	uint64_t now = timer_now();

	atomic_set(&vm->htimedelta, vm->htimedelta - (now - vm->paused_at));
	sched_group_go(&vm->group, now);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_make_request(REQUEST_UPDATE_CLOCK, vm->vcpus[i]);
	(void)set_state(vm, VM_RUNNING);
	(void)vm_make_all_vcpus_request(vm, REQUEST_UPDATE_CLOCK);
}

static void resume_parts(const struct vm *vm)
{
	for (const struct vm_part_of *p = vm->parts; p; p = p->next)
		if (p->part->resume)
			p->part->resume(p->state);
}

bool vm_resume(struct vm *vm)
{
	bool done;

	spin_lock(&vm->transition);
	/* A VM that ended while it was paused stays so: its clock and vcpus are the next life's. */
	done = atomic_read(&vm->state) == VM_PAUSED;
	if (done)
		resume(vm);
	spin_unlock(&vm->transition);
	if (done)
		resume_parts(vm);
	return done;
}

uint64_t vm_guest_time(struct vm *vm, uint64_t now)
{
	if (!vm_may_run(vm)) {
		spin_lock(&vm->transition);
		if (atomic_read(&vm->state) == VM_PAUSED)
			now = min_u64(now, vm->paused_at);
		now += vm->htimedelta;
		spin_unlock(&vm->transition);
		return now;
	}
	return now + atomic_read(&vm->htimedelta);
}

int vm_give_back_ram(struct vm *vm, gpa_t base, uint64_t size)
{
	struct gstage_ram pieces[GSTAGE_MAX_RAM];
	unsigned int nr;
	int err;

	spin_lock(&vm->lock);
	vm_mem_change_begins(vm);
	err = gstage_unmap_ram(&vm->gstage, base, size, pieces, ARRAY_SIZE(pieces), &nr);
	vm_mem_change_ends(vm);
	if (err == HV_OK) {
		(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);
		vm_mem_wait();
		gstage_free_pieces(pieces, nr);
	}
	spin_unlock(&vm->lock);
	return err;
}
