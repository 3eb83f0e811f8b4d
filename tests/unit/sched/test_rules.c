// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sched/sched.c hyp/sched/account.c hyp/sched/fair.c hyp/sched/fifo.c hyp/sched/cap.c hyp/sched/balance.c
// SOURCES: hyp/sched/expedite.c hyp/sched/task.c hyp/sched/yield.c hyp/sched/loan.c hyp/sched/place.c hyp/sched/rest.c tests/sim/sim.c tests/sim/check.c
// CFLAGS: -DHARTVISOR_SIM -DMAX_PCPUS=192 -O2 -Itests
/*
 * The scheduler's small rules, each by itself: sets of pcpus, the debts of a cap, places. What comes of
 * them together is in the other programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "sched/runq.h"
#include "sim/sim.h"

#define TEST(fn) cmocka_unit_test(fn)

/* --- sets of pcpus ------------------------------------------------------------------------------------- */

static void the_next_pcpu_is_found_from_each_place(void **state)
{
	struct pcpu_set all = pcpu_set_first(MAX_PCPUS);

	(void)state;
	for (unsigned int from = 0; from < MAX_PCPUS; from++) {
		assert_int_equal(pcpu_set_next_common(&all, NULL, from), from);
		for (unsigned int bit = 0; bit < MAX_PCPUS; bit++) {
			struct pcpu_set one = { 0 };

			one.word[bit / 64] = BIT(bit % 64);
			assert_int_equal(pcpu_set_next_common(&one, NULL, from), bit);
			assert_int_equal(pcpu_set_next_common(&all, &one, from), bit);
		}
	}
}

static void of_two_the_one_that_comes_first_going_round(void **state)
{
	(void)state;
	for (unsigned int from = 0; from < MAX_PCPUS; from += 7)
		for (unsigned int a = 0; a < MAX_PCPUS; a += 5)
			for (unsigned int b = 0; b < MAX_PCPUS; b += 3) {
				struct pcpu_set s = { 0 };
				unsigned int to_a = (a + MAX_PCPUS - from) % MAX_PCPUS;
				unsigned int to_b = (b + MAX_PCPUS - from) % MAX_PCPUS;

				s.word[a / 64] |= BIT(a % 64);
				s.word[b / 64] |= BIT(b % 64);
				assert_int_equal(pcpu_set_next_common(&s, NULL, from),
						 to_a <= to_b ? a : b);
			}
}

static void in_no_set_is_none(void **state)
{
	struct pcpu_set none = { 0 }, low = pcpu_set_first(70), high = { 0 };

	(void)state;
	high.word[1] = BIT(6);
	for (unsigned int from = 0; from < MAX_PCPUS; from++) {
		assert_int_equal(pcpu_set_next_common(&none, NULL, from), PCPU_NONE);
		assert_int_equal(pcpu_set_next_common(&low, &high, from), PCPU_NONE);
	}
}

/* --- caps ---------------------------------------------------------------------------------------------- */

/* What the pool holds @periods after a debt of so many ticks was made. */
static int64_t pool_after(uint64_t debt, uint64_t periods)
{
	struct sched_group g;
	struct sched_entity se = { .group = &g };

	sim_now = 1000;
	sched_group_init(&g, 50);
	g.nr_members = 1;
	assert_int_equal(g.quota, g.period / 2);
	g.pool = -(int64_t)debt;
	se.budget_end = sim_now = g.period_end + (periods - 1) * g.period;
	cap_return_part(&se, sim_now);
	assert_int_equal(g.period_end, sim_now + g.period);
	return g.pool;
}

static void debts_are_paid_from_the_periods_that_follow(void **state)
{
	struct sched_group g;
	int64_t quota;

	(void)state;
	sched_group_init(&g, 50);
	quota = (int64_t)g.quota;
	for (uint64_t periods = 1; periods < 6; periods++) {
		for (uint64_t debt = 0; debt < 4 * g.quota; debt += g.quota / 5) {
			int64_t paid = (int64_t)(periods * g.quota) - (int64_t)debt;

			assert_true(pool_after(debt, periods) == (paid < quota ? paid : quota));
		}
	}
}

/* --- places -------------------------------------------------------------------------------------------- */

/* One of weight 100 that has run on hart 0 and may go to hart 1 from now on. */
static struct sim_vcpu *one_that_may_go(uint32_t others_on_1)
{
	struct sched_params here = sim_params(100), there = sim_params(others_on_1);
	struct sim_vcpu *v;

	sim_begin(2, 8, 1);
	here.affinity = pcpu_set_from_mask(1);
	there.affinity = pcpu_set_from_mask(2);
	v = sim_add(NULL, &here, SIM_MS, 0);
	if (others_on_1)
		sim_add(NULL, &there, SIM_MS, 0);
	return v;
}

/* It is on the queue, and its state is in the hart: another one was picked, and ended before it was loaded. */
static void what_is_loaded_is_not_moved(void **state)
{
	struct sim_vcpu *v = one_that_may_go(0), *other;
	struct sched_params here = sim_params(100);

	(void)state;
	here.affinity = pcpu_set_from_mask(1);
	other = sim_add(NULL, &here, SIM_MS, 0);
	sim_start();
	while (sim_running(0) != v)
		sim_run(SIM_MS);
	v->se.affinity = pcpu_set_from_mask(3);
	sim_stop(0, SCHED_PREEMPTED);
	sim_now += SIM_S;
	assert_ptr_equal(sched_pick(sim_now), &other->se);
	sched_put(&other->se, SCHED_BLOCKS, sim_now);
	pcpu_set_atomic_set(&sched_idle, 1); /* as if it had not been told yet */
	sched_unloaded(&other->se);
	assert_int_equal(v->se.pcpu, 0);
	sim_step_hart(1);
	assert_null(sim_running(1));
	sim_unload(0);
	sim_step_hart(1);
	assert_ptr_equal(sim_running(1), v);
	sim_end();
}

/* Of two harts that are in step the lighter one is better if it still is, or is even, with what would go there. */
static void a_hart_that_stays_lighter_is_better(void **state)
{
	(void)state;
	for (uint32_t theirs = 80; theirs <= 120; theirs++) {
		struct sim_vcpu *v = one_that_may_go(theirs);
		struct sched_params here = sim_params(200);

		here.affinity = pcpu_set_from_mask(1);
		sim_add(NULL, &here, SIM_MS, 0);
		sim_start();
		while (sim_running(0) == v)
			sim_run(SIM_MS);
		sim_become(0);
		v->se.affinity = pcpu_set_from_mask(3);
		for (unsigned int i = 0; i < 2; i++) {
			runqs[i].charged_at = sim_now;
			runqs[i].fair.offset = -runqs[i].fair.v;
		}
		runqs[0].next_balance = 0;
		balance_queue(&runqs[0], sim_now);
		assert_int_equal(v->se.pcpu, theirs <= 100);
		sim_end();
	}
}

/* A look moves one, not all that would be better off: the next look sees what came of it. */
static void a_look_moves_one(void **state)
{
	unsigned int moved = 0;
	struct sim_vcpu *v = one_that_may_go(10);
	struct sched_params here = sim_params(100);

	(void)state;
	(void)v;
	here.affinity = pcpu_set_from_mask(1);
	for (unsigned int i = 0; i < 5; i++)
		sim_add(NULL, &here, SIM_MS, 0);
	sim_start();
	sim_run(SIM_MS);
	sim_become(0);
	for (unsigned int i = 0; i < sim_nr_vcpus; i++)
		if (sim_vcpus[i].se.pcpu == 0)
			sim_vcpus[i].se.affinity = pcpu_set_from_mask(3);
	for (unsigned int i = 0; i < 2; i++) {
		runqs[i].charged_at = sim_now;
		runqs[i].fair.offset = -runqs[i].fair.v;
	}
	runqs[0].next_balance = 0;
	balance_queue(&runqs[0], sim_now);
	for (unsigned int i = 0; i < sim_nr_vcpus; i++)
		moved += sim_vcpus[i].se.pcpu == 1;
	assert_int_equal(moved, 2); /* and the one that was there */
	sim_check();
	sim_end();
}

/* Of two of class fifo that are as urgent the one that runs goes on. */
static void what_is_as_urgent_does_not_preempt(void **state)
{
	struct sched_params fifo = { .affinity = pcpu_set_first(1),
				     .class = SCHED_CLASS_FIFO,
				     .priority = 3 };

	(void)state;
	for (int more = -1; more <= 1; more++) {
		struct sim_vcpu *first, *second;

		sim_begin(1, 4, 1);
		fifo.priority = 3;
		first = sim_add(NULL, &fifo, SIM_MS, 0);
		sim_start();
		sim_run(SIM_MS);
		assert_ptr_equal(sim_running(0), first);
		fifo.priority = (uint8_t)(3 + more);
		second = sim_add(NULL, &fifo, SIM_MS, 0);
		sim_become(0);
		(void)sched_wake(&second->se);
		assert_int_equal(runqs[0].preempt, more > 0);
		sim_end();
	}
}

/* What is named is picked next or not at all: one of class fifo comes between, and the name is gone. */
static void a_name_is_for_the_next_pick(void **state)
{
	struct sched_params fair = sim_params(100),
			    fifo = { .affinity = pcpu_set_first(1), .class = SCHED_CLASS_FIFO };
	struct sched_group *g;
	struct sim_vcpu *from, *to, *urgent;

	(void)state;
	sim_begin(1, 4, 1);
	g = sim_group(0);
	(void)sim_add(g, &fair, SIM_MS, 0);
	(void)sim_add(g, &fair, SIM_MS, 0);
	sim_start();
	sim_run(SIM_MS);
	from = sim_running(0);
	to = from == &sim_vcpus[0] ? &sim_vcpus[1] : &sim_vcpus[0];
	urgent = sim_add(NULL, &fifo, SIM_MS, SIM_S);
	sim_become(0);
	assert_true(sched_yield_to(&from->se, &to->se));
	assert_ptr_equal(runqs[0].next, &to->se);
	(void)sched_wake(&urgent->se);
	sim_stop(0, SCHED_PREEMPTED);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), urgent);
	assert_null(runqs[0].next);
	sim_end();
}

/* Beside class fifo a task waits for ten milliseconds: the hart's timer is set anew only where it is later than that. */
static void for_a_task_a_longer_slice_is_cut(void **state)
{
	struct sched_params fifo = { .affinity = pcpu_set_first(1), .class = SCHED_CLASS_FIFO };
	struct sched_params fair = sim_params(100);

	(void)state;
	for (int more = -1; more <= 1; more++) {
		struct sim_vcpu *urgent, *task, *first;

		sim_begin(1, 4, 1);
		urgent = sim_add(NULL, &fifo, SIM_MS, 0);
		sim_start();
		sim_run(SIM_MS);
		first = sim_add(NULL, &fair, SIM_MS, 0);
		task = sim_add_task(NULL, &fair, SIM_MS, 0);
		sim_become(0);
		(void)sched_wake(&first->se);
		urgent->se.slice_end = sim_now + 10 * SIM_MS + (uint64_t)more;
		task->se.state = SCHED_RUNNABLE;
		assert_int_equal(runq_add(&runqs[0], &task->se, sim_now), more > 0);
		assert_int_equal(urgent->se.slice_end, sim_now + 10 * SIM_MS - (more < 0));
		sim_end();
	}
}

static void without_memory_there_is_no_scheduler(void **state)
{
	(void)state;
	sim_has_memory = false;
	assert_int_equal(sched_init(2, SIM_S), HV_ENOMEM);
	sim_has_memory = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_pcpu_is_found_from_each_place),
		TEST(of_two_the_one_that_comes_first_going_round),
		TEST(in_no_set_is_none),
		TEST(debts_are_paid_from_the_periods_that_follow),
		TEST(what_is_loaded_is_not_moved),
		TEST(a_hart_that_stays_lighter_is_better),
		TEST(a_look_moves_one),
		TEST(what_is_as_urgent_does_not_preempt),
		TEST(a_name_is_for_the_next_pick),
		TEST(for_a_task_a_longer_slice_is_cut),
		TEST(without_memory_there_is_no_scheduler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
