// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/work.c
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/atomic.h"
#include "lib/work.h"

static struct work *ran[16];
static unsigned int nr_ran;

static void note(struct work *w)
{
	if (nr_ran < ARRAY_SIZE(ran))
		ran[nr_ran] = w;
	nr_ran++;
}

static int setup(void **state)
{
	(void)state;
	while (work_run_one())
		;
	nr_ran = 0;
	return 0;
}

static void items_run_in_the_order_they_were_queued(void **state)
{
	struct work a, b, c;

	(void)state;
	work_init(&a, note);
	work_init(&b, note);
	work_init(&c, note);
	work_queue(&b);
	work_queue(&a);
	work_queue(&c);
	assert_true(work_pending());
	while (work_run_one())
		;
	assert_int_equal(nr_ran, 3);
	assert_ptr_equal(ran[0], &b);
	assert_ptr_equal(ran[1], &a);
	assert_ptr_equal(ran[2], &c);
	assert_false(work_pending());
}

static void queued_twice_before_it_starts_runs_once(void **state)
{
	struct work a;

	(void)state;
	work_init(&a, note);
	work_queue(&a);
	work_queue(&a);
	assert_true(work_run_one());
	assert_false(work_run_one());
	assert_int_equal(nr_ran, 1);
	work_queue(&a);
	assert_true(work_run_one());
	assert_int_equal(nr_ran, 2);
}

static void again(struct work *w)
{
	if (++nr_ran < 5)
		work_queue(w);
}

static void work_may_queue_itself_and_others_come_between(void **state)
{
	struct work a, b;

	(void)state;
	work_init(&a, again);
	work_init(&b, note);
	work_queue(&a);
	work_queue(&b);
	assert_true(work_run_one());
	assert_true(work_run_one());
	assert_int_equal(nr_ran, 2);
	assert_ptr_equal(ran[1], &b);
	while (work_run_one())
		;
	assert_int_equal(nr_ran, 5);
}

/* The menu's keys, say: another hart would carry out the next key while this one is at the first. */
static unsigned int inside, most_inside;

static void while_another_hart_looks(struct work *w)
{
	inside++;
	most_inside = inside > most_inside ? inside : most_inside;
	if (nr_ran++ < 3) {
		work_queue(w);
		assert_false(work_run_one()); /* as the other hart's loop does */
	}
	inside--;
}

static void an_item_never_runs_on_two_harts_at_once(void **state)
{
	struct work a;

	(void)state;
	work_init(&a, while_another_hart_looks);
	work_queue(&a);
	while (work_run_one())
		;
	assert_int_equal(most_inside, 1);
	assert_int_equal(nr_ran, 4);
}

/* Few: a ticket lock whose next owner the build machine has preempted costs all others a time slice. */
#define ROUNDS 2000

static struct work shared;
static uint64_t asked, seen;

static void count(struct work *w)
{
	(void)w;
	atomic_set(&seen, atomic_read(&asked));
}

static void *ask(void *arg)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		atomic_fetch_add(&asked, 1);
		work_queue(&shared);
	}
	return arg;
}

static void no_request_is_lost_between_harts(void **state)
{
	pthread_t t[2];

	(void)state;
	work_init(&shared, count);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask, NULL), 0);
	while (atomic_read(&asked) < 2 * ROUNDS)
		work_run_one();
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	while (work_run_one())
		;
	/* The thread that asked last was served after it asked. */
	assert_int_equal(seen, 2 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(items_run_in_the_order_they_were_queued, setup),
		cmocka_unit_test_setup(queued_twice_before_it_starts_runs_once, setup),
		cmocka_unit_test_setup(work_may_queue_itself_and_others_come_between, setup),
		cmocka_unit_test_setup(an_item_never_runs_on_two_harts_at_once, setup),
		cmocka_unit_test_setup(no_request_is_lost_between_harts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
