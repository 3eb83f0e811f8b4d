// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/* The end of a VM and its next life: what it leaves behind, which is nothing, and when it starts again. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fake/life.h"
#include "mm/page.h"

/* Work in steps: how much each gives back, until there is nothing left to be done. */
static void wipe(struct vm *vm, uint64_t free_before)
{
	unsigned int steps = 0;

	while (life_step_one()) {
		steps++;
		if (life_task_pending())
			assert_int_equal(page_free_bytes(), free_before);
	}
	assert_true(steps >= LIFE_STEPS);
	assert_int_equal(vm->gstage.nr_ram, 0);
	assert_true(page_free_bytes() >= free_before + LIFE_RAM);
	assert_int_equal(life_count("magic page freed"), 1);
	life_pool_is_clean();
}

static void an_ended_vm_is_off_at_once_and_its_memory_is_wiped_before_it_is_free(void **state)
{
	static const enum vm_stop ways[] = { VM_STOP_POWEROFF, VM_STOP_DESTROY, VM_STOP_CRASH };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		struct vm *vm;
		uint64_t before;

		assert_int_equal(life_setup(state), 0);
		vm = life_create();
		life_run_until(vm, VM_RUNNING);
		life_write_secrets(vm);
		before = page_free_bytes();
		life_end(vm, ways[i]);
		life_steps(LIFE_PARTS);
		assert_int_equal(vm->state, VM_STOPPING);
		assert_true(life_step_one());
		assert_int_equal(vm->state, ways[i] == VM_STOP_CRASH ? VM_CRASHED : VM_OFF);
		assert_int_equal(page_free_bytes(), before);
		wipe(vm, before);
		(void)life_teardown(state);
	}
}

static void a_vm_whose_loading_failed_leaves_no_image_in_the_pool(void **state)
{
	struct vm *vm;

	(void)state;
	life.load_fails = true;
	vm = life_create();
	life_run_until(vm, VM_FAILED);
	wipe(vm, page_free_bytes());
}

static void what_was_typed_before_a_reset_is_not_for_the_next_life(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_REBOOT);
	life_run_until(vm, VM_BUILDING);
	life_run_until(vm, VM_RUNNING);
	/* First the ring, or the UART would take its fill from it again; and not at the start, since what is
	 * typed while it is loaded is for the next life. */
	life_calls_are((const char *const[]){
		"input discarded", "uart reset", "plic reset", "magic page reset 0", "power on 0",
		"counters zeroed 0", "start 0 at 80000000 with 80100000", "kick 0", NULL });
}

static void each_console_of_a_vm_ends_with_its_life(void **state)
{
	struct vm *vm = life_create();
	struct vm_console further = { .stream = (struct term_stream *)(void *)&further };

	(void)state;
	vm->consoles = &further;
	life_run_until(vm, VM_RUNNING);
	life_end(vm, VM_STOP_REBOOT);
	life_run_until(vm, VM_BUILDING);
	life_run_until(vm, VM_RUNNING);
	assert_int_equal(life_count("input discarded"), 2);
	life_end(vm, VM_STOP_POWEROFF);
	life_run_until(vm, VM_OFF);
	assert_int_equal(life_count("output shown"), 2);
	vm->consoles = NULL;
}

static void which_end_is_followed_by_a_start_is_configured(void **state)
{
	static const struct {
		enum vm_stop how;
		enum vm_on_crash crash;
		enum vm_on_poweroff poweroff;
		enum vm_state then;
	} rows[] = {
		{ VM_STOP_POWEROFF, ON_CRASH_RESTART, ON_POWEROFF_STOP, VM_OFF },
		{ VM_STOP_POWEROFF, ON_CRASH_STOP, ON_POWEROFF_RESTART, VM_BUILDING },
		{ VM_STOP_CRASH, ON_CRASH_STOP, ON_POWEROFF_RESTART, VM_CRASHED },
		{ VM_STOP_CRASH, ON_CRASH_RESTART, ON_POWEROFF_STOP, VM_BUILDING },
		{ VM_STOP_REBOOT, ON_CRASH_STOP, ON_POWEROFF_STOP, VM_BUILDING },
		{ VM_STOP_DESTROY, ON_CRASH_RESTART, ON_POWEROFF_RESTART, VM_OFF },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm *vm;

		assert_int_equal(life_setup(state), 0);
		life.cfg.on_crash = rows[i].crash;
		life.cfg.on_poweroff = rows[i].poweroff;
		vm = life_create();
		life_run_until(vm, VM_RUNNING);
		life_end(vm, rows[i].how);
		life_steps(LIFE_PARTS + 1);
		assert_int_equal(vm->state, rows[i].then);
		life_run_all();
		assert_int_equal(vm->state,
				 rows[i].then == VM_BUILDING ? VM_RUNNING : rows[i].then);
		(void)life_teardown(state);
	}
}

/* Meanwhile it is "loading", and can be ended. */
static void a_vm_is_restarted_once_a_second_at_most(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.on_crash = ON_CRASH_RESTART;
	vm = life_create();
	life_run_until(vm, VM_RUNNING);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t started = life.now;

		life.now += 300000000;
		assert_true(vm_stop(vm, VM_STOP_CRASH, "again"));
		life_last_vcpu_leaves(vm);
		life_run_all();
		assert_int_equal(vm->state, VM_BUILDING);
		assert_non_null(life.armed);
		assert_int_equal(life.armed->deadline, started + 1000000000);
		if (i == 2)
			break;
		life_timer_fires();
		life_run_all();
		assert_int_equal(vm->state, VM_RUNNING);
	}
	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	life_run_all();
	assert_int_equal(vm->state, VM_OFF);
	assert_int_equal(vm->gstage.nr_ram, 0);
	life.armed->fn(life.armed); /* the timer was not taken off */
	life_run_all();
	assert_int_equal(vm->state, VM_OFF);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_ended_vm_is_off_at_once_and_its_memory_is_wiped_before_it_is_free),
		test(a_vm_whose_loading_failed_leaves_no_image_in_the_pool),
		test(what_was_typed_before_a_reset_is_not_for_the_next_life),
		cmocka_unit_test(which_end_is_followed_by_a_start_is_configured),
		test(each_console_of_a_vm_ends_with_its_life),
		test(a_vm_is_restarted_once_a_second_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
