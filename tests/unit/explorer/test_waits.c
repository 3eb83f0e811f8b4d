// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/* The vcpu protocol in every order: what waits for others, on the fast path, too. */
#include "explorer/scene.h"
#include "vcpu/fence.h"

static void frees_the_page(void *arg)
{
	(void)arg;
	world.guests[0].asked[HART_FENCE_GVMA]++;
	calls(1, 1);
	(void)vm_give_back_ram(&world.vm, gpa(0), PAGE_SIZE);
	calls(1, -1);
	world.guests[0].returned[HART_FENCE_GVMA] = 1;
}

static void wait_returns_after_the_reader_left(void **state)
{
	static const enum guest_op script[] = { READ, READ, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	outsider("freer", frees_the_page, 0);
	explore(5, final_common);
}

static void two_waiters_for_each_other_finish(void **state)
{
	static const enum guest_op script[] = { FENCE_OTHERS, END };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, script);
	runs(1, script);
	world.only_kicks = true;
	explore(3, final_common);
}

static void fast_waiters_for_each_other_finish(void **state)
{
	static const enum guest_op script[] = { FAST_FENCE, END };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, script);
	runs(1, script);
	world.only_kicks = true;
	explore(3, final_common);
}

static void a_fast_waiter_and_others_finish(void **state)
{
	static const enum guest_op fast[] = { FAST_FENCE, END }, slow[] = { FENCE_OTHERS, END };

	(void)state;
	scene(2, 1, 2, own_hart);
	runs(0, fast);
	runs(1, slow);
	world.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 3);
	explore(2, final_common);
}

static void fast_interrupts_wake_those_elsewhere(void **state)
{
	static const enum guest_op fast[] = { FAST_IPI, IDLE };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, fast);
	runs(1, fast);
	explore(3, final_common);
}

static void fast_interrupts_wake_those_on_the_same_hart(void **state)
{
	static const enum guest_op fast[] = { FAST_IPI, FAST_IPI, IDLE };

	(void)state;
	scene(1, 1, 2, first_hart);
	runs(0, fast);
	runs(1, idles);
	outsider("sender", posts, 0);
	explore(3, final_common);
}

/* The first one lets the second go to sleep, and then hands it the hart, which it gives back when it blocks. */
static void a_vcpu_with_a_hart_on_loan_is_woken_as_others_are(void **state)
{
	static const enum guest_op asks[] = { YIELD, FAST_IPI, FAST_IPI, IDLE };

	(void)state;
	for (unsigned int target = 0; target < 2; target++) {
		scene(1, 1, 2, first_hart);
		runs(0, asks);
		runs(1, idles);
		outsider("sender", posts, target);
		explore(3, final_common);
	}
}

static void final_lowered(void)
{
	final_common();
	if (vcpu(0)->irq.levels & BIT(IRQ_VS_EXT))
		explorer_fail("the line is high still");
}

/* Where one sleeps its fence is a request without a kick; it may wake up, or fall asleep, meanwhile. */
static void a_fence_of_one_that_sleeps_is_not_lost(void **state)
{
	static const enum guest_op fences[] = { FAST_SFENCE, FAST_SFENCE, IDLE };

	(void)state;
	scene(2, 1, 2, own_hart);
	runs(0, fences);
	runs(1, idles);
	outsider("sender", posts, 1);
	explore(3, final_common);
	scene(1, 1, 2, first_hart);
	runs(0, fences);
	runs(1, idles);
	outsider("sender", posts, 1);
	explore(3, final_common);
}

static void two_that_fence_each_other_finish(void **state)
{
	static const enum guest_op fences[] = { FAST_SFENCE, END };

	(void)state;
	scene(2, 0, 2, own_hart);
	runs(0, fences);
	runs(1, fences);
	world.only_kicks = true;
	explore(3, final_common);
}

/* Its line rises while it is in guest mode still: there is nothing that would get it out. */
static void an_interrupt_by_its_own_store_is_taken(void **state)
{
	static const enum guest_op stores[] = { RAISE, IDLE };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, stores);
	outsider("sender", posts, 0);
	explore(4, final_lowered);
	scene(1, 1, 1, own_hart);
	runs(0, stores);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_lowered);
}

static void waiters_for_one_that_reenters_finish(void **state)
{
	static const enum guest_op script[] = { NOP, NOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	world.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 1);
	outsider("requester", kicks_request, 0);
	explore(4, final_common);
}

static void fences_a_hundred_times(void *arg)
{
	const struct vcpu_fence f = { .start = { 0x1000 }, .size = 0x1000 };

	(void)arg;
	for (int i = 0; i < 100; i++)
		vm_fence_vvma(&world.vm, vcpu_set_of(0), &f);
}

static void final_fenced(void)
{
	all_are_done();
	if (vcpu(0)->fences.nr > VCPU_FENCE_RING)
		explorer_fail("the ring ran over");
	if (vcpu(0)->halt.blocked && vcpu(0)->fences.nr != 0)
		explorer_fail("one by one for a sleeper, which takes all at once");
	if (!vcpu_test_request(REQUEST_HFENCE_VVMA_ALL, vcpu(0)))
		explorer_fail("fences that had no room are forgotten");
}

static void hundred_fences_never_wait_for_a_vcpu_that_is_preempted(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	vcpu(0)->halt.blocked = 0;
	world.must_not_run = true;
	outsider("broadcaster", fences_a_hundred_times, 0);
	explore(1, final_fenced);
}

static void hundred_fences_never_wait_for_a_vcpu_that_sleeps(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	world.must_not_run = true;
	outsider("broadcaster", fences_a_hundred_times, 0);
	explore(1, final_fenced);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wait_returns_after_the_reader_left),
		cmocka_unit_test(two_waiters_for_each_other_finish),
		cmocka_unit_test(fast_waiters_for_each_other_finish),
		cmocka_unit_test(a_fast_waiter_and_others_finish),
		cmocka_unit_test(fast_interrupts_wake_those_elsewhere),
		WITHOUT_REST(fast_interrupts_wake_those_elsewhere),
		cmocka_unit_test(fast_interrupts_wake_those_on_the_same_hart),
		cmocka_unit_test(a_vcpu_with_a_hart_on_loan_is_woken_as_others_are),
		cmocka_unit_test(a_fence_of_one_that_sleeps_is_not_lost),
		cmocka_unit_test(two_that_fence_each_other_finish),
		cmocka_unit_test(an_interrupt_by_its_own_store_is_taken),
		cmocka_unit_test(waiters_for_one_that_reenters_finish),
		cmocka_unit_test(hundred_fences_never_wait_for_a_vcpu_that_is_preempted),
		cmocka_unit_test(hundred_fences_never_wait_for_a_vcpu_that_sleeps),
	};

	return run_scenes(tests, argc, argv);
}
