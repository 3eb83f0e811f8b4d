// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
// CFLAGS: -DHARTVISOR_CHECKED
/* VMs are taken away, at any moment of their lives; each test ends with as much free memory as it began with. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/life.h"
#include "fake/log.h"
#include "lib/work.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vcpu/vcpu.h"
#include "vm/bundle_store.h"
#include "vm/destroy.h"

/* The id of the VM, and the free bytes before it was made; 0: nothing is looked for. */
static unsigned int looked_for;
static uint64_t at_first;
static bool looks;

/* Called before each lock is taken: what another hart could see there. */
void checked_lock(void)
{
	if (at_first == 0 || looks)
		return;
	looks = true;
	if (!vm_id_is_taken(looked_for))
		assert_int_equal(page_free_bytes(), at_first);
	looks = false;
}

/* What has a life ends it; then the reaper does its work. */
static void goes(struct vm *vm)
{
	life_run_all();
	if (vm->state == VM_STOPPING)
		life_last_vcpu_leaves(vm);
	life_run_all();
	assert_null(vm_get_by_name("one"));
	life_reap();
	assert_false(vm_id_is_taken(1));
	assert_non_null(strstr(fake_log_text, "one: is gone"));
}

static void a_vm_can_be_taken_away_after_each_step(void **state)
{
	bool runs = false;

	for (unsigned int steps = 0; !runs; steps++) {
		uint64_t before;
		struct vm *vm;

		assert_int_equal(life_setup(state), 0);
		before = page_free_bytes();
		vm = life_create();
		life_steps(steps);
		runs = vm->state == VM_RUNNING;
		assert_true(vm_destroy(vm));
		assert_false(vm_destroy(vm));
		assert_false(vm_start(vm));
		goes(vm);
		assert_int_equal(page_free_bytes(), before);
		assert_int_equal(life_teardown(state), 0);
	}
}

/* In each state, and the VM of the next round gets its name and its id. */
static void names_and_ids_are_used_again(void **state)
{
	uint64_t before = page_free_bytes();

	(void)state;
	lifecycle_stay(true);
	for (unsigned int round = 0; round < 12; round++) {
		struct vm *vm;

		life.cfg.autostart = round % 6 != 0;
		vm = round == 0 ? life_create() : vm_create(&life.cfg);
		assert_non_null(vm);
		assert_int_equal(vm->id, 1); /* 0 is the one that keeps the machine on */
		life_run_all();
		assert_int_equal(vm->state, round % 6 ? VM_RUNNING : VM_OFF);
		assert_null(vm_create(&life.cfg));
		assert_non_null(
			strstr(fake_log_last, "one: not made: there is a VM of this name already"));
		if (round % 6 == 2)
			assert_true(vm_pause(vm));
		if (round % 6 == 3)
			life_end(vm, VM_STOP_CRASH);
		if (round % 6 == 4)
			assert_true(vm_stop(vm, VM_STOP_REBOOT, NULL));
		if (round % 6 == 5) {
			life_end(vm, VM_STOP_REBOOT);
			life_steps(1);
		}
		assert_true(vm_destroy(vm));
		goes(vm);
		assert_int_equal(page_free_bytes(), before);
		life_calls_forget();
		fake_log_reset();
	}
}

/* It restarts whenever it ends: not this time. */
static void what_would_restart_does_not(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.on_crash = ON_CRASH_RESTART;
	vm = life_create();
	life_run_all();
	assert_true(vm_stop(vm, VM_STOP_CRASH, "a reason"));
	assert_true(vm_destroy(vm));
	goes(vm);
	assert_non_null(strstr(fake_log_text, "one: crashed: a reason; restarting"));
}

static void what_could_not_be_made_goes_too(void **state)
{
	static const char *const parts[] = { "vcpu", "bus", "stream", "plic", "uart" };
	uint64_t before = page_free_bytes();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		struct vm *vm;

		life.cannot_make = parts[i];
		vm = i == 0 ? life_create() : vm_create(&life.cfg);
		assert_int_equal(vm->state, VM_FAILED);
		assert_false(vm->made);
		assert_true(vm_destroy(vm));
		assert_false(life_task_pending());
		goes(vm);
		assert_int_equal(page_free_bytes(), before);
		fake_log_reset();
	}
}

static bool is_there(void)
{
	return vm_id_is_taken(1) && !strstr(fake_log_text, "one: is gone");
}

static void fires(void)
{
	assert_true(life_next_timer_fires(UINT64_MAX));
	while (work_run_one())
		;
}

/* What refers to it, a hart that is busy and the terminal may take their time. */
static void it_stays_until_all_have_let_go(void **state)
{
	struct vm *vm = life_create(), *held;
	struct vm_console further = { .stream = (struct term_stream *)(void *)&further };

	(void)state;
	vm->consoles = &further;
	life_run_all();
	held = vm_get_by_name("one");
	assert_ptr_equal(held, vm);
	assert_true(vm_destroy(vm));
	life_run_all();
	life_last_vcpu_leaves(vm);
	life_run_all();
	assert_int_equal(held->state, VM_DESTROYED);
	assert_false(work_pending());
	life.output_stays = true;
	vm_put(held);
	assert_true(work_run_one());
	assert_false(work_pending()); /* it looks again later */
	fires();
	assert_int_equal(life_count("console closed"), 0);
	life.output_stays = false;
	life.grace_lasts = true;
	fires();
	assert_int_equal(life_count("console closed"), 2);
	assert_int_equal(life.grace, 1);
	fires();
	assert_int_equal(life_count("uart destroyed"), 0);
	life.grace_lasts = false;
	fires();
	assert_int_equal(life_count("uart destroyed"), 1);
	assert_int_equal(life.grace, 2);
	life.grace_lasts = true;
	fires();
	life.grace_lasts = false;
	/* A timer that fired just before has woken the task, or a hart is still on its way out of its last step. */
	vm->task.state = SCHED_RUNNABLE;
	fires();
	vm->task.state = SCHED_BLOCKED;
	vm->task.on_cpu = 1;
	fires();
	vm->task.on_cpu = 0;
	vm->vcpus[0]->se.state = SCHED_RUNNABLE;
	fires();
	assert_int_equal(life.grace, 2);
	vm->vcpus[0]->se.state = SCHED_BLOCKED;
	fires();
	assert_int_equal(life.grace, 3);
	life.grace_lasts = true;
	fires();
	assert_int_equal(life_count("leaves the scheduler"), 0);
	assert_true(is_there());
	life.grace_lasts = false;
	fires();
	assert_int_equal(life_count("leaves the scheduler"), 2);
	assert_false(is_there());
}

static void fired(struct timer *t)
{
	(void)t;
	fail_msg("a timer of a VM that is gone");
}

/* Timers that were armed for it do not fire any more. */
/* A bundle that has been dropped stays for the VMs that were made of it. */
static void its_bundle_goes_with_the_last_one(void **state)
{
	const uint64_t before = page_free_bytes();
	struct stored_bundle *b;
	struct vm *vm;

	(void)state;
	assert_int_equal(bundle_store_begin("b", 5000, &b), HV_OK);
	life.cfg.store = b;
	bundle_store_get(b); /* the VM's */
	vm = life_create();
	life_run_all();
	assert_int_equal(bundle_store_users(b), 0); /* besides one, which counts as the caller's */
	bundle_store_drop(b);
	assert_true(vm_destroy(vm));
	assert_true(page_free_bytes() + b->memory < before);
	goes(vm);
	assert_int_equal(page_free_bytes(), before);
}

static void its_timers_go_with_it(void **state)
{
	struct vm *vm;
	struct timer *timers[3];

	(void)state;
	life.cfg.cpus = 2;
	vm = life_create();
	life_run_all();
	life_end(vm, VM_STOP_REBOOT); /* too soon after the start: a timer waits for its turn */
	life_run_all();
	timers[0] = &vm->vcpus[0]->timer.host;
	timers[1] = &vm->vcpus[1]->timer.host;
	timers[2] = &vm->group.timer;
	for (unsigned int i = 0; i < 3; i++) {
		timer_init(timers[i], fired);
		timer_arm(timers[i], UINT64_MAX - 1);
	}
	assert_true(vm_destroy(vm));
	life_run_all();
	while (work_run_one())
		;
	goes(vm);
	assert_int_equal(life_count("loader freed"), 1);
	assert_false(life_next_timer_fires(UINT64_MAX));
}

/* The operator looks at something that is there. */
static void the_focus_goes_to_another(void **state)
{
	struct vm *vm = life_create(), *two = vm_create(&life.cfg2);

	(void)state;
	life_run_all();
	assert_int_equal(two->state, VM_RUNNING);
	life.focus = vm->stream;
	assert_true(vm_destroy(vm));
	goes(vm);
	assert_ptr_equal(life.focus, two->stream);
}

static void its_id_is_free_when_all_its_memory_is(void **state)
{
	uint64_t before = page_free_bytes();
	struct vm *vm = life_create();

	(void)state;
	lifecycle_stay(true);
	life_run_all();
	looked_for = vm->id;
	at_first = before;
	assert_true(vm_destroy(vm));
	goes(vm);
	at_first = 0;
}

static void the_machine_goes_off_with_the_last_one(void **state)
{
	struct vm *vm = life_create_alone(&life.cfg);

	(void)state;
	life_run_all();
	life.focus = vm->stream;
	assert_true(vm_destroy(vm));
	life_run_all();
	life_last_vcpu_leaves(vm);
	assert_false(life.power_is_off);
	life_run_to_power_off();
	assert_true(life.power_is_off);
}

/* One that has not been started yet keeps the machine on, until it is taken away. */
static void the_machine_goes_off_with_the_last_one_that_waits(void **state)
{
	struct vm *vm, *two;

	(void)state;
	life.cfg2.autostart = false;
	two = vm_create(&life.cfg2);
	vm = life_create_alone(&life.cfg);
	life_run_all();
	life_end(vm, VM_STOP_POWEROFF);
	life_run_all();
	assert_false(life.power_is_off);
	assert_true(vm_destroy(vm));
	life_run_all();
	assert_false(life.power_is_off);
	assert_true(vm_destroy(two));
	life_run_to_power_off();
	assert_true(life.power_is_off);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vm_can_be_taken_away_after_each_step),
		test(names_and_ids_are_used_again),
		test(what_would_restart_does_not),
		test(what_could_not_be_made_goes_too),
		test(it_stays_until_all_have_let_go),
		test(its_bundle_goes_with_the_last_one),
		test(its_timers_go_with_it),
		test(its_id_is_free_when_all_its_memory_is),
		test(the_focus_goes_to_another),
		test(the_machine_goes_off_with_the_last_one),
		test(the_machine_goes_off_with_the_last_one_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
