// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host timers on real threads under TSan: two pcpus arm, cancel and run the same timers, a third one cancels them. What
 * is in a timer is not atomic; the lock of the queue that it is on, and the way from one queue to the next, order it.
 *
 * SOURCES: hyp/arch/timer.c tests/unit/fake/pcpu.c
 * SANITIZE: thread
 * INCLUDE: tests/unit/threads
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/sbi_call.h"
#include "arch/timer.h"
#include "fake/pcpu.h"
#include "lib/atomic.h"

#define HARTS  3
#define TIMERS 2
#define ROUNDS 5000

static struct timer timers[TIMERS];
static uint64_t clock_now, fired;

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

/* At each atomic access: now and then another thread goes on. */
void chaos(void)
{
	static _Thread_local unsigned int steps;

	if (++steps % 16 == 0)
		sched_yield();
}

uint64_t fake_csr_read(unsigned int csr)
{
	return csr == CSR_TIME ? __atomic_load_n(&clock_now, __ATOMIC_RELAXED) : 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)eid, (void)fid, (void)arg0, (void)arg1, (void)arg2, (void)arg3, (void)arg4,
		(void)arg5;
	return (struct sbi_call_ret){ 0, 0 };
}

static void fires(struct timer *t)
{
	(void)t;
	__atomic_fetch_add(&fired, 1, __ATOMIC_RELAXED);
}

static void *hart(void *arg)
{
	unsigned int index = (unsigned int)(uintptr_t)arg;
	unsigned int luck = 12345 + index;

	fake_pcpu_become(index);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct timer *t = &timers[(luck >> 16) % TIMERS];
		uint64_t now = __atomic_add_fetch(&clock_now, 1, __ATOMIC_RELAXED);

		luck = luck * 1103515245 + 12345;
		if (index == HARTS - 1 || luck >> 30 == 0)
			timer_cancel(t);
		else
			timer_arm(t, now + (luck >> 20) % 8);
		if (index != HARTS - 1 && i % 4 == 0)
			timer_run();
	}
	return NULL;
}

static void a_timer_is_whole_on_whatever_queue_it_is(void **state)
{
	pthread_t threads[HARTS];

	(void)state;
	fake_pcpu_setup(HARTS);
	timer_setup(10000000, true);
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_init(&timers[i], fires);
	for (uintptr_t i = 0; i < HARTS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hart, (void *)i), 0);
	for (unsigned int i = 0; i < HARTS; i++)
		pthread_join(threads[i], NULL);
	assert_true(fired > 0);
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer_cancel(&timers[i]);
		assert_false(timers[i].armed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_is_whole_on_whatever_queue_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
