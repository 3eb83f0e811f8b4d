// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
// SOURCES: tests/unit/fake/vt.c
/* The terminal: what a guest prints is data. No guest starts a row, moves out of its own or is obeyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "fake/vt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct shown {
	const char *said, *seen;
};

/* What is shown, in a row of the guest's in focus. */
static const struct shown escaped[] = {
	/* The cursor, the screen, its regions and modes. */
	{ "\x1b[A", "^[[A" },
	{ "\x1b[2B", "^[[2B" },
	{ "\x1b[1G", "^[[1G" },
	{ "\x1b[H", "^[[H" },
	{ "\x1b[3;1H", "^[[3;1H" },
	{ "\x1b[1d", "^[[1d" },
	{ "\x1b[E", "^[[E" },
	{ "\x1b[1F", "^[[1F" },
	{ "\x1b[2K", "^[[2K" },
	{ "\x1b[1K", "^[[1K" },
	{ "\x1b[2J", "^[[2J" },
	{ "\x1b[3J", "^[[3J" },
	{ "\x1b[1;5r", "^[[1;5r" },
	{ "\x1b[2L", "^[[2L" },
	{ "\x1b[M", "^[[M" },
	{ "\x1b[5S", "^[[5S" },
	{ "\x1b[s\x1b[u", "^[[s^[[u" },
	{ "\x1b"
	  "7\x1b"
	  "8",
	  "^[7^[8" },
	{ "\x1b"
	  "c",
	  "^[c" },
	{ "\x1b[!p", "^[[!p" },
	{ "\x1b"
	  "D\x1bM\x1b"
	  "E",
	  "^[D^[M^[E" },
	{ "\x1b#8", "^[#8" },
	{ "\x1bH", "^[H" },
	{ "\x1b[3g", "^[[3g" },
	{ "\x1b[4h", "^[[4h" },
	{ "\x1b[20l", "^[[20l" },
	{ "\x1b[?1049h", "^[[?1049h" },
	{ "\x1b[?7l", "^[[?7l" },
	{ "\x1b[?1000h", "^[[?1000h" },
	{ "\x1b[?25l", "^[[?25l" },
	{ "\x1b[8;1;1t", "^[[8;1;1t" },
	{ "\x1b[5i", "^[[5i" },
	{ "\x1b[2 q", "^[[2 q" },
	{ "\x1b[9999b", "^[[9999b" },
	{ "\x1b[1;2'z", "^[[1;2'z" },
	{ "\x0b\x0c", "^K^L" },
	{ "\x7f", "^?" },
	/* Questions. */
	{ "\x1b[5n", "^[[5n" },
	{ "\x1b[?6n", "^[[?6n" },
	{ "\x1b[c", "^[[c" },
	{ "\x1b[>c", "^[[>c" },
	{ "\x1b[0c", "^[[0c" },
	{ "\x1bZ", "^[Z" },
	{ "\x05", "^E" },
	{ "\x1b[18t", "^[[18t" },
	{ "\x1b[x", "^[[x" },
	{ "\x1b[?2004$p", "^[[?2004$p" },
	{ "\x1b[?u", "^[[?u" },
	/* Strings: their introducers are shown, so that the rest is text. */
	{ "\x1b]0;title\a", "^[]0;title" },
	{ "\x1b]52;c;?\x1b\\", "^[]52;c;?^[\\" },
	{ "\x1bP$qm\x1b\\", "^[P$qm^[\\" },
	{ "\x1b_x\x1b\\", "^[_x^[\\" },
	{ "\x1b^x", "^[^x" },
	{ "\x1bXx", "^[Xx" },
	/* Character sets. */
	{ "\x0e", "^N" },
	{ "\x1b(0", "^[(0" },
	{ "\x1b)B", "^[)B" },
	{ "\x1bn", "^[n" },
	{ "\x1b%@", "^[%@" },
	{ "\x1b N", "^[ N" },
	/* Attributes that hide, or that not every terminal understands. */
	{ "\x1b[8m", "^[[8m" },
	{ "\x1b[1;8m", "^[[1;8m" },
	{ "\x1b[11m", "^[[11m" },
	{ "\x1b[108m", "^[[108m" },
	{ "\x1b[38:2:1:2:3m", "^[[38:2:1:2:3m" },
	{ "\x1b[38;5m", "^[[38;5m" },
	{ "\x1b[38;2;1;2m", "^[[38;2;1;2m" },
	{ "\x1b[38;9;1m", "^[[38;9;1m" },
	{ "\x1b[>4;2m", "^[[>4;2m" },
	{ "\x1b[0001m", "^[[0001m" },
	{ "\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m", "^[[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m" },
	{ "\x1b[1C\x1b[1;1C", " ^[[1;1C" },
	{ "\x1b[9999C", "^[[9999C" },
	{ "\x1b[-1D", "^[[-1D" },
	/* Sequences that are cut short, or begun within one another. */
	{ "\x1b\x1b[2J", "^[^[[2J" },
	{ "\x1b[1\x1b[2J", "^[[1^[[2J" },
	{ "\x1b[\x9b"
	  "5n",
	  "^[[\\x9b5n" },
	{ "\x1b[1\x18"
	  "5n",
	  "^[[1^X5n" },
	{ "\x1b[6\x7fn", "^[[6^?n" },
	/* C1, as bytes and in UTF-8; what is no UTF-8. */
	{ "\x9b"
	  "6n",
	  "\\x9b6n" },
	{ "\x90\x9d\x84", "\\x90\\x9d\\x84" },
	{ "\xc2\x9b"
	  "6n",
	  "\\xc2\\x9b6n" },
	{ "\xc2\x80", "\\xc2\\x80" },
	{ "\xc0\x9b", "\\xc0\\x9b" },
	{ "\xe0\x82\x9b"
	  "c",
	  "\\xe0\\x82\\x9bc" },
	{ "\xf0\x80\x82\x9b", "\\xf0\\x80\\x82\\x9b" },
	{ "\xc1\x9b", "\\xc1\\x9b" },
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
	{ "\xc3(", "\\xc3(" },
	{ "\xe2\x82!", "\\xe2\\x82!" },
	{ "\xe2\x1b[2J", "\\xe2^[[2J" },
	/* The overlong forms of characters that pass. */
	{ "\xe0\x83\xa9", "\\xe0\\x83\\xa9" },
	{ "\xf0\x82\x82\xac", "\\xf0\\x82\\x82\\xac" },
	/* Characters that hide, turn the direction, or have no column of their own. */
	{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
	{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
	{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },
	{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
	{ "\xd8\x9c", "\\xd8\\x9c" },
	{ "\xd7\x90", "\\xd7\\x90" },
	{ "e\xcc\x81", "e\\xcc\\x81" },
	{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
	{ "\xc2\xad", "\\xc2\\xad" },
	{ "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81" },
	{ "\xf0\x9f\x8f\xbb", "\\xf0\\x9f\\x8f\\xbb" },
};

/* What passes as it is, and what it does. */
static const struct shown passing[] = {
	{ "abc\b\bX", "aXc" },
	{ "abc\x1b[2DX", "aXc" },
	{ "abc\x1b[DX", "abX" },
	{ "a\x1b[2CX", "a  X" },
	{ "abc\b\x1b[K", "ab" },
	{ "abc\b\b\x1b[J", "a" },
	{ "abc\b\b\x1b[0K", "a" },
	{ "abcd\b\b\b\x1b[2P", "ad" },
	{ "abc\b\b\x1b[@X", "aXbc" },
	{ "abc\rX", "Xbc" },
	{ "\ta\tb", "        a       b" },
	{ "~\tx", "~       x" },
	{ "\x1b[31mred\x1b[m", "red" },
	{ "\x1b[1;38;5;208;48;2;1;2;3mx\x1b[0m", "x" },
	{ "\x1b[;1;92;10mx", "x" },
	{ "\x1b[38;5;0mx\x1b[48;2;0;0;0my\x1b[m", "xy" },
	/* Nothing goes left of the prefix. */
	{ "\b\b\b\b\b\b\bX", "X" },
	{ "ab\x1b[99DX", "Xb" },
	{ "ab\r\b\b\b\x1b[9DX", "Xb" },
	{ "ab\b\b\b\b\bX", "Xb" },
	/* What shells say at each prompt. */
	{ "$ \x1b[6n", "$" },
	{ "\x1b[?2004h$ \x1b[?2004l", "$" },
	{ "\x1b[m\x0f\x1b(Bx", "x" },
	{ "a\0b", "a" },
};

static void start_vt(unsigned int columns, unsigned int ambiguous)
{
	vt_start(columns, ambiguous);
	clear_screen();
}

static void see(void)
{
	transmit_all();
	vt_feed(screen, screen_len);
	clear_screen();
}

/* The terminal answers, and says how wide it is. */
static void start_terminal(unsigned int columns, unsigned int ambiguous)
{
	char answer[16];

	start_again(true);
	type("\x1b[0n");
	snprintf(answer, sizeof(answer), "\x1b[1;%uR", columns);
	type(answer);
	start_vt(columns, ambiguous);
}

/* Each of @cases in one piece, and cut in two at each byte, in focus and not. */
static void check(const struct shown *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(cases[i].said);
		char want[160];

		for (size_t cut = 0; cut < len; cut++) {
			focus(a);
			start_vt(80, 1);
			put(a, cases[i].said, cut);
			put(a, cases[i].said + cut, len - cut);
			/* A character that goes on would be held. */
			put(a, "\n", 1);
			see();
			snprintf(want, sizeof(want), "[a] %s", cases[i].seen);
			assert_string_equal(vt_row(1), want);

			put(b, cases[i].said, cut);
			put(b, cases[i].said + cut, len - cut);
			put(b, "\n", 1);
			see();
			if (strchr(cases[i].said, '\a'))
				continue;
			snprintf(want, sizeof(want), "[b] %s", cases[i].seen);
			assert_string_equal(vt_row(1), want);
		}
	}
}

static void what_a_terminal_would_obey_is_shown(void **state)
{
	(void)state;
	check(escaped, COUNT(escaped));
}

static void text_colours_and_line_editing_pass(void **state)
{
	(void)state;
	check(passing, COUNT(passing));
}

static void text_in_other_scripts_passes(void **state)
{
	static const char text[] =
		"h\xc3\xa9llo \xe2\x82\xac \xce\xbb \xd0\xb6 \xe4\xb8\xad\xe6\x96\x87 \xe2\x94\x80 \xf0\x9f\x98\x80";
	char want[80];

	(void)state;
	focus(a);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		put(a, &text[i], 1);
	snprintf(want, sizeof(want), "[a] %s", text);
	transmit_all();
	SCREEN(want);
}

static void a_bell_rings_once_and_for_the_focus_alone(void **state)
{
	(void)state;
	focus(a);
	start_vt(80, 1);
	say(a, "$ \a");
	say(b, "x\a\n");
	see();
	assert_int_equal(vt_bells(), 1);
	assert_string_equal(vt_row(1), "[b] x^G");
	assert_string_equal(vt_row(0), "[a] $");
}

static void no_guest_starts_a_row_by_a_long_line(void **state)
{
	(void)state;
	for (unsigned int columns = 42; columns < 120; columns++) {
		char line[300];

		start_terminal(columns, 1);
		term_focus(a);
		/* From any column on, the row's start is met. */
		for (unsigned int spaces = columns - 10; spaces < columns + 10; spaces++) {
			snprintf(line, sizeof(line), "%*s[hartvisor] error: forged\n", (int)spaces,
				 "");
			put(a, line, strlen(line));
			put(b, line, strlen(line));
		}
		see();
		assert_int_equal(vt_count("[hartvisor]"), 1); /* console: a */
		assert_int_not_equal(vt_count("[a]+"), 0);
		assert_int_not_equal(vt_count("[b]+"), 0);
	}
}

static void what_is_too_long_for_a_row_goes_on_in_the_next(void **state)
{
	(void)state;
	start_terminal(42, 1);
	term_focus(a);
	say(a, "123456789.123456789.123456789.1234567ABC");
	see();
	assert_string_equal(vt_row(1), "[a] 123456789.123456789.123456789.1234567");
	assert_string_equal(vt_row(0), "[a]+ABC");
	say(a, "\b\b\b\b\b\bX\rY");
	see();
	assert_string_equal(vt_row(0), "[a] YBC");
	/* hartvisor's own, too. */
	term_log("0123456789012345678901234567890123456789\n", 41);
	see();
	assert_string_equal(vt_row(2), "[hartvisor]+90123456789");
}

/* Where the cursor is after that is not known: nothing goes back, and what comes begins a row. */
static void a_window_that_changes_ends_the_row(void **state)
{
	const char *end = "m[a]\x1b[0m+Y";

	(void)state;
	start_terminal(100, 1);
	term_focus(a);
	say(a, "0123456789012345678901234567890123456789012345678901234567890123456789");
	type("\x1dl");
	type("\x1b[1;60R");
	clear_screen();
	say(a, "\b\b\bY");
	assert_memory_equal(screen, "\r\n", 2);
	assert_string_equal(screen + screen_len - strlen(end), end);
	assert_null(strchr(screen, '\b'));
}

static uint32_t seed;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static size_t random_piece(char *out)
{
	static const char final[] = "ABCDEFGHJKLMPSTX@bcdfghilmnpqrstuxz~`";

	switch (any(12)) {
	case 0: {
		const char *said = escaped[any(COUNT(escaped))].said;

		return (size_t)sprintf(out, "%s", said);
	}
	case 1:
		return (size_t)sprintf(out, "%s", passing[any(COUNT(passing))].said);
	case 2:
		return (size_t)sprintf(out, "\x1b[%u%c", any(1200), final[any(sizeof(final) - 1)]);
	case 3:
		return (size_t)sprintf(out, "\x1b[%u;%um", any(120), any(120));
	case 4:
		return (size_t)sprintf(out, "%*s[hartvisor] x", (int)any(120), "");
	case 5:
		memset(out, '\b', 50);
		return any(50);
	case 6:
		out[0] = "\r\n\t\b\a\x1b\x9b"[any(7)];
		return 1;
	case 7:
		return (size_t)sprintf(out, "%s", any(2) ? "\xc3\xa9" : "\xe4\xb8\xad");
	case 8:
		for (unsigned int i = 0; i < 8; i++)
			out[i] = (char)any(256);
		return 8;
	default:
		out[0] = (char)(' ' + any(95));
		return 1;
	}
}

/* Guests print at random, hartvisor says something in between, the focus changes: all rows are whose they say. */
static void whatever_guests_print_rows_begin_with_a_prefix(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		unsigned int own = 0, columns = 42 + round % 100;

		seed = round;
		start_terminal(columns, 1 + round % 2);
		for (unsigned int i = 0; i < 300; i++) {
			char piece[256];
			size_t len = random_piece(piece);

			put(any(3) ? a : b, piece, len);
			if (any(20) == 0) {
				term_log("true\n", 5);
				own++;
			}
			if (any(30) == 0) {
				term_focus(any(4) ? any(2) ? a : b : NULL);
				own++;
			}
			if (any(50) == 0)
				term_stream_flush(any(2) ? a : b);
			see();
		}
		term_focus(NULL);
		see();
		assert_int_equal(vt_count("[hartvisor]"), own + 1);
		assert_int_equal(vt_count(""), vt_count("[hartvisor]") + vt_count("[a] ") +
						       vt_count("[a]+") + vt_count("[b] ") +
						       vt_count("[b]+"));
	}
}

static void how_it_is_cut_makes_no_difference(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		static char text[8192], whole[65536];
		size_t len = 0, at = 0;

		seed = round;
		for (unsigned int i = 0; i < 60; i++)
			len += random_piece(text + len);
		start_terminal(60, 1);
		term_focus(a);
		put(a, text, len);
		transmit_all();
		assert_true(screen_len < sizeof(whole));
		strcpy(whole, screen);

		/* The colours of prefixes come in turn, five for two guests each time. */
		for (unsigned int i = 0; i < 5; i++)
			start_terminal(60, 1);
		term_focus(a);
		while (at < len) {
			size_t n = 1 + any(3);

			n = n < len - at ? n : len - at;
			put(a, text + at, n);
			at += n;
		}
		transmit_all();
		assert_string_equal(screen, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_a_terminal_would_obey_is_shown),
		TERMINAL_TEST(text_colours_and_line_editing_pass),
		TERMINAL_TEST(text_in_other_scripts_passes),
		TERMINAL_TEST(a_bell_rings_once_and_for_the_focus_alone),
		TERMINAL_TEST(no_guest_starts_a_row_by_a_long_line),
		TERMINAL_TEST(what_is_too_long_for_a_row_goes_on_in_the_next),
		TERMINAL_TEST(a_window_that_changes_ends_the_row),
		TERMINAL_TEST(whatever_guests_print_rows_begin_with_a_prefix),
		TERMINAL_TEST(how_it_is_cut_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
