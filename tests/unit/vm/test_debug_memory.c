// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/debug_world.h
/* A debugger's memory and breakpoints. */
#include "fake/debug_world.h"

/* --- memory ------------------------------------------------------------------------------------------- */

static void memory_is_read_across_pages(void **state)
{
	uint8_t buf[PAGE_SIZE + 100], expected[sizeof(buf)];

	(void)state;
	assert_int_equal(vm_debug_read(&vm, gpa(RAM + 4000), buf, sizeof(buf)), HV_OK);
	memcpy(expected, ram + 4000, sizeof(buf));
	assert_memory_equal(buf, expected, sizeof(buf));
	assert_int_equal(brackets, 3);
	assert_int_equal(vm_debug_read(&vm, gpa(ROM), buf, 8), HV_OK);
	assert_int_equal(buf[7], 0x5a);
	assert_int_equal(vm_debug_read(&vm, gpa(RAM + sizeof(ram) - 4), buf, 8), HV_EFAULT);
	assert_int_equal(vm_debug_read(&vm, gpa(0), buf, 1), HV_EFAULT);
	vm.mem_open = 0;
	assert_int_equal(vm_debug_read(&vm, gpa(RAM), buf, 1), HV_EFAULT);
}

static void what_was_given_back_reads_as_zero(void **state)
{
	uint8_t buf[16];

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	vm.gstage.has_holes = true;
	assert_int_equal(vm_debug_read(&vm, gpa(HOLE - 8), buf, 16), HV_OK);
	assert_memory_equal(buf, ram + (HOLE - 8 - RAM), 8);
	assert_memory_equal(buf + 8, "\0\0\0\0\0\0\0\0", 8);
	vm.gstage.has_holes = false;
	assert_int_equal(vm_debug_read(&vm, gpa(HOLE), buf, 8), HV_OK);
	assert_memory_equal(buf, ram + (HOLE - RAM), 8);
}

static void what_is_written_is_fetched_anew(void **state)
{
	(void)state;
	assert_int_equal(vm_debug_write(&vm, gpa(RAM + 8), "abcd", 4), HV_OK);
	assert_memory_equal(ram + 8, "abcd", 4);
	assert_int_equal(fences, 1);
	assert_int_equal(vm_debug_write(&vm, gpa(ROM), "abcd", 4), HV_EFAULT);
	assert_int_equal(fences, 1);
}

/* --- breakpoints -------------------------------------------------------------------------------------- */

static void a_breakpoint_takes_the_place_of_an_instruction(void **state)
{
	uint8_t before[8];

	(void)state;
	attach();
	memcpy(before, ram + 16, 8);
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 16), 2), HV_OK);
	assert_memory_equal(ram + 16, "\x02\x90", 2);
	assert_memory_equal(ram + 18, before + 2, 2);
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 20), 4), HV_OK);
	assert_memory_equal(ram + 20, "\x73\x00\x10\x00", 4);
	/* Twice is once: what was there before is not forgotten. */
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 16), 2), HV_OK);
	assert_int_equal(vm_debug_clear_break(&vm, gpa(RAM + 16)), HV_OK);
	assert_memory_equal(ram + 16, before, 4);
	assert_int_equal(vm_debug_clear_break(&vm, gpa(RAM + 16)), HV_ENOENT);
	assert_int_equal(vm_debug_clear_break(&vm, gpa(RAM + 20)), HV_OK);
	assert_memory_equal(ram + 16, before, 8);
	/* What was there once is forgotten. */
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 20), 4), HV_OK);
	assert_memory_equal(ram + 20, "\x73\x00\x10\x00", 4);
}

static void memory_that_has_changed_since_is_left_alone(void **state)
{
	(void)state;
	attach();
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 16), 2), HV_OK);
	memcpy(ram + 16, "XY", 2);
	assert_int_equal(vm_debug_clear_break(&vm, gpa(RAM + 16)), HV_OK);
	assert_memory_equal(ram + 16, "XY", 2);
}

static void there_are_so_many_breakpoints_and_no_more(void **state)
{
	uint8_t before[sizeof(ram)];

	(void)state;
	attach();
	memcpy(before, ram, sizeof(ram));
	assert_int_equal(vm_debug_set_break(&vm, gpa(ROM), 2), HV_EFAULT);
	for (unsigned int i = 0; i < DEBUG_BREAKS; i++)
		assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 4 * i), 2), HV_OK);
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 4 * DEBUG_BREAKS), 2), HV_EOVERFLOW);
	assert_int_equal(vm_debug_clear_break(&vm, gpa(RAM)), HV_OK);
	assert_int_equal(vm_debug_set_break(&vm, gpa(RAM + 4 * DEBUG_BREAKS), 2), HV_OK);
	vm_debug_detach();
	assert_memory_equal(ram, before, sizeof(ram));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_is_read_across_pages),
		TEST(what_was_given_back_reads_as_zero),
		TEST(what_is_written_is_fetched_anew),
		TEST(a_breakpoint_takes_the_place_of_an_instruction),
		TEST(memory_that_has_changed_since_is_left_alone),
		TEST(there_are_so_many_breakpoints_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
