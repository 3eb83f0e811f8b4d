// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/sched/test_classes.c
/* Handing over a hart on loan: what comes back, what settles it, and that it is fair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MAX_V	16
#define QUARTER (SIM_MS / 4) /* much less than a slice */

/* Of one VM, but for third. */
static struct sim_vcpu *asks, *answers, *sibling, *third;

static struct runq *queue(void)
{
	return &runqs[0];
}

static void wake(struct sim_vcpu *v)
{
	sim_become(0);
	(void)sched_wake(&v->se);
}

/* asks runs on hart 0, where answers, which has run before, and third, which has not, sleep. */
static void begin(unsigned int harts, struct sched_params third_params)
{
	struct sched_params here = sim_params(100);

	sim_begin(harts, MAX_V, 1);
	here.affinity = pcpu_set_first(1);
	asks = sim_add(sim_group(0), &here, 1, 0);
	answers = sim_add(asks->se.group, &here, 1, 0);
	sibling = sim_add(asks->se.group, &here, 1, 0);
	third = sim_add(sim_group(0), &third_params, 1, 0);
	wake(answers);
	sim_step_hart(0);
	sim_run(QUARTER);
	wake(asks);
	sim_run(QUARTER);
	while (sim_running(0) != answers)
		sim_run(SIM_MS);
	sim_stop_for_next(0, SCHED_BLOCKS);
	sim_step_hart(0);
	sim_run(SIM_MS / 8);
	asks->se.affinity = answers->se.affinity = pcpu_set_first(harts);
	assert_ptr_equal(sim_running(0), asks);
	assert_int_equal(queue()->nr_waiting, 0);
}

static void begin_one_hart(void)
{
	begin(1, sim_params(100));
}

static void assert_lent(void)
{
	sim_check();
	assert_ptr_equal(sim_running(0), answers);
	assert_ptr_equal(queue()->lender, &asks->se);
	assert_true(sched_waits(&asks->se));
	assert_true(sched_others_wait());
}

static void assert_settled(void)
{
	sim_check();
	assert_null(queue()->lender);
	assert_true(asks->se.state == SCHED_RUNNING || asks->se.queued);
}

/* --- what comes back -------------------------------------------------------------------------------- */

static void a_loan_that_comes_back_has_changed_nothing(void **state)
{
	int64_t lag, left_at, vtime, vdeadline;
	uint64_t weight, slice_end, burst;

	(void)state;
	begin_one_hart();
	lag = answers->se.fair.lag;
	left_at = answers->se.fair.left_at;
	burst = answers->se.fair.burst;
	weight = queue()->fair.weight;
	vtime = asks->se.fair.vtime;
	vdeadline = asks->se.fair.vdeadline;
	slice_end = asks->se.slice_end;
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(sim_hand_over(0, answers));
		assert_lent();
		assert_int_equal(queue()->fair.weight, weight);
		assert_int_equal(answers->se.slice_end, slice_end);
		sim_run(SIM_MS / 16);
		sim_stop_for_next(0, SCHED_BLOCKS);
		assert_settled();
		assert_ptr_equal(sim_running(0), asks);
		assert_int_equal(answers->se.state, SCHED_BLOCKED);
		assert_false(sched_others_wait());
	}
	assert_int_equal(answers->se.fair.lag, lag);
	assert_int_equal(answers->se.fair.left_at, left_at);
	assert_true(answers->se.fair.burst < burst);
	assert_int_equal(asks->se.fair.vdeadline, vdeadline);
	assert_int_equal(asks->se.slice_end, slice_end);
	/* The vcpu that asked pays, for itself since its last charge, and for the answers. */
	wake(third);
	assert_true(asks->se.fair.vtime - vtime >=
		    (int64_t)((3 * (SIM_MS / 16) << VTIME_SHIFT) / 100));
	sim_end();
}

static void every_vcpu_is_told_what_became_of_its_time(void **state)
{
	struct sched_times before[2], after[2];

	(void)state;
	begin_one_hart();
	before[0] = sched_times(&asks->se, timer_now());
	before[1] = sched_times(&answers->se, timer_now());
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(sim_hand_over(0, answers));
		sim_run(SIM_MS / 16);
		sim_stop_for_next(0, SCHED_BLOCKS);
		sim_run(SIM_MS / 32);
	}
	after[0] = sched_times(&asks->se, timer_now());
	after[1] = sched_times(&answers->se, timer_now());
	assert_int_equal(after[0].run - before[0].run, 4 * (SIM_MS / 32));
	assert_int_equal(after[0].wait - before[0].wait, 4 * (SIM_MS / 16));
	assert_int_equal(after[1].run - before[1].run, 4 * (SIM_MS / 16));
	assert_int_equal(after[1].wait, before[1].wait);
	assert_int_equal(after[1].block - before[1].block, 4 * (SIM_MS / 32));
	sim_end();
}

static void a_wake_that_found_the_lender_running_is_not_kept_for_later(void **state)
{
	(void)state;
	begin_one_hart();
	wake(asks);
	assert_true(sim_hand_over(0, answers));
	sim_stop_for_next(0, SCHED_BLOCKS);
	sim_stop_for_next(0, SCHED_BLOCKS);
	assert_int_equal(asks->se.state, SCHED_BLOCKED);
	assert_null(sim_running(0));
	sim_check();
	sim_end();
}

static void a_vcpu_that_has_run_for_long_lends_a_new_slice(void **state)
{
	(void)state;
	begin_one_hart();
	sim_run(20 * SIM_MS);
	assert_true(asks->se.slice_end < sim_now);
	assert_true(sim_hand_over(0, answers));
	assert_lent();
	assert_true(answers->se.slice_end > sim_now);
	sim_end();
}

/* --- what is no loan -------------------------------------------------------------------------------- */

static void only_an_equal_sibling_asleep_here_gets_it(void **state)
{
	struct sched_entity *se;

	(void)state;
	begin_one_hart();
	se = &answers->se;
	assert_false(sim_hand_over(0, asks));
	assert_false(sim_hand_over(0, third));
	se->weight++;
	assert_false(sim_hand_over(0, answers));
	se->weight--;
	se->class = SCHED_CLASS_FIFO;
	assert_false(sim_hand_over(0, answers));
	se->class = SCHED_CLASS_FAIR;
	asks->se.class = SCHED_CLASS_FIFO;
	assert_false(sim_hand_over(0, answers));
	asks->se.class = SCHED_CLASS_FAIR;
	se->pcpu++;
	assert_false(sim_hand_over(0, answers));
	se->pcpu--;
	se->group->quota = SIM_MS;
	assert_false(sim_hand_over(0, answers));
	se->group->quota = 0;
	wake(answers);
	assert_false(sim_hand_over(0, answers));
	assert_ptr_equal(sim_running(0), asks);
	sim_check();
	sim_end();
}

static void an_idle_hart_is_better(void **state)
{
	(void)state;
	begin(2, sim_params(100));
	sim_step_hart(1);
	sim_become(0);
	assert_false(sim_hand_over(0, answers));
	wake(answers);
	sim_run(1);
	assert_ptr_equal(sim_running(1), answers);
	sim_end();
}

/* --- what settles it -------------------------------------------------------------------------------- */

static void settled_at_once_it_is_a_wake_and_a_yield(void **state)
{
	struct place {
		int64_t v, vtime[2], vdeadline[2];
	} places[2];

	(void)state;
	for (unsigned int in_one = 0; in_one < 2; in_one++) {
		begin_one_hart();
		if (in_one) {
			assert_true(sim_hand_over(0, answers));
		} else {
			wake(answers);
			assert_true(sched_yield_to(&asks->se, &answers->se));
			sim_stop_for_next(0, SCHED_YIELDED);
		}
		assert_ptr_equal(sim_running(0), answers);
		wake(third);
		assert_settled();
		places[in_one] = (struct place){
			.v = queue()->fair.v,
			.vtime = { asks->se.fair.vtime, answers->se.fair.vtime },
			.vdeadline = { asks->se.fair.vdeadline, answers->se.fair.vdeadline },
		};
		sim_end();
	}
	assert_memory_equal(&places[0], &places[1], sizeof(places[0]));
}

static void another_wakes(void)
{
	wake(third);
	assert_true(third->se.queued);
}

static void its_slice_ends(void)
{
	for (unsigned int i = 0; sim_running(0) == answers; i++) {
		assert_true(i < 32);
		sim_run(QUARTER);
	}
}

static void it_yields_to_its_lender(void)
{
	sim_become(0);
	assert_true(sched_yield_to(&answers->se, &asks->se));
	sim_stop_for_next(0, SCHED_YIELDED);
	assert_ptr_equal(sim_running(0), asks);
}

static void it_spins_for_its_lender(void)
{
	sim_become(0);
	answers->se.spin.on = true;
	assert_true(sched_spin_yield(&answers->se));
	sim_stop_for_next(0, SCHED_YIELDED);
	assert_ptr_equal(sim_running(0), asks);
}

static void it_blocks_with_a_wake_on_the_way(void)
{
	wake(answers);
	sim_stop_for_next(0, SCHED_BLOCKS);
	assert_int_not_equal(answers->se.state, SCHED_BLOCKED);
}

static void it_blocks_and_the_hart_has_something_else_to_do(void)
{
	sim_stop(0, SCHED_BLOCKS);
	assert_int_equal(answers->se.state, SCHED_BLOCKED);
	sim_step_hart(0);
	assert_ptr_equal(sim_running(0), asks);
}

static void it_blocks_after_its_slice(void)
{
	/* No timer has said so yet. */
	sim_now += 4 * SIM_MS;
	sim_stop_for_next(0, SCHED_BLOCKS);
	assert_ptr_equal(sim_running(0), asks);
	assert_true(asks->se.slice_end > sim_now);
}

static void it_hands_over_itself(void)
{
	sim_become(0);
	assert_false(sim_hand_over(0, asks));
	assert_false(sim_hand_over(0, third));
	assert_true(sim_hand_over(0, sibling));
	assert_ptr_equal(sim_running(0), sibling);
}

static void whatever_else_happens_settles_it(void **state)
{
	static void (*const happens[])(void) = {
		another_wakes,
		its_slice_ends,
		it_yields_to_its_lender,
		it_spins_for_its_lender,
		it_blocks_with_a_wake_on_the_way,
		it_blocks_and_the_hart_has_something_else_to_do,
		it_blocks_after_its_slice,
		it_hands_over_itself,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(happens) / sizeof(happens[0]); i++) {
		begin_one_hart();
		assert_true(sim_hand_over(0, answers));
		assert_lent();
		sim_run(SIM_MS / 16);
		happens[i]();
		assert_settled();
		sim_run(SIM_S);
		sim_check();
		sim_end();
	}
}

/* Hart 1 has something urgent to do, so that handing over is better than waking elsewhere. */
static void begin_two_harts(uint64_t later)
{
	struct sched_params urgent = sim_params(0);

	urgent.class = SCHED_CLASS_FIFO;
	urgent.affinity = pcpu_set_from_mask(2);
	begin(2, urgent);
	wake(third);
	sim_step_hart(1);
	assert_ptr_equal(sim_running(1), third);
	sim_run(later);
	sim_become(0);
	assert_true(sim_hand_over(0, answers));
}

/* Now and then a queue on which a vcpu waits is compared with others. */
static void a_queue_that_is_balanced_settles(void **state)
{
	(void)state;
	begin_two_harts(20 * SIM_MS);
	assert_settled();
	assert_true(asks->se.queued);
	sim_end();
}

static void an_idle_hart_takes_the_lender(void **state)
{
	(void)state;
	begin_two_harts(0);
	assert_lent();
	sim_stop(1, SCHED_BLOCKS);
	sim_step_hart(1);
	assert_settled();
	assert_ptr_equal(sim_running(1), asks);
	assert_ptr_equal(sim_running(0), answers);
	sim_end();
}

static void a_sibling_elsewhere_yields_to_the_lender(void **state)
{
	(void)state;
	begin_two_harts(0);
	assert_lent();
	sibling->se.affinity = pcpu_set_from_mask(2);
	wake(sibling);
	sim_stop_for_next(1, SCHED_BLOCKS);
	sim_step_hart(1);
	/* It may have taken the lender, being idle for a moment. */
	if (sim_running(1) == sibling) {
		sim_become(1);
		assert_true(sched_yield_to(&sibling->se, &asks->se));
		sim_stop_for_next(1, SCHED_YIELDED);
	}
	assert_settled();
	assert_ptr_equal(sim_running(1), asks);
	sim_end();
}

/* --- fairness --------------------------------------------------------------------------------------- */

static struct sched_times third_times;

/* One asks a sibling that sleeps on the same hart, which answers and sleeps again; beside another VM. */
static uint64_t questions_and_answers(bool in_one, uint64_t third_sleeps)
{
	struct sched_params p = sim_params(100);
	unsigned int answered = 0;
	uint64_t ran;

	sim_begin(1, MAX_V, 1);
	asks = sim_add(sim_group(0), &p, 1, 0);
	answers = sim_add(asks->se.group, &p, 1, 0);
	third = sim_add(sim_group(0), &p, SIM_MS, third_sleeps);
	sim_start();
	while (sim_now < 10 * SIM_S) {
		sim_run(20000);
		if (sim_running(0) == answers) {
			answered++;
			if (in_one)
				sim_stop_for_next(0, SCHED_BLOCKS);
			else
				sim_stop(0, SCHED_BLOCKS);
			sim_step_hart(0);
		} else if (sim_running(0) == asks && in_one) {
			if (answers->se.state == SCHED_BLOCKED)
				assert_true(sim_hand_over(0, answers));
			else
				assert_false(sim_hand_over(0, answers));
			assert_false(sim_hand_over(0, third));
		} else if (sim_running(0) == asks) {
			sim_become(0);
			(void)sched_wake(&answers->se);
			if (sched_yield_to(&asks->se, &answers->se))
				sim_stop(0, SCHED_YIELDED);
			sim_step_hart(0);
		}
	}
	sim_check();
	assert_true(answered > 100000);
	ran = sim_ran(asks) + sim_ran(answers);
	third_times = sched_times(&third->se, timer_now());
	if (!third_sleeps)
		assert_true(ran + sim_ran(third) == 10 * SIM_S);
	sim_end();
	return ran;
}

static void handing_over_in_one_is_as_fair_as_step_by_step(void **state)
{
	uint64_t in_one, in_steps;

	(void)state;
	in_one = questions_and_answers(true, 0);
	in_steps = questions_and_answers(false, 0);
	/* Two of three vcpus: at least what one of two has, at most two thirds. */
	assert_in_range(in_one, 4950 * SIM_MS, 6700 * SIM_MS);
	assert_in_range(in_one, in_steps - 100 * SIM_MS, in_steps + 100 * SIM_MS);
}

/* Two equals want the hart: the vcpu that comes and goes, while it waits or runs, and one of the others. */
static void a_vcpu_that_comes_and_goes_has_its_share_while_it_is_there(void **state)
{
	(void)state;
	(void)questions_and_answers(true, SIM_MS);
	assert_in_range(100 * third_times.run / (third_times.run + third_times.wait), 33, 67);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loan_that_comes_back_has_changed_nothing),
		cmocka_unit_test(every_vcpu_is_told_what_became_of_its_time),
		cmocka_unit_test(a_wake_that_found_the_lender_running_is_not_kept_for_later),
		cmocka_unit_test(a_vcpu_that_has_run_for_long_lends_a_new_slice),
		cmocka_unit_test(only_an_equal_sibling_asleep_here_gets_it),
		cmocka_unit_test(an_idle_hart_is_better),
		cmocka_unit_test(settled_at_once_it_is_a_wake_and_a_yield),
		cmocka_unit_test(whatever_else_happens_settles_it),
		cmocka_unit_test(a_queue_that_is_balanced_settles),
		cmocka_unit_test(an_idle_hart_takes_the_lender),
		cmocka_unit_test(a_sibling_elsewhere_yields_to_the_lender),
		cmocka_unit_test(handing_over_in_one_is_as_fair_as_step_by_step),
		cmocka_unit_test(a_vcpu_that_comes_and_goes_has_its_share_while_it_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
