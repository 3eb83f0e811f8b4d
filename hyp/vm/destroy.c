// SPDX-License-Identifier: BSD-2-Clause
#include "vm/destroy.h"

#include "arch/memmap.h"
#include "arch/smp.h"
#include "lib/log.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/vtimer.h"
#include "vcpu/registry.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vm/bundle_store.h"
#include "vm/config.h"
#include "vm/life.h"
#include "vm/lifecycle.h"
#include "vm/parts.h"

/* How soon the reaper looks again at what it waits for. */
#define LOOK_PERIOD_NS 200000

static void reap(struct work *w);
static void look_again(struct timer *t);

static struct spinlock lock = SPINLOCK_INIT(LOCK_DYING); /* guards `dying` */
static struct list dying = { &dying, &dying };
static struct work reaper = { .fn = reap };
static struct timer look = { .deadline = TIMER_NEVER, .fn = look_again };
static struct smp_grace grace; /* the reaper's, of the first VM in the list */

static void look_again(struct timer *t)
{
	(void)t;
	work_queue(&reaper);
}

bool vm_destroy(struct vm *vm)
{
	bool first;

	spin_lock(&vm->transition);
	first = !vm->doomed;
	vm->doomed = true;
	spin_unlock(&vm->transition);
	if (!first)
		return false;
	(void)vm_stop(vm, VM_STOP_DESTROY, NULL);
	/* One that could not be made has no task that would do it. */
	if (vm->life)
		(void)sched_wake(&vm->task);
	else if (vm_set_state(vm, VM_DESTROYED))
		vm_unregister(vm);
	return true;
}

void vm_released(struct vm *vm)
{
	spin_lock(&lock);
	list_push_back(&dying, &vm->dying);
	spin_unlock(&lock);
	work_queue(&reaper);
}

static void stop_parts_and_timers(struct vm *vm)
{
	parts_destroy(vm);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_timer_cancel(vm->vcpus[i]);
	if (vm->nr_vcpus)
		sched_group_exit(&vm->group);
	if (vm->life)
		timer_cancel(&vm->life->restart);
}

static bool all_asleep(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		if (!sched_has_left(&vm->vcpus[i]->se))
			return false;
	return !vm->life || sched_has_left(&vm->task);
}

static void leave_scheduler(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		sched_entity_exit(&vm->vcpus[i]->se);
	if (!vm->life)
		return;
	sched_entity_exit(&vm->task);
	loader_free(&vm->life->loader);
}

/* The id comes last: once it is free, so is all memory of the VM that had it. */
static void free_vm(struct vm *vm)
{
	unsigned int id = vm->id;

	log_info("%s: is gone", vm->name);
	page_free(ptr_to_hpa(vm), align_up(sizeof(*vm), PAGE_SIZE));
	vm_free_id(id);
}

/* Once all that they have is shown. False: it is not yet. */
static bool close_consoles(const struct vm *vm)
{
	struct term_stream *s;

	vm_for_each_stream(s, vm) if (!term_stream_want_out(s)) return false;
	vm_for_each_stream(s, vm) term_stream_close(s);
	return true;
}

enum progress {
	GOES_ON, /* another step, now */
	WAITS,	 /* for another hart, or for the terminal */
	IS_GONE,
};

static enum progress reap_step(struct vm *vm)
{
	switch (vm->reaped) {
	case REAP_OUTPUT:
		if (!close_consoles(vm))
			return WAITS;
		smp_grace_begin(&grace);
		vm->reaped = REAP_CALLS;
		return WAITS;
	case REAP_CALLS:
		if (!smp_grace_is_over(&grace))
			return WAITS;
		stop_parts_and_timers(vm);
		smp_grace_begin(&grace);
		vm->reaped = REAP_TIMERS;
		return WAITS;
	case REAP_TIMERS:
		/* Nothing wakes its vcpus and its task any more, but what was woken may still wait for a hart. */
		if (!smp_grace_is_over(&grace) || !all_asleep(vm))
			return WAITS;
		smp_grace_begin(&grace);
		vm->reaped = REAP_ENTITIES;
		return WAITS;
	case REAP_ENTITIES:
		if (!smp_grace_is_over(&grace))
			return WAITS;
		leave_scheduler(vm);
		vcpu_timed_free(vm);
		bundle_store_put(vm->config->store);
		vm->reaped = REAP_MEMORY;
		return GOES_ON;
	case REAP_MEMORY:
		if (arena_destroy_step(&vm->arena))
			return GOES_ON;
		return IS_GONE;
	}
	return IS_GONE;
}

static struct vm *first_dying(void)
{
	struct vm *vm = NULL;

	spin_lock(&lock);
	if (!list_empty(&dying))
		vm = list_entry(dying.next, struct vm, dying);
	spin_unlock(&lock);
	return vm;
}

/* One after the other: a work item never runs on two harts at once. */
static void reap(struct work *w)
{
	struct vm *vm = first_dying();

	if (!vm)
		return;
	switch (reap_step(vm)) {
	case WAITS:
		timer_arm(&look, timer_now() + timer_ns_to_ticks(LOOK_PERIOD_NS));
		return;
	case IS_GONE:
		spin_lock(&lock);
		list_remove(&vm->dying);
		spin_unlock(&lock);
		free_vm(vm);
		break;
	case GOES_ON:
		break;
	}
	work_queue(w);
}
