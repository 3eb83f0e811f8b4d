// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/* The vcpu protocol in every order: requests, kicks for them, and the entry that must see them. */
#include "explorer/scene.h"

static void request_is_seen_before_entry(void **state)
{
	static const enum guest_op script[] = { NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	world.only_kicks = true;
	outsider("requester", kicks_request, 0);
	explore(6, final_common);
}

static void two_requesters_send_one_ipi_a_stay(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, runs_on);
	world.only_kicks = true;
	outsider("requester", kicks_request, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_common);
}

static void broadcast_is_seen_before_entry(void **state)
{
	static const enum guest_op script[] = { NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	world.only_kicks = true;
	outsider("broadcaster", asks_fence_i, 1);
	explore(6, final_common);
}

static void final_asleep(void)
{
	final_common();
	if (world.ipis)
		explorer_fail("an IPI for a vcpu that sleeps");
	if (world.guests[0].entries)
		explorer_fail("it was woken");
}

static void no_wakeup_leaves_a_blocked_vcpu_alone(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	outsider("broadcaster", asks_fence_i, 1);
	outsider("broadcaster 2", asks_fence_i, 1);
	world.must_not_run = true;
	explore(8, final_asleep);
}

static void requests_follow_a_vcpu_that_migrates(void **state)
{
	static const enum guest_op script[] = { YIELD, END };

	(void)state;
	scene(2, 1, 2, any_hart);
	runs(0, script);
	runs(1, script);
	outsider("broadcaster", asks_fence_i, 3);
	explore(3, final_common);
}

/* The first kick of its life finds the hart where it runs. */
static void a_kick_finds_the_hart_that_loaded_it_last(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	world.only_kicks = true;
	outsider("requester", kicks_request, 0);
	explore(4, final_common);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_seen_before_entry),
		cmocka_unit_test(two_requesters_send_one_ipi_a_stay),
		cmocka_unit_test(broadcast_is_seen_before_entry),
		cmocka_unit_test(no_wakeup_leaves_a_blocked_vcpu_alone),
		cmocka_unit_test(requests_follow_a_vcpu_that_migrates),
		cmocka_unit_test(a_kick_finds_the_hart_that_loaded_it_last),
	};

	return run_scenes(tests, argc, argv);
}
