// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/* An affinity that changes: nothing is picked outside of it, and what is outside leaves soon. The simulator stops if anything else is picked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 24

static struct sched_params fifo(uint32_t priority)
{
	struct sched_params p = sim_params(0);

	p.class = SCHED_CLASS_FIFO;
	p.priority = priority;
	return p;
}

/* @v, of class fair or fifo, on hart @on alone; busy, or sleeping most of the time. */
static struct sim_vcpu *add(struct sched_params p, unsigned int on, uint64_t sleep)
{
	p.affinity = pcpu_set_of(on);
	return sim_add(sim_group(0), &p, sleep ? SIM_MS / 10 : 1, sleep);
}

static void move(struct sim_vcpu *v, unsigned int to)
{
	const struct pcpu_set set = pcpu_set_of(to);

	sim_become(0);
	sched_set_affinity(&v->se, &set);
	sim_check();
}

static void what_runs_goes_at_once(void **state)
{
	struct sim_vcpu *v;

	(void)state;
	sim_begin(2, MAX_V, 1);
	v = add(sim_params(100), 1, 0);
	sim_start();
	sim_run(SIM_S);
	assert_ptr_equal(sim_running(1), v);
	move(v, 0);
	sim_run(SIM_MS / 100);
	assert_ptr_equal(sim_running(0), v);
	assert_null(sim_running(1));
	assert_int_equal(v->se.account.migrations, 1);
	sim_end();
}

/* It comes away, too, if it waits behind an entity of class fifo that runs for ever. */
static void what_waits_goes_at_once(void **state)
{
	struct sim_vcpu *v;

	(void)state;
	sim_begin(2, MAX_V, 1);
	(void)add(fifo(9), 1, 0);
	sim_start();
	sim_run(SIM_S);
	v = add(sim_params(100), 1, 0);
	sim_become(1);
	(void)sched_wake(&v->se);
	sim_run(SIM_S);
	assert_int_equal(v->stays, 0);
	move(v, 0);
	sim_run(SIM_MS / 100);
	assert_ptr_equal(sim_running(0), v);
	sim_end();
}

/* Its context is in the hart still: a wake finds it there, and it runs elsewhere all the same. */
static void what_sleeps_wakes_where_it_may_run(void **state)
{
	struct sim_vcpu *v;

	(void)state;
	for (unsigned int n = 0; n < 2; n++) {
		sim_begin(3, MAX_V, 1);
		v = add(sim_params(100), 1, 50 * SIM_MS);
		sim_start();
		sim_run(SIM_MS);
		assert_int_equal(v->se.state, SCHED_BLOCKED);
		assert_int_equal(v->se.on_cpu, 1);
		if (n) { /* or it is loaded no more */
			struct sim_vcpu *other = add(sim_params(100), 1, 10 * SIM_MS);

			sim_become(1);
			(void)sched_wake(&other->se);
			sim_run(SIM_MS);
			assert_int_equal(v->se.on_cpu, 0);
		}
		move(v, 2);
		assert_int_equal(v->se.pcpu, n ? 2 : 1);
		sim_run(SIM_MS / 100); /* an idle hart lets go of it */
		assert_int_equal(v->se.state, SCHED_BLOCKED);
		assert_int_equal(v->se.pcpu, 2);
		sim_mark();
		sim_run(SIM_S);
		assert_true(sim_ran(v) > SIM_MS);
		assert_int_equal(v->se.pcpu, 2);
		sim_end();
	}
}

/* Put away, and not sent, as its context is loaded: and then it may run here again. */
static void what_may_stay_after_all_runs_again(void **state)
{
	const struct pcpu_set there = pcpu_set_of(1), both = pcpu_set_first(2);
	struct sim_vcpu *v;

	(void)state;
	sim_begin(2, MAX_V, 1);
	v = add(sim_params(100), 0, 50 * SIM_MS);
	sim_start();
	sim_run(SIM_MS);
	assert_int_equal(v->se.on_cpu, 1);
	sim_become(0);
	sched_set_affinity(&v->se, &there);
	(void)sched_wake(&v->se);
	assert_null(sched_pick(sim_now));
	sched_set_affinity(&v->se, &both);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), v);
	sim_check();
	sim_end();
}

static void a_task_moves_too(void **state)
{
	struct sched_params p = sim_params(100);
	struct sim_vcpu *t;

	(void)state;
	sim_begin(2, MAX_V, 1);
	p.affinity = pcpu_set_of(1);
	t = sim_add_task(sim_group(0), &p, 1, 0);
	(void)add(sim_params(100), 1, 0);
	sim_start();
	sim_run(SIM_S);
	move(t, 0);
	sim_run(10 * SIM_MS);
	assert_ptr_equal(sim_running(0), t);
	sim_end();
}

/* A sibling that was handed its hart goes; the lender, too. */
static void a_loan_is_settled_before_one_of_them_goes(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 2; n++) {
		struct sched_params p = sim_params(100);
		struct sched_group *g;
		struct sim_vcpu *asks, *answers;

		sim_begin(2, MAX_V, 1);
		p.affinity = pcpu_set_of(0);
		g = sim_group(0);
		asks = sim_add(g, &p, 1, 0);
		answers = sim_add(g, &p, SIM_MS, SIM_S);
		sim_become(0);
		(void)sched_wake(&asks->se);
		sim_step_hart(0);
		sim_run(SIM_MS);
		assert_true(sim_hand_over(0, answers));
		move(n ? asks : answers, 1);
		sim_run(SIM_MS / 100);
		assert_ptr_equal(sim_running(1), n ? asks : answers);
		assert_ptr_equal(sim_running(0), n ? answers : asks);
		sim_end();
	}
}

/* Any affinity for any entity at any time, and back again before anything has looked. */
static void any_change_at_any_time_leaves_all_where_they_may_be(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		unsigned int harts = 2 + (unsigned int)(seed % 4), nr = 12;

		sim_begin(harts, MAX_V, seed);
		for (unsigned int i = 0; i < nr; i++) {
			struct sched_params p = i % 4 == 3 ? fifo(i) : sim_params(100 + 50 * i);
			struct sim_vcpu *v = sim_add(sim_group(i % 5 == 4 ? 40 : 0), &p,
						     1 + sim_random() % (3 * SIM_MS),
						     i % 3 ? 1 + sim_random() % (4 * SIM_MS) : 0);

			v->random = true;
		}
		sim_start();
		for (unsigned int n = 0; n < 300; n++) {
			struct sim_vcpu *v = &sim_vcpus[sim_random() % nr];
			struct pcpu_set set = pcpu_set_none();

			set.word[0] = 1 + sim_random() % ((1u << harts) - 1);
			sim_become((unsigned int)(sim_random() % harts));
			sched_set_affinity(&v->se, &set);
			if (sim_random() % 2)
				sim_run(sim_random() % (2 * SIM_MS));
			sim_check();
		}
		/* From now on each has but one hart: it is there after a moment, and all of class fair get on. */
		for (unsigned int i = 0; i < nr; i++)
			move(&sim_vcpus[i], i % 4 == 3 ? 0 : 1);
		sim_run(SIM_S);
		sim_mark();
		sim_run(4 * SIM_S);
		for (unsigned int i = 0; i < nr; i++) {
			assert_int_equal(sim_vcpus[i].se.pcpu, i % 4 == 3 ? 0 : 1);
			assert_true(i % 4 == 3 || sim_ran(&sim_vcpus[i]) > 0);
		}
		sim_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_runs_goes_at_once),
		cmocka_unit_test(what_waits_goes_at_once),
		cmocka_unit_test(what_sleeps_wakes_where_it_may_run),
		cmocka_unit_test(what_may_stay_after_all_runs_again),
		cmocka_unit_test(a_task_moves_too),
		cmocka_unit_test(a_loan_is_settled_before_one_of_them_goes),
		cmocka_unit_test(any_change_at_any_time_leaves_all_where_they_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
