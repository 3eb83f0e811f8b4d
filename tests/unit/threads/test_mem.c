// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/vm_mem.c tests/unit/fake/pcpu.c tests/unit/threads/chaos.c
// SANITIZE: thread
// INCLUDE: tests/unit/threads
/* Device code on several harts uses a VM's memory while it is taken away, or its life ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "fake/pcpu.h"
#include "vcpu/vm_mem.h"

#define READERS 2
#define ROUNDS	3000
#define WORDS	8

/* A G-stage of one page: the tables have it, or not. Plain accesses, so that TSan sees each that should not be. */
static uint64_t pages[2][WORDS];
static uint64_t *mapped; /* atomic */
static uint32_t over, seen;

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	const uint64_t *page = atomic_read_acquire(&mapped);

	(void)gs, (void)a;
	if (!page)
		return HV_EFAULT;
	memcpy(buf, page, len);
	return HV_OK;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	return HV_EFAULT;
}

/* Called at each atomic access: others go on in between, now and then. */
static struct vm vm;

static void *reads(void *arg)
{
	uint64_t words[WORDS];

	fake_pcpu_become(1 + (unsigned int)(uintptr_t)arg);
	while (!atomic_read(&over)) {
		if (vm_mem_read(&vm, gpa(0), words, sizeof(words)) == HV_OK) {
			(void)atomic_fetch_add(&seen, 1);
			for (unsigned int i = 0; i < WORDS; i++)
				if (words[i] != 1)
					fail_msg("a page that is another's by now");
		}
		sched_yield();
	}
	return NULL;
}

static void run(void (*takes_away)(void), void (*gives)(uint64_t *page))
{
	pthread_t threads[READERS];

	fake_pcpu_setup(1 + READERS);
	memset(&vm, 0, sizeof(vm));
	mapped = NULL;
	over = seen = 0;
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, reads, (void *)i);
	for (unsigned int i = 0; i < ROUNDS || atomic_read(&seen) < 100; i++) {
		uint64_t *page = pages[i % 2];

		for (unsigned int w = 0; w < WORDS; w++)
			page[w] = 1;
		gives(page);
		if (i % 64 == 0)
			sched_yield();
		takes_away();
		for (unsigned int w = 0; w < WORDS; w++)
			page[w] = 2; /* another's */
	}
	atomic_set(&over, 1);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

static void unmaps(void)
{
	atomic_set(&mapped, NULL);
	vm_mem_wait();
}

static void maps(uint64_t *page)
{
	atomic_set_release(&mapped, page);
	vm_mem_open(&vm);
}

static void what_was_unmapped_is_in_no_use(void **state)
{
	(void)state;
	run(unmaps, maps);
}

static void closes(void)
{
	vm_mem_close(&vm);
}

static void a_life_that_is_over_is_in_no_use(void **state)
{
	(void)state;
	run(closes, maps);
}

static void without_a_life_there_is_no_memory(void **state)
{
	uint64_t word = 0;

	(void)state;
	fake_pcpu_setup(1);
	memset(&vm, 0, sizeof(vm));
	mapped = pages[0];
	assert_false(vm_mem_begin(&vm));
	assert_int_equal(vm_mem_read(&vm, gpa(0), &word, 8), HV_EFAULT);
	assert_int_equal(vm_mem_write(&vm, gpa(0), &word, 8), HV_EFAULT);
	vm_mem_open(&vm);
	assert_int_equal(vm_mem_read(&vm, gpa(0), &word, 8), HV_OK);
	assert_int_equal(this_pcpu()->mem_uses % 2, 0);
	assert_true(vm_mem_begin(&vm));
	assert_int_equal(this_pcpu()->mem_uses % 2, 1);
	vm_mem_end();
	vm_mem_close(&vm);
	assert_int_equal(vm_mem_read(&vm, gpa(0), &word, 8), HV_EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_life_there_is_no_memory),
		cmocka_unit_test(what_was_unmapped_is_in_no_use),
		cmocka_unit_test(a_life_that_is_over_is_in_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
