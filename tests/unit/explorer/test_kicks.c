// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/* The vcpu protocol in every order: kicks of guests, and waits that they end. */
#include "explorer/scene.h"

static void final_caught(void)
{
	nothing_is_left();
	all_are_done();
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (world.guests[i].caught != world.guests[i].thrown)
			explorer_fail("vcpu %u caught %lu of %lu", i, world.guests[i].caught,
				      world.guests[i].thrown);
}

static void final_no_ipi(void)
{
	nothing_is_left();
	all_are_done();
	if (world.ipis)
		explorer_fail("a kick took a vcpu out of the guest");
}

static void a_kick_leaves_a_vcpu_that_does_not_halt_in_the_guest(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	world.ipis = 0;
	outsider("kicker", throws_and_throws, 0);
	explore(6, final_no_ipi);
}

static void no_kick_is_lost(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, waits_kick);
	outsider("kicker", throws_and_throws, 0);
	outsider("kicker 2", throws, 0);
	explore(4, final_caught);
}

static void an_interrupt_does_not_take_a_kick_along(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, waits_kick_idle);
	outsider("kicker", throws_and_throws, 0);
	outsider("sender", posts, 0);
	explore(4, final_caught);
}

static void interrupts_leave_a_vcpu_that_waits_for_a_kick_asleep(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, waits_kick);
	outsider("sender", posts, 0);
	outsider("kicker", throws, 0);
	explore(4, final_caught);
}

static void two_that_kick_and_yield_to_each_other_get_on(void **state)
{
	static const enum guest_op first[] = { KICK_OTHER, KICK_OTHER, WAIT_KICK },
				   second[] = { NOP, KICK_OTHER, WAIT_KICK };

	(void)state;
	scene(1, 0, 2, first_hart);
	runs(0, first);
	runs(1, second);
	explore(6, final_caught);
}

static void kicks_between_two_harts_are_seen(void **state)
{
	static const enum guest_op first[] = { KICK_OTHER, WAIT_KICK },
				   second[] = { KICK_OTHER, WAIT_KICK };

	(void)state;
	scene(2, 0, 2, any_hart);
	runs(0, first);
	runs(1, second);
	explore(3, final_caught);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kick_leaves_a_vcpu_that_does_not_halt_in_the_guest),
		cmocka_unit_test(no_kick_is_lost),
		cmocka_unit_test(an_interrupt_does_not_take_a_kick_along),
		cmocka_unit_test(interrupts_leave_a_vcpu_that_waits_for_a_kick_asleep),
		cmocka_unit_test(two_that_kick_and_yield_to_each_other_get_on),
		cmocka_unit_test(kicks_between_two_harts_are_seen),
	};

	return run_scenes(tests, argc, argv);
}
