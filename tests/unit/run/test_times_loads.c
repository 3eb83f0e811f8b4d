// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h tests/unit/fake/run_vcpu.h
// CFLAGS: -DFAKE_TIMES
/* An exit is over before its vcpu can be loaded elsewhere, or go with its VM. */
#include "fake/run_vcpu.h"
#include "run/times.h"

void times_done(void)
{
	called("done");
}

static int timed(void **state)
{
	(void)setup(state);
	this_pcpu()->trace.timed = 1;
	return 0;
}

static void an_exit_is_over_before_another_vcpu_is_loaded(void **state)
{
	(void)state;
	this_pcpu()->current = &two;
	next = &other;
	(void)vcpu_run(&one);
	CALLS("done unloaded-two enter exit look switch-preempted ");
}

static void it_goes_on_when_the_same_one_runs_again(void **state)
{
	(void)state;
	(void)vcpu_run(&one);
	CALLS("enter exit look switch-preempted ");
}

static void it_is_over_before_its_vm_ends(void **state)
{
	(void)state;
	one.requests = 1;
	verdicts[0] = VCPU_IS_DEAD;
	(void)vcpu_run(&one);
	CALLS("requests done park put-blocks unloaded-one ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_exit_is_over_before_another_vcpu_is_loaded, timed),
		cmocka_unit_test_setup(it_goes_on_when_the_same_one_runs_again, timed),
		cmocka_unit_test_setup(it_is_over_before_its_vm_ends, timed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
