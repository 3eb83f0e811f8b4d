// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* What of a line is on the wire at once, and what waits: for its turn, for its end, or until guests run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

static const char text[256] = { [0 ... 255] = 'x' };

static void an_open_line_is_repeated_by_the_call_that_interrupted_it(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	clear_screen();
	fifo_room = 1000;
	term_log("a line\n", 7);
	SCREEN("\r\n[hartvisor] a line\r\n[a] $ ");
}

/* Text that needs no queue counts, too: else a guest could fill the ring by many short writes. */
static void text_that_goes_out_directly_takes_the_guests_room(void **state)
{
	(void)state;
	focus(a);
	uart_dead = true;
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(wire_guest_room());
		assert_int_equal(term_stream_write(a, text, 64), 64);
		assert_int_equal(output_queued(a), 0);
	}
	assert_false(wire_guest_room());
}

/* What a guest without focus prints stays in its line, so it takes no room. */
static void text_that_is_held_back_takes_no_room(void **state)
{
	(void)state;
	uart_dead = true;
	for (unsigned int i = 0; i < 300; i++)
		wire_put('x'); /* hartvisor's */
	assert_int_equal(term_stream_write(b, "held", 4), 4);
	assert_true(wire_guest_room());
}

static void a_sequence_with_a_space_is_held_until_it_is_whole(void **state)
{
	(void)state;
	focus(a);
	say(a, "\x1b[2 ");
	SCREEN("[a] ");
	say(a, "q");
	SCREEN("[a] ^[[2 q");
}

static void what_waits_goes_on_when_guests_begin_to_run(void **state)
{
	(void)state;
	term_init(TERM_ASK_NEVER);
	fifo_room = 0;
	term_log("boot\n", 5);
	SCREEN("");
	fifo_room = 1000;
	term_guests_run();
	SCREEN("[hartvisor] boot\r\n");
	start_again(false);
}

/* The menu speaks while a line is being repeated: the rest of the line waits until the menu has ended. */
static void a_repetition_that_is_interrupted_waits_for_the_menu(void **state)
{
	(void)state;
	focus(a);
	put(a, text, 200);
	clear_screen();
	term_log("a line\n", 7); /* repeats 64 bytes at once */
	assert_ptr_equal(term_going, a);
	term_hold(true);
	term_printf("menu");
	transmit_all();
	assert_string_equal(screen + screen_len - 18, "[hartvisor] menu\r\n");
	clear_screen();
	term_hold(false);
	transmit_all();
	assert_int_equal(screen_len, 4 + 200);
}

static void a_line_that_is_interrupted_goes_on_with_a_mark(void **state)
{
	(void)state;
	assert_int_equal(output_put(b, text, 100), 100);
	assert_int_equal(output_put(b, "\n", 1), 1);
	while (b->state == TERM_LINE_OPEN)
		output_pump(1);
	output_pump(1);
	term_log("between\n", 8);
	transmit_all();
	assert_memory_equal(screen, "[b] x", 5);
	assert_non_null(strstr(screen, "x\r\n[hartvisor] between\r\n[b]+x"));
}

static void one_step_brings_64_plain_characters_or_four_others(void **state)
{
	uint32_t before;

	(void)state;
	for (unsigned int i = 0; i < 30; i++)
		assert_int_equal(output_put(b, "~ ", 2), 2);
	assert_int_equal(output_put(b, "\n", 1), 1);
	output_pump(1);
	assert_int_equal(b->state, TERM_LINE_WHOLE);
	before = wire_position();
	output_pump(1);
	assert_int_equal(wire_position() - before, 4 + 60 + 2);

	assert_int_equal(output_put(b, "\x01\x01\x01\x01\x01\x01\x01\x01\n", 9), 9);
	output_pump(1);
	assert_int_equal(output_queued(b), 5);
	while (b->state == TERM_LINE_OPEN)
		output_pump(1);
	output_pump(1);
	assert_int_equal(b->line_shown, 4);
	output_pump(1000);
	assert_true(output_idle());
}

static void streams_have_colours_and_names_of_their_own(void **state)
{
	struct term_stream *s;

	(void)state;
	assert_int_equal(a->colour, 0);
	assert_int_equal(b->colour, 1);
	s = term_stream_new(NULL, "100%%", b->owner, NULL);
	assert_string_equal(s->name, "100%%");
	assert_int_equal(s->colour, 2);
	term_stream_close(s);
	free(s);
	no_memory = true;
	assert_null(term_stream_new(NULL, "c", b->owner, NULL));
}

/* A line is cut at 512 bytes of wire: what is no plain text costs 8, and a return also the prefix that it repeats. */
static void a_line_is_cut_by_its_cost(void **state)
{
	static const char odd[64] = { [0 ... 63] = '\x01' };

	(void)state;
	put(b, odd, 64);
	transmit_all();
	assert_int_equal(b->line_cost, 512);
	SCREEN("");
	say(b, "x");
	assert_int_equal(screen_len, 4 + 64 * 2 + 2);
	say(b, "\n");
	clear_screen();

	put(b, odd, 63);
	say(b, "xxxxxxxxyyy\n");
	assert_int_equal(screen_len, 4 + 63 * 2 + 8 + 2 + 4 + 3 + 2);
	assert_non_null(strstr(screen, "x\r\n[b] yyy\r\n"));
	clear_screen();

	put(b, odd, 63);
	say(b, "\r");
	assert_int_equal(b->line_cost, 504 + 17);
	SCREEN("");
	say(b, "z\n");
	assert_non_null(strstr(screen, "^A\r\n[b] z\r\n"));
}

static void a_return_before_any_text_is_none(void **state)
{
	(void)state;
	say(b, "\r\rx\n");
	SCREEN("[b] x\r\n");
}

static void a_sequence_that_its_line_cuts_short_is_shown(void **state)
{
	(void)state;
	say(b, "x\x1b[1\n");
	SCREEN("[b] x^[[1\r\n");
	say(b, "y\n");
	SCREEN("[b] x^[[1\r\n[b] y\r\n");
}

static void only_an_open_line_is_ended_and_once(void **state)
{
	(void)state;
	say(b, "done\n");
	term_stream_flush(b);
	transmit_all();
	SCREEN("[b] done\r\n");
	clear_screen();
	say(b, "open");
	term_stream_flush(b);
	term_stream_flush(b);
	transmit_all();
	SCREEN("[b] open\r\n");
}

/* One call fills the queue, and then what its own steps have freed. */
static void what_a_call_has_freed_it_fills_again(void **state)
{
	static char much[2000];

	(void)state;
	memset(much, '\n', sizeof(much));
	assert_in_range(term_stream_write(b, much, sizeof(much)), TERM_OUTPUT_MAX,
			sizeof(much) - 1);
}

static void a_return_takes_effect_before_the_cursor_moves(void **state)
{
	(void)state;
	focus(a);
	say(a, "ab\r\tx\n");
	SCREEN("[a] ab\r[a]         x\r\n");
	clear_screen();
	say(a, "ab\r\x1b[2Cx\n");
	SCREEN("[a] ab\r[a] \x1b[2Cx\r\n");
	clear_screen();
	say(a, "ab\r\x1b[Kx\n");
	SCREEN("[a] ab\r[a] \x1b[Kx\r\n");
}

/* --- hartvisor's own ----------------------------------------------------------------------------------- */

static void lost_lines_are_told_once(void **state)
{
	(void)state;
	uart_dead = true;
	for (unsigned int i = 0; i < 2000; i++)
		term_log("a line that fills the ring\n", 27);
	uart_dead = false;
	transmit_all();
	clear_screen();
	term_log("one\n", 4);
	transmit_all();
	assert_non_null(strstr(screen, "lines are lost here"));
	clear_screen();
	term_log("two\n", 4);
	transmit_all();
	SCREEN("[hartvisor] two\r\n");
}

static void a_prompt_appears_at_once_and_clears_what_was_behind_it(void **state)
{
	static struct work waiter;

	(void)state;
	fifo_room = 1000;
	term_prompt("VM: ");
	SCREEN("[hartvisor] VM: ");
	term_printf("end");
	start_again(true);
	type("\x1b[0n\x1b[24;80R");
	clear_screen();
	term_prompt("VM: ");
	transmit_all();
	assert_non_null(strstr(screen, " VM: \x1b[K"));
	/* It is a command's, which waits for the wire. */
	uart_dead = true;
	for (unsigned int i = 0; i < 600; i++)
		wire_put('x');
	assert_true(wire_own_room(&waiter));
	term_prompt("VM: 1");
	assert_false(wire_own_room(&waiter));
	term_init(TERM_ASK_NEVER);
	uart_dead = false;
	start_again(false);
}

static void kept_lines_of_the_log_fill_their_buffer_and_no_more(void **state)
{
	(void)state;
	for (unsigned int more = 0; more < 2; more++) {
		focus(a);
		assert_true(term_attach());
		for (unsigned int i = 0; i < 20; i++)
			assert_true(raw_keep(text, 99));
		assert_true(
			raw_keep("the last line has 48 bytes with its newline.....", 47 + more));
		clear_screen();
		assert_true(term_attach());
		transmit_all();
		if (more)
			assert_non_null(strstr(screen, "1 more lines of the log are lost"));
		else
			assert_null(strstr(screen, "are lost"));
		clear_screen();
	}
}

static void kept_lines_of_the_log_come_in_their_order(void **state)
{
	(void)state;
	focus(a);
	assert_true(term_attach());
	transmit_all();
	SCREEN("[hartvisor] attached to a: ^] a ends it\r\n");
	assert_true(raw_keep("one", 3));
	assert_true(raw_keep("second", 6));
	assert_true(raw_keep("3", 1));
	clear_screen();
	assert_true(term_attach());
	transmit_all();
	assert_non_null(
		strstr(screen, "[hartvisor] one\r\n[hartvisor] second\r\n[hartvisor] 3\r\n"));
}

/* A step of raw output has 64 bytes. */
static void the_last_byte_of_raw_output_comes_out(void **state)
{
	(void)state;
	focus(a);
	assert_true(term_attach());
	clear_screen();
	assert_int_equal(output_put(a, text, 65), 65);
	wire_kick();
	transmit_all();
	assert_int_equal(screen_len, 65);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(an_open_line_is_repeated_by_the_call_that_interrupted_it),
		TERMINAL_TEST(text_that_goes_out_directly_takes_the_guests_room),
		TERMINAL_TEST(text_that_is_held_back_takes_no_room),
		TERMINAL_TEST(a_sequence_with_a_space_is_held_until_it_is_whole),
		TERMINAL_TEST(what_waits_goes_on_when_guests_begin_to_run),
		TERMINAL_TEST(a_repetition_that_is_interrupted_waits_for_the_menu),
		TERMINAL_TEST(a_line_that_is_interrupted_goes_on_with_a_mark),
		TERMINAL_TEST(one_step_brings_64_plain_characters_or_four_others),
		TERMINAL_TEST(streams_have_colours_and_names_of_their_own),
		TERMINAL_TEST(a_line_is_cut_by_its_cost),
		TERMINAL_TEST(a_return_before_any_text_is_none),
		TERMINAL_TEST(a_sequence_that_its_line_cuts_short_is_shown),
		TERMINAL_TEST(only_an_open_line_is_ended_and_once),
		TERMINAL_TEST(what_a_call_has_freed_it_fills_again),
		TERMINAL_TEST(lost_lines_are_told_once),
		TERMINAL_TEST(a_prompt_appears_at_once_and_clears_what_was_behind_it),
		TERMINAL_TEST(kept_lines_of_the_log_fill_their_buffer_and_no_more),
		TERMINAL_TEST(kept_lines_of_the_log_come_in_their_order),
		TERMINAL_TEST(the_last_byte_of_raw_output_comes_out),
		TERMINAL_TEST(a_return_takes_effect_before_the_cursor_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
