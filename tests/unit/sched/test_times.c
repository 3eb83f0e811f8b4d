// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
// SOURCES: hyp/sched/times.c
// CFLAGS: -DFAKE_TIMES
/* While a hart measures times, each wake is counted once, with how long the entity waited for its run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

static struct sched_waits waits[2];
static struct sim_vcpu *one, *two;

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

static uint64_t wakes(unsigned int i)
{
	uint64_t n = 0;

	for (unsigned int b = 0; b < HISTOGRAM_BUCKETS; b++)
		n += waits[i].woken.count[b];
	return n;
}

static void wake(struct sim_vcpu *v)
{
	sim_become(0);
	(void)sched_wake(&v->se);
}

/* Two siblings of one hart, which measures as @timed says. */
static void begin(bool timed)
{
	struct sched_params here = sim_params(100);
	struct sched_group *g;

	memset(waits, 0, sizeof(waits));
	here.affinity = pcpu_set_first(1);
	sim_begin(1, 4, 1);
	sim_become(0);
	this_pcpu()->trace.timed = timed;
	g = sim_group(0);
	one = sim_add(g, &here, 1, 0);
	two = sim_add(g, &here, 1, 0);
	sched_measure_waits(&one->se, &waits[0]);
	sched_measure_waits(&two->se, &waits[1]);
}

static int end(void **state)
{
	(void)state;
	this_pcpu()->trace.timed = 0;
	sim_end();
	return 0;
}

static void a_wake_is_as_long_as_the_wait_for_a_hart(void **state)
{
	(void)state;
	begin(true);
	wake(one);
	sim_step_hart(0);
	assert_int_equal(waits[0].woken.count[0], 1);
	assert_int_equal(waits[0].woken.sum, 0);
	wake(two);
	sim_now += 5000;
	sim_stop_for_next(0, SCHED_BLOCKS);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), two);
	assert_int_equal(waits[1].woken.sum, 5000);
	assert_int_equal(waits[1].woken.count[3], 1);
	/* It waits again, but nothing has woken it. */
	sim_stop(0, SCHED_PREEMPTED);
	sim_now += 5000;
	sim_step_hart(0);
	assert_int_equal(wakes(1), 1);
}

static void nothing_is_counted_where_nothing_is_measured(void **state)
{
	(void)state;
	begin(false);
	wake(one);
	sim_step_hart(0);
	assert_int_equal(wakes(0), 0);
	sim_end();
	begin(true);
	one->se.account.waits = 0; /* there was no memory */
	wake(one);
	sim_step_hart(0);
	assert_true(sched_rest_begin(&one->se, sim_now));
	(void)sched_wake(&one->se);
	sched_rest_end(&one->se, sim_now);
	assert_int_equal(wakes(0), 0);
}

static void a_loan_takes_no_wait(void **state)
{
	(void)state;
	begin(true);
	wake(one);
	sim_step_hart(0);
	sim_now += 5000;
	assert_true(sim_hand_over(0, two));
	assert_int_equal(wakes(1), 1);
	assert_int_equal(waits[1].woken.sum, 0);
}

/* The first of two wakes counts, and no wake of an earlier sleep. */
static void a_rest_is_over_when_its_vcpu_runs(void **state)
{
	(void)state;
	begin(true);
	wake(one);
	sim_step_hart(0);
	for (unsigned int n = 0; n < 2; n++) {
		sim_now += SIM_MS;
		assert_true(sched_rest_begin(&one->se, sim_now));
		sim_now += 3000;
		(void)sched_wake(&one->se);
		sim_now += 1000;
		(void)sched_wake(&one->se);
		sim_now += 1000;
		sched_rest_end(&one->se, sim_now);
		sched_take_wake(&one->se);
		assert_int_equal(wakes(0), n + 2);
		assert_int_equal(waits[0].woken.sum, 2000 * (n + 1));
	}
	/* An interrupt of its own. */
	sim_now += SIM_MS;
	assert_true(sched_rest_begin(&one->se, sim_now));
	sim_now += 3000;
	sched_rest_end(&one->se, sim_now);
	assert_int_equal(wakes(0), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_wake_is_as_long_as_the_wait_for_a_hart, end),
		cmocka_unit_test_teardown(nothing_is_counted_where_nothing_is_measured, end),
		cmocka_unit_test_teardown(a_loan_takes_no_wait, end),
		cmocka_unit_test_teardown(a_rest_is_over_when_its_vcpu_runs, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
