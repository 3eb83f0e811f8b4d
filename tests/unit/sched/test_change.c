// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
// SOURCES: hyp/sched/change.c
/* What an operator changes while entities run takes effect at once, and spoils no sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 16

static struct sim_vcpu *busy(struct sched_group *g)
{
	struct sched_params p = sim_params(100);

	return sim_add(g, &p, 1, 0);
}

static void a_new_weight_is_a_new_share(void **state)
{
	struct sim_vcpu *a, *b;

	(void)state;
	sim_begin(1, MAX_V, 1);
	a = busy(sim_group(0));
	b = busy(sim_group(0));
	sim_start();
	sim_run(SIM_S);
	sched_set_weight(&a->se, 300);
	sim_check();
	sim_mark();
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(a), 7400 * SIM_MS, 7600 * SIM_MS);
	sched_set_weight(&b->se, 300);
	sched_set_weight(&a->se, 1);
	sim_check();
	sim_mark();
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(a), 20 * SIM_MS, 50 * SIM_MS);
	assert_true(sim_ran(a) + sim_ran(b) == 10 * SIM_S);
	sim_end();
}

/* What one is owed is a time: no weight makes it more. */
static void a_weight_gives_nothing_for_the_past(void **state)
{
	struct sim_vcpu *a;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct sched_params p = sim_params(100);

		sim_begin(1, MAX_V, 1);
		(void)busy(sim_group(0));
		a = i ? sim_add(sim_group(0), &p, 40 * SIM_MS, 40 * SIM_MS) : busy(sim_group(0));
		sim_start();
		sim_run(SIM_S);
		/* Up and down, while it runs, waits and sleeps: it gets what its weight is most of the time. */
		sim_mark();
		for (unsigned int n = 0; n < 2000; n++) {
			sched_set_weight(&a->se, 10000);
			sched_set_weight(&a->se, 1);
			sched_set_weight(&a->se, 100);
			sim_run(5 * SIM_MS);
			sim_check();
		}
		if (i == 0)
			assert_in_range(sim_ran(a), 4900 * SIM_MS, 5100 * SIM_MS);
		else
			assert_in_range(sim_ran(a), 3000 * SIM_MS, 4500 * SIM_MS);
		sim_end();
	}
}

static void what_is_owed_to_a_small_weight_is_small_afterwards(void **state)
{
	struct sim_vcpu *a;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct sched_params p = sim_params(1);
		bool sleeps = seed % 2;

		sim_begin(1, MAX_V, seed + 1);
		(void)busy(sim_group(0));
		a = sim_add(sim_group(0), &p, 10 * SIM_MS, sleeps ? SIM_MS / 10 : 0);
		sim_start();
		sim_run(300 * SIM_MS + seed * SIM_MS / 3);
		sched_set_weight(&a->se, 100);
		sim_mark();
		sim_run(200 * SIM_MS);
		assert_in_range(sim_ran(a), 75 * SIM_MS, 125 * SIM_MS);
		/* Nor is a debt that was small, a large one. */
		sched_set_weight(&a->se, 10000);
		sim_run(50 * SIM_MS + seed * SIM_MS / 3);
		sched_set_weight(&a->se, 100);
		sim_mark();
		sim_run(400 * SIM_MS);
		assert_in_range(sim_ran(a), 150 * SIM_MS, 250 * SIM_MS);
		sim_end();
	}
}

/* Alone on its hart it would never have looked again. */
static void a_cap_holds_at_once(void **state)
{
	struct sim_vcpu *v, *task;
	struct sched_params p = sim_params(100);
	struct sched_group *g;

	(void)state;
	sim_begin(2, MAX_V, 1);
	g = sim_group(0);
	v = busy(g);
	task = sim_add_task(g, &p, 1, 0);
	sim_start();
	sim_run(SIM_S);
	sim_mark();
	sched_group_set_cap(g, 30, &task->se);
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(v) + sim_ran(task), 2900 * SIM_MS, 3100 * SIM_MS);
	/* To another one. */
	sim_mark();
	sched_group_set_cap(g, 150, &task->se);
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(v) + sim_ran(task), 14600 * SIM_MS, 15300 * SIM_MS);
	/* To none. */
	sched_group_set_cap(g, 0, &task->se);
	sim_run(SIM_S);
	sim_mark();
	sim_kicks = 0;
	sim_run(10 * SIM_S);
	assert_true(sim_ran(v) == 10 * SIM_S && sim_ran(task) == 10 * SIM_S);
	assert_true(v->se.budget_end == TIMER_NEVER);
	sim_end();
}

/* However long there was none, nothing is owed to or by the next one. */
static void a_cap_that_comes_back_has_no_debt(void **state)
{
	struct sim_vcpu *v;
	struct sched_params p = sim_params(100);
	struct sched_group *g;

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		sim_begin(1, MAX_V, seed);
		g = sim_group(20);
		v = sim_add(g, &p, 3 * SIM_MS, seed % 2 ? 0 : SIM_MS);
		sim_start();
		for (unsigned int i = 0; i < 10; i++) {
			sim_run(SIM_S + sim_random() % SIM_S);
			sched_group_set_cap(g, 0, NULL);
			sim_run(10 * SIM_S + sim_random() % SIM_S);
			sched_group_set_cap(g, 50, NULL);
			sim_mark();
			sim_run(SIM_S);
			assert_in_range(sim_ran(v), 440 * SIM_MS, 560 * SIM_MS);
			sched_group_set_cap(g, 20, NULL);
			sim_run(300 * SIM_MS);
			sim_mark();
			sim_run(SIM_S);
			assert_in_range(sim_ran(v), 190 * SIM_MS, 210 * SIM_MS);
		}
		sim_check();
		sim_end();
	}
}

/* Between two looks of the pcpu that runs it. */
static void one_that_runs_when_a_cap_begins_owes_nothing_for_before(void **state)
{
	struct sim_vcpu *v;
	struct sched_group *g;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		sim_begin(1, MAX_V, 1);
		g = sim_group(0);
		v = busy(g);
		sim_start();
		sim_run(SIM_S);
		if (i == 0)
			v->se.budget_end = 1; /* of a part long ago */
		if (i < 2)
			sched_group_set_cap(g, 50, NULL);
		else
			cap_set(g, 50); /* it is put before its pcpu is told */
		sim_stop(0, SCHED_YIELDED);
		assert_in_range(g->pool, g->quota - SIM_MS, g->quota);
		sim_end();
	}
}

static void another_cap_changes_what_is_left(void **state)
{
	struct sched_group g;

	(void)state;
	sched_group_init(&g, 50);
	g.pool -= 10;
	cap_set(&g, 80);
	assert_int_equal(g.pool, g.period * 80 / 100 - 10);
	cap_set(&g, 20);
	assert_int_equal(g.pool, g.period * 20 / 100 - 10);
	cap_set(&g, 0);
	assert_int_equal(g.quota, 0);
	cap_set(&g, 30);
	assert_int_equal(g.pool, g.period * 30 / 100);
}

static void whatever_is_changed_none_is_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct sched_group *g[3];

		sim_begin(1 + (unsigned int)seed % 3, MAX_V, seed);
		for (unsigned int i = 0; i < 9; i++) {
			struct sched_params p = sim_params(1 + (uint32_t)(sim_random() % 10000));

			if (i < 3)
				g[i] = sim_group(0);
			if (i == 3)
				p.class = SCHED_CLASS_FIFO;
			sim_add(g[i % 3], &p, SIM_MS, i % 2 ? SIM_MS : 0)->random = true;
		}
		sim_start();
		for (unsigned int i = 0; i < 400; i++) {
			struct sim_vcpu *v = &sim_vcpus[sim_random() % 9];

			sim_run(sim_random() % (4 * SIM_MS));
			if (sim_random() % 2)
				sched_group_set_cap(g[sim_random() % 3],
						    (uint32_t)(sim_random() % 3 * 40), NULL);
			else
				sched_set_weight(&v->se, 1 + (uint32_t)(sim_random() % 10000));
			sim_check();
		}
		for (unsigned int i = 0; i < 9; i++) {
			sched_group_set_cap(g[i % 3], 0, NULL);
			sched_set_weight(&sim_vcpus[i].se, 100);
		}
		sim_run(2 * SIM_S);
		sim_mark();
		sim_run(2 * SIM_S);
		sim_check();
		for (unsigned int i = 0; i < 9; i++)
			assert_true(sim_ran(&sim_vcpus[i]) > 50 * SIM_MS);
		sim_end();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_weight_is_a_new_share),
		cmocka_unit_test(a_weight_gives_nothing_for_the_past),
		cmocka_unit_test(what_is_owed_to_a_small_weight_is_small_afterwards),
		cmocka_unit_test(one_that_runs_when_a_cap_begins_owes_nothing_for_before),
		cmocka_unit_test(another_cap_changes_what_is_left),
		cmocka_unit_test(a_cap_holds_at_once),
		cmocka_unit_test(a_cap_that_comes_back_has_no_debt),
		cmocka_unit_test(whatever_is_changed_none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
