// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/timer.c tests/unit/fake/pcpu.c
#include <pthread.h>
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

static uint64_t clock_now;
static _Thread_local uint64_t hart_timer;
static _Thread_local unsigned int hart_timer_writes, firmware_calls;

uint64_t fake_csr_read(unsigned int csr)
{
	assert_int_equal(csr, CSR_TIME);
	return atomic_read(&clock_now);
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	assert_int_equal(csr, CSR_STIMECMP);
	hart_timer = val;
	hart_timer_writes++;
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	assert_int_equal(eid, SBI_EXT_TIME);
	assert_int_equal(fid, SBI_TIME_SET_TIMER);
	assert_int_equal(arg1 | arg2 | arg3 | arg4 | arg5, 0);
	hart_timer = arg0;
	firmware_calls++;
	return (struct sbi_call_ret){ SBI_SUCCESS, 0 };
}

#define TIMERS 500

static struct timer timers[TIMERS];
static unsigned int fired[TIMERS];
static uint64_t last_deadline;
static bool in_order;

static void fire(struct timer *t)
{
	if (t->deadline < last_deadline)
		in_order = false;
	last_deadline = t->deadline;
	fired[t - timers]++;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(4);
	timer_setup(10000000, true);
	clock_now = 1000;
	for (unsigned int p = 0; p < 4; p++) {
		fake_pcpu_become(p);
		timer_run();
	}
	fake_pcpu_become(0);
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		fired[i] = 0;
	}
	last_deadline = 0;
	in_order = true;
	hart_timer_writes = firmware_calls = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_cancel(&timers[i]);
	return 0;
}

static void what_is_due_runs_once_and_in_order(void **state)
{
	bool armed[TIMERS] = { false };
	uint64_t deadline[TIMERS];

	(void)state;
	srand(7);
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int n = 0; n < 100; n++) {
			unsigned int i = (unsigned int)rand() % TIMERS;

			if (rand() % 3) {
				deadline[i] = clock_now + 1 + (uint64_t)rand() % 2000;
				armed[i] = true;
				timer_arm(&timers[i], deadline[i]);
			} else {
				armed[i] = false;
				timer_cancel(&timers[i]);
			}
		}
		clock_now += (uint64_t)rand() % 400;
		last_deadline = 0;
		/* A batch is bounded: as the hardware would, come again while the hart timer is due. */
		while (hart_timer <= clock_now)
			timer_run();
		assert_true(in_order);
		for (unsigned int i = 0; i < TIMERS; i++) {
			bool due = armed[i] && deadline[i] <= clock_now;

			assert_int_equal(fired[i], due);
			if (due)
				armed[i] = false;
			assert_int_equal(timers[i].armed, armed[i]);
			if (armed[i])
				assert_true(hart_timer <= deadline[i]);
			fired[i] = 0;
		}
	}
}

static void the_hart_timer_is_written_only_for_an_earlier_deadline(void **state)
{
	(void)state;
	timer_arm(&timers[0], 5000);
	assert_int_equal(hart_timer, 5000);
	assert_int_equal(hart_timer_writes, 1);
	timer_arm(&timers[1], 6000);
	timer_set_slice(7000);
	assert_int_equal(hart_timer_writes, 1);
	timer_set_slice(4000);
	assert_int_equal(hart_timer, 4000);
	assert_int_equal(hart_timer_writes, 2);
	clock_now = 4000;
	timer_run();
	assert_int_equal(hart_timer, 5000);
	clock_now = 6000;
	timer_run();
	assert_int_equal(fired[0] + fired[1], 2);
	assert_true(hart_timer == TIMER_NEVER);
	assert_int_equal(firmware_calls, 0);
}

static void an_interrupt_before_its_time_is_taken_back(void **state)
{
	(void)state;
	timer_arm(&timers[0], 5000);
	hart_timer = 0; /* it was raised for an earlier deadline */
	hart_timer_writes = 0;
	timer_run();
	assert_int_equal(hart_timer, 5000);
	assert_int_equal(hart_timer_writes, 1);
	assert_int_equal(fired[0], 0);
}

static void the_end_of_a_slice_asks_for_a_reschedule_once(void **state)
{
	(void)state;
	timer_set_slice(2000);
	timer_run();
	assert_int_equal(this_pcpu()->need_resched, 0);
	clock_now = 2000;
	timer_run();
	assert_int_equal(this_pcpu()->need_resched, 1);
	this_pcpu()->need_resched = 0;
	clock_now = 3000;
	timer_run();
	assert_int_equal(this_pcpu()->need_resched, 0);
	assert_true(hart_timer == TIMER_NEVER);
}

static void without_sstc_the_firmware_is_asked(void **state)
{
	(void)state;
	timer_setup(10000000, false);
	timer_arm(&timers[0], 5000);
	assert_int_equal(firmware_calls, 1);
	assert_int_equal(hart_timer, 5000);
	assert_int_equal(hart_timer_writes, 0);
	assert_false(timer_has_sstc());
}

static void a_timer_armed_on_another_pcpu_moves_there(void **state)
{
	(void)state;
	timer_arm(&timers[0], 5000);
	fake_pcpu_become(3);
	timer_arm(&timers[0], 6000);
	clock_now = 10000;
	fake_pcpu_become(0);
	timer_run();
	assert_int_equal(fired[0], 0);
	fake_pcpu_become(3);
	timer_run();
	assert_int_equal(fired[0], 1);
}

static void rearm(struct timer *t)
{
	fired[t - timers]++;
	timer_arm(t, clock_now);
}

static void a_timer_that_is_always_due_does_not_hold_the_hart(void **state)
{
	(void)state;
	timer_init(&timers[0], rearm);
	timer_arm(&timers[0], clock_now);
	timer_run();
	assert_true(fired[0] >= 1 && fired[0] < 1000);
	assert_true(hart_timer <= clock_now);
}

static void conversions_are_exact_and_saturate(void **state)
{
	static const uint64_t hz[] = { 1,	  32768,     1000000,	 10000000,   24000000,
				       333333333, 999999999, 1000000000, 1000000007, 4294967295 };
	static const uint64_t values[] = {
		0, 1, 99, 100, 999999999, 1000000000, 123456789012345, UINT64_C(1) << 62, UINT64_MAX
	};

	(void)state;
	for (unsigned int h = 0; h < ARRAY_SIZE(hz); h++) {
		timer_setup(hz[h], true);
		for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
			unsigned __int128 t = (unsigned __int128)values[i] * hz[h] / 1000000000;
			unsigned __int128 n = (unsigned __int128)values[i] * 1000000000 / hz[h];

			assert_true(timer_ns_to_ticks(values[i]) ==
				    (t >> 64 ? UINT64_MAX : (uint64_t)t));
			assert_true(timer_ticks_to_ns(values[i]) ==
				    (n >> 64 ? UINT64_MAX : (uint64_t)n));
		}
	}
	timer_setup(UINT64_C(50000000000), true); /* 50 GHz: still within a millionth */
	assert_in_range(timer_ticks_to_ns(UINT64_C(75000000000)), 1499998500, 1500001500);
}

static uint64_t raced;
static bool stop_running;

static void race_fn(struct timer *t)
{
	(void)t;
	atomic_fetch_add(&raced, 1);
}

static void *race_runner(void *arg)
{
	fake_pcpu_become(1);
	while (!atomic_read(&stop_running)) {
		for (unsigned int i = 0; i < 8; i++)
			timer_arm(&timers[i], atomic_read(&clock_now) + i % 3);
		atomic_fetch_add(&clock_now, 1);
		timer_run();
	}
	return arg;
}

static void cancelling_races_with_running(void **state)
{
	pthread_t t;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		timer_init(&timers[i], race_fn);
	stop_running = false;
	assert_int_equal(pthread_create(&t, NULL, race_runner, NULL), 0);
	for (unsigned int n = 0; n < 100000 || !atomic_read(&raced); n++) {
		timer_cancel(&timers[n % 8]);
		if (n % 64 == 0)
			timer_arm(&timers[n / 64 % 8], TIMER_NEVER - 1);
	}
	atomic_set(&stop_running, true);
	pthread_join(t, NULL);
	for (unsigned int i = 0; i < 8; i++) {
		timer_cancel(&timers[i]);
		assert_false(timers[i].armed);
	}
	raced = 0;
	atomic_fetch_add(&clock_now, 100);
	for (unsigned int p = 0; p < 2; p++) {
		fake_pcpu_become(p);
		timer_run();
	}
	assert_int_equal(raced, 0);
}

/* The terminal's poll timer is armed before the boot hart's turn. */
static void initialisation_keeps_what_is_armed(void **state)
{
	(void)state;
	timer_arm(&timers[0], clock_now + 50);
	hart_timer = 7; /* of the firmware */
	timer_init_pcpu();
	assert_int_equal(hart_timer, clock_now + 50);
	clock_now += 50;
	timer_run();
	assert_int_equal(fired[0], 1);
	hart_timer = 7;
	timer_init_pcpu();
	assert_int_equal(hart_timer, TIMER_NEVER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(initialisation_keeps_what_is_armed),
		TEST(what_is_due_runs_once_and_in_order),
		TEST(the_hart_timer_is_written_only_for_an_earlier_deadline),
		TEST(an_interrupt_before_its_time_is_taken_back),
		TEST(the_end_of_a_slice_asks_for_a_reschedule_once),
		TEST(without_sstc_the_firmware_is_asked),
		TEST(a_timer_armed_on_another_pcpu_moves_there),
		TEST(a_timer_that_is_always_due_does_not_hold_the_hart),
		TEST(conversions_are_exact_and_saturate),
		TEST(cancelling_races_with_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
