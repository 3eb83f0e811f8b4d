// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/* The vcpu protocol in every order: interrupts, and halts that they end. */
#include "explorer/scene.h"

static void inject_and_guest_clear_lose_nothing(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, takes);
	outsider("sender", posts_twice, 0);
	outsider("sender 2", posts, 0);
	explore(4, final_common);
}

static void kick_before_halt_is_remembered(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("sender", posts, 0);
	outsider("sender 2", posts, 0);
	explore(4, final_common);
}

static void a_halted_vcpu_has_its_timer_armed(void **state)
{
	static const enum guest_op script[] = { ARM, IDLE };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("sender", posts, 0);
	outsider("operator", pauses_and_resumes, 0);
	explore(2, final_common);
}

static void wake_and_block_race_in_the_scheduler(void **state)
{
	(void)state;
	scene(2, 1, 1, any_hart);
	runs(0, idles);
	outsider("sender", posts_twice, 0);
	explore(4, final_common);
}

static void two_vcpus_on_one_hart_wake_each_other(void **state)
{
	(void)state;
	scene(1, 2, 2, first_hart);
	runs(0, idles);
	runs(1, idles);
	outsider("sender", posts, 0);
	outsider("sender 2", posts, 1);
	explore(3, final_common);
}

static void requests_and_interrupts_together(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("sender", posts, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_common);
}

/* Hart 0 runs on while a vcpu waits for it; hart 1 must not rest meanwhile. */
static void a_hart_takes_what_waits_elsewhere_before_it_rests(void **state)
{
	(void)state;
	scene(2, 1, 3, any_hart);
	runs(0, runs_on);
	runs(1, idles);
	runs(2, idles);
	outsider("sender", posts, 1);
	explore(3, final_common);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inject_and_guest_clear_lose_nothing),
		cmocka_unit_test(kick_before_halt_is_remembered),
		WITHOUT_REST(kick_before_halt_is_remembered),
		cmocka_unit_test(a_halted_vcpu_has_its_timer_armed),
		WITHOUT_REST(a_halted_vcpu_has_its_timer_armed),
		cmocka_unit_test(wake_and_block_race_in_the_scheduler),
		WITHOUT_REST(wake_and_block_race_in_the_scheduler),
		cmocka_unit_test(two_vcpus_on_one_hart_wake_each_other),
		WITHOUT_REST(two_vcpus_on_one_hart_wake_each_other),
		cmocka_unit_test(requests_and_interrupts_together),
		WITHOUT_REST(requests_and_interrupts_together),
		cmocka_unit_test(a_hart_takes_what_waits_elsewhere_before_it_rests),
	};

	return run_scenes(tests, argc, argv);
}
