// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/timed.c
/* What is measured of vcpus has memory only when it is wanted, and is told from where it was zeroed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define WORDS (sizeof(struct vcpu_timed_counts) / sizeof(uint64_t))

static struct vm vm;
static struct vcpu vcpus[3];
static bool has_memory;
static uint64_t pages;

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	void *p = has_memory ? aligned_alloc(align, size) : NULL;

	if (p)
		pages += size;
	return p ? memset(p, 0, size) : NULL;
}

void page_free(hpa_t base, uint64_t size)
{
	pages -= size;
	free((void *)(uintptr_t)base.hpa);
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	vm.nr_vcpus = 3;
	for (unsigned int i = 0; i < 3; i++)
		vm.vcpus[i] = &vcpus[i];
	has_memory = true;
	vcpu_timed_want(true);
	return 0;
}

static void its_memory_comes_when_it_is_wanted_and_goes_with_the_vm(void **state)
{
	struct vcpu_timed_counts got;

	(void)state;
	vcpu_timed_want(false);
	assert_true(vcpu_timed_make(&vm));
	assert_null(vm.timed);
	assert_false(vcpu_timed_read(&vcpus[0], &got));
	assert_int_equal(vcpu_timed_worst(&vcpus[0], 1), 0);
	vcpu_timed_zero(&vcpus[0]);
	vcpu_timed_want(true);
	has_memory = false;
	assert_false(vcpu_timed_make(&vm));
	assert_null(vcpus[1].timed);
	has_memory = true;
	vm.nr_vcpus = 0; /* it could not be made */
	assert_true(vcpu_timed_make(&vm));
	assert_int_equal(pages, 0);
	vm.nr_vcpus = 3;
	for (unsigned int n = 0; n < 2; n++) {
		assert_true(vcpu_timed_make(&vm));
		assert_int_equal(pages, align_up(3 * sizeof(struct vcpu_timed), PAGE_SIZE));
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_ptr_equal(vcpus[i].timed, vm.timed + i);
		assert_int_equal(vcpus[i].se.account.waits, (uintptr_t)&vm.timed[i].waits);
	}
	vcpu_timed_free(&vm);
	assert_int_equal(pages, 0);
	vcpu_timed_free(&vm);
}

static void all_of_it_is_told_from_the_zero_on(void **state)
{
	struct vcpu_timed_counts got;
	struct vcpu_timed *t;

	(void)state;
	assert_true(vcpu_timed_make(&vm));
	t = vcpus[2].timed;
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++) {
		t->exits[i] = 1 + i;
		t->ticks[i] = 1 + NR_VCPU_EXITS + i;
		t->worst[i] = 500 + i;
	}
	for (unsigned int i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		((uint64_t *)&t->late)[i] = 1 + 2 * NR_VCPU_EXITS + i;
		((uint64_t *)&t->waits.woken)[i] = 2 + 2 * NR_VCPU_EXITS + HISTOGRAM_BUCKETS + i;
	}
	assert_true(vcpu_timed_read(&vcpus[2], &got));
	for (unsigned int i = 0; i < WORDS; i++)
		assert_int_equal(((uint64_t *)&got)[i], 1 + i);
	assert_int_equal(vcpu_timed_worst(&vcpus[2], 3), 503);
	vcpu_timed_zero(&vcpus[2]);
	assert_int_equal(vcpu_timed_worst(&vcpus[2], 3), 0);
	assert_true(vcpu_timed_read(&vcpus[2], &got));
	for (unsigned int i = 0; i < WORDS; i++)
		assert_int_equal(((uint64_t *)&got)[i], 0);
	t->late.sum += 7;
	t->exits[1]--; /* a copy that is a little older than the zero */
	assert_true(vcpu_timed_read(&vcpus[2], &got));
	assert_int_equal(got.late.sum, 7);
	assert_int_equal(got.exits[1], 0);
	vcpu_timed_free(&vm);
}

static void a_bucket_has_up_to_its_power_of_two(void **state)
{
	struct histogram h;

	(void)state;
	for (unsigned int i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		const uint64_t limit = UINT64_C(1024) << i;

		memset(&h, 0, sizeof(h));
		assert_int_equal(histogram_limit(i), limit);
		histogram_add(&h, limit);
		histogram_add(&h, limit + 1);
		assert_int_equal(h.count[i], 1);
		assert_int_equal(h.count[i + 1], 1);
		assert_int_equal(h.sum, 2 * limit + 1);
	}
	memset(&h, 0, sizeof(h));
	histogram_add(&h, 0);
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(h.count[0], 1);
	assert_int_equal(h.count[HISTOGRAM_BUCKETS - 1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(its_memory_comes_when_it_is_wanted_and_goes_with_the_vm,
				       setup),
		cmocka_unit_test_setup(all_of_it_is_told_from_the_zero_on, setup),
		cmocka_unit_test(a_bucket_has_up_to_its_power_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
