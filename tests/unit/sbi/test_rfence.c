// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sbi/sbi_dispatch.c hyp/sbi/base.c hyp/sbi/time.c hyp/sbi/ipi.c hyp/sbi/rfence.c
// SOURCES: hyp/sbi/hsm.c hyp/sbi/srst.c hyp/pv/sta.c hyp/sbi/dbcn.c hyp/sbi/legacy.c hyp/pv/vendor.c hyp/pv/pvlk.c
// SOURCES: tests/unit/fake/sbi_world.c tests/unit/fake/csr.c tests/unit/fake/fence.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/sbi_world.h"

static int setup(void **state)
{
	(void)state;
	world_setup(4);
	return 0;
}

#define FENCE(fid, mask, base, start, size, asid) \
	call5(SBI_EXT_RFNC, (fid), (mask), (base), (start), (size), (asid))

static void fence_i_goes_to_the_named_harts(void **state)
{
	(void)state;
	assert_value(FENCE(0, 5, 1, 7, 7, 7), 0);
	assert_int_equal(w.fence_is, 1);
	assert_int_equal(w.fence_i_set, 0xa);
	assert_int_equal(w.vvmas, 0);
}

/* The function numbers by the specification's table, and what each has to do. */
static void function_numbers_are_the_specifications(void **state)
{
	static const struct {
		uint64_t fid;
		bool fence_i, vvma, by_asid;
	} table[] = {
		{ 0, true, false, false },  /* remote_fence_i */
		{ 1, false, true, false },  /* remote_sfence_vma */
		{ 2, false, true, true },   /* remote_sfence_vma_asid */
		{ 3, false, false, false }, /* remote_hfence_gvma_vmid */
		{ 4, false, false, false }, /* remote_hfence_gvma */
		{ 5, false, false, false }, /* remote_hfence_vvma_asid */
		{ 6, false, false, false }, /* remote_hfence_vvma */
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		bool any = table[i].fence_i || table[i].vvma;

		world_setup(4);
		assert_error(FENCE(table[i].fid, 1, 0, 0x1000, 0x1000, 9),
			     any ? SBI_SUCCESS : SBI_ERR_NOT_SUPPORTED);
		assert_int_equal(w.fence_is, table[i].fence_i);
		assert_int_equal(w.vvmas, table[i].vvma);
		assert_int_equal(w.vvma.by_asid, table[i].by_asid);
		assert_int_equal(w.vvma.asid, table[i].by_asid ? 9 : 0);
	}
}

static void hypervisor_fences_are_not_supported_even_with_wrong_harts(void **state)
{
	(void)state;
	for (uint64_t fid = 3; fid <= 6; fid++)
		assert_error(FENCE(fid, 1, 99, 0, 0, 0), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void check_range(uint64_t start, uint64_t size, uint64_t want_start, uint64_t want_size)
{
	for (uint64_t fid = 1; fid <= 2; fid++) {
		w.vvmas = 0;
		assert_value(FENCE(fid, 0xf, 0, start, size, 3), 0);
		assert_int_equal(w.vvmas, 1);
		assert_int_equal(w.vvma.start.gva, want_start);
		assert_int_equal(w.vvma.size, want_size);
	}
}

static void zero_and_zero_or_all_ones_mean_the_whole_space(void **state)
{
	(void)state;
	check_range(0, 0, 0, 0);
	check_range(0, UINT64_MAX, 0, 0);
	check_range(0x1000, UINT64_MAX, 0, 0);
	check_range(UINT64_MAX, UINT64_MAX, 0, 0);
}

static void a_range_is_made_whole_pages(void **state)
{
	(void)state;
	check_range(0, 1, 0, 0x1000);
	check_range(0x1000, 0x3000, 0x1000, 0x3000);
	check_range(0x1fff, 2, 0x1000, 0x2000);
	check_range(0x1001, 0xfff, 0x1000, 0x1000);
	check_range(0xffffffff80000000, 0x1000, 0xffffffff80000000, 0x1000);
	check_range(0xffffffffffffd000, 0x2000, 0xffffffffffffd000, 0x2000);
}

static void a_range_without_end_becomes_the_whole_space(void **state)
{
	(void)state;
	check_range(UINT64_MAX, 1, 0, 0);
	check_range(0xfffffffffffff000, 0x1000, 0, 0);
	check_range(0xffffffffffffe000, 0x2000, 0, 0);
	check_range(0x1000, UINT64_MAX - 1, 0, 0);
	check_range(BIT(63), BIT(63), 0, 0);
}

static void an_empty_range_elsewhere_fences_nothing(void **state)
{
	(void)state;
	assert_value(FENCE(1, 0xf, 0, 0x1000, 0, 0), 0);
	assert_value(FENCE(2, 0xf, 0, UINT64_MAX, 0, 0), 0);
	assert_int_equal(w.calls, 0);
	assert_error(FENCE(1, 0x10, 0, 0x1000, 0, 0), SBI_ERR_INVALID_PARAM);
}

static void only_the_asid_form_looks_at_the_asid(void **state)
{
	(void)state;
	assert_value(FENCE(1, 1, 0, 0, 0, 5), 0);
	assert_false(w.vvma.by_asid);
	assert_value(FENCE(2, 1, 0, 0, 0, 5), 0);
	assert_true(w.vvma.by_asid);
	assert_int_equal(w.vvma.asid, 5);
	assert_value(FENCE(2, 1, 0, 0, 0, 0), 0); /* ASID 0 is an ASID */
	assert_true(w.vvma.by_asid);
	assert_int_equal(w.vvma.asid, 0);
	assert_value(FENCE(2, 1, 0, 0, 0, 0x12345), 0); /* satp has 16 bits */
	assert_int_equal(w.vvma.asid, 0x2345);
}

static void hart_masks_hold_for_every_fence(void **state)
{
	(void)state;
	for (uint64_t fid = 0; fid <= 2; fid++) {
		world_setup(4);
		assert_error(FENCE(fid, 0x10, 0, 0, 0, 0), SBI_ERR_INVALID_PARAM);
		assert_error(FENCE(fid, 1, 4, 0, 0, 0), SBI_ERR_INVALID_PARAM);
		assert_value(FENCE(fid, 0, 0, 0, 0, 0), 0);
		assert_value(FENCE(fid, 0, 77, 0, 0, 0), 0);
		assert_int_equal(w.calls, 0);
		assert_value(FENCE(fid, 0, UINT64_MAX, 0, 0, 0), 0);
		assert_int_equal(fid ? w.vvma_set : w.fence_i_set, 0xf);
	}
}

/* One that sleeps is asked to fence all when it runs again, and no ring of ranges is filled for it. */
static void one_that_sleeps_has_all_fenced(void **state)
{
	for (uint64_t fid = 1; fid <= 2; fid++) {
		setup(state);
		w.vcpus[2].halt.blocked = 1;
		assert_value(FENCE(fid, 1, 2, 0x1000, 0x1000, 3), 0);
		assert_int_equal(w.vcpus[2].requests, BIT(REQUEST_HFENCE_VVMA_ALL & REQUEST_MASK));
		assert_int_equal(w.vvmas, 0);
		/* It has woken up meanwhile: the way that waits for it. */
		setup(state);
		w.vcpus[2].halt.blocked = 1;
		w.vcpus[2].mode = IN_GUEST_MODE;
		assert_value(FENCE(fid, 1, 2, 0x1000, 0x1000, 3), 0);
		assert_int_equal(w.vvma_set, 4);
		/* It does not sleep. */
		setup(state);
		assert_value(FENCE(fid, 1, 2, 0x1000, 0x1000, 3), 0);
		assert_int_equal(w.vvma_set, 4);
		assert_int_equal(w.vcpus[2].requests, 0);
	}
	setup(state);
	w.vcpus[2].halt.blocked = 1;
	assert_value(FENCE(0, 1, 2, 0, 0, 0), 0);
	assert_int_equal(w.fence_i_set, 4);
	assert_int_equal(w.vcpus[2].requests, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(fence_i_goes_to_the_named_harts),
		TEST(function_numbers_are_the_specifications),
		TEST(hypervisor_fences_are_not_supported_even_with_wrong_harts),
		TEST(zero_and_zero_or_all_ones_mean_the_whole_space),
		TEST(a_range_is_made_whole_pages),
		TEST(a_range_without_end_becomes_the_whole_space),
		TEST(an_empty_range_elsewhere_fences_nothing),
		TEST(only_the_asid_form_looks_at_the_asid),
		TEST(hart_masks_hold_for_every_fence),
		TEST(one_that_sleeps_has_all_fenced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
