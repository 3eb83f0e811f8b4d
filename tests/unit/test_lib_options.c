// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/options.c hyp/lib/word.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/log.h"
#include "fake/said.h"
#include "lib/options.h"
#include "lib/word.h"

static void values_are_found_by_their_whole_names(void **state)
{
	char buf[8];
	uint64_t n = 7;

	(void)state;
	assert_true(
		option_text("x hartvisor.config=a hartvisor.config=b", "hartvisor.config", buf, 8));
	assert_string_equal(buf, "a");
	assert_false(
		option_text("hartvisor.config hartvisor.configs=a", "hartvisor.config", buf, 8));
	assert_true(option_text("hartvisor.config=0123456789", "hartvisor.config", buf, 8));
	assert_string_equal(buf, "0123456");
	assert_true(option_number("\thartvisor.vmid-bits=3\n", "hartvisor.vmid-bits", &n));
	assert_true(n == 3);
	assert_false(option_number("hartvisor.vmid-bits=15", "hartvisor.vmid-bits", &n));
	assert_false(option_number("hartvisor.vmid-bits=3x", "hartvisor.vmid-bits", &n));
	assert_true(n == 3);
}

static void a_flag_needs_no_value(void **state)
{
	(void)state;
	assert_true(option_flag("x hartvisor.stay", "hartvisor.stay"));
	assert_true(option_flag("hartvisor.stay=1 y", "hartvisor.stay"));
	assert_false(option_flag("hartvisor.stay=0", "hartvisor.stay"));
	assert_false(option_flag("hartvisor.stay=", "hartvisor.stay"));
	assert_false(option_flag("hartvisor.stay=2", "hartvisor.stay"));
	assert_false(option_flag("hartvisor.stays hartvisor.sta", "hartvisor.stay"));
	assert_true(option_flag("hartvisor.stay hartvisor.stay=0", "hartvisor.stay"));
}

static void good_words_and_those_of_others_are_left_alone(void **state)
{
	(void)state;
	fake_log_reset();
	options_check("");
	options_check("console=ttyS0 foo=1 hartvisor hartvisor_x=1 nohartvisor.x=1  quiet");
	options_check("hartvisor.config=a hartvisor.colour=0 hartvisor.vmid-bits=14 "
		      "hartvisor.guest-cpus=2 hartvisor.guest-memory=1G hartvisor.stay");
	options_check("hartvisor.stay=0");
	assert_int_equal(fake_log_count, 0);
}

static void words_without_effect_are_told(void **state)
{
	static const char *const cases[][2] = {
		{ "hartvisor.colr=0",
		  "config: /chosen: bootargs: hartvisor.colr=0: unknown, did you mean hartvisor.colour=?" },
		{ "foo=1 hartvisor.guest-cpu=2 x",
		  "config: /chosen: bootargs: hartvisor.guest-cpu=2: unknown, did you mean "
		  "hartvisor.guest-cpus=?" },
		{ "hartvisor.",
		  "config: /chosen: bootargs: hartvisor.: unknown, allowed: hartvisor.config=, "
		  "hartvisor.colour=, hartvisor.vmid-bits=, hartvisor.guest-cpus=, "
		  "hartvisor.guest-memory=, hartvisor.stay" },
		{ "hartvisor.a-name-that-is-longer-than-any-that-exists-here=1",
		  "config: /chosen: bootargs: hartvisor.a-name-that-is-longer-than-any-that-ex: "
		  "unknown, allowed: hartvisor.config=, hartvisor.colour=, hartvisor.vmid-bits=, "
		  "hartvisor.guest-cpus=, hartvisor.guest-memory=, hartvisor.stay" },
		{ "hartvisor.stay=yes",
		  "config: /chosen: bootargs: hartvisor.stay=yes: must be 0 to 1; it is not used" },
		{ "hartvisor.stay= x",
		  "config: /chosen: bootargs: hartvisor.stay=: must be hartvisor.stay=VALUE" },
		{ "hartvisor.config",
		  "config: /chosen: bootargs: hartvisor.config: must be hartvisor.config=VALUE" },
		{ "hartvisor.config= x",
		  "config: /chosen: bootargs: hartvisor.config=: must be hartvisor.config=VALUE" },
		{ "hartvisor.colour=yes",
		  "config: /chosen: bootargs: hartvisor.colour=yes: must be 0 to 1; it is not used" },
		{ "hartvisor.vmid-bits=99",
		  "config: /chosen: bootargs: hartvisor.vmid-bits=99: must be 0 to 14; it is not used" },
		{ "hartvisor.config=a hartvisor.config=b",
		  "config: /chosen: bootargs: hartvisor.config=b: must be given once, the first is "
		  "taken" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_log_reset();
		options_check(cases[i][0]);
		assert_logged(cases[i][1]);
		assert_int_equal(fake_log_count, 1);
	}
}

static void a_flood_of_wrong_words_is_cut_short(void **state)
{
	char args[2000] = "";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(args, "hartvisor.wrong ");
	fake_log_reset();
	options_check(args);
	assert_int_equal(fake_log_count, 5);
}

static void the_closest_word_is_at_most_two_letters_away(void **state)
{
	static const char *const list[] = { "weight", "memory", "cpus" };

	(void)state;
	assert_string_equal(word_closest("memroy", list, 3), "memory");
	assert_string_equal(word_closest("wheigth", list, 3), "weight");
	assert_null(word_closest("disk", list, 3));
	assert_null(word_closest("a-word-that-is-longer-than-the-matrix", list, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_their_whole_names),
		cmocka_unit_test(a_flag_needs_no_value),
		cmocka_unit_test(good_words_and_those_of_others_are_left_alone),
		cmocka_unit_test(words_without_effect_are_told),
		cmocka_unit_test(a_flood_of_wrong_words_is_cut_short),
		cmocka_unit_test(the_closest_word_is_at_most_two_letters_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
