// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/*
 * The lives of several VMs that share a little memory: operators and guests make, start, stop, pause, reset and destroy them
 * between any two steps of their tasks and of the reaper, loads fail, memory is short, time passes, references are kept. At
 * the end of each input everything comes to rest, and is destroyed.
 */
#include "common/fuzz.h"

#include "fake/life.h"
#include "fake/log.h"
#include "fake/page.h"
#include "lib/work.h"
#include "mm/page.h"
#include "sched/sched.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vm/destroy.h"

#define VMS 4

static struct vm_config configs[VMS];
static struct vm *held[VMS]; /* with a reference that is given up later */
static uint64_t bare;	     /* free without any VM */

static void check(void)
{
	uint64_t taken = 0;

	for_each_vm(vm) {
		taken += vm->gstage.ram_bytes;
		if (vm_has_life(vm->state))
			fuzz_must(vm->gstage.ram_bytes == vm->config->memory);
		fuzz_must(vm->active == 0 || vm_has_life(vm->state) || vm->state == VM_STOPPING);
		fuzz_must(strlen(vm->stop_why) < sizeof(vm->stop_why));
	}
	fuzz_must(page_free_bytes() + taken <= bare);
	life_calls_forget();
}

static void begin(struct fuzz_input *in)
{
	(void)life_setup(NULL);
	lifecycle_stay(true);
	bare = page_free_bytes();
	for (unsigned int i = 0; i < VMS; i++) {
		uint8_t how = fuzz_u8(in);
		struct vm_config *c = &configs[i];

		*c = life.cfg;
		c->name[0] = (char)('a' + i);
		c->name[1] = '\0';
		c->cpus = 1 + (how & 1) * 9;
		c->memory = MIB(2) * (1 + (how >> 1 & 3));
		c->autostart = how & 8;
		c->on_crash = how & 16 ? ON_CRASH_RESTART : ON_CRASH_STOP;
		c->on_poweroff = how & 32 ? ON_POWEROFF_RESTART : ON_POWEROFF_STOP;
		c->boot_priority = how >> 6;
		held[i] = NULL;
		(void)vm_create(c);
	}
	lifecycle_begin();
}

static void vcpu_leaves(struct vm *vm)
{
	if (vm->state != VM_STOPPING || vm->active == 0)
		return;
	/* As vcpu_run.c does for each; the last one wakes the task. */
	if (--vm->active == 0)
		(void)sched_wake(&vm->task);
}

/* Also of one that is registered and dying. */
static void guest_or_operator(struct vm *vm, uint8_t what)
{
	static const enum vm_stop ways[] = { VM_STOP_POWEROFF, VM_STOP_REBOOT, VM_STOP_CRASH,
					     VM_STOP_DESTROY };

	switch (what % 8) {
	case 0:
		(void)vm_start(vm);
		break;
	case 1:
	case 2:
		(void)vm_stop(vm, ways[what >> 3 & 3], "a reason");
		break;
	case 3:
		if (vm_pause(vm))
			fuzz_must(vm->state == VM_PAUSED);
		break;
	case 4:
		(void)vm_resume(vm);
		break;
	default:
		vcpu_leaves(vm);
		break;
	}
	(void)vm_guest_time(vm, life.now);
}

/* Number @i is made, or destroyed, with a reference that is kept for a while. */
static void come_or_go(unsigned int i, bool keeps)
{
	struct vm *vm = vm_get_by_name(configs[i].name);

	if (held[i]) {
		vm_put(held[i]);
		held[i] = NULL;
	}
	if (!vm) {
		(void)vm_create(&configs[i]); /* NULL: there is no memory */
		return;
	}
	(void)vm_destroy(vm);
	if (keeps)
		held[i] = vm;
	else
		vm_put(vm);
}

/* What goes wrong from now on, or no more. */
static void trouble(uint8_t what)
{
	life.load_fails = (what & 3) == 1;
	life.begin_fails = (what & 3) == 2;
	life.load_steps = what >> 2 & 7;
	life.grace_lasts = (what >> 5) == 6;
	life.output_stays = (what >> 5) == 7;
	if (what >> 5 < 2)
		fake_page_starve(MIB(2));
	else if (what >> 5 < 6)
		fake_page_feed();
}

static void act(unsigned int i, uint8_t what)
{
	struct vm *vm = vm_get_by_name(configs[i].name);

	if (vm) {
		guest_or_operator(vm, what);
		vm_put(vm);
	}
}

static void one_step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	uint64_t until;

	switch (what & 7) {
	case 0:
	case 1:
		for (unsigned int n = 1 + (what >> 3); n > 0 && life_step_one(); n--)
			;
		break;
	case 2:
	case 3:
		act(what >> 3 & (VMS - 1), fuzz_u8(in));
		break;
	case 4:
		until = life.now + (uint64_t)(1 + (what >> 3)) * 50000000;
		while (life_next_timer_fires(until))
			(void)life_step_one();
		life.now = max_u64(life.now, until);
		break;
	case 5:
		come_or_go(what >> 3 & (VMS - 1), what & 32);
		break;
	case 6:
		for (unsigned int n = 1 + (what >> 3); n > 0 && work_run_one(); n--)
			;
		break;
	default:
		trouble(fuzz_u8(in));
		break;
	}
}

/* Every step that a task or the reaper asks for, and every timer: then no VM is still on its way. */
static void come_to_rest(void)
{
	bool busy = true;

	life.load_fails = life.begin_fails = life.grace_lasts = life.output_stays = false;
	for (unsigned int rounds = 0; busy && rounds < 300; rounds++) {
		life_run_all();
		life_calls_forget();
		for_each_vm(vm) {
			while (vm->state == VM_STOPPING && vm->active > 0)
				vcpu_leaves(vm);
		}
		while (work_run_one())
			;
		busy = life_task_pending() || work_pending() || life_next_timer_fires(UINT64_MAX);
	}
	fuzz_must(!busy);
	for_each_vm(vm)
		fuzz_must(vm->state != VM_BUILDING && vm->state != VM_STOPPING);
}

static void destroy_all(void)
{
	for_each_vm(vm)
		(void)vm_destroy(vm);
	come_to_rest();
	fuzz_must(vm_next(NULL) == NULL);
	fuzz_must(page_free_bytes() == bare);
}

/* @looks_at_memory: at all of it, which takes longer than all else. */
static void end(bool looks_at_memory)
{
	struct vm *vm;

	fake_page_feed();
	come_to_rest();
	for (unsigned int i = 0; i < VMS; i++)
		if (held[i])
			vm_put(held[i]);
	destroy_all();
	/* One life more leaves nothing taken. */
	vm = vm_create(&configs[0]);
	fuzz_must(vm != NULL);
	(void)vm_start(vm);
	come_to_rest();
	destroy_all();
	if (looks_at_memory)
		life_pool_is_clean();
	fake_log_reset();
	(void)life_teardown(NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	begin(&in);
	for (unsigned int n = 0; in.left > 0 && n < 200; n++) {
		one_step(&in);
		check();
	}
	end(size % 8 == 0);
	return 0;
}
