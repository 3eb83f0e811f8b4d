// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The terminal: what is typed, and who gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void too_much_typing_loses_the_newest(void **state)
{
	static char keys[301];

	(void)state;
	focus(a);
	for (unsigned int i = 0; i < 300; i++)
		keys[i] = (char)('a' + i % 26);
	keys[300] = 0;
	type(keys);
	uart_fn(); /* one interrupt takes 256 */
	keys[256] = 0;
	assert_string_equal(read_all(a), keys);
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

static unsigned int menu_runs;

static void menu_run(struct work *w)
{
	(void)w;
	menu_runs++;
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
	struct work menu;

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
		TERMINAL_TEST(discarded_input_is_gone_and_new_input_is_told),
		TERMINAL_TEST(too_much_typing_loses_the_newest),
		TERMINAL_TEST(escape_is_never_seen_by_the_guest),
		TERMINAL_TEST(escape_twice_sends_one),
		TERMINAL_TEST(a_command_says_what_more_is_the_menus),
		TERMINAL_TEST(escape_works_before_any_focus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
