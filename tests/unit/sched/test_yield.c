// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/* Directed yield: to which vcpu, and that it gains a group nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 16

/* Two VMs on a hart; one yields among its vcpus every 20 us, all the time. */
static void yielding_all_the_time_gains_a_group_nothing(void **state)
{
	struct sched_params p = sim_params(100);
	struct sched_group *g, *other;
	uint64_t all = 0, rest = 0;

	(void)state;
	sim_begin(1, MAX_V, 1);
	g = sim_group(0);
	other = sim_group(0);
	for (unsigned int i = 0; i < 3; i++) {
		(void)sim_add(g, &p, 1, 0);
		(void)sim_add(other, &p, 1, 0);
	}
	sim_start();
	while (sim_now < 10 * SIM_S) {
		struct sim_vcpu *v;

		sim_run(20000);
		v = sim_running(0);
		if (!v || v->se.group != g)
			continue;
		sim_become(0);
		v->se.spin.on = true;
		v->se.spin.renewed = sim_random() % 2;
		if (sched_spin_yield(&v->se)) {
			sim_stop(0, SCHED_YIELDED);
			sim_step_hart(0);
		}
	}
	sim_check();
	for (unsigned int i = 0; i < 6; i++) {
		if (sim_vcpus[i].se.group == g)
			all += sim_ran(&sim_vcpus[i]);
		else
			rest += sim_ran(&sim_vcpus[i]);
	}
	assert_true(all + rest == 10 * SIM_S);
	/* It may lose: a vcpu that finds no sibling to yield to lets others go first. */
	assert_in_range(all, 4000 * SIM_MS, 5050 * SIM_MS);
	sim_end();
}

static struct sim_vcpu *yield(unsigned int hart)
{
	struct sim_vcpu *v = sim_running(hart);

	sim_become(hart);
	v->se.spin.on = true;
	if (sched_spin_yield(&v->se)) {
		sim_stop(hart, SCHED_YIELDED);
		sim_step_hart(hart);
	}
	return sim_running(hart);
}

static void a_spinner_yields_to_the_sibling_that_does_not_spin(void **state)
{
	struct sched_params p = sim_params(100);
	struct sched_group *g;
	struct sim_vcpu *first;

	(void)state;
	sim_begin(1, MAX_V, 1);
	(void)sim_add(sim_group(0), &p, 1, 0);
	g = sim_group(0);
	for (unsigned int i = 0; i < 5; i++)
		(void)sim_add(g, &p, 1, 0);
	sim_start();
	sim_run(50 * SIM_MS);
	while (sim_running(0)->id == 0)
		sim_run(SIM_MS);
	first = sim_running(0);
	for (unsigned int i = 1; i < 6; i++)
		sim_vcpus[i].se.spin.on = i != 3 && i != first->id;
	if (first->id == 3) {
		sim_vcpus[4].se.spin.on = false;
		assert_ptr_equal(yield(0), &sim_vcpus[4]);
	} else {
		assert_ptr_equal(yield(0), &sim_vcpus[3]);
	}
	sim_end();
}

/* A lock with a queue: the vcpu that spins longest is at its head. */
static void spinners_are_tried_in_the_order_in_which_they_began(void **state)
{
	struct sched_params p = sim_params(100);
	unsigned int order[4];
	struct sched_group *g;

	(void)state;
	p.slice_us = SCHED_SLICE_US_MAX; /* what is tested is all within one slice */
	sim_begin(1, MAX_V, 1);
	g = sim_group(0);
	for (unsigned int i = 0; i < 4; i++)
		(void)sim_add(g, &p, 1, 0);
	sim_start();
	sim_run(SIM_MS);
	/* Every vcpu comes to the lock once, and spins. */
	for (unsigned int i = 0; i < 4; i++) {
		struct sim_vcpu *v = sim_running(0);

		order[i] = v->id;
		v->se.spin.renewed = true;
		sim_run(1000);
		(void)yield(0);
	}
	/* The head gets it, goes on, and queues up again: each time the right one at the first try. */
	for (unsigned int i = 0; i < 40; i++) {
		struct sim_vcpu *v = sim_running(0);

		assert_int_equal(v->id, order[i % 4]);
		v->se.spin.renewed = true;
		sim_run(1000);
		(void)yield(0);
	}
	/* One that was tried in vain is not tried again before another one got on: all others are. */
	for (unsigned int i = 0; i < 3; i++) {
		sim_run(100);
		assert_ptr_equal(yield(0), &sim_vcpus[order[(i + 1) % 4]]);
	}
	sim_end();
}

static void a_preempted_sibling_is_fetched_from_another_hart(void **state)
{
	struct sched_params here = sim_params(100), there = sim_params(100), both = sim_params(100);
	struct sim_vcpu *spinner, *wanted, *hog;
	struct sched_group *g;

	(void)state;
	here.affinity = pcpu_set_from_mask(1);
	there.affinity = pcpu_set_from_mask(2);
	both.affinity = pcpu_set_from_mask(3);
	sim_begin(2, MAX_V, 1);
	g = sim_group(0);
	spinner = sim_add(g, &here, 1, 0);
	hog = sim_add(sim_group(0), &there, 1, 0);
	wanted = sim_add(g, &both, 1, 0);
	sim_start();
	for (unsigned int i = 0;
	     i < 1000 && !(wanted->se.pcpu == 1 && sim_running(1) == hog && !wanted->se.on_cpu);
	     i++)
		sim_run(SIM_MS / 3);
	assert_int_equal(wanted->se.pcpu, 1);
	assert_ptr_equal(sim_running(0), spinner);
	spinner->se.spin.renewed = true;
	assert_ptr_equal(yield(0), wanted);
	assert_int_equal(wanted->se.pcpu, 0);
	sim_check();
	/* Its affinity forbids: then not. */
	sim_run(SIM_MS);
	sim_become(0);
	assert_false(sched_yield_to(&sim_running(0)->se, &hog->se));
	sim_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yielding_all_the_time_gains_a_group_nothing),
		cmocka_unit_test(a_spinner_yields_to_the_sibling_that_does_not_spin),
		cmocka_unit_test(spinners_are_tried_in_the_order_in_which_they_began),
		cmocka_unit_test(a_preempted_sibling_is_fetched_from_another_hart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
