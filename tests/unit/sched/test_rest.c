// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/* Resting: an entity that sleeps on its hart without leaving it, and what others see of it meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim.h"

static struct sim_vcpu *rester, *other;

static struct runq *queue(void)
{
	return &runqs[0];
}

static void wake(struct sim_vcpu *v)
{
	sim_become(0);
	(void)sched_wake(&v->se);
}

/* The rester runs on hart 0, alone; its group has @cap percent. */
static void begin_class(uint32_t cap, enum sched_class class)
{
	struct sched_params here = sim_params(100);

	here.class = class;
	here.affinity = pcpu_set_first(1);
	sim_begin(1, 4, 1);
	rester = sim_add(sim_group(cap), &here, 1, 0);
	other = sim_add(sim_group(0), &here, 1, 0);
	wake(rester);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), rester);
	sim_now += SIM_MS;
	sim_become(0);
}

static void begin(uint32_t cap)
{
	begin_class(cap, SCHED_CLASS_FAIR);
}

static int end(void **state)
{
	(void)state;
	sim_end();
	return 0;
}

static struct sched_times times(void)
{
	return sched_times(&rester->se, sim_now);
}

static void it_is_asleep_for_others_and_goes_on_as_it_was(void **state)
{
	struct sched_times before, after;
	uint32_t urgency;

	(void)state;
	begin(0);
	urgency = queue()->urgency;
	assert_true(urgency != 0);
	before = times();
	assert_int_equal(before.run, SIM_MS);
	assert_true(sched_rest_begin(&rester->se, sim_now));
	assert_int_equal(rester->se.resting, 1);
	assert_int_equal(queue()->urgency, 0);
	assert_int_equal(queue()->group, 0);
	assert_int_equal(rester->se.state, SCHED_RUNNING);
	sim_now += 2 * SIM_MS;
	after = times();
	assert_int_equal(after.run, before.run);
	assert_int_equal(after.block, before.block + 2 * SIM_MS);
	sched_rest_end(&rester->se, sim_now);
	assert_int_equal(rester->se.resting, 0);
	assert_int_equal(queue()->urgency, urgency);
	assert_true(queue()->group == (uintptr_t)rester->se.group);
	sim_now += SIM_MS;
	after = times();
	assert_int_equal(after.run, before.run + SIM_MS);
	assert_int_equal(after.block, before.block + 2 * SIM_MS);
	assert_int_equal(after.wait, before.wait);
	sim_check();
}

static void what_it_slept_is_not_charged_to_it(void **state)
{
	int64_t at_start, vtime;

	(void)state;
	begin(0);
	at_start = rester->se.fair.vtime;
	assert_true(sched_rest_begin(&rester->se, sim_now));
	vtime = rester->se.fair.vtime;
	assert_true(vtime > at_start); /* what it ran before is */
	sim_now += 100 * SIM_MS;
	sched_rest_end(&rester->se, sim_now);
	assert_int_equal(rester->se.fair.vtime, vtime);
	assert_int_equal(rester->se.account.run, SIM_MS);
	/* What it runs after that is. */
	sim_now += SIM_MS;
	sim_stop(0, SCHED_BLOCKS);
	assert_int_equal(rester->se.account.run, 2 * SIM_MS);
	assert_true(rester->se.fair.vtime > vtime);
}

/* How long it uses to run decides what it asks for next, in class fair. */
static void what_it_ran_is_a_burst(void **state)
{
	uint64_t burst;

	begin(0);
	burst = rester->se.fair.burst;
	assert_true(burst != SIM_MS);
	assert_true(sched_rest_begin(&rester->se, sim_now));
	assert_int_equal(rester->se.fair.burst, (3 * burst + SIM_MS) / 4);
	sched_rest_end(&rester->se, sim_now);
	assert_int_equal(rester->se.fair.this_burst, 0);
	(void)end(state);
	begin_class(0, SCHED_CLASS_FIFO);
	burst = rester->se.fair.burst;
	assert_true(sched_rest_begin(&rester->se, sim_now));
	assert_int_equal(rester->se.fair.burst, burst);
	sched_rest_end(&rester->se, sim_now);
	assert_int_equal(rester->se.account.run, SIM_MS);
}

static void nothing_rests_beside_what_waits(void **state)
{
	(void)state;
	begin(0);
	wake(other);
	assert_false(sched_rest_begin(&rester->se, sim_now));
	assert_int_equal(rester->se.resting, 0);
	assert_true(queue()->urgency != 0);
}

static void what_was_woken_just_now_does_not_rest(void **state)
{
	(void)state;
	begin(0);
	wake(rester);
	assert_int_equal(rester->se.wakeups, 1);
	assert_false(sched_rest_begin(&rester->se, sim_now));
	sched_take_wake(&rester->se);
	assert_int_equal(rester->se.wakeups, 0);
	assert_true(sched_rest_begin(&rester->se, sim_now));
}

static void what_has_a_cap_does_not_rest(void **state)
{
	(void)state;
	begin(50);
	assert_false(sched_rest_begin(&rester->se, sim_now));
	assert_int_equal(rester->se.resting, 0);
}

static void a_wake_interrupts_it(void **state)
{
	(void)state;
	begin(0);
	assert_true(sched_rest_begin(&rester->se, sim_now));
	sim_kicks = 0;
	assert_true(sched_wake(&rester->se));
	assert_int_equal(sim_kicks, 1);
	assert_int_equal(rester->se.wakeups, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(it_is_asleep_for_others_and_goes_on_as_it_was, end),
		cmocka_unit_test_teardown(what_it_slept_is_not_charged_to_it, end),
		cmocka_unit_test_teardown(what_it_ran_is_a_burst, end),
		cmocka_unit_test_teardown(nothing_rests_beside_what_waits, end),
		cmocka_unit_test_teardown(what_was_woken_just_now_does_not_rest, end),
		cmocka_unit_test_teardown(what_has_a_cap_does_not_rest, end),
		cmocka_unit_test_teardown(a_wake_interrupts_it, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
