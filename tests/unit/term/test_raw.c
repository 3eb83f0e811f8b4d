// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: one guest has it to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/terminal.h"
#include "lib/work.h"

#define DRAWING "\x1b[2J\x1b[5;9Hx\x1b]0;title\x07\r\r\n\x9b\x1b[6n"

static void menu_run(struct work *w)
{
	(void)w;
}

static void attach(struct term_stream *s)
{
	focus(s);
	assert_true(term_attach());
	clear_screen();
}

static void what_it_prints_and_reads_is_not_touched(void **state)
{
	(void)state;
	attach(a);
	say(a, DRAWING);
	SCREEN(DRAWING);
	/* An answer is not hartvisor's to take. */
	type("\x1b[5;9R\x1b[0nq");
	assert_string_equal(read_all(a), "\x1b[5;9R\x1b[0nq");
}

static void the_escape_stays_hartvisors(void **state)
{
	static struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	term_on_escape(&menu, NULL);
	attach(a);
	type("x\x1d"
	     "a");
	assert_int_equal(term_menu_key(), 'a');
	assert_string_equal(read_all(a), "x");
}

static void others_and_the_log_come_afterwards(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	say(b, "unfinish");
	attach(a);
	say(b, "ed\n");
	term_log("from the log\n", 13);
	transmit_all();
	SCREEN("");
	term_printf("a menu's answer");
	transmit_all();
	SCREEN("\r\n[hartvisor] a menu's answer\r\n");
	clear_screen();
	say(a, "\x1b[H");
	assert_true(term_attach());
	transmit_all();
	SCREEN("\x1b[H\r\n[hartvisor] from the log\r\n[hartvisor] no longer attached to a\r\n[b] unfinished\r\n");
	say(a, "$ ");
	assert_non_null(strstr(screen, "[a] $ "));
}

static void others_do_not_wait_and_what_they_lose_is_counted(void **state)
{
	static char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	attach(a);
	assert_int_equal(term_stream_write(b, text, sizeof(text)), sizeof(text));
	assert_int_equal(term_stream_write(b, "y", 1), 1);
	assert_true(term_stream_want_out(b)); /* so it may power itself off */
	assert_true(term_stream_want_room(b, 1));
	for (unsigned int i = 0; i < 1000; i++)
		term_log("a line that is kept\n", 20);
	transmit_all();
	SCREEN("");
	term_focus(b);
	transmit_all();
	assert_non_null(strstr(screen, "more lines of the log are lost"));
	assert_non_null(strstr(screen, "console: b"));
	fake_log_reset();
	while (work_run_one())
		;
	assert_non_null(strstr(fake_log_text, "b: 1978 bytes of its output were not shown"));
	/* The next time that counts anew. */
	attach(a);
	term_focus(b);
	transmit_all();
	assert_null(strstr(screen, "are lost"));
}

/* @a, which has the terminal, waits for room and gets it: the streams are looked at. */
static void look_at_streams(void)
{
	while (term_stream_write(a, "................", 16))
		;
	transmit_all();
	assert_true(work_run_one());
}

static void what_is_lost_is_told_once_and_then_counted_anew(void **state)
{
	static char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (unsigned int i = 0; i < 2; i++) {
		attach(a);
		fake_log_reset();
		assert_int_equal(term_stream_write(b, text, sizeof(text)), sizeof(text));
		look_at_streams();
		assert_int_equal(fake_log_count, 0); /* not before the end, for the log is kept */
		term_focus(b);
		transmit_all();
		while (work_run_one())
			;
		assert_int_equal(fake_log_count, 1);
		assert_string_equal(fake_log_last, "b: 1977 bytes of its output were not shown");
	}
	attach(a);
	term_focus(b);
	transmit_all();
	while (work_run_one())
		;
	assert_int_equal(fake_log_count, 1);
}

static void a_stream_that_waits_for_room_when_it_begins_is_told(void **state)
{
	(void)state;
	focus(a);
	uart_dead = true;
	while (term_stream_write(b, "a line for which there is no room\n", 34))
		;
	assert_true(term_attach());
	assert_true(work_run_one());
	assert_int_equal(room_b, 1);
	assert_int_equal(term_stream_write(b, "again\n", 6), 6);
	/* Once: the end of raw has the streams looked at again. */
	uart_dead = false;
	term_focus(b);
	transmit_all();
	assert_true(work_run_one());
	assert_int_equal(room_b, 1);
}

static void a_terminal_is_given_back_as_it_was(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	type("\x1b[0n\x1b[1;80R");
	attach(a);
	term_focus(b);
	transmit_all();
	assert_non_null(strstr(screen, "\x1b[?1049l"));
	assert_non_null(strstr(screen, "\x1b[?25h"));
	assert_non_null(strstr(screen, "\x1b[6n")); /* the window may have another size by now */
}

static void without_focus_there_is_nothing_to_attach_to(void **state)
{
	(void)state;
	assert_false(term_attach());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_it_prints_and_reads_is_not_touched),
		TERMINAL_TEST(the_escape_stays_hartvisors),
		TERMINAL_TEST(others_and_the_log_come_afterwards),
		TERMINAL_TEST(others_do_not_wait_and_what_they_lose_is_counted),
		TERMINAL_TEST(what_is_lost_is_told_once_and_then_counted_anew),
		TERMINAL_TEST(a_stream_that_waits_for_room_when_it_begins_is_told),
		TERMINAL_TEST(a_terminal_is_given_back_as_it_was),
		TERMINAL_TEST(without_focus_there_is_nothing_to_attach_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
