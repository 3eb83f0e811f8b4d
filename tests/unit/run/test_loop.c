// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h tests/unit/fake/run_loop.h
/* The pcpu's loop, and tasks: what is called in which order, and what is looked at between. */
#include "fake/run_loop.h"

/* --- tasks ---------------------------------------------------------------------------------------------- */

static void a_task_that_has_no_more_to_do_blocks(void **state)
{
	(void)state;
	steps_left = 3;
	task_run(&task);
	CALLS("step step step put-blocks unloaded-task ");
	assert_int_equal(slice, 1000000);
}

/* Another hart may take the vcpu at once, and its tables go with its VM: nothing of it is left here. */
static void the_vcpu_that_was_loaded_goes_first(void **state)
{
	(void)state;
	this_pcpu()->current = &vcpu;
	task_run(&task);
	CALLS("park unloaded step put-blocks unloaded-task ");
}

static void interrupts_are_taken_after_each_step(void **state)
{
	(void)state;
	steps_left = 2;
	in_step = interrupts_come;
	task_run(&task);
	CALLS("step ipi timer external step put-blocks unloaded-task ");
	assert_int_equal(csr_read(CSR_SIP), 0);
}

static void each_interrupt_is_taken_for_itself(void **state)
{
	static const struct {
		unsigned int irq;
		const char *calls;
	} all[] = { { IRQ_S_SOFT, "ipi " }, { IRQ_S_TIMER, "timer " }, { IRQ_S_EXT, "external " } };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		setup(state);
		csr_write(CSR_SIP, BIT(all[i].irq));
		pcpu_poll_interrupts();
		CALLS(all[i].calls);
		setup(state);
		csr_write(CSR_SIP, BIT(all[i].irq));
		csr_write(CSR_SIE, ~BIT(all[i].irq));
		pcpu_poll_interrupts();
		CALLS("");
	}
}

static void something_wants_the_hart(void)
{
	if (steps == 2)
		this_pcpu()->need_resched = 1;
}

static void a_task_gives_way_when_it_must(void **state)
{
	(void)state;
	steps_left = 5;
	in_step = something_wants_the_hart;
	must_switch = true;
	task_run(&task);
	CALLS("step step look put-preempted unloaded-task ");
}

static void a_task_that_need_not_give_way_goes_on_with_a_new_slice(void **state)
{
	(void)state;
	steps_left = 3;
	in_step = something_wants_the_hart;
	this_pcpu()->work_at = 5000;
	task_run(&task);
	CALLS("step step look step put-blocks unloaded-task ");
	assert_int_equal(slice,
			 5000); /* the next work item comes before the scheduler's next look */
}

static void work_comes(void)
{
	work_count = 1;
}

static void a_task_gives_way_to_work_that_is_due(void **state)
{
	(void)state;
	steps_left = 5;
	in_step = work_comes;
	task_run(&task);
	CALLS("step put-preempted unloaded-task ");
	setup(state);
	steps_left = 2;
	in_step = work_comes;
	this_pcpu()->work_at = 1000000;
	task_run(&task);
	CALLS("step step put-blocks unloaded-task ");
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static void loop(void)
{
	if (setjmp(out) == 0)
		pcpu_loop();
}

static void what_is_picked_runs(void **state)
{
	(void)state;
	picks[0] = &task;
	picks[1] = &vcpu.se;
	nr_picks = 2;
	loop();
	CALLS("pick step put-blocks unloaded-task pick run ");
}

static void a_task_that_follows_a_vcpu_needs_no_pick(void **state)
{
	(void)state;
	picks[0] = &vcpu.se;
	nr_picks = 1;
	after_vcpu = &task;
	this_pcpu()->need_resched = 1;
	loop();
	CALLS("pick run step put-blocks unloaded-task ");
}

static void without_anything_the_hart_sleeps_without_a_slice(void **state)
{
	(void)state;
	nr_picks = 1;
	picks[0] = NULL;
	this_pcpu()->work_at = 77;
	loop();
	CALLS("pick wfi ");
	assert_true(slice == TIMER_NEVER);
	assert_int_equal(this_pcpu()->work_at, 0);
}

/* It may run elsewhere only when its context has left. */
static void what_may_not_run_here_any_more_is_unloaded(void **state)
{
	(void)state;
	nr_picks = 2;
	picks[0] = picks[1] = NULL;
	this_pcpu()->current = &vcpu;
	must_unload = true;
	loop();
	CALLS("pick park unloaded pick wfi ");
	assert_null(this_pcpu()->current);
}

static void a_hart_that_is_wanted_does_not_sleep(void **state)
{
	for (unsigned int why = 0; why < 2; why++) {
		setup(state);
		idle = why != 0;
		this_pcpu()->need_resched = why == 1;
		assert_int_equal(pcpu_sleep(), why == 1);
		CALLS("");
		assert_int_equal(this_pcpu()->idle, 0);
	}
	setup(state);
	work_count = 1;
	assert_true(pcpu_sleep());
	CALLS("");
}

/* One item, and then whatever is picked has the hart for 100 us; on an idle hart the next one comes at once. */
static void work_items_take_turns_with_what_is_picked(void **state)
{
	(void)state;
	work_count = 2;
	picks[0] = &vcpu.se;
	picks[1] = &vcpu.se;
	nr_picks = 2;
	loop();
	CALLS("work pick run pick run ");
	assert_in_range(this_pcpu()->work_at, 101000, 101100);
	setup(state);
	work_count = 2;
	picks[0] = picks[1] = picks[2] = NULL;
	nr_picks = 3;
	loop();
	CALLS("work pick work pick wfi pick wfi ");
}

static void the_time_of_the_next_item_is_forgotten_when_it_has_come(void **state)
{
	(void)state;
	this_pcpu()->work_at = now;
	pcpu_set_slice(&task, this_pcpu());
	assert_int_equal(this_pcpu()->work_at, 0);
	assert_int_equal(slice, 1000000);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_task_that_has_no_more_to_do_blocks),
		TEST(the_vcpu_that_was_loaded_goes_first),
		TEST(interrupts_are_taken_after_each_step),
		TEST(each_interrupt_is_taken_for_itself),
		TEST(a_task_gives_way_when_it_must),
		TEST(a_task_that_need_not_give_way_goes_on_with_a_new_slice),
		TEST(a_task_gives_way_to_work_that_is_due),
		TEST(what_is_picked_runs),
		TEST(a_task_that_follows_a_vcpu_needs_no_pick),
		TEST(without_anything_the_hart_sleeps_without_a_slice),
		TEST(what_may_not_run_here_any_more_is_unloaded),
		TEST(a_hart_that_is_wanted_does_not_sleep),
		TEST(work_items_take_turns_with_what_is_picked),
		TEST(the_time_of_the_next_item_is_forgotten_when_it_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
