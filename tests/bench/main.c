// SPDX-License-Identifier: BSD-2-Clause
/* The sets, and what they found. */
#include "bench.h"

#include "fdt.h"
#include "test.h"
#include "time.h"

GUEST("bench");

#define MAX_ROWS 64

/* virt's clock, in ns since 1970; tools/bench.py says when that begins. */
#define RTC_TIME ((volatile unsigned int *)0x101000UL)

static struct {
	const char *row;
	long tenths;
} results[MAX_ROWS];
static unsigned int nr_results;

void bench_result(const char *row, long total, long n)
{
	CHECK(nr_results < MAX_ROWS);
	results[nr_results].row = row;
	results[nr_results++].tenths = (10 * total + n / 2) / n;
}

void bench_say_results(void)
{
	for (unsigned int i = 0; i < nr_results; i++)
		print("BENCH %s %ld\n", results[i].row, results[i].tenths);
	print("BENCH-END\n");
}

static void sort(long *samples, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		long v = samples[i];
		unsigned int at = i;

		for (; at && samples[at - 1] > v; at--)
			samples[at] = samples[at - 1];
		samples[at] = v;
	}
}

long bench_median(long *samples, unsigned int n)
{
	sort(samples, n);
	return samples[n / 2];
}

long bench_middle(long *samples, unsigned int n)
{
	long sum = 0;

	sort(samples, n);
	for (unsigned int i = n / 4; i < n - n / 4; i++)
		sum += samples[i];
	return 10 * sum / (long)(n - 2 * (n / 4));
}

void bench_wait_asleep(void)
{
	unsigned long until = time_in_us(200 + 20 * nr_cpus);

	csr_write(sie, 1UL << IRQ_TIMER);
	while (time_now() < until) {
		timer_set(until);
		wfi();
	}
	timer_set(~0UL);
	csr_write(sie, 0);
}

static void say_when_it_began(void)
{
	unsigned long low = RTC_TIME[0];
	unsigned long rtc = (unsigned long)RTC_TIME[1] << 32 | low;

	print("BENCH-BEGAN rtc=%lu\n", rtc - (time_now() - boot_time) * TICK);
}

void guest_main(void)
{
	CHECK_EQ(machine.timebase, 10000000);
	say_when_it_began();
	switch (machine_arg("set", SET_ONE)) {
	case SET_ONE:
		bench_one();
		break;
	case SET_PAIR:
		bench_pair();
		break;
	case SET_HARTS:
		bench_harts();
		break;
	case SET_FENCES:
		bench_fences();
		break;
	case SET_RUNNING:
		bench_running();
		break;
	case SET_SCALE:
		bench_scale();
		break;
	case SET_SWITCH:
		bench_switch();
		break;
	case SET_IDLE:
		bench_idle();
		break;
	case SET_VIRTIO:
		bench_virtio();
		break;
	case SET_HOST:
		bench_host();
		break;
	case SET_NET:
		bench_net();
		break;
	case SET_BOOT:
		break;
	default:
		test_fail("no such set");
	}
	bench_say_results();
}
