// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/expedite.c hyp/sched/task.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c tests/sim/sim.c tests/sim/check.c
// CFLAGS: -DHARTVISOR_SIM -DMAX_PCPUS=64 -O2 -Itests
/* Class fifo, caps, and that no vcpu is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 128

static bool is_long(void)
{
	return getenv("HV_LONG") != NULL;
}

static struct sched_params fifo(uint32_t priority)
{
	struct sched_params p = sim_params(0);

	p.class = SCHED_CLASS_FIFO;
	p.priority = priority;
	return p;
}

/* --- fifo -------------------------------------------------------------------------------------------- */

static void fifo_runs_at_once_whatever_fair_does(void **state)
{
	struct sched_params fair = sim_params(SCHED_WEIGHT_MAX), urgent = fifo(5);
	struct sim_vcpu *v;

	(void)state;
	sim_begin(2, MAX_V, 1);
	for (unsigned int i = 0; i < 8; i++)
		(void)sim_add(sim_group(0), &fair, 1, 0);
	v = sim_add(sim_group(0), &urgent, SIM_MS, 5 * SIM_MS);
	sim_start();
	sim_run(10 * SIM_S);
	assert_int_equal(v->se.account.max_latency, 0);
	assert_in_range(sim_ran(v), 10 * SIM_S / 6 - SIM_MS, 10 * SIM_S / 6 + SIM_MS);
	sim_end();
}

static void the_higher_priority_runs_and_equals_wait_for_each_other(void **state)
{
	struct sched_params low = fifo(3), high = fifo(4);
	struct sim_vcpu *first, *second, *third;

	(void)state;
	sim_begin(1, MAX_V, 1);
	first = sim_add(sim_group(0), &low, 3 * SIM_MS, 97 * SIM_MS);
	second = sim_add(sim_group(0), &low, 3 * SIM_MS, 97 * SIM_MS);
	third = sim_add(sim_group(0), &high, SIM_MS, 9 * SIM_MS);
	sim_start();
	sim_run(10 * SIM_S);
	assert_int_equal(third->se.account.max_latency, 0);
	assert_true(first->se.account.switches > 0 && second->se.account.switches > 0);
	assert_int_equal(sim_ran(first) / SIM_MS, sim_ran(second) / SIM_MS);
	sim_end();
}

static void fifo_with_a_slice_takes_turns_with_its_equals(void **state)
{
	struct sched_params p = fifo(3);

	(void)state;
	p.slice_us = 2000;
	sim_begin(1, MAX_V, 1);
	for (unsigned int i = 0; i < 3; i++)
		(void)sim_add(sim_group(0), &p, 1, 0);
	sim_start();
	sim_run(6 * SIM_S);
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(sim_ran(&sim_vcpus[i]), 1998 * SIM_MS, 2002 * SIM_MS);
	sim_end();
}

static void fair_flees_from_a_hart_that_fifo_holds(void **state)
{
	struct sched_params fair = sim_params(100), urgent = fifo(0);

	(void)state;
	sim_begin(2, MAX_V, 1);
	for (unsigned int i = 0; i < 4; i++)
		(void)sim_add(sim_group(0), &fair, 1, 0);
	(void)sim_add(sim_group(0), &urgent, 1, 0);
	sim_start();
	sim_run(10 * SIM_S);
	for (unsigned int i = 0; i < 4; i++)
		assert_in_range(sim_ran(&sim_vcpus[i]), 2400 * SIM_MS, 2600 * SIM_MS);
	sim_end();
}

/* --- caps -------------------------------------------------------------------------------------------- */

static void caps_hold_within_two_per_cent(void **state)
{
	static const uint32_t caps[] = { 3, 10, 25, 50, 80, 100, 150, 250, 390 };

	(void)state;
	for (unsigned int c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
		for (unsigned int n = 1; n <= 8; n *= 2) {
			struct sched_params p = sim_params(100);
			struct sched_group *g;
			uint64_t ran = 0, want = 100 * SIM_MS * caps[c];

			if (caps[c] > 100 * (n < 4 ? n : 4))
				continue;
			sim_begin(4, MAX_V, c + n);
			g = sim_group(caps[c]);
			for (unsigned int i = 0; i < n; i++)
				(void)sim_add(g, &p, SIM_MS,
					      i % 3 == 2 && caps[c] < 50 * n ? SIM_MS : 0);
			sim_start();
			sim_run(SIM_S);
			sim_mark();
			sim_run(10 * SIM_S);
			sim_check();
			for (unsigned int i = 0; i < n; i++)
				ran += sim_ran(&sim_vcpus[i]);
			assert_in_range(ran, want - want / 50, want + want / 50);
			sim_end();
		}
	}
}

static void what_a_capped_vm_leaves_others_have(void **state)
{
	struct sched_params p = sim_params(100);
	struct sim_vcpu *capped, *other;

	(void)state;
	sim_begin(1, MAX_V, 1);
	capped = sim_add(sim_group(20), &p, 1, 0);
	other = sim_add(sim_group(0), &p, 1, 0);
	sim_start();
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(capped), 1960 * SIM_MS, 2040 * SIM_MS);
	assert_true(sim_ran(capped) + sim_ran(other) == 10 * SIM_S);
	sim_end();
}

static void a_cap_is_not_saved_up(void **state)
{
	struct sched_params p = sim_params(100);
	struct sim_vcpu *v;

	(void)state;
	sim_begin(1, MAX_V, 1);
	v = sim_add(sim_group(50), &p, 60 * SIM_MS, 2 * SIM_S);
	sim_start();
	/* 60 ms take a period and 10 ms, each time, however long it slept. */
	sim_run(20 * SIM_S);
	assert_in_range(v->se.account.wait / (sim_ran(v) / (60 * SIM_MS)), 30 * SIM_MS,
			60 * SIM_MS);
	sim_end();
}

static void fifo_is_capped_too(void **state)
{
	struct sched_params p = fifo(9);
	struct sim_vcpu *v;

	(void)state;
	sim_begin(1, MAX_V, 1);
	v = sim_add(sim_group(70), &p, 1, 0);
	sim_start();
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(v), 6860 * SIM_MS, 7140 * SIM_MS);
	sim_end();
}

/* --- no vcpu is lost --------------------------------------------------------------------------------- */

static struct sched_params any_params(unsigned int harts)
{
	struct sched_params p = sim_params(1 + (uint32_t)(sim_random() % 10000));

	if (sim_random() % 8 == 0)
		p = fifo((uint32_t)(sim_random() % 32));
	if (sim_random() % 3 == 0)
		p.affinity = pcpu_set_from_mask(1 + sim_random() % (BIT(harts) - 1));
	p.slice_us = sim_random() % 2 ? 0 : 100 + (uint32_t)(sim_random() % 20000);
	return p;
}

static void one_event(unsigned int harts)
{
	unsigned int h = (unsigned int)(sim_random() % harts);
	struct sim_vcpu *v = &sim_vcpus[sim_random() % sim_nr_vcpus];
	struct sim_vcpu *r = sim_running(h);

	sim_become(h);
	switch (sim_random() % 10) {
	case 0: /* a wake of any vcpu, whatever it does: from here */
	case 1:
		(void)sched_wake(&v->se);
		break;
	case 2:
	case 3:
		sim_step_hart(h);
		break;
	case 4:
		if (r && sim_random() % 2)
			sim_stop_for_next(h, SCHED_BLOCKS);
		else if (r)
			sim_stop(h, SCHED_BLOCKS);
		if (sim_random() % 2)
			sim_step_hart(h);
		break;
	case 5:
		if (!r)
			break;
		r->se.spin.on = true;
		r->se.spin.renewed = sim_random() % 2;
		if (sched_spin_yield(&r->se)) {
			sim_stop(h, SCHED_YIELDED);
			sim_step_hart(h);
		}
		break;
	case 6:
		if (r && sched_yield_to(&r->se, &v->se)) {
			sim_stop(h, SCHED_YIELDED);
			sim_step_hart(h);
		}
		break;
	case 7:
		if (r)
			(void)sim_hand_over(h, v);
		break;
	case 8:
		if (sim_random() % 4 == 0)
			sched_expedite(&v->se);
		else
			sched_expedite_end(&v->se);
		break;
	default:
		sim_run(sim_random() % SIM_MS);
		break;
	}
}

static void no_vcpu_is_lost_in_a_million_random_events(void **state)
{
	uint64_t events = 0, total = is_long() ? 20000000 : 1000000;

	(void)state;
	for (uint64_t seed = 1; events < total; seed++) {
		unsigned int harts = 1 + (unsigned int)seed % 8;

		sim_begin(harts, MAX_V, seed);
		for (unsigned int vm = 0; vm < 12; vm++) {
			struct sched_group *g =
				sim_group(sim_random() % 4 ? 0 : 20 + sim_random() % 300);

			for (unsigned int i = 0; i <= vm % 4; i++) {
				struct sched_params p = any_params(harts);
				struct sim_vcpu *v =
					sim_add(g, &p, SIM_MS, sim_random() % 2 ? SIM_MS : 0);

				v->random = true;
			}
		}
		sim_start();
		for (unsigned int i = 0; i < 50000; i++, events++) {
			one_event(harts);
			if (i % 64 == 0)
				sim_check();
		}
		/* All awake, no cap that lasts: every vcpu of class fair on a hart without fifo runs. */
		for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
			sim_become(0);
			sim_vcpus[i].sleep = 0;
			if (sim_vcpus[i].se.group->quota)
				sim_vcpus[i].se.group->quota = 100 * SIM_S;
			(void)sched_wake(&sim_vcpus[i].se);
		}
		for (unsigned int h = 0; h < harts; h++)
			sim_step_hart(h);
		sim_run(SIM_S);
		sim_check();
		for (unsigned int h = 0; h < harts; h++)
			assert_non_null(sim_running(h));
		for (unsigned int i = 0; i < sim_nr_vcpus; i++)
			assert_true(sim_vcpus[i].se.state != SCHED_BLOCKED);
		sim_end();
	}
}

/* No hart idles beside something that it could run. */
static void a_busy_queue_beside_an_idle_hart_cannot_persist(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		unsigned int harts = 2 + (unsigned int)seed % 7;

		sim_begin(harts, MAX_V, seed);
		for (unsigned int i = 0; i < harts + seed % 5; i++) {
			struct sched_params p = sim_params(100);

			if (sim_random() % 2)
				p.affinity =
					pcpu_set_from_mask(1 + sim_random() % (BIT(harts) - 1));
			sim_add(sim_group(0), &p, SIM_MS, i % 2 ? SIM_MS : 0)->random = true;
		}
		sim_start();
		for (unsigned int i = 0; i < 200; i++) {
			sim_run(SIM_MS / 3);
			for (unsigned int h = 0; h < harts; h++) {
				if (sim_running(h))
					continue;
				for (unsigned int j = 0; j < sim_nr_vcpus; j++) {
					const struct sched_entity *se = &sim_vcpus[j].se;

					assert_false(se->queued && !se->on_cpu &&
						     pcpu_set_has(&se->affinity, h));
				}
			}
		}
		sim_end();
	}
}

/* --- steal -------------------------------------------------------------------------------------------- */

/* A VM is paused that waits all the while, behind one that never ends, or in turns with another. */
static void while_a_group_is_stopped_nothing_is_stolen_from_it(void **state)
{
	(void)state;
	for (unsigned int starved = 0; starved < 2; starved++) {
		struct sched_params other = starved ? fifo(1) : sim_params(100),
				    fair = sim_params(100);
		struct sched_group *g;
		struct sched_times t, before;
		struct sim_vcpu *v;

		sim_begin(1, MAX_V, 1);
		g = sim_group(0);
		(void)sim_add(sim_group(0), &other, SIM_S, 0);
		v = sim_add(g, &fair, SIM_S, 0);
		sim_start();
		sim_run(100 * SIM_MS);
		before = sched_times(&v->se, timer_now());
		assert_int_equal(before.wait + before.run, 100 * SIM_MS);
		sched_group_stop(g, sim_now);
		sim_run(100 * SIM_MS);
		assert_int_equal(sched_times(&v->se, timer_now()).wait, before.wait);
		sim_become(0);
		sched_group_go(g, sim_now);
		assert_int_equal(sched_times(&v->se, timer_now()).wait, before.wait);
		sim_run(100 * SIM_MS);
		t = sched_times(&v->se, timer_now());
		if (starved)
			assert_int_equal(t.wait, 200 * SIM_MS);
		else
			assert_in_range(t.wait - before.wait, 45 * SIM_MS, 55 * SIM_MS);
		sim_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifo_runs_at_once_whatever_fair_does),
		cmocka_unit_test(the_higher_priority_runs_and_equals_wait_for_each_other),
		cmocka_unit_test(fifo_with_a_slice_takes_turns_with_its_equals),
		cmocka_unit_test(fair_flees_from_a_hart_that_fifo_holds),
		cmocka_unit_test(caps_hold_within_two_per_cent),
		cmocka_unit_test(what_a_capped_vm_leaves_others_have),
		cmocka_unit_test(a_cap_is_not_saved_up),
		cmocka_unit_test(fifo_is_capped_too),
		cmocka_unit_test(while_a_group_is_stopped_nothing_is_stolen_from_it),
		cmocka_unit_test(no_vcpu_is_lost_in_a_million_random_events),
		cmocka_unit_test(a_busy_queue_beside_an_idle_hart_cannot_persist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
