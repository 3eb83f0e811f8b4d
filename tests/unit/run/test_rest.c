// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h tests/unit/fake/run_loop.h
/* Halts on a hart that nothing else wants: when one sleeps there, what ends it, and what is called in which order. */
#include "fake/run_loop.h"

static void look_blocked(void)
{
	assert_int_equal(vcpu.halt.blocked, 1);
}

static void a_halt_sleeps_where_it_is(void **state)
{
	(void)state;
	in_wfi = look_blocked;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ");
	assert_int_equal(vcpu.halt.blocked, 0);
	assert_int_equal(this_pcpu()->idle, 0);
}

static void interrupts_that_end_it_are_taken(void **state)
{
	(void)state;
	in_wfi = interrupts_come;
	steps = 1;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ipi timer external ");
}

static void look_for_interrupts(void)
{
	assert_int_equal(csr_read(CSR_HVIP), 0);
}

/* One that the guest has cleared, or that is no more, would end each WFI at once. */
static void no_old_interrupt_ends_the_sleep(void **state)
{
	(void)state;
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	vcpu.irq.hvip = BIT(IRQ_VS_SOFT);
	in_wfi = look_for_interrupts;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ");
}

static void a_hart_that_is_wanted_does_not_rest(void **state)
{
	for (unsigned int why = 0; why < 5; why++) {
		setup(state);
		this_pcpu()->need_resched = why == 0;
		others_wait = why == 1;
		work_count = why == 2;
		if (why == 3)
			timer_sstc = false;
		if (why == 4)
			vcpu.halt.ends = sleep_ends(SLEEP_PV_WAIT);
		assert_false(vcpu_rest(&vcpu));
		CALLS("");
		assert_int_equal(vcpu.halt.blocked, 0);
	}
}

static void what_has_come_already_is_not_slept_over(void **state)
{
	for (unsigned int why = 0; why < 4; why++) {
		setup(state);
		vcpu.requests = why == 0;
		vcpu.halt.kicked = why == 1;
		vm.state = why == 2 ? VM_PAUSED : VM_RUNNING;
		rest_begins = why != 3;
		assert_false(vcpu_rest(&vcpu));
		CALLS(why == 3 ? "rest " : "");
		assert_int_equal(vcpu.halt.blocked, 0);
	}
}

static void is_woken(void)
{
	vcpu.halt.blocked = 0;
}

/* Its wake-up is on its way: taken here, and the vcpu looks again, even if the hart has found something else. */
static void the_hart_that_clears_blocked_wakes(void **state)
{
	(void)state;
	in_wfi = is_woken;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested take-wake ");
}

/* The same when it came to no sleep: it must not go on to block. */
static void the_hart_that_clears_blocked_before_the_sleep_wakes(void **state)
{
	(void)state;
	in_rest = is_woken;
	rest_begins = false;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest take-wake ");
}

static void another_hart_has_work_for_this_one(void **state)
{
	(void)state;
	idle = false;
	assert_false(vcpu_rest(&vcpu));
	CALLS("rest rested ");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_halt_sleeps_where_it_is),
		TEST(interrupts_that_end_it_are_taken),
		TEST(no_old_interrupt_ends_the_sleep),
		TEST(a_hart_that_is_wanted_does_not_rest),
		TEST(what_has_come_already_is_not_slept_over),
		TEST(the_hart_that_clears_blocked_wakes),
		TEST(the_hart_that_clears_blocked_before_the_sleep_wakes),
		TEST(another_hart_has_work_for_this_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
