// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/*
 * The lives of several VMs that share a little memory: operators and guests start, stop, pause and reset them between any
 * two steps of their tasks, loads fail, memory is short, time passes. At the end of each input everything comes to rest,
 * and then ends.
 */
#include "common/fuzz.h"

#include "fake/life.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/page.h"
#include "sched/sched.h"
#include "vcpu/vcpu.h"

#define VMS    4
#define TABLES (VMS * KIB(64)) /* that these take at most */

static struct vm_config configs[VMS];
static uint64_t all_free; /* with no VM's RAM taken */
static bool starved;	  /* something else has most of it */

static void check(void)
{
	uint64_t taken = 0;

	for (unsigned int i = 0; i < nr_vms; i++) {
		const struct vm *vm = vms[i];

		taken += vm->gstage.ram_bytes;
		if (vm_has_life(vm->state))
			fuzz_must(vm->gstage.ram_bytes == vm->config->memory);
		fuzz_must(vm->active == 0 || vm_has_life(vm->state) || vm->state == VM_STOPPING);
		fuzz_must(strlen(vm->stop_why) < sizeof(vm->stop_why));
	}
	fuzz_must(page_free_bytes() + taken <= all_free + TABLES);
	fuzz_must(starved || page_free_bytes() + taken + TABLES >= all_free);
	life_calls_forget();
}

static void begin(struct fuzz_input *in)
{
	(void)life_setup(NULL);
	starved = false;
	lifecycle_stay(true);
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
		vms[nr_vms++] = vm_create(c);
	}
	all_free = page_free_bytes();
	for (unsigned int i = 0; i < nr_vms; i++)
		all_free += vms[i]->gstage.ram_bytes;
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

/* What goes wrong from now on, or no more. */
static void trouble(uint8_t what)
{
	life.load_fails = (what & 3) == 1;
	life.begin_fails = (what & 3) == 2;
	life.load_steps = what >> 2 & 7;
	if (what >> 5 < 2) {
		fake_page_starve(MIB(2));
		starved = true;
	} else if (what >> 5 < 6) {
		fake_page_feed();
		starved = false;
	}
}

static void one_step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	uint64_t until;

	switch (what & 3) {
	case 0:
		for (unsigned int n = 1 + (what >> 2); n > 0 && life_step_one(); n--)
			;
		break;
	case 1:
		guest_or_operator(vms[what >> 2 & (VMS - 1)], fuzz_u8(in));
		break;
	case 2:
		until = life.now + (uint64_t)(1 + (what >> 2)) * 50000000;
		while (life_next_timer_fires(until))
			(void)life_step_one();
		life.now = max_u64(life.now, until);
		break;
	default:
		trouble(fuzz_u8(in));
		break;
	}
}

/* Every step that a task asks for, and every timer: then no VM is still on its way. */
static void come_to_rest(void)
{
	life.load_fails = life.begin_fails = false;
	for (unsigned int rounds = 0; rounds < 100; rounds++) {
		life_run_all();
		life_calls_forget();
		for (unsigned int i = 0; i < nr_vms; i++)
			while (vms[i]->state == VM_STOPPING && vms[i]->active > 0)
				vcpu_leaves(vms[i]);
		if (!life_task_pending() && !life_next_timer_fires(UINT64_MAX))
			break;
	}
	fuzz_must(!life_task_pending());
	for (unsigned int i = 0; i < nr_vms; i++)
		fuzz_must(vms[i]->state != VM_BUILDING && vms[i]->state != VM_STOPPING);
}

static void destroy_all(void)
{
	for (unsigned int i = 0; i < nr_vms; i++)
		(void)vm_stop(vms[i], VM_STOP_DESTROY, NULL);
	come_to_rest();
	for (unsigned int i = 0; i < nr_vms; i++)
		fuzz_must(vm_has_ended(vms[i]->state) && vms[i]->gstage.ram_bytes == 0);
	fuzz_must(page_free_bytes() >= all_free);
}

/* @looks_at_memory: at all of it, which takes longer than all else. */
static void end(bool looks_at_memory)
{
	uint64_t before;

	fake_page_feed();
	starved = false;
	come_to_rest();
	destroy_all();
	/* One life more leaves nothing taken. */
	before = page_free_bytes();
	(void)vm_start(vms[before / PAGE_SIZE % nr_vms]);
	come_to_rest();
	destroy_all();
	fuzz_must(page_free_bytes() == before);
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
