// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/*
 * Starvation: no runnable entity waits for ever while a hart that it may use runs something less urgent.
 *
 * Entities of all classes, with random weights, caps, affinities, slices and wake patterns, on 1 to 8 harts. Once
 * in a millisecond the test looks at each entity that waits: does a hart that it may use, its own one included, run
 * something that it should not have to wait for? The sum of such milliseconds since the entity last ran has a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V	 64
#define LOOK_MS	 400 /* to get round all harts and all that wait; one look takes 2 to 6 ms */
#define RUN_MS	 6000
#define MAX_SEED 400

static uint64_t seed;
static uint64_t total_weight, total_slice; /* of class fair */

static struct sched_params fifo(uint32_t priority)
{
	struct sched_params p = sim_params(0);

	p.class = SCHED_CLASS_FIFO;
	p.priority = priority;
	return p;
}

static struct sched_params any_params(unsigned int harts)
{
	struct sched_params p = sim_params(50 + (uint32_t)(sim_random() % 350));

	if (sim_random() % 4 == 0)
		p = fifo((uint32_t)(sim_random() % 4));
	if (sim_random() % 2 == 0)
		p.affinity = pcpu_set_from_mask(1 + sim_random() % (BIT(harts) - 1));
	if (sim_random() % 2)
		p.slice_us = 100 + (uint32_t)(sim_random() % 5000);
	return p;
}

static void add_any(unsigned int harts)
{
	for (unsigned int vm = 0; vm < 1 + sim_random() % 8; vm++) {
		struct sched_group *g = sim_group(sim_random() % 4 ? 0 : 20 + sim_random() % 300);

		for (uint64_t n = 1 + sim_random() % 4; n > 0; n--) {
			struct sched_params p = any_params(harts);
			uint64_t run = SIM_MS * (1 + sim_random() % 20) / 4;

			sim_add(g, &p, run,
				sim_random() % 2 ? SIM_MS * (1 + sim_random() % 8) / 4 : 0)
				->random = true;
		}
	}
}

/* What directed yields do is not to starve anything, either. */
static void some_yield(unsigned int harts)
{
	unsigned int h = (unsigned int)(sim_random() % harts);
	struct sim_vcpu *r = sim_running(h), *v = &sim_vcpus[sim_random() % sim_nr_vcpus];
	bool yields;

	if (!r || !r->se.group)
		return;
	sim_become(h);
	if (sim_random() % 2) {
		r->se.spin.on = true;
		r->se.spin.renewed = sim_random() % 2;
		yields = sched_spin_yield(&r->se);
	} else {
		yields = sched_yield_to(&r->se, &v->se);
	}
	if (yields) {
		sim_stop(h, SCHED_YIELDED);
		sim_step_hart(h);
	}
}

/*
 * Does a hart that @se may use run something that @se need not wait for? An idle hart does. With directed yields
 * its own hart does not count: what is more urgent than @se may lend it to a sibling for a while.
 */
static bool a_hart_is_open(const struct sched_entity *se, unsigned int harts, bool yields)
{
	uint32_t limit = se->class == SCHED_CLASS_FAIR ? 2 : urgency_of(se);

	for (unsigned int h = 0; h < harts; h++)
		if (pcpu_set_has(&se->affinity, h) && !(yields && h == se->pcpu) &&
		    (!sim_running(h) || urgency_of(&sim_running(h)->se) < limit))
			return true;
	return false;
}

/*
 * All of class fair may be on one hart: then a turn takes a request of each by weight. What has waited elsewhere comes
 * with a claim of up to 32 slices (LAG_SLICES_MIGRATE), and goes first.
 */
static uint64_t bound_ms(const struct sched_entity *se)
{
	if (se->class == SCHED_CLASS_FIFO)
		return LOOK_MS;
	return LOOK_MS + (2 * se->slice * total_weight / se->weight + 32 * total_slice) / SIM_MS;
}

static void look(unsigned int harts, bool yields, uint64_t waited[], uint64_t switches[],
		 uint64_t *worst)
{
	for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
		const struct sched_entity *se = &sim_vcpus[i].se;

		if (se->account.switches != switches[i] || se->state != SCHED_RUNNABLE) {
			switches[i] = se->account.switches;
			waited[i] = 0;
		}
		if (se->state != SCHED_RUNNABLE || cap_is_out(se, sim_now) ||
		    !a_hart_is_open(se, harts, yields))
			continue;
		waited[i]++;
		*worst = waited[i] > *worst ? waited[i] : *worst;
		if (waited[i] > bound_ms(se))
			fail_msg(
				"seed %lu: entity %u of class %u, on pcpu %u of %u, affinity %#lx: %lu ms beside an open hart",
				(unsigned long)seed, i, se->class, se->pcpu, harts,
				(unsigned long)se->affinity.word[0], (unsigned long)waited[i]);
	}
}

static void runs_without_starving(unsigned int harts, bool yields, uint64_t *worst)
{
	uint64_t waited[MAX_V] = { 0 }, switches[MAX_V] = { 0 };

	total_weight = total_slice = 0;
	for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
		if (sim_vcpus[i].se.class != SCHED_CLASS_FAIR)
			continue;
		total_weight += sim_vcpus[i].se.weight;
		total_slice += sim_vcpus[i].se.slice;
	}
	for (unsigned int h = 0; h < harts; h++)
		sim_step_hart(h); /* they have been up, and idle */
	for (unsigned int ms = 0; ms < RUN_MS; ms++) {
		/* One begins to run in each millisecond, so most find that others have begun. */
		if (ms < sim_nr_vcpus) {
			sim_become(ms % harts);
			(void)sched_wake(&sim_vcpus[ms].se);
		}
		sim_run(SIM_MS);
		if (yields && sim_random() % 8 == 0)
			some_yield(harts);
		look(harts, yields, waited, switches, worst);
	}
	sim_check();
}

static void nothing_waits_for_ever_beside_an_open_hart(void **state)
{
	uint64_t seeds = getenv("HV_LONG") ? 20 * MAX_SEED : MAX_SEED, worst = 0;

	(void)state;
	for (seed = 1; seed <= seeds; seed++) {
		unsigned int harts = 1 + (unsigned int)seed % 8;

		sim_begin(harts, MAX_V, seed);
		add_any(harts);
		runs_without_starving(harts, seed % 3 == 0, &worst);
		sim_end();
	}
	print_message("%lu mixes, the longest wait beside an open hart took %lu ms\n",
		      (unsigned long)seeds, (unsigned long)worst);
}

/* An unsliced fifo hart has no tick of its own; what waits there must be looked at all the same. */
static void fair_leaves_the_hart_of_a_pinned_hog(void **state)
{
	struct sched_params pinned = fifo(0), fair = sim_params(100);
	struct sched_group *g;
	uint64_t worst = 0;

	(void)state;
	pinned.affinity = pcpu_set_from_mask(BIT(1));
	sim_begin(2, MAX_V, 1);
	(void)sim_add(sim_group(0), &pinned, SIM_S, 0);
	g = sim_group(0);
	(void)sim_add(g, &fair, SIM_S, 0);
	(void)sim_add(g, &fair, SIM_S, 0);
	runs_without_starving(2, false, &worst);
	assert_in_range(sim_ran(&sim_vcpus[1]), RUN_MS * SIM_MS * 48 / 100,
			RUN_MS * SIM_MS * 52 / 100);
	assert_in_range(sim_ran(&sim_vcpus[2]), RUN_MS * SIM_MS * 48 / 100,
			RUN_MS * SIM_MS * 52 / 100);
	sim_end();
}

/* More wait than one look compares, and of eight harts only the last one is open to them. */
static void a_look_gets_round_all_harts_and_all_that_wait(void **state)
{
	struct sched_params hog = fifo(0), fair = sim_params(100);
	uint64_t worst = 0;

	(void)state;
	sim_begin(8, MAX_V, 1);
	for (unsigned int h = 0; h < 7; h++) {
		hog.affinity = pcpu_set_from_mask(BIT(h));
		(void)sim_add(sim_group(0), &hog, SIM_S, 0);
	}
	for (unsigned int i = 0; i < 24; i++) {
		fair.affinity = i % 6 ? pcpu_set_from_mask(BIT(i % 7)) : pcpu_set_first(8);
		(void)sim_add(sim_group(0), &fair, SIM_S, 0);
	}
	runs_without_starving(8, false, &worst);
	for (unsigned int i = 7; i < sim_nr_vcpus; i++)
		if ((i - 7) % 6 == 0)
			assert_true(sim_ran(&sim_vcpus[i]) > RUN_MS * SIM_MS / 5);
	sim_end();
}

/* The lender's slice has no end; what it lends has. */
static void fifo_that_yields_gets_its_hart_back(void **state)
{
	struct sched_params urgent = fifo(3), fair = sim_params(100);
	struct sched_group *g;

	(void)state;
	sim_begin(1, MAX_V, 1);
	g = sim_group(0);
	(void)sim_add(g, &urgent, SIM_S, 0);
	(void)sim_add(g, &fair, SIM_S, 0);
	sim_start();
	sim_run(SIM_MS);
	sim_become(0);
	assert_true(sched_yield_to(&sim_vcpus[0].se, &sim_vcpus[1].se));
	sim_stop(0, SCHED_YIELDED);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), &sim_vcpus[1]);
	sim_run(100 * SIM_MS);
	assert_ptr_equal(sim_running(0), &sim_vcpus[0]);
	assert_in_range(sim_ran(&sim_vcpus[1]), 1, 4 * SIM_MS);
	sim_end();
}

/* An entity that is to end gets its hart at once, from wherever it waits: nothing else may hold it up. */
static void what_is_expedited_runs_next(void **state)
{
	struct sched_params hog = fifo(31), low = fifo(2), fair = sim_params(1);
	struct sched_group *g;

	(void)state;
	for (unsigned int how = 0; how < 5; how++) {
		struct sim_vcpu *v, *other;

		sim_begin(1, MAX_V, 1);
		(void)sim_add(sim_group(0), how == 3 ? &fair : &hog, SIM_S, 0);
		g = sim_group(0);
		v = sim_add(g, how == 1 ? &low : &fair, SIM_S, 0);
		other = sim_add(g, &fair, SIM_S, 0);
		sim_become(0);
		for (unsigned int i = 0; i < 3; i++)
			if (!(how == 2 && i == 1) && !(how == 3 && i == 2))
				(void)sched_wake(&sim_vcpus[i].se);
		sim_run(20 * SIM_MS);
		if (how == 2) { /* it sleeps, and is woken afterwards */
			sched_expedite(&v->se);
			(void)sched_wake(&v->se);
		} else if (how == 3) { /* it has lent its hart to a sibling */
			while (sim_running(0) != v)
				sim_run(SIM_MS / 10);
			assert_true(sim_hand_over(0, other));
			sched_expedite(&v->se);
		} else if (how == 4) { /* a directed yield names it */
			sim_vcpus[0].se.group = g;
			assert_true(sched_yield_to(&sim_vcpus[0].se, &v->se));
			sched_expedite(&v->se);
		} else {
			assert_ptr_equal(sim_running(0), &sim_vcpus[0]);
			sched_expedite(&v->se);
		}
		sim_check();
		sim_run(1);
		assert_ptr_equal(sim_running(0), v);
		sim_check();
		/* If it is put before it gets to its end, class fifo has a turn first. */
		sim_stop_for_next(0, SCHED_PREEMPTED);
		sim_step_hart(0);
		if (sim_running(0) != v)
			sim_run(SIM_MS + 1);
		assert_ptr_equal(sim_running(0), v);
		sim_stop_for_next(0, SCHED_BLOCKS);
		sim_check();
		sched_expedite_end(&v->se);
		(void)sched_wake(&v->se);
		sim_run(SIM_MS);
		sim_check();
		assert_true(sim_running(0) != v);
		sim_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fair_leaves_the_hart_of_a_pinned_hog),
		cmocka_unit_test(a_look_gets_round_all_harts_and_all_that_wait),
		cmocka_unit_test(fifo_that_yields_gets_its_hart_back),
		cmocka_unit_test(what_is_expedited_runs_next),
		cmocka_unit_test(nothing_waits_for_ever_beside_an_open_hart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
