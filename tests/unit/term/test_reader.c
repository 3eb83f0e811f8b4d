// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* What is typed to a guest that reads slowly, or not at all: how long the UART is held back, and what its owner is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "term/term_internal.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

static char buf[TERM_INPUT_MAX];

static uint32_t waiting(const struct term_stream *s)
{
	return s->input_head - s->input_tail;
}

/* a has the focus, and so much to read that the UART is held back. */
static void fill_until_held(void)
{
	focus(a);
	while (rx_irq) {
		typed = "x";
		uart_fn();
	}
	typed = "";
	assert_int_equal(waiting(a), TERM_INPUT_MAX - TERM_ANSWER_MAX);
}

static void the_uart_is_held_until_more_than_half_is_free(void **state)
{
	size_t n = TERM_INPUT_MAX / 2 - TERM_ANSWER_MAX;

	(void)state;
	fill_until_held();
	assert_int_equal(term_stream_read(a, buf, n), n);
	assert_false(rx_irq);
	assert_int_equal(term_stream_read(a, buf, 1), 1);
	assert_true(rx_irq);
}

static void what_another_guest_reads_does_not_end_that(void **state)
{
	(void)state;
	focus(b);
	type("x");
	fill_until_held();
	assert_int_equal(term_stream_read(b, buf, 1), 1);
	assert_false(rx_irq);
	assert_int_equal(term_stream_read(a, buf, 0), 0);
	assert_false(rx_irq);
}

static void a_reader_has_a_second_from_its_last_read_on(void **state)
{
	(void)state;
	fill_until_held();
	now += 900 * MS;
	assert_int_equal(term_stream_read(a, buf, 1), 1);
	typed = "x";
	uart_fn(); /* now it is full again */
	now += 900 * MS;
	uart_fn();
	assert_false(rx_irq);
	now += 200 * MS;
	uart_fn();
	assert_true(rx_irq);
	typed = "";
}

static void a_reader_has_a_second_from_its_focus_on(void **state)
{
	(void)state;
	fill_until_held();
	term_focus(b);
	uart_fn();
	assert_true(rx_irq);
	now += 2 * SECOND;
	term_focus(a);
	uart_fn();
	assert_false(rx_irq);
}

static void the_first_byte_that_is_lost_is_told_and_wakes_no_reader(void **state)
{
	unsigned int before;

	(void)state;
	fill_until_held();
	while (waiting(a) < TERM_INPUT_MAX) {
		now += 2 * SECOND;
		typed = "x";
		uart_fn();
	}
	clear_screen();
	before = ready_a;
	type("y");
	assert_non_null(strstr(screen, "a reads nothing"));
	assert_int_equal(ready_a, before);
	clear_screen();
	type("y");
	SCREEN("");
	(void)term_stream_read(a, buf, sizeof(buf));
	type("z");
	assert_non_null(strstr(screen, "a has lost 2 typed bytes"));
	assert_int_equal(ready_a, before + 1);
}

static void an_owner_that_keeps_nothing_is_not_told(void **state)
{
	(void)state;
	focus(a);
	absent_why = "is off";
	absent_keeps = false;
	type("x");
	assert_int_equal(ready_a, 0);
	assert_false(term_stream_input_pending(a));
}

static void an_owner_is_told_of_each_break(void **state)
{
	bool is_break;

	(void)state;
	focus(a);
	for (unsigned int i = 1; i < 4; i++) {
		type("\xfe");
		assert_int_equal(ready_a, i);
		assert_int_equal(term_stream_read_break(a, buf, 8, &is_break), 1);
		assert_true(is_break);
	}
}

static void nothing_is_left_of_input_that_is_discarded(void **state)
{
	(void)state;
	focus(a);
	type("secret");
	term_stream_discard_input(a);
	for (unsigned int i = 0; i < TERM_INPUT_MAX; i++)
		assert_int_equal(a->input[i], 0);
}

static void one_look_takes_32_bytes_and_the_next_comes_soon(void **state)
{
	(void)state;
	have_irq = false;
	start_again(false);
	focus(a);
	getc_calls = 0;
	typed = "0123456789012345678901234567890123456789";
	polling->deadline = 0;
	tick();
	assert_int_equal(getc_calls, 32);
	assert_int_equal(waiting(a), 32);
	assert_in_range(polling->deadline - now, MS - 10000, MS);
	tick();
	assert_int_equal(waiting(a), 40);
	assert_in_range(polling->deadline - now, 10 * MS - 10000, 10 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(the_uart_is_held_until_more_than_half_is_free),
		TERMINAL_TEST(what_another_guest_reads_does_not_end_that),
		TERMINAL_TEST(a_reader_has_a_second_from_its_last_read_on),
		TERMINAL_TEST(a_reader_has_a_second_from_its_focus_on),
		TERMINAL_TEST(the_first_byte_that_is_lost_is_told_and_wakes_no_reader),
		TERMINAL_TEST(an_owner_that_keeps_nothing_is_not_told),
		TERMINAL_TEST(an_owner_is_told_of_each_break),
		TERMINAL_TEST(nothing_is_left_of_input_that_is_discarded),
		TERMINAL_TEST(one_look_takes_32_bytes_and_the_next_comes_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
