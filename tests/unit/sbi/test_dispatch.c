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
#include "sbi/dispatch.h"

static int setup(void **state)
{
	(void)state;
	world_setup(4);
	return 0;
}

/*
 * EID, whether it is there, and its number of FIDs (riscv-sbi-doc v2.0, "Function Listing" tables).
 */
static const struct {
	uint64_t eid;
	bool there;
	unsigned int fids;
} known[] = {
	{ SBI_EXT_BASE, true, 7 }, { SBI_EXT_TIME, true, 1 }, { SBI_EXT_IPI, true, 1 },
	{ SBI_EXT_RFNC, true, 3 }, { SBI_EXT_HSM, true, 4 },  { SBI_EXT_SRST, true, 1 },
	{ SBI_EXT_DBCN, true, 3 }, { SBI_EXT_STA, true, 1 },  { 0x504D55, false, 0 }, /* PMU */
	{ 0x53555350, false, 0 },						      /* SUSP */
	{ 0x43505043, false, 0 },						      /* CPPC */
	{ 0x4E41434C, false, 0 },						      /* NACL */
	{ 0x535345, false, 0 },							      /* SSE */
	{ 0x46574654, false, 0 },						      /* FWFT */
	{ 0x44425452, false, 0 },						      /* DBTR */
	{ 0x4D505859, false, 0 },						      /* MPXY */
	{ 0x08000000, false, 0 },  { 0x09000000, false, 0 },  { 0x0A00000C, false, 0 },
};

static void base_names_the_specification_and_us(void **state)
{
	(void)state;
	assert_value(call0(SBI_EXT_BASE, 0), 0x02000000);
	assert_value(call0(SBI_EXT_BASE, 1), 12);
	assert_value(call0(SBI_EXT_BASE, 2), SBI_IMPL_VERSION);
	assert_value(call0(SBI_EXT_BASE, 4), 0x11);
	assert_value(call0(SBI_EXT_BASE, 5), 0x22);
	assert_value(call0(SBI_EXT_BASE, 6), 0x33);
}

static void probe_answers_for_every_extension(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		assert_value(call1(SBI_EXT_BASE, 3, known[i].eid), known[i].there);
		assert_int_equal(sbi_probe(&w.vm, (uint32_t)known[i].eid), known[i].there);
	}
	for (uint64_t eid = 0; eid < 0x10; eid++)
		assert_value(call1(SBI_EXT_BASE, 3, eid), eid <= 8);
	assert_value(call1(SBI_EXT_BASE, 3, UINT64_MAX), 0);
	assert_value(call1(SBI_EXT_BASE, 3, BIT(32) | SBI_EXT_BASE), 0);
}

static void a_vm_without_console_has_no_dbcn(void **state)
{
	(void)state;
	w.vm.stream = NULL;
	assert_value(call1(SBI_EXT_BASE, 3, SBI_EXT_DBCN), 0);
	assert_error(call1(SBI_EXT_DBCN, 2, 'x'), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void unknown_extensions_are_not_supported(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (!known[i].there)
			assert_error(call0(known[i].eid, 0), SBI_ERR_NOT_SUPPORTED);
	}
	for (uint64_t eid = 9; eid < 0x10; eid++)
		assert_error(call0(eid, 0), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(UINT64_MAX, 0), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(0x7fffffff, 0), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void unknown_functions_are_not_supported(void **state)
{
	static const uint64_t far[] = { 100, 0x7fffffff, 0x80000000, UINT64_MAX, BIT(32), BIT(63) };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		for (uint64_t fid = known[i].fids; fid < 16; fid++)
			assert_error(call2(known[i].eid, fid, 1, 0), SBI_ERR_NOT_SUPPORTED);
		for (unsigned int j = 0; j < ARRAY_SIZE(far); j++)
			assert_error(call2(known[i].eid, far[j], 1, 0), SBI_ERR_NOT_SUPPORTED);
	}
	assert_int_equal(w.calls, 0);
}

static void numbers_beyond_32_bits_are_no_extensions(void **state)
{
	(void)state;
	assert_error(call0(BIT(32) | SBI_EXT_BASE, 0), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(BIT(63) | SBI_EXT_TIME, 0), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(BIT(32) | SBI_EXT_LEGACY_SHUTDOWN, 0), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void legacy_calls_ignore_the_fid(void **state)
{
	(void)state;
	assert_error(call1(SBI_EXT_LEGACY_SET_TIMER, UINT64_MAX, 77), 0);
	assert_int_equal(w.timer, 77);
}

static void time_sets_the_callers_timer(void **state)
{
	(void)state;
	assert_value(call1(SBI_EXT_TIME, 0, 123456789), 0);
	assert_int_equal(w.timer, 123456789);
	assert_value(call1(SBI_EXT_TIME, 0, UINT64_MAX), 0);
	assert_int_equal(w.timer, UINT64_MAX);
	assert_int_equal(w.timers, 2);
}

/* --- hart masks --- */

static void check_set(uint64_t mask, uint64_t base, int64_t error, uint64_t want)
{
	struct vcpu_set set = { 0xdead };

	assert_int_equal(sbi_hart_set(&w.vm, mask, base, &set), error);
	assert_int_equal(set.bits, want);
}

static void base_of_all_ones_means_all_harts(void **state)
{
	(void)state;
	check_set(0, UINT64_MAX, 0, 0xf);
	check_set(UINT64_MAX, UINT64_MAX, 0, 0xf);
	world_setup(64);
	check_set(1, UINT64_MAX, 0, UINT64_MAX);
	world_setup(1);
	check_set(0, UINT64_MAX, 0, 1);
}

static void an_empty_mask_is_no_error_whatever_the_base(void **state)
{
	(void)state;
	check_set(0, 0, 0, 0);
	check_set(0, 4, 0, 0);
	check_set(0, 1000000, 0, 0);
	check_set(0, UINT64_MAX - 1, 0, 0);
}

static void a_mask_is_shifted_by_its_base(void **state)
{
	(void)state;
	check_set(0xf, 0, 0, 0xf);
	check_set(7, 1, 0, 0xe);
	check_set(1, 3, 0, 8);
	world_setup(64);
	check_set(UINT64_MAX, 0, 0, UINT64_MAX);
	check_set(UINT64_MAX >> 1, 1, 0, UINT64_MAX << 1);
	check_set(1, 63, 0, BIT(63));
}

static void naming_a_hart_that_does_not_exist_is_an_error(void **state)
{
	(void)state;
	check_set(0x10, 0, SBI_ERR_INVALID_PARAM, 0);
	check_set(0x1f, 0, SBI_ERR_INVALID_PARAM, 0);
	check_set(0xf, 1, SBI_ERR_INVALID_PARAM, 0);
	check_set(1, 4, SBI_ERR_INVALID_PARAM, 0);
	check_set(1, 64, SBI_ERR_INVALID_PARAM, 0);
	check_set(1, BIT(63), SBI_ERR_INVALID_PARAM, 0);
	check_set(1, UINT64_MAX - 1, SBI_ERR_INVALID_PARAM, 0);
	check_set(BIT(63), 3, SBI_ERR_INVALID_PARAM, 0); /* shifted out, but named */
	world_setup(64);
	check_set(UINT64_MAX, 1, SBI_ERR_INVALID_PARAM, 0);
	check_set(2, 63, SBI_ERR_INVALID_PARAM, 0);
}

/* --- everything at random --- */

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

/* Numbers near those that matter, and any. */
static uint64_t random_argument(void)
{
	static const uint64_t pivots[] = { 0,	       4,	   64,
					   256,	       WORLD_RAM,  WORLD_RAM + WORLD_RAM_SIZE,
					   BIT(31),    BIT(32),	   BIT(63),
					   UINT64_MAX, 0xf0000000, 0xe0000000 };

	switch (random() % 4) {
	case 0:
		return random64();
	case 1:
		return random64() >> random() % 64;
	default:
		return pivots[(unsigned long)random() % ARRAY_SIZE(pivots)] +
		       (uint64_t)(random() % 9) - 4;
	}
}

static void a_million_random_calls_name_no_strange_vcpu_and_crash_nothing(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 63, 64 };

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < 1000000; i++) {
		uint64_t eid = known[(unsigned long)random() % ARRAY_SIZE(known)].eid;
		struct sbi_ret ret;

		if (i % 1000 == 0) {
			world_setup(sizes[i / 1000 % ARRAY_SIZE(sizes)]);
			w.running = random64();
			w.vm.pv = (struct vm_pv){ .calls = random64(),
						  .pvlk = true,
						  .locks = gpa(WORLD_RAM) };
			w.in_len = sizeof(w.in);
			w.virt_addr = 4;
			w.virt_value = random_argument();
		}
		w.injected = 0;
		if (random() % 8 == 0)
			eid = random() % 4 ? sbi_vendor_eid() : HARTVISOR_SBI_EXT_PVLK;
		if (random() % 3 == 0)
			eid = random() % 4 ? (uint64_t)random() % 0x11 : random_argument();
		ret = world_call(eid, random() % 8 ? (uint64_t)random() % 8 : random_argument(),
				 random_argument(), random_argument(), random_argument(),
				 random_argument(), random_argument(), random_argument());
		if (eid > 8)
			assert_true(ret.error <= 0 && ret.error >= SBI_ERR_BAD_RANGE);
	}
}

/*
 * On the fast path, in guest mode still: what may halt the vcpu, or looks at its memory, is not done there. Whatever says
 * so has done nothing. All else answers as it does outside.
 */
static void what_is_not_for_the_fast_path_leaves_all_as_it_was(void **state)
{
	static const struct {
		uint64_t eid, exits; /* bit n: function n */
	} table[] = {
		{ SBI_EXT_BASE, 0 },
		{ SBI_EXT_TIME, 0 },
		{ SBI_EXT_IPI, 0 },
		{ SBI_EXT_RFNC, 0 },
		{ SBI_EXT_HSM, 0xa }, /* hart_stop, hart_suspend */
		{ SBI_EXT_SRST, UINT64_MAX },
		{ SBI_EXT_DBCN, UINT64_MAX },
		{ SBI_EXT_STA, UINT64_MAX },
		{ SBI_EXT_LEGACY_CONSOLE_PUTCHAR, UINT64_MAX },
		{ SBI_EXT_LEGACY_SET_TIMER, UINT64_MAX },
		{ HARTVISOR_SBI_EXT_PVLK, 0 },
	};
	static struct world before;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (uint64_t fid = 0; fid < 64; fid++) {
			uint64_t *x;
			struct next next;

			world_setup(4);
			w.vm.pv.pvlk = true;
			x = world_me()->regs.x;
			x[REG_A7] = table[i].eid;
			x[REG_A6] = fid;
			x[REG_A0] = 1;
			x[REG_A1] = 1;
			world_me()->mode = IN_GUEST_MODE;
			before = w;
			next = sbi_dispatch(world_me());
			assert_int_equal(next_why(next) == NEXT_EXIT, table[i].exits >> fid & 1);
			if (next_why(next) == NEXT_EXIT)
				assert_memory_equal(&w, &before, sizeof(w));
		}
	}
}

static void of_hartvisors_own_calls_these_are_not(void **state)
{
	const uint64_t exits = BIT(HARTVISOR_POLL_IRQ) | BIT(HARTVISOR_MAP_MAGIC_PAGE) |
			       BIT(HARTVISOR_PV_WAIT) | BIT(HARTVISOR_PV_LOCK_PREEMPTED);

	(void)state;
	for (uint64_t fid = 0; fid < 40; fid++) {
		world_setup(4);
		w.vm.pv.calls = exits | BIT(HARTVISOR_MMU_OP) | BIT(HARTVISOR_FEATURES) |
				BIT(HARTVISOR_KICK_CPU) | BIT(HARTVISOR_PV_LOCK_FEATURES) |
				BIT(HARTVISOR_YIELD_TO);
		world_me()->regs.x[REG_A7] = sbi_vendor_eid();
		world_me()->regs.x[REG_A6] = fid;
		world_me()->mode = IN_GUEST_MODE;
		assert_int_equal(next_why(sbi_dispatch(world_me())) == NEXT_EXIT, exits >> fid & 1);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(base_names_the_specification_and_us),
		TEST(probe_answers_for_every_extension),
		TEST(a_vm_without_console_has_no_dbcn),
		TEST(unknown_extensions_are_not_supported),
		TEST(unknown_functions_are_not_supported),
		TEST(numbers_beyond_32_bits_are_no_extensions),
		TEST(legacy_calls_ignore_the_fid),
		TEST(time_sets_the_callers_timer),
		TEST(base_of_all_ones_means_all_harts),
		TEST(an_empty_mask_is_no_error_whatever_the_base),
		TEST(a_mask_is_shifted_by_its_base),
		TEST(naming_a_hart_that_does_not_exist_is_an_error),
		TEST(what_is_not_for_the_fast_path_leaves_all_as_it_was),
		TEST(of_hartvisors_own_calls_these_are_not),
		TEST(a_million_random_calls_name_no_strange_vcpu_and_crash_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
