// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/* An operator between any two steps of a VM's life. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/life.h"
#include "fake/log.h"
#include "mm/page.h"

static void a_vm_that_is_loaded_can_be_destroyed_after_each_step(void **state)
{
	for (unsigned int steps = 0;; steps++) {
		struct vm *vm;
		uint64_t before;

		assert_int_equal(life_setup(state), 0);
		vm = life_create();
		before = page_free_bytes();
		life_steps(steps);
		if (vm->state == VM_RUNNING) {
			assert_true(steps > LIFE_STEPS + 2);
			(void)life_teardown(state);
			return;
		}
		assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
		assert_false(vm_stop(vm, VM_STOP_REBOOT, NULL));
		life_run_all();
		assert_int_equal(vm->state, VM_OFF);
		assert_int_equal(life_count("start"), 0);
		assert_true(page_free_bytes() >= before + LIFE_RAM);
		assert_true(vm_start(vm));
		life_run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		(void)life_teardown(state);
	}
}

static void a_vm_that_is_loaded_can_be_reset_after_each_step(void **state)
{
	for (unsigned int steps = 0;; steps++) {
		struct vm *vm;

		assert_int_equal(life_setup(state), 0);
		vm = life_create();
		life_steps(steps);
		if (vm->state == VM_RUNNING) {
			(void)life_teardown(state);
			return;
		}
		assert_true(vm_stop(vm, VM_STOP_REBOOT, NULL));
		life_run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(life_count("start"), 1);
		assert_int_equal(vm->gstage.ram_bytes, LIFE_RAM);
		(void)life_teardown(state);
	}
}

/* What the loader holds in the midst of the device tree goes back before the VM has ended. */
static void what_an_ended_load_holds_goes_back_in_steps(void **state)
{
	static const enum vm_stop ways[] = { VM_STOP_DESTROY, VM_STOP_REBOOT };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		struct vm *vm;

		assert_int_equal(life_setup(state), 0);
		vm = life_create();
		life_steps(LIFE_STEPS + 2);
		life.to_abandon = 5;
		assert_true(vm_stop(vm, ways[i], NULL));
		life_steps(5);
		assert_int_equal(vm->state, VM_STOPPING);
		assert_int_equal(life.to_abandon, 0);
		life_run_all();
		assert_int_equal(vm->state, ways[i] == VM_STOP_DESTROY ? VM_OFF : VM_RUNNING);
		(void)life_teardown(state);
	}
}

/* The last step of the loading has begun when the operator's command comes. */
static void a_vm_that_is_destroyed_in_its_last_step_does_not_start(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	life.stopped_by_loader = vm;
	life_run_all();
	assert_null(life.stopped_by_loader);
	assert_int_equal(vm->state, VM_OFF);
	assert_int_equal(vm->active, 0);
	assert_int_equal(vm->gstage.nr_ram, 0);
}

static void a_vm_that_has_ended_can_be_started_after_each_step(void **state)
{
	for (unsigned int steps = LIFE_PARTS + 1;; steps++) {
		struct vm *vm;
		bool wiped;

		assert_int_equal(life_setup(state), 0);
		vm = life_create();
		life_run_until(vm, VM_RUNNING);
		life_end(vm, steps % 2 ? VM_STOP_CRASH : VM_STOP_POWEROFF);
		assert_false(vm_start(vm)); /* STOPPING */
		life_steps(steps);
		wiped = !life_task_pending();
		assert_int_equal(vm->gstage.nr_ram != 0, !wiped);
		assert_true(vm_start(vm));
		assert_false(vm_start(vm));
		life_run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(vm->gstage.ram_bytes, LIFE_RAM);
		assert_string_equal(vm->stop_why, "");
		(void)life_teardown(state);
		if (wiped)
			return;
	}
}

static bool no_step(struct sched_entity *se)
{
	(void)se;
	fail_msg("not to be run");
	return false;
}

static void a_state_knows_which_command_it_takes(void **state)
{
	static const struct {
		enum vm_state state;
		bool start, stop;
	} rows[] = {
		{ VM_BUILDING, false, true },  { VM_RUNNING, false, true },
		{ VM_PAUSING, false, true },   { VM_PAUSED, false, true },
		{ VM_STOPPING, false, false }, { VM_OFF, true, false },
		{ VM_CRASHED, true, false },   { VM_FAILED, true, false },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sched_params p = { .weight = 1 };
		struct vm vm = { .state = rows[i].state,
				 .made = true,
				 .transition = SPINLOCK_INIT(LOCK_VM_TRANSITION) };

		sched_task_init(&vm.task, NULL, &p, no_step);
		assert_int_equal(vm_stop(&vm, VM_STOP_DESTROY, NULL), rows[i].stop);
		assert_int_equal(vm.state, rows[i].stop ? VM_STOPPING : rows[i].state);
		vm.state = rows[i].state;
		vm.made = false;
		assert_false(vm_start(&vm));
		assert_int_equal(vm.state, rows[i].state);
		vm.made = true;
		if (!rows[i].start)
			assert_false(vm_start(&vm));
		assert_int_equal(vm_begin_life(&vm, 0), rows[i].state == VM_BUILDING);
		life_forget_tasks(); /* not to be run: it is on this stack */
	}
}

/* The table of vm.h's head, once more: BIT(to) for each state from which it is legal. */
static void only_legal_transitions_are_made(void **state)
{
	static const unsigned int legal[VM_STATES] = {
		[VM_RUNNING] = BIT(VM_PAUSING) | BIT(VM_STOPPING),
		[VM_PAUSING] = BIT(VM_PAUSED) | BIT(VM_STOPPING),
		[VM_PAUSED] = BIT(VM_RUNNING) | BIT(VM_STOPPING),
		[VM_BUILDING] = BIT(VM_RUNNING) | BIT(VM_FAILED) | BIT(VM_STOPPING),
		[VM_STOPPING] = BIT(VM_BUILDING) | BIT(VM_OFF) | BIT(VM_CRASHED),
		[VM_OFF] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
		[VM_CRASHED] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
		[VM_FAILED] = BIT(VM_BUILDING) | BIT(VM_DESTROYED),
	};

	(void)state;
	for (unsigned int from = 0; from < VM_STATES; from++) {
		for (unsigned int to = 0; to < VM_STATES; to++) {
			const struct spinlock free = SPINLOCK_INIT(LOCK_VM_TRANSITION);
			struct vm vm = { .state = from, .transition = free },
				  doomed = { .state = from, .doomed = true, .transition = free };
			bool may = (legal[from] & BIT(to)) != 0;

			assert_int_equal(vm_set_state(&vm, to), may);
			assert_int_equal(vm.state, may ? to : from);
			/* What is to be destroyed has no other life. */
			assert_int_equal(vm_set_state(&doomed, to), may && to != VM_BUILDING);
		}
	}
}

static char traced[512];

static void remember(const struct vm *vm, enum vm_state from, enum vm_state to)
{
	size_t len = strlen(traced);

	snprintf(traced + len, sizeof(traced) - len, "%s: %s, %s;", vm->name, vm_state_name(from),
		 vm_state_name(to));
}

static void each_transition_is_traced_once(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	traced[0] = '\0';
	vm_state_trace = remember;
	life_run_all();
	assert_string_equal(traced, "one: loading, running;");
	traced[0] = '\0';
	assert_true(vm_pause(vm));
	assert_false(vm_pause(vm));
	assert_true(vm_resume(vm));
	assert_false(vm_resume(vm));
	assert_true(vm_pause(vm));
	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	assert_false(vm_stop(vm, VM_STOP_DESTROY, NULL));
	life_last_vcpu_leaves(vm);
	life_run_all();
	assert_string_equal(traced,
			    "one: running, pausing;one: pausing, paused;one: paused, running;"
			    "one: running, pausing;one: pausing, paused;"
			    "one: paused, stopping;one: stopping, off;");
	lifecycle_trace();
	assert_true(vm_start(vm));
	assert_non_null(strstr(fake_log_text, "one: off -> loading\n"));
	vm_state_trace = NULL;
}

/* A device that has seen the VM run may be in the middle of a request. One that looks from now on sees the pause. */
static void a_pause_waits_for_devices_that_have_seen_it_run(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	life_run_all();
	life.mem_waited_for = vm;
	life.at_mem_wait = VM_RUNNING;
	assert_true(vm_pause(vm));
	assert_int_equal(life.at_mem_wait, VM_PAUSING);
	assert_false(vm_may_run(vm));
	life.mem_waited_for = NULL;
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vm_that_is_loaded_can_be_destroyed_after_each_step),
		cmocka_unit_test(a_vm_that_is_loaded_can_be_reset_after_each_step),
		cmocka_unit_test(what_an_ended_load_holds_goes_back_in_steps),
		test(a_vm_that_is_destroyed_in_its_last_step_does_not_start),
		cmocka_unit_test(a_vm_that_has_ended_can_be_started_after_each_step),
		test(a_state_knows_which_command_it_takes),
		cmocka_unit_test(only_legal_transitions_are_made),
		test(each_transition_is_traced_once),
		test(a_pause_waits_for_devices_that_have_seen_it_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
