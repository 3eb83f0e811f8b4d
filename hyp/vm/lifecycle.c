// SPDX-License-Identifier: BSD-2-Clause
#include "vm/lifecycle.h"

#include <inttypes.h>
#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/log.h"
#include "mm/page.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/hsm.h"
#include "pv/magic.h"
#include "vcpu/registry.h"
#include "vcpu/vm_mem.h"
#include "vm/boot_order.h"
#include "vm/config_ram.h"
#include "vm/destroy.h"
#include "vm/life.h"
#include "vm/parts.h"
#include "vm/vm_make.h"

/* One step takes some 10,000 instructions at most: so many vcpus are made ready. */
#define VCPU_STEP 8

/* A VM that ends and starts again and again does so at this pace: each time costs others the clearing
 * and loading, and lines of the log. */
#define RESTART_PERIOD_NS UINT64_C(1000000000)

/* How often a VM looks for RAM that another one gives back. */
#define RAM_PERIOD_NS 1000000

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_RUNNING] = "running",   [VM_PAUSING] = "pausing", [VM_PAUSED] = "paused",
		[VM_BUILDING] = "loading",  [VM_OFF] = "off",	      [VM_CRASHED] = "crashed",
		[VM_STOPPING] = "stopping", [VM_FAILED] = "failed",   [VM_DESTROYED] = "destroyed",
	};

	return (unsigned int)state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void trace_state(const struct vm *vm, enum vm_state from, enum vm_state to)
{
	log_info("%s: %s -> %s", vm->name, vm_state_name(from), vm_state_name(to));
}

void lifecycle_trace(void)
{
	vm_state_trace = trace_state;
}

/*
 * It will not run any more, unless it is started again. Its RAM is wiped in steps and then goes back; until
 * then it is "off" with its memory taken. Its objects stay. False: an operator was faster.
 */
static bool finish(struct vm *vm, enum vm_state state)
{
	struct vm_life *life = vm->life;
	struct term_stream *s;

	vm_for_each_stream(s, vm) term_stream_flush(s);
	life->cleared = 0;
	atomic_set(&vm->ended_at, timer_now());
	life->vcpus = 0;
	/* The phase first: ram_may_come() looks at the state first. */
	atomic_set(&life->phase, PHASE_WIPE);
	return vm_set_state(vm, state);
}

/*
 * What the guest of this life wrote into its devices, and what was typed for it, is not the next one's; and no alarm
 * rings in an ended VM. True: call again.
 */
static bool reset_step(struct vm_life *life)
{
	struct vm *vm = life->vm;

	if (!life->resets) {
		struct term_stream *s;

		life->resets = true;
		life->part = vm->last_part;
		vm_for_each_stream(s, vm) term_stream_discard_input(s);
	}
	if (parts_reset_step(&life->part))
		return true;
	life->resets = false;
	return false;
}

/* The operator looks at a VM that will never say anything: show another one. False: there is none that may. */
static bool give_focus_away(const struct vm *from)
{
	if (!vm_has_stream(from, term_focused()))
		return true;
	for_each_vm(vm) {
		if (vm->stream && !vm_has_ended(atomic_read(&vm->state))) {
			term_focus(vm->stream);
			vm_put(vm);
			return true;
		}
	}
	return false;
}

static void fail(struct vm *vm)
{
	boot_order_done(vm);
	if (!finish(vm, VM_FAILED))
		return;
	log_error("%s: not started, for the reason above", vm->name);
	(void)give_focus_away(vm);
	lifecycle_check_all_ended();
}

/* True: there are more. */
static bool vcpus_step(struct vm_life *life)
{
	const struct vm *vm = life->vm;
	unsigned int end = life->vcpus + VCPU_STEP;

	for (; life->vcpus < end && life->vcpus < vm->nr_vcpus; life->vcpus++) {
		pv_magic_reset(vm->vcpus[life->vcpus]);
		vcpu_power_on(vm->vcpus[life->vcpus]);
		vcpu_stats_zero(vm->vcpus[life->vcpus]);
	}
	return life->vcpus < vm->nr_vcpus;
}

static void start(struct vm *vm, const struct loader_result *at)
{
	struct vm_life *life = vm->life;

	(void)vcpu_hsm_prepare(vm->vcpus[0], at->entry, at->fdt.gpa);
	life->started_at = timer_now();
	boot_order_done(vm);
	atomic_set(&life->phase, PHASE_NONE);
	atomic_set(&vm->waits, 0);
	vm_mem_open(vm);
	/* RUNNING before the kick, so that the guest may end at once. The operator may even before that,
	 * so nothing of the VM is written from here on; a kick too many does no harm. */
	if (!vm_begin_life(vm, life->started_at))
		return;
	log_info("%s: started: %u vcpu%s, %" PRIu64 " MiB", vm->name, vm->nr_vcpus,
		 vm->nr_vcpus == 1 ? "" : "s", config_ram_bytes(vm->config) >> 20);
	vcpu_kick(vm->vcpus[0]);
}

/* Is RAM of another VM on its way back to the pool? */
static bool ram_may_come(void)
{
	for_each_vm(vm) {
		enum vm_state state = atomic_read_acquire(&vm->state);

		if (state == VM_STOPPING || (vm->life && vm_has_ended(state) &&
					     atomic_read_acquire(&vm->life->phase) == PHASE_WIPE)) {
			vm_put(vm);
			return true;
		}
	}
	return false;
}

static bool ram_step(struct vm_life *life)
{
	bool more =
		ram_may_come(); /* before the attempt, or what comes between the two is missed */
	const struct vm_part_of *refused = NULL;
	int err;

	if (loader_abandon_step(&life->loader))
		return true;
	err = vm_remake_ram(life->vm, &life->cleared, &refused);
	if (err == HV_EBUSY)
		return true;
	if (err == HV_OK) {
		life->cleared = 0;
		atomic_set(&life->phase, PHASE_CLEAR);
	} else if (more) {
		/* Not at once: what gives it back may be less urgent than this task. */
		timer_arm(&life->restart, timer_now() + timer_ns_to_ticks(RAM_PERIOD_NS));
		return false;
	} else {
		vm_tell_ram(life->vm, err, refused);
		fail(life->vm);
	}
	return true;
}

/* False: all of its RAM is clear. */
static bool clear_step(struct vm_life *life)
{
	uint64_t done = gstage_clear_step(&life->vm->gstage, life->cleared, arch_wipe_step());

	life->cleared += done;
	return done != 0;
}

static bool load_step(struct vm_life *life)
{
	int err = loader_step(&life->loader);

	if (err < 0)
		fail(life->vm);
	if (err != 0)
		return true;
	life->vcpus = 0;
	atomic_set(&life->phase, PHASE_VCPUS);
	return true;
}

static void begin_ram(struct vm_life *life)
{
	life->cleared = 0;
	atomic_set(&life->phase, PHASE_RAM);
}

/* One step of a VM that is BUILDING on its way to RUNNING. True: call again. */
static bool build_step(struct vm_life *life)
{
	switch (atomic_read(&life->phase)) {
	case PHASE_WAIT:
		if (timer_now() < life->begin_at) {
			timer_arm(&life->restart, life->begin_at);
			return false;
		}
		begin_ram(life);
		return true;
	case PHASE_RAM:
		return ram_step(life);
	case PHASE_CLEAR:
		if (!clear_step(life))
			atomic_set(&life->phase, PHASE_BEGIN_LOAD);
		return true;
	case PHASE_BEGIN_LOAD:
		if (loader_begin(&life->loader, life->vm, life->vm->config) == HV_OK)
			atomic_set(&life->phase, PHASE_LOAD);
		else
			fail(life->vm);
		return true;
	case PHASE_LOAD:
		return load_step(life);
	case PHASE_VCPUS:
		if (vcpus_step(life))
			return true;
		start(life->vm, &life->loader.result);
		return false;
	default: /* it was off until now */
		begin_ram(life);
		return true;
	}
}

/* One step of a VM that has ended. Every vcpu has left its hart for good, and no hart walks the tables any more
 * (vcpu_put_for_good). True: call again. */
static bool wipe_step(struct vm_life *life)
{
	struct vm *vm = life->vm;

	if (atomic_read(&life->phase) != PHASE_WIPE)
		return false;
	if (loader_abandon_step(&life->loader) || clear_step(life))
		return true;
	for (unsigned int n = 0; n < VCPU_STEP && life->vcpus < vm->nr_vcpus; n++)
		pv_magic_free(vm->vcpus[life->vcpus++]);
	if (life->vcpus < vm->nr_vcpus)
		return true;
	/* With holes there may be as many pieces as leaves, and the pool looks for the place of each. */
	if (gstage_may_have_holes(&vm->gstage) && gstage_free_step(&vm->gstage))
		return true;
	gstage_destroy(&vm->gstage);
	atomic_set_release(&life->phase, PHASE_NONE);
	return false;
}

static void restart_timer(struct timer *t)
{
	(void)sched_wake(&container_of(t, struct vm_life, restart)->vm->task);
}

/* It is off, or has crashed. The log has its line already, as with the last state the machine may be powered off. */
static void stays_ended(struct vm *vm, enum vm_state state)
{
	(void)finish(vm, state);
	lifecycle_check_all_ended();
}

/* It keeps its RAM. The operator may end it from now on as any VM that is loaded. */
static void restart(struct vm *vm)
{
	struct vm_life *life = vm->life;

	life->begin_at = life->started_at + timer_ns_to_ticks(RESTART_PERIOD_NS);
	atomic_set(&life->phase, PHASE_WAIT);
	if (!vm_set_state(vm, VM_BUILDING)) /* it is to be destroyed */
		stays_ended(vm, VM_OFF);
}

static void crashed(struct vm *vm)
{
	if (vm->config->on_crash != ON_CRASH_RESTART) {
		log_error("%s: crashed: %s", vm->name, vm->stop_why);
		stays_ended(vm, VM_CRASHED);
		return;
	}
	log_error("%s: crashed: %s; restarting", vm->name, vm->stop_why);
	restart(vm);
}

static void powered_off(struct vm *vm)
{
	if (vm->config->on_poweroff != ON_POWEROFF_RESTART) {
		log_info("%s: powered off", vm->name);
		stays_ended(vm, VM_OFF);
		return;
	}
	log_info("%s: powered off; restarting", vm->name);
	restart(vm);
}

/* The last vcpu has left, or there was none yet. */
static void ended(struct vm *vm)
{
	sched_expedite_end(&vm->task);
	vm_mem_close(vm);
	boot_order_done(vm);
	switch ((enum vm_stop)atomic_read(&vm->stop)) {
	case VM_STOP_REBOOT:
		log_info("%s: rebooting", vm->name);
		restart(vm);
		break;
	case VM_STOP_CRASH:
		crashed(vm);
		break;
	case VM_STOP_NONE:
	case VM_STOP_POWEROFF:
		powered_off(vm);
		break;
	case VM_STOP_DESTROY:
		log_info("%s: destroyed", vm->name);
		stays_ended(vm, VM_OFF);
		break;
	}
}

/* One that is to be destroyed, and has neither a life nor RAM any more. This step is its task's last one. */
static void retire(struct vm *vm)
{
	bool doomed, waited;

	spin_lock(&vm->transition);
	doomed = vm->doomed;
	spin_unlock(&vm->transition);
	if (!doomed || !vm_set_state(vm, VM_DESTROYED))
		return;
	if (!give_focus_away(vm))
		term_focus(NULL);
	waited = atomic_read(&vm->waits);
	vm_unregister(vm);
	if (waited) /* the machine may have stayed on for it */
		lifecycle_check_all_ended();
}

/* What there is to be done depends on the state, which an operator may change between two steps. True: call again. */
static bool life_step(struct vm *vm)
{
	struct vm_life *life = vm->life;

	switch ((enum vm_state)atomic_read_acquire(&vm->state)) {
	case VM_BUILDING:
		return boot_order_is_turn(vm) && build_step(life);
	case VM_STOPPING:
		if (atomic_read_acquire(&vm->active) != 0)
			return vm_stop_step(vm);
		if (loader_abandon_step(&life->loader) || reset_step(life))
			return true;
		ended(vm);
		return true;
	case VM_RUNNING:
	case VM_PAUSING:
	case VM_PAUSED:
	case VM_DESTROYED:
	case VM_STATES:
		return false;
	case VM_OFF:
	case VM_CRASHED:
	case VM_FAILED:
		if (wipe_step(life))
			return true;
		retire(vm);
		return false;
	}
	return false;
}

static bool task_step(struct sched_entity *se)
{
	return life_step(container_of(se, struct vm, task));
}

/* It runs where a vcpu may, as the VM's vcpus do which say nothing else of themselves. */
static void make_task(struct vm *vm)
{
	struct sched_params p = vm->config->sched;

	p.affinity = pcpu_set_first(0);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		p.affinity = pcpu_set_or(&p.affinity, sched_affinity(&vm->vcpus[i]->se));
	sched_task_init(&vm->task, &vm->group, &p, task_step);
	sched_set_label(&vm->task, trace_label(vm->id, TRACE_NO_VCPU));
}

/* Its RAM is taken at once, so that of too many VMs the last ones in the tree do not start. */
static void make(struct vm *vm)
{
	struct vm_life *life = arena_new(&vm->arena, struct vm_life);
	const struct vm_part_of *refused = NULL;
	int err;

	if (!life) {
		log_error("%s: no memory left", vm->name);
		return;
	}
	vm_make(vm);
	if (!vm->made)
		return;
	life->vm = vm;
	timer_init(&life->restart, restart_timer);
	if (loader_prepare(&life->loader, vm) != HV_OK) {
		log_error("%s: no memory left for its loader", vm->name);
		vm->made = false; /* it has no task that an operator could start */
		return;
	}
	make_task(vm);
	vm->life = life;
	if (!vm->config->autostart) {
		vm->waits = 1;
		vm->state = VM_OFF;
		return;
	}
	err = vm_make_ram(vm, &refused);
	if (err == HV_OK)
		vm->state = VM_BUILDING;
	else
		vm_tell_ram(vm, err, refused);
}

/* The VMs of boot have been made: one that is made now begins at once. */
static bool has_begun;

struct vm *vm_create(const struct vm_config *cfg)
{
	struct vm *vm = page_alloc_zeroed(align_up(sizeof(struct vm), PAGE_SIZE), PAGE_SIZE);
	struct vm_config *own;
	int err;

	if (!vm) {
		log_error("%s: no memory left", cfg->name);
		return NULL;
	}
	memcpy(vm->name, cfg->name, sizeof(vm->name));
	vm->state = VM_FAILED;
	vm->release = vm_released;
	spin_init(&vm->lock, LOCK_VM);
	spin_init(&vm->transition, LOCK_VM_TRANSITION);
	list_init(&vm->dying);
	arena_init(&vm->arena);
	own = arena_new(&vm->arena, struct vm_config);
	err = own ? vm_register(vm) : HV_ENOMEM;
	if (err != HV_OK) {
		log_error("%s: %s", cfg->name,
			  err == HV_EEXIST ? "not made: there is a VM of this name already" :
			  err == HV_ENOMEM ? "no memory left" :
					     "not made: there are 64 VMs already");
		arena_destroy(&vm->arena);
		page_free(ptr_to_hpa(vm), align_up(sizeof(struct vm), PAGE_SIZE));
		return NULL;
	}
	*own = *cfg;
	vm->config = own;
	if (!cfg->failed)
		make(vm);
	vm_publish(vm); /* from here on other harts may do anything to it */
	if (has_begun && vm->state == VM_BUILDING)
		(void)sched_wake(&vm->task);
	return vm;
}

void lifecycle_begin(void)
{
	for_each_vm(vm) {
		if (vm->state == VM_BUILDING)
			boot_order_add(vm);
	}
	has_begun = true;
	boot_order_begin();
}
