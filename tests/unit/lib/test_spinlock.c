// SPDX-License-Identifier: BSD-2-Clause
/* The order of locks is checked: what is taken out of order is told, with the names of both. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/spinlock.h"

/* What one hart holds; the program's threads are its harts. */
static _Thread_local struct held_locks held;
static _Thread_local char told[256]; /* empty: nothing */

struct held_locks *lock_rank_held(void)
{
	return &held;
}

void lock_rank_wrong(const char *taken, const char *outer)
{
	snprintf(told, sizeof(told), "%s, %s", taken, outer ? outer : "nothing");
}

static struct spinlock vm = SPINLOCK_INIT(LOCK_VM);
static struct spinlock runq, runq2;
static struct spinlock term = SPINLOCK_INIT(LOCK_TERM);

static int setup(void **state)
{
	(void)state;
	held = (struct held_locks){ 0 };
	told[0] = '\0';
	spin_init(&runq, LOCK_RUNQ);
	spin_init(&runq2, LOCK_RUNQ);
	return 0;
}

/* All that was taken has been given up, too. */
static int teardown(void **state)
{
	static const struct held_locks nothing;

	(void)state;
	return memcmp(&held, &nothing, sizeof(held));
}

static void from_outer_to_inner_nothing_is_told(void **state)
{
	(void)state;
	spin_lock(&vm);
	spin_lock(&runq);
	spin_lock(&term);
	spin_unlock(&term);
	spin_unlock(&runq);
	spin_unlock(&vm);
	assert_string_equal(told, "");
}

static void an_outer_lock_under_an_inner_one_is_told_with_both_names(void **state)
{
	(void)state;
	spin_lock(&runq);
	spin_lock(&term);
	spin_lock(&vm);
	/* The nearest one of those that are in the way. */
	assert_string_equal(told, "a VM's lock (its G-stage), a run queue");
	spin_unlock(&vm);
	spin_unlock(&term);
	spin_unlock(&runq);
}

static void a_second_lock_of_a_rank_is_told(void **state)
{
	(void)state;
	spin_lock(&runq);
	spin_lock(&runq2);
	assert_string_equal(told, "a run queue, a run queue");
	spin_unlock(&runq2);
	spin_unlock(&runq);
}

static void a_trylock_has_any_rank_and_then_counts_as_held(void **state)
{
	(void)state;
	spin_lock(&term);
	assert_true(spin_trylock(&runq));
	assert_true(spin_trylock(&runq2));
	assert_string_equal(told, "");
	spin_unlock(&term);
	spin_unlock(&runq2);
	spin_lock(&vm);
	assert_string_equal(told, "a VM's lock (its G-stage), a run queue");
	spin_unlock(&vm);
	spin_unlock(&runq);
}

static void a_trylock_that_fails_holds_nothing(void **state)
{
	(void)state;
	spin_lock(&runq);
	assert_false(spin_trylock(&runq));
	spin_unlock(&runq);
	spin_lock(&vm);
	spin_unlock(&vm);
	assert_string_equal(told, "");
}

static void locks_are_given_up_in_any_order(void **state)
{
	(void)state;
	spin_lock(&vm);
	spin_lock(&runq);
	spin_unlock(&vm);
	spin_lock(&term);
	spin_unlock(&runq);
	spin_unlock(&term);
	spin_lock(&vm);
	spin_unlock(&vm);
	assert_string_equal(told, "");
}

static void a_lock_without_a_rank_is_told(void **state)
{
	struct spinlock zero;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	spin_lock(&zero);
	assert_string_equal(told, "a lock without a rank, nothing");
	spin_unlock(&zero);
}

static void *takes_the_outer_one(void *arg)
{
	(void)arg;
	spin_lock(&vm);
	spin_unlock(&vm);
	return told[0] ? told : NULL;
}

static void what_another_hart_holds_is_in_no_one_s_way(void **state)
{
	pthread_t other;
	void *result;

	(void)state;
	spin_lock(&term);
	assert_int_equal(pthread_create(&other, NULL, takes_the_outer_one, NULL), 0);
	pthread_join(other, &result);
	assert_null(result);
	spin_unlock(&term);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_outer_to_inner_nothing_is_told),
		TEST(an_outer_lock_under_an_inner_one_is_told_with_both_names),
		TEST(a_second_lock_of_a_rank_is_told),
		TEST(a_trylock_has_any_rank_and_then_counts_as_held),
		TEST(a_trylock_that_fails_holds_nothing),
		TEST(locks_are_given_up_in_any_order),
		TEST(a_lock_without_a_rank_is_told),
		TEST(what_another_hart_holds_is_in_no_one_s_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
