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

static const uint64_t end = WORLD_RAM + WORLD_RAM_SIZE;

static void a_write_reaches_the_console(void **state)
{
	(void)state;
	memcpy(w.ram + 100, "Hello, world\r\n", 14);
	assert_value(call3(SBI_EXT_DBCN, 0, 14, WORLD_RAM + 100, 0), 14);
	assert_int_equal(w.out_len, 14);
	assert_memory_equal(w.out, "Hello, world\r\n", 14);
}

static void long_writes_are_partial_and_say_so(void **state)
{
	uint64_t done = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		w.ram[i] = (uint8_t)i;
	while (done < 1000) {
		struct sbi_ret ret = call3(SBI_EXT_DBCN, 0, 1000 - done, WORLD_RAM + done, 0);

		assert_int_equal(ret.error, 0);
		assert_in_range(ret.value, 1, 256);
		done += ret.value;
	}
	assert_memory_equal(w.out, w.ram, 1000);
}

/* The caller sleeps, and finds its call as it was: world_call() has looked at the other registers. */
static void a_full_console_has_the_call_made_again(void **state)
{
	const uint64_t *x = world_me()->regs.x;

	(void)state;
	memset(w.ram, 'x', 300);
	w.console_full = true;
	(void)call3(SBI_EXT_DBCN, 0, 300, WORLD_RAM, 0);
	assert_int_equal(world_me()->regs.sepc, 0x80000100);
	assert_int_equal(x[REG_A0], 300);
	assert_int_equal(x[REG_A1], WORLD_RAM);
	(void)call1(SBI_EXT_DBCN, 2, 'y');
	assert_int_equal(world_me()->regs.sepc, 0x80000100);
	assert_int_equal(x[REG_A0], 'y');
	(void)call1(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, 'z');
	assert_int_equal(world_me()->regs.sepc, 0x80000100);
	assert_int_equal(x[REG_A0], 'z');
	assert_int_equal(w.out_len, 0);
	/* Nor does the guest end before its last words are out. */
	(void)call2(SBI_EXT_SRST, 0, 0, 0);
	assert_int_equal(world_me()->regs.sepc, 0x80000100);
	(void)call0(SBI_EXT_LEGACY_SHUTDOWN, 0);
	assert_int_equal(w.stop, VM_STOP_NONE);
	w.console_full = false;
	assert_value(call3(SBI_EXT_DBCN, 0, 1, WORLD_RAM, 0), 1);
	assert_int_equal(world_me()->regs.sepc, 0x80000104);
	(void)call2(SBI_EXT_SRST, 0, 0, 0);
	assert_int_equal(w.stop, VM_STOP_POWEROFF);
}

static void a_read_takes_what_there_is_and_no_more(void **state)
{
	(void)state;
	assert_value(call3(SBI_EXT_DBCN, 1, 10, WORLD_RAM, 0), 0);
	w.in_len = 5;
	memcpy(w.in, "abcde", 5);
	assert_value(call3(SBI_EXT_DBCN, 1, 3, WORLD_RAM + 8, 0), 3);
	assert_memory_equal(w.ram + 8, "abc\0", 4);
	assert_value(call3(SBI_EXT_DBCN, 1, 4096, WORLD_RAM + 8, 0), 2);
	assert_memory_equal(w.ram + 8, "dec\0", 4);
	assert_int_equal(w.in_len, 0);
}

static void no_bytes_are_no_error(void **state)
{
	(void)state;
	assert_value(call3(SBI_EXT_DBCN, 0, 0, WORLD_RAM, 0), 0);
	assert_value(call3(SBI_EXT_DBCN, 1, 0, WORLD_RAM, 0), 0);
	assert_int_equal(w.calls, 0);
}

static void a_buffer_outside_of_ram_is_refused_and_no_input_is_lost(void **state)
{
	static const struct {
		uint64_t num, lo, hi;
	} table[] = {
		{ 1, WORLD_RAM - 1, 0 },
		{ 2, WORLD_RAM - 1, 0 },
		{ 1, end, 0 },
		{ 2, end - 1, 0 },
		{ 4096, end - 1024, 0 }, /* its first 256 bytes would be there */
		{ UINT64_MAX, WORLD_RAM, 0 },
		{ UINT64_MAX - WORLD_RAM + 2, WORLD_RAM, 0 },
		{ 1, UINT64_MAX, 0 },
		{ 1, 0, 0 },
		{ 1, WORLD_RAM, 1 },
		{ 0, WORLD_RAM, 1 },
		{ 1, WORLD_RAM, UINT64_MAX },
	};

	(void)state;
	w.in_len = 100;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (uint64_t fid = 0; fid <= 1; fid++)
			assert_error(call3(SBI_EXT_DBCN, fid, table[i].num, table[i].lo,
					   table[i].hi),
				     SBI_ERR_INVALID_PARAM);
	}
	assert_int_equal(w.out_len, 0);
	assert_int_equal(w.in_len, 100);
	assert_value(call3(SBI_EXT_DBCN, 0, 1, end - 1, 0), 1);
}

static void write_byte_takes_the_low_eight_bits(void **state)
{
	(void)state;
	assert_value(call1(SBI_EXT_DBCN, 2, 'x'), 0);
	assert_value(call1(SBI_EXT_DBCN, 2, UINT64_C(0x1234567800) | 'y'), 0);
	assert_value(call1(SBI_EXT_DBCN, 2, 0xff), 0);
	assert_int_equal(w.out_len, 3);
	assert_memory_equal(w.out, "xy\xff", 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_write_reaches_the_console),
		TEST(long_writes_are_partial_and_say_so),
		TEST(a_full_console_has_the_call_made_again),
		TEST(a_read_takes_what_there_is_and_no_more),
		TEST(no_bytes_are_no_error),
		TEST(a_buffer_outside_of_ram_is_refused_and_no_input_is_lost),
		TEST(write_byte_takes_the_low_eight_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
