// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal's small rules, each by itself: limits, and what ends at which byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/sbi_call.h"
#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

#define MS	  UINT64_C(1000000)
#define WIRE_RING 16384

static void goes_on(struct work *w)
{
	(void)w;
}

static struct work waiter = { .fn = goes_on };

/* When the timer is armed for, from the last look at the clock on; 0: it is not. */
static uint64_t armed_in(void)
{
	return polling ? polling->deadline - now : 0;
}

static void bytes(unsigned int n)
{
	while (n--)
		wire_put('x');
}

/* --- the ring ------------------------------------------------------------------------------------------ */

static void a_command_waits_behind_512_bytes_of_its_own(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(512);
	wire_own_wrote();
	assert_true(wire_own_room(&waiter));
	bytes(1);
	assert_true(wire_own_room(&waiter)); /* a guest's */
	wire_own_wrote();
	assert_false(wire_own_room(&waiter));
}

static void a_command_leaves_guests_their_reserve(void **state)
{
	(void)state;
	uart_dead = true;
	bytes(WIRE_RING - 2048);
	assert_true(wire_own_room(&waiter));
	bytes(1);
	assert_false(wire_own_room(&waiter));
	term_init(TERM_ASK_NEVER); /* nothing waits */
}

static void what_is_written_goes_round_the_ring_in_order(void **state)
{
	static char all[3 * WIRE_RING];
	size_t len = 0;

	(void)state;
	for (unsigned int n = 1; len + n < 2 * WIRE_RING + 500; n = n % 61 + 1) {
		for (unsigned int i = 0; i < n; i++)
			all[len + i] = (char)('a' + (len + i) * 7 % 26);
		wire_write(all + len, n);
		len += n;
		fifo_room = 1000;
		wire_kick();
	}
	assert_int_equal(screen_len, len);
	assert_string_equal(screen, all);
}

static void what_the_ring_cannot_hold_is_cut(void **state)
{
	(void)state;
	for (unsigned int before = 0; before <= 100; before += 50) {
		terminal_setup(state);
		fifo_room = 3 * WIRE_RING;
		bytes(before);
		wire_flush();
		screen_len = 0;
		bytes(WIRE_RING - 4);
		wire_write("12345678", 8);
		wire_flush();
		assert_int_equal(screen_len, WIRE_RING);
		assert_string_equal(screen + WIRE_RING - 5, "x1234");
		(void)terminal_teardown(state);
	}
}

/* A guest in focus prints, and nothing goes out: what waits is bounded, on the short way as well. */
static void a_guest_whose_bytes_stay_is_refused(void **state)
{
	size_t all = 0, n;

	(void)state;
	focus(a);
	uart_dead = true;
	fifo_room = 0;
	while ((n = term_stream_write(a, "xxxxxxxxxx", 10)) != 0 && all < WIRE_RING)
		all += n;
	assert_in_range(all, 1000, 2000);
	uart_dead = false;
}

/* --- the firmware's console ---------------------------------------------------------------------------- */

static void a_firmware_that_fails_once_is_asked_again(void **state)
{
	(void)state;
	have_uart = false;
	start_again(false);
	dbcn_error = SBI_ERR_FAILED;
	type("never read");
	say(a, "hello\n");
	assert_int_equal(legacy_calls, 0);
	assert_false(term_stream_input_pending(a));
	SCREEN("");
	dbcn_error = SBI_SUCCESS;
	transmit_all();
	SCREEN("[a] hello\r\n");
	assert_int_equal(legacy_calls, 0);
}

static void more_bytes_than_were_asked_for_are_none(void **state)
{
	(void)state;
	have_uart = false;
	start_again(false);
	focus(a);
	dbcn_reads = 65;
	tick();
	assert_false(term_stream_input_pending(a));
	dbcn_reads = 0;
}

/* --- lines --------------------------------------------------------------------------------------------- */

/* Rows of class "[b] ..." on the screen, each of which must end in '.'. */
static unsigned int whole_rows(void)
{
	unsigned int n = 0;

	for (const char *p = screen, *end; (end = strstr(p, "\r\n")) != NULL; p = end + 2, n++)
		assert_true(end[-1] == '.' && p[0] == '[' && p[3] != '+');
	return n;
}

/* Turns end within lines, and the line goes on in the next turn: no other guest's text comes between. */
static void a_line_is_not_torn_by_the_end_of_a_turn(void **state)
{
	char line[204];
	size_t at[2] = { 0, 0 };

	(void)state;
	memset(line, 'x', 203);
	memcpy(line + 200, ".\n", 3);
	for (unsigned int i = 0; i < 3000; i++) {
		struct term_stream *s = i % 2 ? a : b;

		at[i % 2] += term_stream_write(s, line + at[i % 2], 202 - at[i % 2]);
		at[i % 2] %= 202;
		fifo_room = 16;
		uart_fn();
	}
	transmit_all();
	assert_true(whole_rows() > 100);
}

static void plain_text_of_a_held_line_goes_by_the_step_not_by_the_byte(void **state)
{
	char line[201];

	(void)state;
	memset(line, 'x', 199);
	strcpy(line + 199, "\n");
	fifo_room = 1000;
	assert_int_equal(term_stream_write(b, line, 200), 200);
	wire_kick();
	assert_true(screen_len > 120);
}

/* Spaces and tildes cost what other characters do, also where they come singly: the line is not cut. */
static void the_ends_of_ascii_cost_one_byte(void **state)
{
	static const char *const groups[] = { "\t   ", "\t~~~" };

	(void)state;
	for (unsigned int g = 0; g < 2; g++) {
		char line[162] = "";
		unsigned int rows = 0;

		for (unsigned int i = 0; i < 40; i++)
			strcat(line, groups[g]);
		clear_screen();
		say(b, strcat(line, "\n"));
		for (const char *p = screen; (p = strchr(p, '\n')) != NULL; p++)
			rows++;
		assert_int_equal(rows, 1);
	}
}

static void a_bell_behind_a_line_that_was_repeated_rings(void **state)
{
	(void)state;
	focus(a);
	say(a, "ask> ");
	say(b, "between\n");
	clear_screen();
	say(a, "\a");
	SCREEN("\a");
}

/* Of a line longer than 256 bytes only the end is repeated, however it came. */
static void the_rest_of_a_long_line_is_repeated(void **state)
{
	static const char *const pieces[] = { "x", "\xc3\xa9" };

	(void)state;
	for (unsigned int p = 0; p < 2; p++) {
		start_again(false);
		focus(a);
		for (unsigned int i = 0; i < 300; i++)
			say(a, pieces[p]);
		say(a, "end");
		clear_screen();
		say(b, "between\n");
		assert_non_null(strstr(screen, "end"));
		assert_in_range(screen_len, 20, 350);
		clear_screen();
		say(a, "\n");
		SCREEN("\r\n");
	}
}

/* --- room ---------------------------------------------------------------------------------------------- */

static void room_that_was_asked_for_is_told(void **state)
{
	(void)state;
	uart_dead = true;
	while (term_stream_room(a) >= 16)
		(void)term_stream_write(a, "0123456789abcde\n", 16);
	assert_false(term_stream_want_room(a, 16));
	uart_dead = false;
	transmit_all();
	while (work_run_one())
		;
	assert_int_equal(room_a, 1);
	/* A stream that found room does not wait for any. */
	assert_true(term_stream_want_room(a, 16));
	say(a, "more\n");
	while (work_run_one())
		;
	assert_int_equal(room_a, 1);
}

/* What one guest prints brings out what another has queued, and that one is told by the same call. */
static void room_is_told_by_the_hart_that_made_it(void **state)
{
	(void)state;
	uart_dead = true;
	while (term_stream_write(b, "0123456789abcde\n", 16))
		;
	uart_dead = false;
	for (unsigned int i = 0; i < 1000 && !room_b; i++) {
		fifo_room = 1000;
		(void)term_stream_write(a, "x\n", 2);
		while (work_run_one())
			;
	}
	assert_int_equal(room_b, 1);
}

static void one_that_is_closed_is_visited_no_more(void **state)
{
	(void)state;
	uart_dead = true;
	while (term_stream_write(b, "0123456789abcde\n", 16))
		;
	uart_dead = false;
	term_stream_close(b);
	memset(b, 0xa5, sizeof(*b));
	output_hold_others();
	while (work_run_one())
		;
	say(a, "goes on\n");
	while (work_run_one())
		;
	assert_int_equal(room_b, 0);
	free(b);
	b = NULL;
	start_alone(false);
}

/* --- input --------------------------------------------------------------------------------------------- */

/* Nothing is read from the UART while its guest has no room: it is looked at again, interrupts or not. */
static void input_that_is_held_back_is_looked_at_again(void **state)
{
	(void)state;
	transmit_all();
	for (unsigned int held = 0; held < 2; held++) {
		wire_hold_input(held);
		polling = NULL;
		wire_ticked();
		wire_poll_input(false);
		assert_int_equal(armed_in(), held ? 10 * MS : 0);
	}
}

static void the_uart_is_told_once_to_hold_its_input(void **state)
{
	unsigned int before = rx_irq_calls;

	(void)state;
	wire_hold_input(true);
	wire_hold_input(true);
	wire_hold_input(true);
	assert_int_equal(rx_irq_calls, before + 1);
	assert_false(rx_irq);
	wire_hold_input(false);
	wire_hold_input(false);
	assert_int_equal(rx_irq_calls, before + 2);
	assert_true(rx_irq);
}

/* Nothing more has been typed: the UART is not asked again. */
static void a_look_ends_with_the_last_byte(void **state)
{
	unsigned int before;

	(void)state;
	focus(a);
	before = getc_calls;
	typed = "two";
	uart_fn();
	assert_int_equal(getc_calls, before + 4);
}

/* A zero byte is one byte among others: what follows comes by the same look. */
static void a_zero_byte_ends_no_batch(void **state)
{
	char got[8];

	(void)state;
	have_uart = have_dbcn = false;
	start_again(false);
	focus(a);
	typed = "\xfd"
		"b";
	tick();
	assert_int_equal(term_stream_read(a, got, sizeof(got)), 2);
	assert_memory_equal(got, "\0b", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(a_command_waits_behind_512_bytes_of_its_own),
		TERMINAL_TEST(a_command_leaves_guests_their_reserve),
		TERMINAL_TEST(what_is_written_goes_round_the_ring_in_order),
		cmocka_unit_test(what_the_ring_cannot_hold_is_cut),
		TERMINAL_TEST(a_guest_whose_bytes_stay_is_refused),
		TERMINAL_TEST(a_firmware_that_fails_once_is_asked_again),
		TERMINAL_TEST(more_bytes_than_were_asked_for_are_none),
		TERMINAL_TEST(a_line_is_not_torn_by_the_end_of_a_turn),
		TERMINAL_TEST(plain_text_of_a_held_line_goes_by_the_step_not_by_the_byte),
		TERMINAL_TEST(the_ends_of_ascii_cost_one_byte),
		TERMINAL_TEST(a_bell_behind_a_line_that_was_repeated_rings),
		TERMINAL_TEST(the_rest_of_a_long_line_is_repeated),
		TERMINAL_TEST(room_that_was_asked_for_is_told),
		TERMINAL_TEST(room_is_told_by_the_hart_that_made_it),
		TERMINAL_TEST(one_that_is_closed_is_visited_no_more),
		TERMINAL_TEST(input_that_is_held_back_is_looked_at_again),
		TERMINAL_TEST(the_uart_is_told_once_to_hold_its_input),
		TERMINAL_TEST(a_look_ends_with_the_last_byte),
		TERMINAL_TEST(a_zero_byte_ends_no_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
