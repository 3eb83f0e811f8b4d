// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* A console that goes: afterwards its memory is another's, and the terminal works on for the others. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"
#include "term/term_internal.h"

/* Its memory holds something else from now on. */
static void closes(struct term_stream *s)
{
	term_stream_close(s);
	memset(s, 0xa5, sizeof(*s));
}

/* All that the terminal does goes over its streams. */
static void the_other_works(void)
{
	clear_screen();
	say(b, "alone\n");
	SCREEN("alone\r\n"); /* the only one has no prefix */
	while (work_run_one())
		;
	focus(b);
	clear_screen();
	type("hi");
	assert_string_equal(read_all(b), "hi");
	say(b, "$ ");
	assert_true(term_attach());
	transmit_all();
	say(b, "raw");
	assert_true(term_attach());
	transmit_all();
	tick();
	while (work_run_one())
		;
}

static void what_it_had_queued_is_dropped(void **state)
{
	static char much[TERM_OUTPUT_MAX / 2];

	(void)state;
	focus(b);
	say(a, "an unfinished line");
	fifo_room = 0; /* the wire is busy: what comes now waits */
	memset(much, 'x', sizeof(much));
	assert_true(term_stream_write(a, much, sizeof(much)) > 0);
	closes(a);
	fifo_room = 16;
	transmit_all();
	clear_screen();
	the_other_works();
	assert_null(strstr(screen, "unfinished"));
}

static void the_one_in_focus_ends_its_line_and_nothing_has_the_focus(void **state)
{
	(void)state;
	focus(a);
	clear_screen();
	say(a, "login: ");
	closes(a);
	assert_null(term_focused());
	type("lost");
	transmit_all();
	assert_non_null(strstr(screen, "login: \r\n"));
	the_other_works();
}

static void the_one_that_has_the_terminal_raw_gives_it_back(void **state)
{
	(void)state;
	focus(a);
	assert_true(term_attach());
	say(a, "\033[2Jraw");
	closes(a);
	transmit_all();
	the_other_works();
}

static void what_waited_for_room_is_not_told(void **state)
{
	static char much[TERM_OUTPUT_MAX];

	(void)state;
	focus(b);
	fifo_room = 0;
	memset(much, 'x', sizeof(much));
	(void)term_stream_write(a, much, sizeof(much));
	assert_false(term_stream_want_room(a, TERM_OUTPUT_MAX - 1));
	closes(a);
	fifo_room = 16;
	transmit_all();
	while (work_run_one())
		;
	assert_int_equal(room_a, 0);
	the_other_works();
}

static void both_may_go_in_either_order(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		start_again(false);
		say(a, "a line\n");
		closes(first ? b : a);
		say(first ? a : b, "another\n");
		closes(first ? a : b);
		transmit_all();
		type("x");
		tick();
		while (work_run_one())
			;
		assert_false(term_attach());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_it_had_queued_is_dropped),
		TERMINAL_TEST(the_one_in_focus_ends_its_line_and_nothing_has_the_focus),
		TERMINAL_TEST(the_one_that_has_the_terminal_raw_gives_it_back),
		TERMINAL_TEST(what_waited_for_room_is_not_told),
		TERMINAL_TEST(both_may_go_in_either_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
