// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h tests/unit/fake/run_loop.h
// CFLAGS: -DFAKE_TIMES
/* Where a hart that measures times does something else than for the exit before, it says so. */
#include "fake/run_loop.h"
#include "run/times.h"

void times_done(void)
{
	called("done");
}

void times_sleep(bool begins)
{
	called(begins ? "sleeps" : "slept");
}

static int timed(void **state)
{
	(void)setup(state);
	this_pcpu()->trace.timed = 1;
	return 0;
}

static void loop(void)
{
	if (setjmp(out) == 0)
		pcpu_loop();
}

/* Before its vcpu may go. */
static void a_task_is_for_no_exit(void **state)
{
	(void)state;
	this_pcpu()->current = &vcpu;
	task_run(&task);
	CALLS("done park unloaded step put-blocks unloaded-task ");
}

static void a_work_item_is_for_no_exit(void **state)
{
	(void)state;
	work_count = 1;
	nr_picks = 0;
	loop();
	CALLS("done work ");
}

static void a_sleep_is_no_work(void **state)
{
	(void)state;
	nr_picks = 1;
	picks[0] = NULL;
	loop();
	CALLS("pick sleeps wfi slept ");
}

static void a_rest_is_no_work_either(void **state)
{
	(void)state;
	rest_begins = true;
	assert_true(vcpu_rest(&vcpu) || true);
	assert_non_null(strstr(trace, "rest sleeps wfi slept rested "));
}

static void nothing_is_said_where_nothing_is_measured(void **state)
{
	(void)state;
	this_pcpu()->trace.timed = 0;
	nr_picks = 1;
	picks[0] = NULL;
	loop();
	CALLS("pick wfi ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_task_is_for_no_exit, timed),
		cmocka_unit_test_setup(a_work_item_is_for_no_exit, timed),
		cmocka_unit_test_setup(a_sleep_is_no_work, timed),
		cmocka_unit_test_setup(a_rest_is_no_work_either, timed),
		cmocka_unit_test_setup(nothing_is_said_where_nothing_is_measured, timed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
