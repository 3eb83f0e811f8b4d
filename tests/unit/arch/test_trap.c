// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: tests/unit/fake/pcpu.c
/* A trap of the hypervisor itself: an access that may fault goes on at its fixup, all else is a panic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/trap.h"
#include "fake/pcpu.h"

/* Three instructions that may fault, and their fixups; what stands before and behind them is no entry. */
__asm__(".pushsection .data\n"
	".balign 8\n"
	".globl __ex_table_start, __ex_table_end\n"
	".quad 0xb00, 0xb04\n"
	"__ex_table_start:\n"
	".quad 0x1000, 0x1111, 0x2000, 0x2222, 0x3000, 0x3333\n"
	"__ex_table_end:\n"
	".quad 0xe00, 0xe04\n"
	".popsection\n");

#include "fake/wfi.h"

#include "arch/trap.c"

#undef volatile
#undef __asm__

static const struct host_frame *frame;
static char said[256];
static unsigned int panics;
static jmp_buf ended;

void panic_set_frame(const struct host_frame *f)
{
	frame = f;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	panics++;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	longjmp(ended, 1);
}

void fake_wfi(const char *insn)
{
	assert_string_equal(insn, "wfi");
	longjmp(ended, 2);
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(2);
	frame = NULL;
	panics = 0;
	said[0] = '\0';
	return 0;
}

/* How the trap ends: 0, it returns; 1, a panic; 2, the hart waits for good. */
static int trap(struct host_frame *f)
{
	int how = setjmp(ended);

	if (how == 0)
		host_trap_handle(f);
	return how;
}

static struct host_frame frame_at(uint64_t sepc)
{
	struct host_frame f = { .sepc = sepc, .sstatus = 3, .scause = 0xd, .stval = 0xabc };

	f.x[1] = 0x8001;
	f.x[2] = 0x9000;
	return f;
}

static void an_access_that_may_fault_goes_on_at_its_fixup(void **state)
{
	static const uint64_t entries[][2] = { { 0x1000, 0x1111 },
					       { 0x2000, 0x2222 },
					       { 0x3000, 0x3333 } };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
		struct host_frame f = frame_at(entries[i][0]), expected = frame_at(entries[i][1]);

		assert_int_equal(trap(&f), 0);
		assert_memory_equal(&f, &expected, sizeof(f));
		assert_int_equal(this_pcpu()->in_trap, 0);
	}
	assert_null(frame);
}

static void any_other_trap_is_a_panic_with_its_frame(void **state)
{
	static const uint64_t others[] = { 0, 0x1004, 0x2222, 0xb00, 0xe00 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		struct host_frame f = frame_at(others[i]);
		char text[256];

		setup(state);
		assert_int_equal(trap(&f), 1);
		assert_ptr_equal(frame, &f);
		assert_int_equal(this_pcpu()->in_trap, 1);
		snprintf(
			text, sizeof(text),
			"trap in the hypervisor: scause 0xd stval 0xabc sepc %#lx ra 0x8001 sp 0x9000",
			others[i]);
		assert_string_equal(said, text);
	}
}

/* A fault while it panics would panic again and again. Another hart has its own say. */
static void a_hart_that_traps_in_its_panic_waits(void **state)
{
	struct host_frame f = frame_at(0x4000), second = frame_at(0x5000);

	(void)state;
	assert_int_equal(trap(&f), 1);
	assert_int_equal(trap(&second), 2);
	assert_int_equal(panics, 1);
	assert_ptr_equal(frame, &f);
	fake_pcpu_become(1);
	assert_int_equal(trap(&second), 1);
	assert_int_equal(panics, 2);
}

/* An access that may fault has its fixup during a panic as well. */
static void fixups_are_taken_in_a_panic_too(void **state)
{
	struct host_frame f = frame_at(0x4000), second = frame_at(0x2000);

	(void)state;
	assert_int_equal(trap(&f), 1);
	assert_int_equal(trap(&second), 0);
	assert_int_equal(second.sepc, 0x2222);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_access_that_may_fault_goes_on_at_its_fixup),
		TEST(any_other_trap_is_a_panic_with_its_frame),
		TEST(a_hart_that_traps_in_its_panic_waits),
		TEST(fixups_are_taken_in_a_panic_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
