// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: whose line is on the screen, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"

static void lines_of_two_guests_never_mix(void **state)
{
	(void)state;
	say(a, "one ");
	say(b, "two ");
	say(a, "three\n");
	say(b, "four\n");
	SCREEN("[a] one three\r\n[b] two four\r\n");
}

static void the_focused_guest_appears_at_once(void **state)
{
	(void)state;
	focus(a);
	say(a, "~");
	SCREEN("[a] ~");
	say(a, " # ");
	SCREEN("[a] ~ # ");
	say(a, "ls\n");
	SCREEN("[a] ~ # ls\r\n");
}

static void a_prompt_is_repeated_after_another_guests_line(void **state)
{
	(void)state;
	focus(a);
	say(a, "~ # l");
	say(b, "hello\n");
	SCREEN("[a] ~ # l\r\n[b] hello\r\n[a] ~ # l");
	say(a, "s\r\n");
	SCREEN("[a] ~ # l\r\n[b] hello\r\n[a] ~ # ls\r\n");
}

static void one_guest_alone_has_no_prefix_unless_asked_for(void **state)
{
	(void)state;
	start_alone(false);
	focus(a);
	say(a, "one\r\ntwo\n$ ");
	SCREEN("one\r\ntwo\r\n$ ");
	clear_screen();
	/* Its line is still whole after another's, and what would move the cursor is still shown. */
	term_log("a line\n", 7);
	transmit_all();
	SCREEN("\r\n[hartvisor] a line\r\n$ ");
	clear_screen();
	say(a, "ab\rc\033[H\n");
	SCREEN("ab\rc^[[H\r\n");
	start_alone(true);
	focus(a);
	say(a, "one\n");
	SCREEN("[a] one\r\n");
}

static void a_prompt_is_repeated_once_after_several_lines(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	say(b, "1\n2\n3\n");
	SCREEN("[a] $ \r\n[b] 1\r\n[b] 2\r\n[b] 3\r\n[a] $ ");
}

static void a_log_line_does_not_cut_a_prompt(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	term_log("vm b: off\n", 10);
	transmit_all();
	SCREEN("[a] $ \r\n[hartvisor] vm b: off\r\n[a] $ ");
}

static void without_guests_log_lines_go_straight_out(void **state)
{
	(void)state;
	term_log("one\n", 4);
	term_log("two\n", 4);
	transmit_all();
	SCREEN("[hartvisor] one\r\n[hartvisor] two\r\n");
}

static void an_empty_line_is_a_line(void **state)
{
	(void)state;
	focus(a);
	say(a, "\n\r\n");
	say(b, "\n");
	SCREEN("[a] \r\n[a] \r\n[b] \r\n");
}

static void an_unfocused_prompt_appears_with_the_focus(void **state)
{
	(void)state;
	focus(a);
	say(b, "login: ");
	SCREEN("");
	term_focus(b);
	transmit_all();
	SCREEN("[hartvisor] console: b (^] h for help)\r\n[b] login: ");
	say(b, "x");
	assert_non_null(strstr(screen, "[b] login: x"));
}

static void the_prompt_left_behind_comes_back_with_the_focus(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	focus(b);
	say(a, "still here");
	SCREEN("");
	term_focus(a);
	transmit_all();
	assert_non_null(strstr(screen, "\r\n[a] $ still here"));
}

static void a_held_line_is_cut_at_256_bytes_and_nothing_is_lost(void **state)
{
	char line[301], want[400];

	(void)state;
	memset(line, 'x', 300);
	line[300] = 0;
	say(b, line);
	snprintf(want, sizeof(want), "[b] %.256s\r\n", line);
	SCREEN(want);
	clear_screen();
	say(b, "!\n");
	snprintf(want, sizeof(want), "[b] %.44s!\r\n", line);
	SCREEN(want);
}

static void a_long_focused_line_is_shown_whole(void **state)
{
	char line[1001];

	(void)state;
	focus(a);
	memset(line, 'y', 1000);
	line[1000] = 0;
	say(a, line);
	assert_int_equal(screen_len, 4 + 1000);
	say(b, "z\n");
	assert_non_null(strstr(screen, "y\r\n[b] z\r\n[a] y"));
}

static void a_redrawn_line_keeps_its_prefix(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ abc");
	say(a, "\r$ x\x1b[J");
	SCREEN("[a] $ abc\r[a] $ x\x1b[K");
	clear_screen();
	say(b, "10%\r20%\r\n");
	assert_memory_equal(screen, "\r\n[b] 10%\r[b] 20%\r\n[a] $ abc\r[a] $ x\x1b[K", screen_len);
}

static void a_return_before_the_newline_may_come_apart(void **state)
{
	(void)state;
	focus(a);
	say(a, "one\r");
	SCREEN("[a] one");
	say(b, "two\n");
	say(a, "\n");
	SCREEN("[a] one\r\n[b] two\r\n[a] one\r\n");
	clear_screen();
	say(a, "x\n\ry\n");
	SCREEN("[a] x\r\n[a] y\r\n");
}

static void line_editing_and_colours_pass(void **state)
{
	(void)state;
	focus(a);
	say(a, "ab\b \b\x07");
	SCREEN("[a] ab\b \b\x07");
	say(b, "\x1b[1;31mred\x1b[0m\n");
	/* The bell has rung. */
	SCREEN("[a] ab\b \b\x07\r\n[b] \x1b[1;31mred\x1b[0m\r\n[a] ab\b \b");
}

static void a_colour_ends_with_its_line(void **state)
{
	(void)state;
	focus(a);
	say(a, "\x1b[31m$ ");
	say(b, "\x1b[7m\rx\n");
	SCREEN("[a] \x1b[31m$ \x1b[0m\r\n[b] \x1b[7m\r\x1b[0m[b] x\r\n[a] \x1b[31m$ ");
	clear_screen();
	term_drain();
	SCREEN("\x1b[0m");
}

static void own_lines_obey_nothing(void **state)
{
	static const char line[] = "node \x1b[2J\x9b"
				   "5n\r[x]\n";

	(void)state;
	term_log(line, sizeof(line) - 1);
	term_printf("%s", "a\x1b[8m\xff\rb");
	transmit_all();
	SCREEN("[hartvisor] node ^[[2J\\x9b5n^M[x]\r\n[hartvisor] a^[[8m\\xff^Mb\r\n");
}

static void a_long_line_does_not_tear_a_character(void **state)
{
	char line[301];

	(void)state;
	memset(line, 'x', 255);
	strcpy(line + 255, "\xc3\xa9!");
	say(b, line);
	say(b, "\n");
	assert_int_equal(screen_len, 4 + 255 + 2 + 4 + 3 + 2);
	assert_non_null(strstr(screen, "x\r\n[b] \xc3\xa9!\r\n"));
}

static void colours_come_when_a_terminal_answers_and_touch_the_prefix_only(void **state)
{
	(void)state;
	start_again(true);
	focus(b);
	say(a, "text\n");
	SCREEN("[a] text\r\n");
	clear_screen();
	type("\x1b[");
	type("0nx");
	/* Now that it answers it is asked how wide it is. */
	SCREEN("\x1b"
	       "7\x1b[999C\x1b[6n\x1b"
	       "8");
	clear_screen();
	say(a, "text\n");
	assert_memory_equal(screen, "\x1b[0;3", 5);
	assert_non_null(strstr(screen, "m[a]\x1b[0m text\r\n"));
	assert_string_equal(read_all(b), "x");
}

static void the_terminal_is_asked_only_if_colours_are_welcome(void **state)
{
	(void)state;
	term_init(TERM_ASK_NEVER);
	transmit_all();
	SCREEN("");
	term_init(TERM_ASK_TYPED);
	term_guests_run();
	transmit_all();
	SCREEN("");
	type("x");
	SCREEN("\x1b[5n");
	type("y");
	SCREEN("\x1b[5n");
	clear_screen();
	term_init(TERM_ASK_NOW);
	transmit_all();
	SCREEN("\x1b[5n");
}

static void a_flush_ends_what_a_dead_guest_left_open(void **state)
{
	(void)state;
	say(b, "Power do");
	term_stream_flush(b);
	focus(a);
	term_stream_flush(a);
	say(a, "$ ");
	term_stream_flush(a);
	say(b, "x\n");
	SCREEN("[a] $ \r\n[b] x\r\n");
}

static void a_flushed_unfocused_line_is_printed(void **state)
{
	(void)state;
	say(b, "Power do");
	SCREEN("");
	term_stream_flush(b);
	transmit_all();
	SCREEN("[b] Power do\r\n");
}

static void menu_lines_have_the_prefix_and_hold_the_prompt_back(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	term_hold(true);
	term_printf("%d VMs", 2);
	term_printf("end");
	term_hold(false);
	transmit_all();
	SCREEN("[a] $ \r\n[hartvisor] 2 VMs\r\n[hartvisor] end\r\n[a] $ ");
}

static void a_prompt_of_the_menus_is_drawn_anew_and_ends_before_other_lines(void **state)
{
	(void)state;
	focus(a);
	say(a, "$ ");
	term_prompt("VM: ");
	term_prompt("VM: 1");
	transmit_all();
	say(a, "x");
	term_prompt("VM: 12");
	term_printf("done");
	transmit_all();
	SCREEN("[a] $ \r\n[hartvisor] VM: \r[hartvisor] VM: 1\r\n[a] $ x\r\n"
	       "[hartvisor] VM: 12\r\n[hartvisor] done\r\n[a] $ x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(lines_of_two_guests_never_mix),
		TERMINAL_TEST(the_focused_guest_appears_at_once),
		TERMINAL_TEST(a_prompt_is_repeated_after_another_guests_line),
		TERMINAL_TEST(one_guest_alone_has_no_prefix_unless_asked_for),
		TERMINAL_TEST(a_prompt_is_repeated_once_after_several_lines),
		TERMINAL_TEST(a_log_line_does_not_cut_a_prompt),
		TERMINAL_TEST(a_prompt_of_the_menus_is_drawn_anew_and_ends_before_other_lines),
		TERMINAL_TEST(without_guests_log_lines_go_straight_out),
		TERMINAL_TEST(an_empty_line_is_a_line),
		TERMINAL_TEST(an_unfocused_prompt_appears_with_the_focus),
		TERMINAL_TEST(the_prompt_left_behind_comes_back_with_the_focus),
		TERMINAL_TEST(a_held_line_is_cut_at_256_bytes_and_nothing_is_lost),
		TERMINAL_TEST(a_long_focused_line_is_shown_whole),
		TERMINAL_TEST(a_redrawn_line_keeps_its_prefix),
		TERMINAL_TEST(a_return_before_the_newline_may_come_apart),
		TERMINAL_TEST(line_editing_and_colours_pass),
		TERMINAL_TEST(a_colour_ends_with_its_line),
		TERMINAL_TEST(own_lines_obey_nothing),
		TERMINAL_TEST(a_long_line_does_not_tear_a_character),
		TERMINAL_TEST(colours_come_when_a_terminal_answers_and_touch_the_prefix_only),
		TERMINAL_TEST(the_terminal_is_asked_only_if_colours_are_welcome),
		TERMINAL_TEST(a_flush_ends_what_a_dead_guest_left_open),
		TERMINAL_TEST(a_flushed_unfocused_line_is_printed),
		TERMINAL_TEST(menu_lines_have_the_prefix_and_hold_the_prompt_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
