// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: tests/unit/fake/pcpu.c
/* The last words: what a panic prints, that the hart prints it alone, and that the machine goes off after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/sbi_call.h"
#include "arch/symbols.h"
#include "arch/trap.h"
#include "fake/pcpu.h"
#include "lib/atomic.h"

/* The image, and its table of symbols. Nothing is read from either: their addresses are all that counts. */
__asm__(".pushsection .bss\n"
	".balign 4096\n"
	".globl __image_start, __text_end, __symbols_start, __symbols_end\n"
	"__image_start: .skip 4096\n"
	"__text_end: .skip 8\n"
	"__symbols_start: .skip 24\n"
	"__symbols_end: .skip 8\n"
	".popsection\n");

/* panic() without a trap prints the stack from here. */
static uint64_t *stack;

static void *frame_of(unsigned int level)
{
	assert_int_equal(level, 0);
	return stack;
}

#define __builtin_frame_address(level) frame_of(level)

#include "fake/wfi.h"

#include "arch/panic.c"

#undef volatile
#undef __asm__

/* --- a hart with its firmware ------------------------------------------------------------------------- */

#define IMAGE ((uint64_t)(uintptr_t)__image_start)
#define WORDS (PAGE_SIZE / sizeof(uint64_t))

static char said[8192];
static size_t said_len;
static unsigned int shutdowns;
static uint64_t sie;
static jmp_buf waited;

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	fail_msg("no CSR is read");
	return 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	assert_int_equal(csr, CSR_SIE);
	sie = val;
}

void fake_wfi(const char *insn)
{
	assert_string_equal(insn, "wfi");
	longjmp(waited, 1);
}

/* Interrupts are off from the first byte on, and nothing is printed once the machine is to go off. */
struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	assert_int_equal(sie, 0);
	assert_int_equal(shutdowns, 0);
	assert_int_equal(arg1 | arg2 | arg3 | arg4 | arg5, 0);
	assert_int_equal(fid, 0);
	if (eid == SBI_EXT_SRST) {
		assert_int_equal(arg0, SBI_SRST_TYPE_SHUTDOWN);
		shutdowns++;
	} else {
		assert_int_equal(eid, SBI_EXT_LEGACY_CONSOLE_PUTCHAR);
		assert_in_range(arg0, 1, 255);
		assert_true(said_len < sizeof(said) - 1);
		said[said_len++] = (char)arg0;
	}
	return (struct sbi_call_ret){ SBI_SUCCESS, 0 };
}

/* One function in each 256 bytes of the image; the first 256 bytes have no name where @nameless. */
static bool nameless;

bool symbol_find(const uint8_t *table, size_t size, uint64_t at, char name[SYMBOL_NAME_MAX],
		 uint64_t *offset)
{
	assert_ptr_equal(table, __symbols_start);
	assert_int_equal(size, 24);
	assert_true(at < 4096);
	if (nameless && at < 256)
		return false;
	snprintf(name, SYMBOL_NAME_MAX, "function_%u", (unsigned int)at / 256);
	*offset = at % 256;
	return true;
}

static uint64_t *pages; /* three, and what lies behind them is not to be read */

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(3);
	for (unsigned int i = 0; i < 3; i++)
		pcpus[i]->hartid = 40 + i;
	memset(said, 0, sizeof(said));
	said_len = shutdowns = 0;
	sie = UINT64_MAX;
	nameless = false;
	panicking = 0;
	panic_set_hook(NULL);
	panic_set_frame(NULL);
	pages = aligned_alloc(PAGE_SIZE, 3 * PAGE_SIZE);
	assert_non_null(pages);
	memset(pages, 0, 3 * PAGE_SIZE);
	stack = pages + WORDS;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(pages);
	return 0;
}

#define START(hart) "\r\n[hartvisor] panic on hart " hart ": "
#define WHERE	    "\r\n[hartvisor] where, and the return addresses on the stack:\r\n"

/* What the backtrace says of address @a. */
static void expect_line(char *text, uint64_t a, const char *name, uint64_t offset)
{
	sprintf(text + strlen(text), "[hartvisor]   %#lx %s+%#lx\r\n", a, name, offset);
}

static void panics(const char *what)
{
	if (!setjmp(waited))
		panic("%s", what);
	assert_int_equal(sie, 0);
}

/* --- the tests ---------------------------------------------------------------------------------------- */

static void a_panic_says_where_and_why_and_stops_the_machine(void **state)
{
	(void)state;
	fake_pcpu_become(2);
	if (!setjmp(waited))
		panic("%s %d", "the reason", 7);
	assert_string_equal(said, START("42") "the reason 7" WHERE);
	assert_int_equal(shutdowns, 1);
	assert_int_equal(sie, 0);
}

static void what_is_not_printable_does_not_reach_the_terminal(void **state)
{
	(void)state;
	panics("\x1f ~\x7f\x80\xff\x1b[2J\r\t \nnext");
	assert_string_equal(said, START("40") "? ~????[2J?? \r\nnext" WHERE);
}

static void what_is_too_long_is_cut(void **state)
{
	char text[400], line[400];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sie = 0;
	panic_print("%s", text);
	panic_print("|");
	assert_int_equal(said_len, 160);
	assert_memory_equal(said, text, 159);
	assert_int_equal(said[159], '|');

	teardown(state);
	setup(state);
	snprintf(line, sizeof(line), START("40") "%.255s" WHERE, text);
	panics(text);
	assert_string_equal(said, line);
}

static unsigned int hook_runs;

static void hook(void)
{
	hook_runs++;
	assert_int_equal(sie, 0);
	panic_print("hook %d\n", 5);
}

static void the_hook_has_the_first_word_and_runs_once(void **state)
{
	(void)state;
	hook_runs = 0;
	panic_set_hook(hook);
	panics("why");
	assert_string_equal(said, "hook 5\r\n" START("40") "why" WHERE);
	assert_int_equal(hook_runs, 1);
	shutdowns = 0;
	panics("again");
	assert_int_equal(hook_runs, 1);
}

static void hook_that_panics(void)
{
	hook_runs++;
	panic("in the hook");
}

static void a_hook_that_panics_does_not_hide_that(void **state)
{
	(void)state;
	hook_runs = 0;
	fake_pcpu_become(1);
	panic_set_hook(hook_that_panics);
	panics("why");
	assert_string_equal(said, START("41") "in the hook" WHERE);
	assert_int_equal(hook_runs, 1);
	assert_int_equal(shutdowns, 1);
}

/* Whichever of two harts is first; the other one has its interrupts off, so that it waits for good. */
static void only_the_first_hart_prints(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < 3; first++) {
		for (unsigned int second = 0; second < 3; second++) {
			size_t len;

			if (second == first)
				continue;
			teardown(state);
			setup(state);
			panic_set_hook(hook);
			fake_pcpu_become(first);
			panics("first");
			len = said_len;
			panic_set_hook(hook);
			hook_runs = 0;
			sie = UINT64_MAX;
			fake_pcpu_become(second);
			panics("second");
			assert_int_equal(said_len, len);
			assert_int_equal(shutdowns, 1);
			assert_int_equal(hook_runs, 0);
		}
	}
}

/* --- the backtrace ------------------------------------------------------------------------------------ */

static void the_stack_tells_the_return_addresses_in_it(void **state)
{
	char text[1024] = START("40") "why" WHERE;

	(void)state;
	stack[0] = IMAGE + 0x104; /* the very first word */
	stack[1] = IMAGE - 1;
	stack[2] = IMAGE + 4096;  /* behind the text */
	stack[3] = IMAGE + 0x200; /* where a function begins: nothing returns there */
	stack[4] = IMAGE + 0xfff;
	stack[5] = 5;
	stack[6] = IMAGE + 1;
	panics("why");
	expect_line(text, IMAGE + 0x104, "function_1", 4);
	expect_line(text, IMAGE + 0xfff, "function_15", 0xff);
	expect_line(text, IMAGE + 1, "function_0", 1);
	assert_string_equal(said, text);
}

/* In the table's gaps there is no function to return to. */
static void an_address_without_a_name_is_no_return_address(void **state)
{
	char text[1024] = START("40") "why" WHERE;

	(void)state;
	nameless = true;
	stack[0] = IMAGE + 0x44;
	stack[1] = IMAGE + 0x144;
	panics("why");
	expect_line(text, IMAGE + 0x144, "function_1", 0x44);
	assert_string_equal(said, text);
}

/* The next page may be a guard. Wherever in its page the stack pointer is, and whichever page it is. */
static void nothing_is_read_beyond_the_page_of_the_stack(void **state)
{
	(void)state;
	for (unsigned int page = 0; page < 3; page++) {
		for (unsigned int at = 0; at < WORDS; at += at ? 100 : 1) {
			char text[1024] = START("40") "why" WHERE;

			teardown(state);
			setup(state);
			stack = pages + page * WORDS + at;
			pages[(page + 1) * WORDS - 1] = IMAGE + 0x304;
			if (page < 2)
				pages[(page + 1) * WORDS] = IMAGE + 0x404;
			panics("why");
			expect_line(text, IMAGE + 0x304, "function_3", 4);
			assert_string_equal(said, text);
		}
	}
}

static void a_backtrace_has_an_end(void **state)
{
	char text[4096] = START("40") "why" WHERE;

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		stack[i] = IMAGE + 0x501 + i;
	panics("why");
	for (unsigned int i = 0; i < 24; i++)
		expect_line(text, IMAGE + 0x501 + i, "function_5", 1 + i);
	assert_string_equal(said, text);
}

/* Where it trapped, where that returns to, and the stack of then, be its pointer aligned or not. */
static void a_trap_is_told_from_its_frame(void **state)
{
	(void)state;
	for (unsigned int odd = 0; odd < 8; odd++) {
		char text[1024] = START("40") "why" WHERE;
		struct host_frame f = { .sepc = IMAGE, .stval = IMAGE + 0x708 };

		teardown(state);
		setup(state);
		stack[0] = IMAGE + 0x704; /* panic()'s own, which does not count */
		pages[0] = IMAGE + 0x804;
		pages[1] = IMAGE + 0x904;
		f.x[1] = IMAGE + 0xa04;
		f.x[2] = (uintptr_t)&pages[1] + odd;
		panic_set_frame(&f);
		panics("why");
		expect_line(text, IMAGE, "function_0", 0);
		expect_line(text, IMAGE + 0xa04, "function_10", 4);
		expect_line(text, IMAGE + 0x904, "function_9", 4);
		assert_string_equal(said, text);
	}
}

/* A jump to nowhere: what the addresses are is told all the same. */
static void addresses_outside_the_text_have_no_name(void **state)
{
	char text[1024] = START("40") "why" WHERE;
	struct host_frame f = { .sepc = IMAGE - 4 };

	(void)state;
	f.x[1] = IMAGE + 4096;
	f.x[2] = (uintptr_t)pages;
	panic_set_frame(&f);
	panics("why");
	expect_line(text, IMAGE - 4, "?", 0);
	expect_line(text, IMAGE + 4096, "?", 0);
	assert_string_equal(said, text);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_panic_says_where_and_why_and_stops_the_machine),
		TEST(what_is_not_printable_does_not_reach_the_terminal),
		TEST(what_is_too_long_is_cut),
		TEST(the_hook_has_the_first_word_and_runs_once),
		TEST(a_hook_that_panics_does_not_hide_that),
		TEST(only_the_first_hart_prints),
		TEST(the_stack_tells_the_return_addresses_in_it),
		TEST(an_address_without_a_name_is_no_return_address),
		TEST(nothing_is_read_beyond_the_page_of_the_stack),
		TEST(a_backtrace_has_an_end),
		TEST(a_trap_is_told_from_its_frame),
		TEST(addresses_outside_the_text_have_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
