// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: what is typed, and which guest gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"
#include "lib/work.h"

static void what_is_typed_goes_to_the_focus_alone(void **state)
{
	(void)state;
	focus(b);
	type("ls\r");
	assert_int_equal(ready_b, 1);
	assert_int_equal(ready_a, 0);
	assert_true(term_stream_input_pending(b));
	assert_string_equal(read_all(b), "ls\r");
	assert_string_equal(read_all(a), "");
	assert_false(term_stream_input_pending(b));
}

static void a_reader_is_told_again_after_it_found_nothing(void **state)
{
	char c;

	(void)state;
	focus(a);
	type("xy");
	type("z");
	assert_int_equal(ready_a, 1);
	assert_int_equal(term_stream_read(a, &c, 1), 1);
	type("1");
	assert_int_equal(ready_a, 1);
	assert_string_equal(read_all(a), "yz1");
	type("2");
	assert_int_equal(ready_a, 2);
}

static void without_focus_input_goes_nowhere(void **state)
{
	(void)state;
	type("lost");
	focus(a);
	assert_string_equal(read_all(a), "");
	assert_int_equal(ready_a, 0);
}

static unsigned int menu_runs;

static void menu_run(struct work *w)
{
	(void)w;
	menu_runs++;
}

static void escape_is_the_menus(void)
{
	static struct work menu;

	work_init(&menu, menu_run);
	term_on_escape(&menu, NULL);
}

static char paste[20001];

static const char *make_paste(size_t len)
{
	for (size_t i = 0; i < len; i++)
		paste[i] = (char)('a' + i % 23);
	paste[len] = 0;
	return paste;
}

/* The interrupt is level: it comes as long as there is something and it is on. */
static void receive(void)
{
	for (unsigned int i = 0; i < 1000 && rx_irq && *typed; i++)
		uart_fn();
}

static void what_is_pasted_waits_in_the_uart_and_none_is_lost(void **state)
{
	static char got[20001];
	size_t n = 0;

	(void)state;
	focus(a);
	typed = make_paste(20000);
	while (n < 20000) {
		size_t before = n;

		receive();
		assert_true(rx_irq || *typed);
		n += term_stream_read(a, got + n, 300);
		assert_true(n > before);
	}
	got[n] = 0;
	assert_string_equal(got, make_paste(20000));
	assert_true(rx_irq);
	transmit_all();
	SCREEN("");
}

static void a_reader_that_is_slow_gets_all(void **state)
{
	size_t n = 0;
	char c;

	(void)state;
	focus(a);
	typed = make_paste(6000);
	for (; n < 6000; n++) {
		now += 900000000; /* as if it had a hart now and then */
		tick();
		receive();
		assert_int_equal(term_stream_read(a, &c, 1), 1);
		assert_int_equal(c, make_paste(6000)[n]);
	}
	SCREEN("");
}

static void the_escape_gets_through_to_a_guest_that_never_reads(void **state)
{
	static char keys[6100];

	(void)state;
	escape_is_the_menus();
	focus(a);
	strcpy(keys, make_paste(6000));
	strcat(keys, "\x1dl");
	typed = keys;
	receive();
	assert_false(rx_irq);
	assert_non_null(polling); /* without the interrupt it is the timer that looks again */
	assert_int_equal(term_menu_key(), -1);
	now += 1100000000;
	tick();
	receive();
	assert_int_equal(term_menu_key(), 'l');
	transmit_all();
	SCREEN("[hartvisor] a reads nothing: what is typed from here on is lost\r\n");
	clear_screen();
	/* It reads after all. */
	(void)read_all(a);
	type("x");
	SCREEN("[hartvisor] a has lost 1904 typed bytes\r\n");
}

static void another_guest_is_not_held_up(void **state)
{
	(void)state;
	focus(a);
	typed = make_paste(5000);
	receive();
	assert_false(rx_irq);
	term_focus(b);
	tick();
	assert_true(rx_irq);
	receive();
	assert_string_equal(typed, "");
	assert_true(term_stream_input_pending(b));
}

static void typing_to_a_paused_guest_is_kept_and_said_once(void **state)
{
	(void)state;
	escape_is_the_menus();
	focus(a);
	absent_why = "is paused";
	type("one\r");
	type("two\r");
	SCREEN("[hartvisor] a is paused\r\n");
	clear_screen();
	/* More than the ring takes is lost at once: no guest is going to read it, and ^] must come through. */
	type(make_paste(5000));
	type("\x1dl");
	assert_int_equal(term_menu_key(), 'l');
	SCREEN("[hartvisor] a reads nothing: what is typed from here on is lost\r\n");
	absent_why = NULL;
	assert_memory_equal(read_all(a), "one\rtwo\rabc", 11);
	type("x");
	absent_why = "is paused";
	clear_screen();
	type("y");
	SCREEN("[hartvisor] a is paused\r\n");
}

static void typing_to_a_guest_that_has_ended_is_not_kept(void **state)
{
	(void)state;
	escape_is_the_menus();
	focus(a);
	absent_why = "does not run";
	absent_keeps = false;
	type(make_paste(9000));
	assert_true(rx_irq);
	SCREEN("[hartvisor] a does not run\r\n");
	assert_false(term_stream_input_pending(a));
	type("\x1dl");
	assert_int_equal(term_menu_key(), 'l');
}

static void a_break_is_a_zero_byte_that_uarts_know(void **state)
{
	bool is_break;
	char buf[8];

	(void)state;
	focus(a);
	type("ab\xfe"
	     "cd");
	assert_int_equal(term_stream_read_break(a, buf, 8, &is_break), 3);
	assert_true(is_break);
	assert_memory_equal(buf, "ab", 3);
	assert_int_equal(term_stream_read_break(a, buf, 8, &is_break), 2);
	assert_false(is_break);
	type("\xfe"
	     "e");
	assert_int_equal(term_stream_read(a, buf, 8), 2);
	assert_memory_equal(buf, "\0e", 2);
	type("f");
	assert_int_equal(term_stream_read_break(a, buf, 8, &is_break), 1);
	assert_false(is_break);
}

/* A VM's life ended: its next one neither reads that, nor misses what comes from then on. */
static void discarded_input_is_gone_and_new_input_is_told(void **state)
{
	(void)state;
	focus(a);
	type("secret\r");
	term_stream_discard_input(a);
	assert_false(term_stream_input_pending(a));
	type("new");
	assert_int_equal(ready_a, 2);
	assert_string_equal(read_all(a), "new");
}

static void what_was_lost_of_discarded_input_is_not_told(void **state)
{
	(void)state;
	escape_is_the_menus();
	focus(a);
	absent_why = "is paused";
	type(make_paste(5000));
	absent_why = NULL;
	term_stream_discard_input(a);
	clear_screen();
	type("new");
	SCREEN("");
	assert_string_equal(read_all(a), "new");
}

static void a_break_that_is_discarded_does_not_hide_the_next(void **state)
{
	bool is_break;
	char buf[8];

	(void)state;
	focus(a);
	type("\xfe");
	term_stream_discard_input(a);
	type("x\xfe"
	     "y");
	assert_int_equal(term_stream_read_break(a, buf, 8, &is_break), 2);
	assert_true(is_break);
	assert_memory_equal(buf, "x", 2);
}

static void escape_is_never_seen_by_the_guest(void **state)
{
	static struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	menu_runs = 0;
	term_on_escape(&menu, NULL);
	focus(a);
	assert_int_equal(term_menu_key(), -1);
	type("a\x1dlb");
	type("\x1d");
	assert_int_equal(term_menu_key(), 'l');
	type("n");
	assert_int_equal(term_menu_key(), 'n');
	assert_int_equal(term_menu_key(), -1);
	assert_string_equal(read_all(a), "ab");
	assert_true(work_run_one());
	assert_int_equal(menu_runs, 1);
}

static void escape_twice_sends_one(void **state)
{
	(void)state;
	focus(a);
	type("\x1d\x1d"
	     "x");
	assert_string_equal(read_all(a), "\x1d"
					 "x");
	assert_int_equal(term_menu_key(), -1);
}

static void escape_works_before_any_focus(void **state)
{
	static struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	term_on_escape(&menu, NULL);
	type("\x1dq");
	assert_int_equal(term_menu_key(), 'q');
	assert_true(work_run_one());
}

static enum term_menu_more rule(char key)
{
	return key == 'k' || key == 'r' ? TERM_MENU_ANSWER :
	       key == 'g'		? TERM_MENU_LINE :
					  TERM_MENU_ONE;
}

/* What the menu has got, in capitals if it came with ^]. */
static const char *menu_got(void)
{
	static char got[64];
	unsigned int n = 0;

	for (int key; (key = term_menu_key()) >= 0;)
		got[n++] = (char)(key & TERM_MENU_PLAIN ? key : key - 'a' + 'A');
	got[n] = '\0';
	return got;
}

/* And at once: what is typed in one go is told apart before the menu has run. */
static void a_command_says_what_more_is_the_menus(void **state)
{
	static const struct {
		const char *typed, *menu, *guest;
	} rows[] = {
		{ "1\x1dkk2", "Kk", "12" },
		{ "1\x1dkn2", "Kn", "12" },
		{ "1\x1dk\x1dk2", "KK", "12" },
		{ "1\x1dk\x1dlx2", "KL", "1x2" },
		{ "1\x1dk\x1drr2", "KRr", "12" },
		{ "1\x1dgweb\rx2", "Gweb\r", "1x2" },
		{ "1\x1dgwe\x1bx2", "Gwe\x1b", "1x2" },
		{ "1\x1dgwe\x1dlx2", "GweL", "1x2" },
		{ "1\x1dlx2", "L", "1x2" },
	};
	static struct work menu;

	(void)state;
	work_init(&menu, menu_run);
	term_on_escape(&menu, rule);
	focus(a);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		type(rows[i].typed);
		assert_string_equal(menu_got(), rows[i].menu);
		assert_string_equal(read_all(a), rows[i].guest);
	}
	type("\x1dk");
	term_menu_release(); /* its key has not been taken yet: it may be about that */
	type("a");
	assert_string_equal(menu_got(), "Ka");
	type("\x1dk");
	assert_string_equal(menu_got(), "K");
	term_menu_release();
	type("a");
	assert_string_equal(read_all(a), "a");
	(void)work_run_one();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(what_is_typed_goes_to_the_focus_alone),
		TERMINAL_TEST(a_reader_is_told_again_after_it_found_nothing),
		TERMINAL_TEST(without_focus_input_goes_nowhere),
		TERMINAL_TEST(what_was_lost_of_discarded_input_is_not_told),
		TERMINAL_TEST(a_break_that_is_discarded_does_not_hide_the_next),
		TERMINAL_TEST(discarded_input_is_gone_and_new_input_is_told),
		TERMINAL_TEST(what_is_pasted_waits_in_the_uart_and_none_is_lost),
		TERMINAL_TEST(a_reader_that_is_slow_gets_all),
		TERMINAL_TEST(the_escape_gets_through_to_a_guest_that_never_reads),
		TERMINAL_TEST(another_guest_is_not_held_up),
		TERMINAL_TEST(typing_to_a_paused_guest_is_kept_and_said_once),
		TERMINAL_TEST(a_break_is_a_zero_byte_that_uarts_know),
		TERMINAL_TEST(typing_to_a_guest_that_has_ended_is_not_kept),
		TERMINAL_TEST(escape_is_never_seen_by_the_guest),
		TERMINAL_TEST(escape_twice_sends_one),
		TERMINAL_TEST(a_command_says_what_more_is_the_menus),
		TERMINAL_TEST(escape_works_before_any_focus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
