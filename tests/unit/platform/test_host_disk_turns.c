// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c hyp/lib/fdt.c hyp/lib/work.c tests/unit/fake/machine_disk.c tests/unit/fake/tree.c tests/unit/fake/timer.c
/* Disks of the machine: whose turn it is, and what becomes of requests when the disk is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "fake/log.h"
#include "fake/machine_disk.h"
#include "fake/timer.h"
#include "lib/errno.h"

static int setup(void **state)
{
	(void)state;
	hw_setup();
	return 0;
}

/* Each gets its turn in the order in which it came; one that has had it goes behind the others. */
static void waiting_users_take_turns(void **state)
{
	static struct turn a, b;

	(void)state;
	a = b = (struct turn){ .user = { .may_go = takes_turn } };
	assert_int_equal(hw_open(0), HV_OK);
	fill();
	assert_int_equal(ask(&many[RING_FULL], BLK_IN, 0, 1), HV_EBUSY);
	host_disk_leave(hw_disk, &asker);
	a.wants = 3;
	takes_turn(&a.user);
	b.wants = 2;
	takes_turn(&b.user);
	assert_int_equal(a.got + b.got, 0);
	hw_serve(0, 1);
	assert_int_equal(a.got, 1);
	assert_int_equal(b.got, 0);
	/* A new user does not go first. */
	assert_int_equal(ask(&many[RING_FULL], BLK_IN, 0, 1), HV_EBUSY);
	hw_serve(0, 1);
	hw_serve(0, 1);
	assert_int_equal(a.got, 3);
	assert_int_equal(b.got, 0);
	hw_serve(0, 1);
	assert_int_equal(b.got, 1);
	host_disk_leave(hw_disk, &b.user);
	hw_serve(0, 2);
	assert_int_equal(b.got, 1);
	host_disk_leave(hw_disk, &asker);
	/* With room for all none waits. */
	hw_serve(0, hw_waiting(0));
	assert_int_equal(ask(&many[RING_FULL], BLK_IN, 0, 1), HV_OK);
}

/* One that does not use its turn (its VM is paused) stands in no other's way. */
static void a_turn_that_is_not_used_is_lost(void **state)
{
	static struct turn a, b;

	(void)state;
	a = b = (struct turn){ .user = { .may_go = takes_turn } };
	assert_int_equal(hw_open(0), HV_OK);
	fill();
	a.wants = b.wants = 1;
	takes_turn(&a.user);
	takes_turn(&b.user);
	a.wants = 0;
	hw_serve(0, 1);
	assert_int_equal(a.turns, 2);
	assert_int_equal(b.got, 1);
	assert_false(a.user.waits || b.user.waits);
	hw_serve(0, hw_waiting(0));
}

/* --- a disk that is broken ------------------------------------------------------------------------ */

static void is_dead(unsigned int in_flight)
{
	static struct asked after;

	for (unsigned int i = 0; i < in_flight; i++) {
		assert_int_equal(many[i].over, 1);
		assert_int_equal(many[i].status, BLK_IOERR);
	}
	assert_int_equal(hw[0].status, 0);
	assert_int_equal(ask(&after, BLK_IN, 0, 1), HV_EIO);
	hw_interrupt(0, VIRTIO_INT_USED);
	assert_int_equal(fake_log_count, 1);
}

static void one_that_answers_what_it_was_not_asked(void **state)
{
	struct virtq_used_elem *e;

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(ask(&many[i], BLK_IN, 0, 1), HV_OK);
	e = hpa_to_ptr(hpa(hw[0].used + VIRTQ_USED_RING));
	*e = (struct virtq_used_elem){ 1, 0 };
	*hw_u16(hw[0].used + VIRTQ_USED_IDX) = 1;
	hw_interrupt(0, VIRTIO_INT_USED);
	is_dead(5);
	assert_string_equal(fake_log_last,
			    "/soc/virtio_mmio@10001000: it answered what it was not asked: "
			    "the disk is not used any more");
}

static void one_that_asks_for_a_reset(void **state)
{
	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(ask(&many[0], BLK_IN, 0, 1), HV_OK);
	hw_interrupt(0, VIRTIO_INT_CONFIG);
	assert_int_equal(many[0].over, 0);
	hw[0].status |= VIRTIO_NEEDS_RESET;
	hw_interrupt(0, VIRTIO_INT_CONFIG);
	is_dead(1);
}

static void one_that_does_not_answer(void **state)
{
	const uint64_t patience = timer_ns_to_ticks(HOST_DISK_PATIENCE_NS);

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(ask(&many[0], BLK_IN, 0, 1), HV_OK);
	fake_timer_pass(patience - 1);
	assert_int_equal(many[0].over, 0);
	/* One that answers anything is given more time. */
	assert_int_equal(ask(&many[1], BLK_IN, 0, 1), HV_OK);
	assert_int_equal(fake_arms, 1); /* one timer for all of them */
	hw_serve(0, 1);
	many[0] = many[1];
	fake_timer_pass(patience - 1);
	assert_int_equal(fake_log_count, 0);
	many[0].over = 0;
	fake_timer_pass(1);
	assert_int_equal(many[1].over, 1);
	many[0].over = 1;
	many[0].status = BLK_IOERR;
	is_dead(2);
	assert_non_null(strstr(fake_log_last, "it does not answer"));
	/* An idle disk is not watched. */
	assert_int_equal(hw_open(1), HV_OK);
	assert_int_equal(ask(&many[0], BLK_IN, 0, 1), HV_OK);
	hw_serve(1, 1);
	fake_timer_pass(2 * patience);
	assert_null(fake_armed);
	assert_int_equal(fake_log_count, 1);
}

/* It may still write to what it was given, so that is never given back. */
static void one_that_does_not_even_stop(void **state)
{
	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(ask(&many[0], BLK_IN, 0, 1), HV_OK);
	hw[0].sticks = true;
	fake_timer_pass(timer_ns_to_ticks(HOST_DISK_PATIENCE_NS));
	assert_int_equal(many[0].over, 0);
	assert_int_equal(ask(&many[1], BLK_IN, 0, 1), HV_EIO);
	assert_string_equal(
		fake_log_last,
		"/soc/virtio_mmio@10001000: it does not answer: the disk is not used any "
		"more, and does not stop: what it was asked never ends");
}

static void users_that_wait_for_a_dead_disk_are_told(void **state)
{
	static struct turn a;

	(void)state;
	a = (struct turn){ .user = { .may_go = takes_turn }, .wants = 1 };
	assert_int_equal(hw_open(0), HV_OK);
	fill();
	takes_turn(&a.user);
	fake_timer_pass(timer_ns_to_ticks(HOST_DISK_PATIENCE_NS));
	assert_int_equal(a.turns, 2);
	assert_int_equal(a.got, 0);
	assert_false(a.user.waits);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(waiting_users_take_turns),
		test(a_turn_that_is_not_used_is_lost),
		test(one_that_answers_what_it_was_not_asked),
		test(one_that_asks_for_a_reset),
		test(one_that_does_not_answer),
		test(one_that_does_not_even_stop),
		test(users_that_wait_for_a_dead_disk_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
