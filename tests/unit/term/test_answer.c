// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: what it says by itself is not typed; what is typed comes at once and unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"

static const char *const answers[] = {
	"\x1b[0n",
	"\x1b[3n",
	"\x1b[24;80R",
	"\x1b[1;1R",
	"\x1b[5;10R",
	"\x1b[1;80R",
	"\x1b[1;17R",
	"\x1b[?1;2c",
	"\x1b[>0;276;0c",
	"\x1b[=1;0c",
	"\x1b[?62;1;6;9;15c",
	"\x1b[?13n",
	"\x1b[?24;80;1R",
	"\x1b[8;24;80t",
	"\x1b[3;0;0t",
	"\x1b[1t",
	"\x1b[2;1;1;112;112;1;0x",
	"\x1b[?2004;2$y",
	"\x1b[4;2$y",
	"\x1b[?7$y",
	"\x1b[?0u",
	"\x1b]52;c;cm0gLXJmIC8K\x1b\\",
	"\x1b]11;rgb:0000/0000/0000\x07",
	"\x1b]0;title\x07",
	"\x1b]9;note\x07",
	"\x1b]lrm -rf /\x1b\\",
	"\x1b]Lname\x1b\\",
	"\x1bP0$r0m\x1b\\",
	"\x1bP1$r0m\x1b\\",
	"\x1bP9$r0m\x1b\\",
	"\x1bP>|xterm(390)\x1b\\",
	"\x1bP!|00000000\x1b\\",
	"\x1bP1+r544e=78\x1b\\",
	"\x1b_Gi=1;OK\x1b\\",
};

static const char *const keys[] = {
	"\x1b",	      "\x1b\x1b",     "\x1b[A",	     "\x1bOP",
	"\x1b[H",     "\x1b[F",	      "\x1b[1~",     "\x1b[3;5~",
	"\x1b[15~",   "\x1b[1;5C",    "\x1b[1;2R",   "\x1b[1;16R",
	"\x1b[5R",    "\x1b[Z",	      "\x1b[[A",     "\x1b[200~ls\x1b[201~",
	"\x1b[97;5u", "\x1b[27;5;9~", "\x1b[c",	     "\x1b[7$",
	"\x1b[M !!",  "\x1b[<0;1;1M", "\x1b[I",	     "\x1bx",
	"\x1b[",      "\x1b]",	      "\x1bP",	     "\x1b_",
	"\x1b]x",     "\x1bPx",	      "\x1b\r",	     "\x1b[12\r",
	"\xc3\xa9",   "\x1b[\x03",    "\x1b[1;1;1R", "\x1b[;R",
	"\x1b[1;5D",  "\x1b[8$",      "plain text",
};

static void answers_that_were_not_asked_for_are_swallowed(void **state)
{
	(void)state;
	focus(a);
	for (unsigned int i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "x%sy", answers[i]);
		type(text);
		assert_string_equal(read_all(a), "xy");
	}
}

static void keys_come_at_once(void **state)
{
	(void)state;
	focus(a);
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		type(keys[i]);
		assert_string_equal(read_all(a), keys[i]);
	}
}

/* Asked or not, a column of six digits is none. */
static void a_column_beyond_all_terminals_was_typed(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	type("\x1b[0n");
	type("\x1b[1;99999R");
	type("\x1b[1;100000R");
	assert_string_equal(read_all(a), "\x1b[1;100000R");
}

/* A slow wire: a burst ends anywhere. Whatever was typed comes in the end, and no byte of it twice. */
static void keys_in_pieces_are_the_same(void **state)
{
	(void)state;
	focus(a);
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		for (size_t cut = 1; cut < strlen(keys[i]); cut++) {
			char first[64];

			snprintf(first, sizeof(first), "%.*s", (int)cut, keys[i]);
			type(first);
			type(keys[i] + cut);
			assert_string_equal(read_all(a), keys[i]);
		}
	}
}

/* Behind its ESC [ and one more, an answer is known to begin: it may come in pieces. */
static void an_answer_in_pieces_is_swallowed(void **state)
{
	(void)state;
	focus(a);
	for (unsigned int i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		for (size_t cut = 3; cut < strlen(answers[i]); cut++) {
			char first[64];

			snprintf(first, sizeof(first), "%.*s", (int)cut, answers[i]);
			type(first);
			type(answers[i] + cut);
			assert_string_equal(read_all(a), "");
		}
	}
}

static void while_hartvisor_waits_every_piece_is_swallowed(void **state)
{
	const char *answer = "\x1b[0n\x1b[24;100R";

	(void)state;
	start_again(true);
	focus(a);
	for (const char *p = answer; *p; p++) {
		char one[2] = { *p, 0 };

		type(one);
	}
	assert_string_equal(read_all(a), "");
	/* It has its answers: a lone ESC is a key again. */
	type("\x1b");
	assert_string_equal(read_all(a), "\x1b");
}

static void keys_before_the_answer_do_not_hide_it(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	type("ls\x1b[A\x1b[0n\r");
	assert_string_equal(read_all(a), "ls\x1b[A\r");
	clear_screen();
	say(b, "x\n");
	assert_non_null(strstr(screen, "m[b]\x1b[0m x"));
}

static void patience_ends(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	type("0123456789012345678901234567890123456789");
	(void)read_all(a);
	type("\x1b");
	assert_string_equal(read_all(a), "\x1b");
	type("[0n");
	assert_string_equal(read_all(a), "[0n");
	clear_screen();
	say(b, "x\n");
	SCREEN("[b] x\r\n");
}

static void keys_of_several_bytes_end_it_too(void **state)
{
	(void)state;
	start_again(true);
	focus(a);
	for (unsigned int i = 0; i < 11; i++)
		type("\x1b[A");
	(void)read_all(a);
	type("\x1b");
	assert_string_equal(read_all(a), "\x1b");
}

static void a_string_ends_with_the_line(void **state)
{
	(void)state;
	focus(a);
	type("\x1b]52;c;never ended\rls\r");
	assert_string_equal(read_all(a), "\rls\r");
	type("\x1b]0\x1b[A");
	assert_string_equal(read_all(a), "\x1b[A");
	type("\x1b]0;x\x1d\x1d");
	assert_string_equal(read_all(a), "\x1d");
}

static void a_string_without_end_is_bounded(void **state)
{
	(void)state;
	focus(a);
	type("\x1b]0");
	for (unsigned int i = 0; i < 4096; i++)
		type("x");
	assert_string_equal(read_all(a), "");
	type("yz");
	assert_string_equal(read_all(a), "yz");
}

static void what_is_too_long_for_an_answer_was_typed(void **state)
{
	const char *text = "\x1b[111111111111111111111111111111111111111111R";

	(void)state;
	focus(a);
	type(text);
	assert_string_equal(read_all(a), text);
}

static void the_menu_asks_again_how_wide_the_terminal_is(void **state)
{
	(void)state;
	start_again(true);
	type("\x1b[0n\x1b[24;100R");
	focus(a);
	type("\x1dl");
	SCREEN("\x1b"
	       "7\x1b[999C\x1b[6n\x1b"
	       "8");
	/* In the first row, where it looks like a key: hartvisor has asked. */
	type("\x1b[1;2R");
	assert_string_equal(read_all(a), "");
	type("\x1b[1;2R");
	assert_string_equal(read_all(a), "\x1b[1;2R");
}

static void a_new_terminal_waits_for_no_old_answer(void **state)
{
	(void)state;
	start_again(true); /* it is asked */
	type("\x1b[1");
	start_again(false);
	focus(a);
	type("0n");
	assert_string_equal(read_all(a), "0n");
	type("\x1b");
	assert_string_equal(read_all(a), "\x1b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(answers_that_were_not_asked_for_are_swallowed),
		TERMINAL_TEST(keys_come_at_once),
		TERMINAL_TEST(a_column_beyond_all_terminals_was_typed),
		TERMINAL_TEST(keys_in_pieces_are_the_same),
		TERMINAL_TEST(an_answer_in_pieces_is_swallowed),
		TERMINAL_TEST(while_hartvisor_waits_every_piece_is_swallowed),
		TERMINAL_TEST(keys_before_the_answer_do_not_hide_it),
		TERMINAL_TEST(patience_ends),
		TERMINAL_TEST(keys_of_several_bytes_end_it_too),
		TERMINAL_TEST(a_string_ends_with_the_line),
		TERMINAL_TEST(a_string_without_end_is_bounded),
		TERMINAL_TEST(what_is_too_long_for_an_answer_was_typed),
		TERMINAL_TEST(the_menu_asks_again_how_wide_the_terminal_is),
		TERMINAL_TEST(a_new_terminal_waits_for_no_old_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
