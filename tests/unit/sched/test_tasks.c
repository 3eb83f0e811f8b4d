// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/* Tasks: a VM pays for what is done for it. And what is expedited leaves class fifo its turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V 160

static struct sched_params fifo(uint32_t priority)
{
	struct sched_params p = sim_params(0);

	p.class = SCHED_CLASS_FIFO;
	p.priority = priority;
	return p;
}

static void a_task_has_its_vms_weight(void **state)
{
	struct sched_params light = sim_params(100), heavy = sim_params(300);
	struct sim_vcpu *task, *neighbour;

	(void)state;
	for (unsigned int harts = 1; harts <= 2; harts++) {
		sim_begin(harts, MAX_V, harts);
		task = sim_add_task(sim_group(0), &light, 1, 0);
		neighbour = sim_add(sim_group(0), &heavy, 1, 0);
		if (harts == 2)
			(void)sim_add(sim_group(0), &heavy, 1, 0);
		sim_start();
		sim_run(10 * SIM_S);
		/* 100 of 400; 100 of 700, on two harts. */
		assert_in_range(sim_ran(task), harts == 1 ? 2450 * SIM_MS : 2750 * SIM_MS,
				harts == 1 ? 2550 * SIM_MS : 2960 * SIM_MS);
		assert_true(sim_ran(neighbour) > sim_ran(task));
		sim_end();
	}
}

static void a_task_and_the_vcpus_share_the_cap(void **state)
{
	struct sched_params p = sim_params(100);

	(void)state;
	for (uint32_t cap = 1; cap <= 80; cap += 79) {
		struct sim_vcpu *task, *vcpu;
		struct sched_group *g;
		uint64_t ran, want = 100 * SIM_MS * cap;

		sim_begin(2, MAX_V, cap);
		g = sim_group(cap);
		vcpu = sim_add(g, &p, 1, 0);
		task = sim_add_task(g, &p, 1, 0);
		sim_start();
		sim_run(SIM_S);
		sim_mark();
		sim_run(10 * SIM_S);
		sim_check();
		ran = sim_ran(task) + sim_ran(vcpu);
		assert_in_range(ran, want - want / 50, want + want / 50);
		assert_true(sim_ran(task) > want / 4);
		sim_end();
	}
}

/* The first load of a VM. Then the cap holds, and what was used before is not to be paid. */
static void a_task_may_be_free_of_the_cap_for_a_while(void **state)
{
	struct sched_params p = sim_params(100);
	struct sched_group *g;
	struct sim_vcpu *task;

	(void)state;
	sim_begin(1, MAX_V, 1);
	g = sim_group(5);
	(void)sim_add(g, &p, 1, 1000 * SIM_S);
	task = sim_add_task(g, &p, 1, 0);
	task->se.uncapped = true;
	sim_start();
	sim_run(SIM_S);
	assert_in_range(sim_ran(task), SIM_S - 10, SIM_S);
	sim_become(0);
	sched_task_set_capped(&task->se, true);
	sim_step_hart(0);
	sim_mark();
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(task), 480 * SIM_MS, 520 * SIM_MS);
	sched_task_set_capped(&task->se, true); /* it is */
	sim_run(10 * SIM_S);
	assert_in_range(sim_ran(task), 980 * SIM_MS, 1020 * SIM_MS);
	sim_end();
}

static void nothing_yields_to_a_task(void **state)
{
	struct sched_params p = sim_params(100);
	struct sched_group *g;
	struct sim_vcpu *task, *vcpu;

	(void)state;
	sim_begin(1, MAX_V, 1);
	g = sim_group(0);
	vcpu = sim_add(g, &p, 1, 0);
	(void)sim_add(g, &p, 1, SIM_S); /* asleep */
	task = sim_add_task(g, &p, 1, 0);
	sim_start();
	while (sim_running(0) != vcpu)
		sim_run(SIM_MS);
	sim_become(0);
	vcpu->se.spin.on = vcpu->se.spin.renewed = true;
	assert_int_equal(task->se.state, SCHED_RUNNABLE);
	assert_true(sched_spin_yield(&vcpu->se)); /* others wait */
	assert_null(runqs[0].next);
	assert_int_equal(task->se.account.yields, 0);
	sim_end();
}

/* --- what is expedited ------------------------------------------------------------------------------- */

#define ENDING 64
#define MOMENT (SIM_MS / 500) /* in which one of them ends */

/* A VM of 64 busy vcpus ends at once, and a task that has many steps to do comes before all, too. */
static void add_ending(struct sched_group *g)
{
	struct sched_params p = sim_params(100);

	for (unsigned int i = 0; i < ENDING; i++)
		(void)sim_add(g, &p, MOMENT, 1000 * SIM_S);
	(void)sim_add_task(g, &p, 1, 0);
}

static void expedite(unsigned int first)
{
	for (unsigned int i = first; i <= first + ENDING; i++)
		sched_expedite(&sim_vcpus[i].se);
}

static void fifo_waits_for_one_of_many_that_end(void **state)
{
	struct sched_params urgent = fifo(5);
	uint64_t worst = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct sim_vcpu *v;

		sim_begin(1, MAX_V, seed);
		v = sim_add(sim_group(0), &urgent, MOMENT / 2, 10 * MOMENT);
		v->random = true;
		add_ending(sim_group(0));
		sim_step_hart(0);
		expedite(v->id + 1);
		sim_start();
		/* A task is looked at between two steps, and a vcpu that ends at its end. */
		for (unsigned int i = 0; i < 2000; i++) {
			sim_run(MOMENT / 4);
			if (sim_running(0) && sched_is_task(&sim_running(0)->se))
				sim_step_hart(0);
			sim_check();
		}
		worst = v->se.account.max_latency > worst ? v->se.account.max_latency : worst;
		assert_true(v->se.account.switches > 20);
		sim_end();
	}
	printf("worst latency: %lu of a moment of %lu\n", (unsigned long)worst,
	       (unsigned long)MOMENT);
	assert_true(worst <= MOMENT + MOMENT / 4);
}

static void what_ends_does_so_beside_fifo_that_never_sleeps(void **state)
{
	struct sched_params hog = fifo(31), fair = sim_params(SCHED_WEIGHT_MAX);
	struct sim_vcpu *first, *second;

	(void)state;
	sim_begin(1, MAX_V, 1);
	first = sim_add(sim_group(0), &hog, 1, 0);
	second = sim_add(sim_group(0), &hog, 1, 0);
	(void)sim_add(sim_group(0), &fair, 1, 0);
	add_ending(sim_group(0));
	sim_start();
	sim_run(10 * SIM_MS);
	assert_int_equal(sim_vcpus[3].se.account.switches, 0); /* it comes behind the two */
	/* Their task is in its turn. It does not end, and stays no longer for that before those that do. */
	assert_ptr_equal(sim_running(0), &sim_vcpus[3 + ENDING]);
	sim_become(0);
	expedite(3);
	sim_mark();
	sim_run(ENDING * 3 * SIM_MS);
	for (unsigned int i = 0; i < ENDING; i++)
		assert_int_equal(sim_vcpus[3 + i].se.state, SCHED_BLOCKED);
	assert_true(sim_vcpus[3 + ENDING].se.account.switches > 0);
	/* It has lost little by that, and not its place before its equal. */
	assert_true(sim_ran(first) > ENDING * 2 * SIM_MS);
	assert_int_equal(sim_ran(second), 0);
	sim_check();
	sim_end();
}

/* The memory of a VM that a hog starves comes back, and its vcpus still get nothing. */
static void a_task_gets_a_moment_beside_fifo_that_never_sleeps(void **state)
{
	struct sched_params hog = fifo(31), fair = sim_params(100);
	struct sim_vcpu *first, *second, *vcpu, *task;
	struct sched_group *g;

	(void)state;
	for (int with_vcpu = 0; with_vcpu <= 1; with_vcpu++) {
		sim_begin(1, MAX_V, 1);
		first = sim_add(sim_group(0), &hog, 1, 0);
		second = sim_add(sim_group(0), &hog, 1, 0);
		g = sim_group(0);
		vcpu = sim_add(g, &fair, 1, with_vcpu ? 0 : 1000 * SIM_S);
		task = sim_add_task(g, &fair, 1, 0);
		sim_step_hart(0);
		sim_become(0);
		(void)sched_wake(&first->se);
		(void)sched_wake(&second->se);
		sim_run(10 * SIM_MS);
		if (with_vcpu)
			(void)sched_wake(&vcpu->se);
		sim_run(10 * SIM_MS);
		sim_become(0);
		(void)sched_wake(&task->se);
		sim_mark();
		sim_run(SIM_S);
		sim_check();
		assert_in_range(sim_ran(task), SIM_S / 150, SIM_S / 90);
		/* Few turns, and long ones: what it costs to begin one must not be all of it. */
		assert_in_range(task->se.account.switches, 50, 110);
		assert_int_equal(sim_ran(vcpu), 0);
		assert_int_equal(sim_ran(second), 0);
		assert_true(sim_ran(first) + sim_ran(task) == SIM_S);
		sim_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_has_its_vms_weight),
		cmocka_unit_test(a_task_and_the_vcpus_share_the_cap),
		cmocka_unit_test(a_task_may_be_free_of_the_cap_for_a_while),
		cmocka_unit_test(nothing_yields_to_a_task),
		cmocka_unit_test(fifo_waits_for_one_of_many_that_end),
		cmocka_unit_test(what_ends_does_so_beside_fifo_that_never_sleeps),
		cmocka_unit_test(a_task_gets_a_moment_beside_fifo_that_never_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
