/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: luck, bad luck, and harts as threads. */
#include "threads/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/timer.h"
#include "fake/pcpu.h"
#include "lib/lock_rank.h"
#include "mm/vmid.h"
#include "run/run.h"
#include "sched/sched.h"

uint32_t the_end;
uint64_t operations, progress, seed;
static _Thread_local uint64_t rng;

uint64_t chance(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % n;
}

void rng_begin(unsigned int thread)
{
	rng = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + thread * UINT64_C(0xbf58476d1ce4e5b9);
	rng |= 1;
}

void chaos(void)
{
	if (rng == 0)
		return;
	if (chance(48) == 0)
		sched_yield();
	else if (chance(4096) == 0)
		usleep(30);
}

_Noreturn void broken(const char *fmt, ...)
{
	va_list ap;

	printf("BROKEN: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (HV_SEED=%" PRIu64 ", operation %" PRIu64 ")\n", seed, read_now(&operations));
	fflush(stdout);
	_exit(1);
}

/* Any thread may find it, so cmocka is not told. */
void lock_rank_wrong(const char *taken, const char *outer)
{
	broken("%s is taken%s%s", taken, outer ? " while this is held: " : "", outer ? outer : "");
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

unsigned int from_environment(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 0) : otherwise;
}

void harts_begin(unsigned int harts, unsigned int others, bool sstc)
{
	seed = from_environment("HV_SEED", (unsigned int)hart_time());
	printf("threads: HV_SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	harts_setup(harts + others);
	timer_setup(10000000, sstc);
	assert_int_equal(sched_init(harts, 10000000), 0);
	for (unsigned int i = harts; i-- > 0;) {
		fake_pcpu_become(i);
		sched_init_pcpu();
	}
	write_now(&the_end, 0);
}

void *hart(void *arg)
{
	fake_pcpu_become((unsigned int)(uintptr_t)arg);
	rng_begin((unsigned int)(uintptr_t)arg);
	vmid_init_pcpu(this_pcpu()->index, 3, hpa(0)); /* few, so that generations pass */
	csr_write(CSR_STIMECMP, UINT64_MAX);
	pcpu_loop();
}

void harts_end(unsigned int harts, pthread_t threads[])
{
	write_now(&the_end, 1);
	for (unsigned int i = 0; i < harts; i++)
		pthread_join(threads[i], NULL);
}
