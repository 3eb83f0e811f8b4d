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

static void each_type_ends_the_vm_as_it_says(void **state)
{
	(void)state;
	(void)call2(SBI_EXT_SRST, 0, 0, 0);
	assert_int_equal(w.stop, VM_STOP_POWEROFF);
	(void)call2(SBI_EXT_SRST, 0, 1, 0);
	assert_int_equal(w.stop, VM_STOP_REBOOT);
	w.stop = VM_STOP_NONE;
	(void)call2(SBI_EXT_SRST, 0, 2, 0);
	assert_int_equal(w.stop, VM_STOP_REBOOT);
}

static void a_system_failure_is_told_and_changes_nothing_else(void **state)
{
	(void)state;
	(void)call2(SBI_EXT_SRST, 0, 0, 0);
	assert_null(strstr(w.stop_why, "failure"));
	(void)call2(SBI_EXT_SRST, 0, 0, 1);
	assert_int_equal(w.stop, VM_STOP_POWEROFF);
	assert_non_null(strstr(w.stop_why, "failure"));
	(void)call2(SBI_EXT_SRST, 0, 1, 1);
	assert_int_equal(w.stop, VM_STOP_REBOOT);
	assert_non_null(strstr(w.stop_why, "failure"));
}

static void reserved_and_foreign_numbers_stop_nothing(void **state)
{
	static const struct {
		uint64_t type, reason;
		int64_t error;
	} table[] = {
		{ 3, 0, SBI_ERR_INVALID_PARAM },	  { 0xefffffff, 0, SBI_ERR_INVALID_PARAM },
		{ 0xf0000000, 0, SBI_ERR_INVALID_PARAM }, { UINT64_MAX, 0, SBI_ERR_INVALID_PARAM },
		{ 0, 2, SBI_ERR_INVALID_PARAM },	  { 0, 0xdfffffff, SBI_ERR_INVALID_PARAM },
		{ 1, 0xe0000000, SBI_ERR_INVALID_PARAM }, { 1, UINT64_MAX, SBI_ERR_INVALID_PARAM },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		assert_error(call2(SBI_EXT_SRST, 0, table[i].type, table[i].reason),
			     table[i].error);
	assert_int_equal(w.calls, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(each_type_ends_the_vm_as_it_says),
		TEST(a_system_failure_is_told_and_changes_nothing_else),
		TEST(reserved_and_foreign_numbers_stop_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
