// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/life.h
/*
 * Any two commands of an operator or a guest, after any two steps of a VM's life: which of them are taken, through which
 * states the VM goes, and where it ends.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fake/life.h"
#include "fake/said.h"
#include "mm/page.h"

enum command { START, POWEROFF, REBOOT, CRASH, DESTROY, NOTHING, NR_COMMANDS };

#define SMALL_RAM KIB(64)

static enum vm_state seen; /* the state after the last step */

/* From one look to the next, each of which may have been passed. vcpu/vm.h, "states". */
static bool may_follow(enum vm_state from, enum vm_state to)
{
	switch (from) {
	case VM_BUILDING:
		return to == VM_RUNNING || to == VM_FAILED || to == VM_STOPPING;
	case VM_RUNNING:
		return to == VM_STOPPING;
	case VM_STOPPING:
		return to == VM_BUILDING || to == VM_OFF || to == VM_CRASHED;
	default:
		return to == VM_BUILDING;
	}
}

static void look(const struct vm *vm)
{
	enum vm_state now = vm->state;

	if (now != seen && !may_follow(seen, now))
		fail_msg("%s, then %s", vm_state_name(seen), vm_state_name(now));
	seen = now;
	/* It runs in all of its memory, and has ended with none when nothing is left to be done. */
	if (now == VM_RUNNING)
		assert_int_equal(vm->gstage.ram_bytes, SMALL_RAM);
	if (now != VM_RUNNING && now != VM_STOPPING)
		assert_int_equal(vm->active, 0);
}

static bool give(struct vm *vm, enum command c)
{
	static const enum vm_stop how[] = {
		[POWEROFF] = VM_STOP_POWEROFF,
		[REBOOT] = VM_STOP_REBOOT,
		[CRASH] = VM_STOP_CRASH,
		[DESTROY] = VM_STOP_DESTROY,
	};
	bool done = c == NOTHING ? false : c == START ? vm_start(vm) : vm_stop(vm, how[c], "why");

	look(vm);
	return done;
}

/* One step of the world: of a task, or the last vcpu leaves, or the clock goes on. False: it is at rest. */
static bool step(struct vm *vm)
{
	bool more = life_step_one();

	if (!more && vm->state == VM_STOPPING && vm->active != 0) {
		life_last_vcpu_leaves(vm);
		more = true;
	} else if (!more && vm->state == VM_BUILDING && life.armed) {
		life_timer_fires();
		more = true;
	}
	look(vm);
	return more;
}

static bool is_taken(enum command c, enum vm_state in)
{
	if (c == NOTHING)
		return false;
	if (c == START)
		return in == VM_OFF || in == VM_CRASHED || in == VM_FAILED;
	return in == VM_BUILDING || in == VM_RUNNING;
}

static enum vm_state end_of(enum command c)
{
	return c == START || c == REBOOT ? VM_RUNNING : c == CRASH ? VM_CRASHED : VM_OFF;
}

/* @first after @i steps, @then after @j more. Returns whether the VM was still at work then. */
static bool run(enum command first, unsigned int i, enum command then, unsigned int j)
{
	const enum command commands[] = { first, then };
	const unsigned int steps[] = { i, j };
	enum vm_state end = VM_RUNNING;
	bool works = true;
	struct vm *vm;

	life.cfg.memory = SMALL_RAM;
	vm = life_create();
	seen = vm->state;
	for (unsigned int k = 0; k < ARRAY_SIZE(commands); k++) {
		bool taken;

		for (unsigned int n = 0; n < steps[k] && works; n++)
			works = step(vm);
		taken = is_taken(commands[k], vm->state);
		assert_int_equal(give(vm, commands[k]), taken);
		works |= taken;
		if (taken)
			end = end_of(commands[k]);
	}
	for (unsigned int n = 0; step(vm); n++)
		assert_true(n < 1000);
	if (vm->state != end)
		fail_msg("%u after %u, %u after %u: %s", first, i, then, j,
			 vm_state_name(vm->state));
	assert_int_equal(vm->gstage.nr_ram != 0, end == VM_RUNNING);
	assert_int_equal(life.expedited, 0);
	assert_false(vm->task.uncapped);
	return works;
}

static void two_commands_after_any_steps_come_to_what_the_last_one_asks_for(void **state)
{
	for (enum command first = START; first < NR_COMMANDS; first++) {
		for (enum command then = START; then < NOTHING; then++) {
			bool works = true;

			for (unsigned int i = 0; i < 20; i++) {
				for (unsigned int j = 0; j < 24 && works; j++) {
					assert_int_equal(life_setup(state), 0);
					works = run(first, i, then, j);
					(void)life_teardown(state);
				}
				works = true;
			}
		}
	}
}

/* --- what it says ------------------------------------------------------------------------------------------- */

static void each_end_has_its_line(void **state)
{
	static const struct {
		enum command command;
		bool restarts;
		const char *line;
	} rows[] = {
		{ POWEROFF, false, "one: powered off" },
		{ POWEROFF, true, "one: powered off; restarting" },
		{ CRASH, false, "one: crashed: why" },
		{ CRASH, true, "one: crashed: why; restarting" },
		{ REBOOT, false, "one: rebooting" },
		{ DESTROY, false, "one: destroyed" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm *vm;

		assert_int_equal(life_setup(state), 0);
		life.cfg.on_crash = rows[i].restarts ? ON_CRASH_RESTART : ON_CRASH_STOP;
		life.cfg.on_poweroff = rows[i].restarts ? ON_POWEROFF_RESTART : ON_POWEROFF_STOP;
		vm = life_create();
		life_run_until(vm, VM_RUNNING);
		assert_logged("one: started: 1 vcpu, 2 MiB");
		seen = VM_RUNNING;
		(void)give(vm, rows[i].command == CRASH ? CRASH : rows[i].command);
		life_run_all();
		life_last_vcpu_leaves(vm);
		life_run_all();
		assert_logged(rows[i].line);
		(void)life_teardown(state);
	}
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(vm_state_name(VM_BUILDING), "loading");
	assert_string_equal(vm_state_name(VM_RUNNING), "running");
	assert_string_equal(vm_state_name(VM_STOPPING), "stopping");
	assert_string_equal(vm_state_name(VM_OFF), "off");
	assert_string_equal(vm_state_name(VM_CRASHED), "crashed");
	assert_string_equal(vm_state_name(VM_FAILED), "failed");
	assert_string_equal(vm_state_name(VM_DESTROYED), "destroyed");
	assert_string_equal(vm_state_name(VM_STATES), "?");
}

/* --- many vcpus ------------------------------------------------------------------------------------------------ */

#define MANY 20 /* not a multiple of what one step does */

/* Runs until nothing is left; of the calls that begin with @what no step makes more than eight. */
static unsigned int bounded(const char *what)
{
	unsigned int before = life_count(what), all = 0, n;

	while (life_step_one()) {
		n = life_count(what);
		assert_true(n - before <= 8);
		all += n - before;
		before = n;
	}
	return all;
}

static void no_step_sees_to_more_than_a_few_vcpus(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.cpus = MANY;
	life.cfg.memory = SMALL_RAM;
	vm = life_create();
	assert_int_equal(bounded("power on "), MANY);
	assert_int_equal(life_count("magic page reset "), MANY);
	assert_int_equal(life_count("counters zeroed "), MANY);
	assert_logged("one: started: 20 vcpus, 0 MiB");
	assert_int_equal(vm->active, MANY);
	/* One hart of it begins; the others are the guest's to start. */
	assert_int_equal(life_count("start "), 1);
	assert_int_equal(life_count("start 0 at 80000000 with 80100000"), 1);
	assert_int_equal(life_count("kick "), 1);
	assert_int_equal(life_count("kick 0"), 1);

	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	assert_int_equal(life_count("one: all are told of the end"), 1);
	assert_int_equal(bounded("kick "), MANY);
	assert_int_equal(vm->state, VM_STOPPING);
	life_last_vcpu_leaves(vm);
	assert_int_equal(bounded("magic page freed "), MANY);
	assert_int_equal(vm->state, VM_OFF);
}

/* All of what a vcpu had in one life is gone before it starts in the next one. */
static void every_vcpu_is_made_ready_again_for_each_life(void **state)
{
	struct vm *vm;

	(void)state;
	life.cfg.cpus = MANY;
	life.cfg.memory = SMALL_RAM;
	vm = life_create();
	life_run_all();
	for (unsigned int i = 0; i < 2; i++) {
		life_end(vm, VM_STOP_REBOOT);
		life_run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(life_count("power on "), MANY);
		assert_int_equal(life_count("magic page reset "), MANY);
		assert_int_equal(life_count("counters zeroed "), MANY);
		assert_int_equal(life_count("magic page freed "), 0);
	}
	life_end(vm, VM_STOP_DESTROY);
	life_run_all();
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(life_count("power on "), MANY);
}

/* --- loading in steps ------------------------------------------------------------------------------------------- */

static void loading_goes_on_until_the_loader_is_done(void **state)
{
	struct vm *vm;

	(void)state;
	life.load_steps = 5;
	vm = life_create();
	life_run_until(vm, VM_RUNNING);
	assert_int_equal(life.load_steps, 0);
	assert_int_equal(life_count("plic reset"), 0); /* a new one is as after a reset */
}

static void a_bundle_that_has_become_wrong_fails_the_next_start(void **state)
{
	struct vm *vm = life_create();

	(void)state;
	life.begin_fails = true;
	life_run_until(vm, VM_FAILED);
	assert_logged("one: not started, for the reason above");
	life_run_all();
	assert_int_equal(vm->gstage.nr_ram, 0);
	life.begin_fails = false;
	assert_true(vm_start(vm));
	life_run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

/* --- focus -------------------------------------------------------------------------------------------------------- */

/* The operator does not look at a VM that will never say anything. */
static void a_vm_that_fails_gives_the_focus_to_one_that_lives(void **state)
{
	static const struct {
		bool has_focus, two_lives;
	} rows[] = { { true, true }, { true, false }, { false, true } };

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm *one, *two;

		assert_int_equal(life_setup(state), 0);
		life.cfg2.autostart = rows[i].two_lives;
		life.load_fails = true;
		one = life_create();
		two = vm_create(&life.cfg2);
		life.focus = rows[i].has_focus ? one->stream : NULL;
		life_run_until(one, VM_FAILED);
		assert_ptr_equal(life.focus, !rows[i].has_focus ? NULL :
					     rows[i].two_lives	? two->stream :
								  one->stream);
		(void)life_teardown(state);
	}
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, life_setup, life_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_commands_after_any_steps_come_to_what_the_last_one_asks_for),
		cmocka_unit_test(each_end_has_its_line),
		test(states_have_names),
		test(no_step_sees_to_more_than_a_few_vcpus),
		test(every_vcpu_is_made_ready_again_for_each_life),
		test(loading_goes_on_until_the_loader_is_done),
		test(a_bundle_that_has_become_wrong_fails_the_next_start),
		cmocka_unit_test(a_vm_that_fails_gives_the_focus_to_one_that_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
