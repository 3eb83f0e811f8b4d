// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/run/times.c tests/unit/fake/pcpu.c tests/unit/threads/chaos.c tests/unit/fake/csr.c
// SANITIZE: thread
// INCLUDE: tests/unit/threads
/*
 * A hart that goes from one phase to the next, and a reader of its times, as two real threads. The hart's clock goes on by what it does, and
 * the three times are all of it: what is read is as long as the clock was meanwhile, and none of them ever goes back. A hart that is
 * held up in the middle is told as it was before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "arch/trace.h"
#include "fake/pcpu.h"
#include "mm/page.h"
#include "run/times.h"
#include "vcpu/timed.h"

#define READS 200000

bool timer_sstc = true;
static uint64_t ticks, began;
static uint32_t ends;

uint64_t timer_now(void)
{
	return atomic_read_acquire(&ticks);
}

uint64_t timer_ticks_to_ns(uint64_t n)
{
	return n;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	return memset(aligned_alloc(align, size), 0, size);
}

void smp_kick(struct pcpu_set set)
{
	(void)set;
}

void trace_set_timed(bool on)
{
	(void)on;
}

void vcpu_timed_want(bool on)
{
	(void)on;
}

bool vcpu_timed_is_wanted(void)
{
	return true;
}

static void *hart(void *arg)
{
	(void)arg;
	fake_pcpu_become(1);
	while (!atomic_read(&ends)) {
		atomic_set_release(&ticks, ticks + 1000);
		times_sleep(true);
		chaos();
		atomic_set_release(&ticks, ticks + 1);
		times_sleep(false);
		chaos();
	}
	return NULL;
}

static void what_is_read_is_of_one_moment(void **state)
{
	struct times t, last = { 0 };
	unsigned int now = 0;
	pthread_t thread;

	(void)state;
	fake_pcpu_setup(2);
	assert_true(times_make());
	times_want(true);
	fake_pcpu_become(1);
	began = timer_now();
	times_follow();
	fake_pcpu_become(0);
	assert_int_equal(pthread_create(&thread, NULL, hart, NULL), 0);
	for (unsigned int i = 0; i < READS; i++) {
		uint64_t before = timer_now() - began, after;

		(void)times_read(1, &t);
		after = timer_now() - began;
		assert_true(t.own + t.idle <= after);
		now += t.own + t.idle >= before; /* or the hart was held up in the middle */
		assert_true(t.own >= last.own && t.idle >= last.idle);
		last = t;
	}
	atomic_set(&ends, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(last.own > 1000 && last.idle > 100);
	assert_true(now > READS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_of_one_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
