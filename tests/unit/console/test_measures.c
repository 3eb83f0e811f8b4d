// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/console.h
/* What the operator reads of times, harts and queues. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/console.h"
#include "fake/counts.h"
#include "vcpu/vcpu.h"

static void times_have_their_tables_once_they_are_measured(void **state)
{
	(void)state;
	make_vms(1, 1);
	fake_timed_there = true;
	press("s");
	assert_null(strstr(text, "worst exit"));
	assert_null(strstr(text, "guest ms"));
	fake_timed.ticks[EXIT_SBI] = 20000;
	fake_timed_worst = 30;
	fake_timed.woken.count[0] = 50;
	fake_timed.woken.count[3] = 49;
	fake_timed.woken.count[HISTOGRAM_BUCKETS - 1] = 1;
	fake_times = (struct times){ 60000, 30000, 110000 };
	text[0] = 0;
	press("s");
	assert_row(
		"exits, us                ipi     timer       irq       sbi       wfi       wrs       csr "
		"     mmio     fault     other");
	assert_row(
		"vm-1/0                     0         0         0      2000         0         0         0 "
		"        0         0         0");
	assert_row(
		"worst exit, ns           ipi     timer       irq       sbi       wfi       wrs       csr "
		"     mmio     fault     other");
	assert_row(
		"vm-1/0                  3000      3100      3200      3300      3400      3500      3600 "
		"     3700      3800      3900");
	assert_row(
		"within us              wakes     50 %     99 %      all    timers     50 %     99 %      all");
	assert_row(
		"vm-1/0                   100        1        8     more         0        0        0        0");
	assert_row("hart                         guest ms     own ms    idle ms     own %");
	assert_row("0                                   6          3         11      15.0");
	fake_timed_there = false; /* there was no memory for it */
	press("s");
	assert_int_equal(count("within us"), 2);
	press("z");
	assert_int_equal(fake_zeroed_vcpus, 1);
	assert_int_equal(fake_zeroed_harts, nr_pcpus);
}

static void each_queue_has_its_row(void **state)
{
	(void)state;
	fake_has_queues = true;
	fake_queues[0] = (struct virtq_counts){ 11, 12, 13 };
	fake_queues[1] = (struct virtq_counts){ 21, 22, 23 };
	press("ss");
	assert_row("queue                        notified           used interrupts");
	assert_row("vm-1/2 rng 0                       11             12         13");
	assert_row("vm-1/2 rng 1                       21             22         23");
	assert_int_equal(count("interrupts"), 2);
	assert_int_equal(count(" rng "), 4);
	press("z");
	assert_int_equal(fake_zeroed_vms, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(times_have_their_tables_once_they_are_measured),
		CONSOLE_TEST(each_queue_has_its_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
