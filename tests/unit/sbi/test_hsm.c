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

#define SIGN_EXTENDED(x) ((uint64_t)(int64_t)(int32_t)(x))

static void a_stopped_hart_is_started_where_asked(void **state)
{
	(void)state;
	w.running = 1;
	assert_value(call3(SBI_EXT_HSM, 0, 2, WORLD_RAM + 0x1002, 0xabcdef), 0);
	assert_int_equal(w.starts, 1);
	assert_ptr_equal(w.started, &w.vcpus[2]);
	assert_int_equal(w.start_pc, WORLD_RAM + 0x1002);
	assert_int_equal(w.start_arg, 0xabcdef);
}

static void a_running_hart_is_available_already(void **state)
{
	(void)state;
	assert_error(call3(SBI_EXT_HSM, 0, 1, WORLD_RAM, 0), SBI_ERR_ALREADY_AVAILABLE);
	assert_error(call3(SBI_EXT_HSM, 0, 0, WORLD_RAM, 0), SBI_ERR_ALREADY_AVAILABLE);
	assert_int_equal(w.starts, 0);
}

static void a_hart_that_does_not_exist_cannot_be_named(void **state)
{
	static const uint64_t harts[] = { 4, 63, 64, BIT(32), UINT64_MAX };

	(void)state;
	w.running = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(harts); i++) {
		assert_error(call3(SBI_EXT_HSM, 0, harts[i], WORLD_RAM, 0), SBI_ERR_INVALID_PARAM);
		assert_error(call1(SBI_EXT_HSM, 2, harts[i]), SBI_ERR_INVALID_PARAM);
	}
	assert_int_equal(w.calls, 0);
}

static void a_start_outside_of_ram_is_an_invalid_address(void **state)
{
	static const uint64_t pcs[] = { 0,
					WORLD_RAM - 2,
					WORLD_RAM + 1,
					WORLD_RAM + WORLD_RAM_SIZE,
					WORLD_RAM + WORLD_RAM_SIZE - 1,
					UINT64_MAX,
					BIT(63) | WORLD_RAM };

	(void)state;
	w.running = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(pcs); i++)
		assert_error(call3(SBI_EXT_HSM, 0, 1, pcs[i], 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(w.calls, 0);
	assert_error(call3(SBI_EXT_HSM, 0, 1, WORLD_RAM + WORLD_RAM_SIZE - 2, 0), 0);
}

static void status_tells_each_harts_state(void **state)
{
	(void)state;
	w.running = 5;
	assert_value(call1(SBI_EXT_HSM, 2, 0), SBI_HSM_STATE_STARTED);
	assert_value(call1(SBI_EXT_HSM, 2, 1), SBI_HSM_STATE_STOPPED);
	assert_value(call1(SBI_EXT_HSM, 2, 2), SBI_HSM_STATE_STARTED);
}

static void stop_is_the_callers_own(void **state)
{
	(void)state;
	(void)call1(SBI_EXT_HSM, 1, 3);
	assert_int_equal(w.stops, 1);
}

static void only_retentive_suspend_is_there(void **state)
{
	static const struct {
		uint64_t type;
		int64_t error;
	} table[] = {
		{ 0, SBI_SUCCESS },
		{ BIT(32), SBI_SUCCESS }, /* the parameter is 32 bits wide */
		{ 1, SBI_ERR_INVALID_PARAM },
		{ 0x0fffffff, SBI_ERR_INVALID_PARAM },
		{ 0x10000000, SBI_ERR_INVALID_PARAM },
		{ 0x7fffffff, SBI_ERR_INVALID_PARAM },
		{ 0x80000000, SBI_ERR_NOT_SUPPORTED },
		{ SIGN_EXTENDED(0x80000000), SBI_ERR_NOT_SUPPORTED },
		{ SIGN_EXTENDED(0x80000001), SBI_ERR_INVALID_PARAM },
		{ SIGN_EXTENDED(0x90000000), SBI_ERR_INVALID_PARAM },
		{ SIGN_EXTENDED(0xffffffff), SBI_ERR_INVALID_PARAM },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		w.suspends = 0;
		assert_error(call3(SBI_EXT_HSM, 3, table[i].type, WORLD_RAM, 0), table[i].error);
		assert_int_equal(w.suspends, table[i].error == SBI_SUCCESS);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_stopped_hart_is_started_where_asked),
		TEST(a_running_hart_is_available_already),
		TEST(a_hart_that_does_not_exist_cannot_be_named),
		TEST(a_start_outside_of_ram_is_an_invalid_address),
		TEST(status_tells_each_harts_state),
		TEST(stop_is_the_callers_own),
		TEST(only_retentive_suspend_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
