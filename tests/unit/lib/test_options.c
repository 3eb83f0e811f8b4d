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
	/* Another word of the same length. */
	assert_false(option_flag("hartvisor.sway", "hartvisor.stay"));
	assert_true(option_flag("hartvisor.sway=1 hartvisor.stay", "hartvisor.stay"));
}

static void numbers_have_up_to_18_digits_and_nothing_else(void **state)
{
	static const char *const none[] = {
		"n=",	 "n=1234567890123456789",
		"n=12x", "n=x12",
		"n=1/2", "n=1:2",
		"n=-1",	 "n=+1",
		"n",	 "nn=1",
		"",
	};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (option_number(none[i], "n", &n))
			fail_msg("%s is taken", none[i]);
	assert_true(n == 7);
	assert_true(option_number("n=123456789012345678", "n", &n));
	assert_true(n == UINT64_C(123456789012345678));
	assert_true(option_number("n=0 n=1", "n", &n));
	assert_true(n == 0);
	assert_true(option_number("n=9", "n", &n));
	assert_true(n == 9);
}

static void good_words_and_those_of_others_are_left_alone(void **state)
{
	(void)state;
	fake_log_reset();
	options_check("");
	options_check("console=ttyS0 foo=1 hartvisor hartvisor_x=1 nohartvisor.x=1  quiet");
	options_check("hartvisor.config=a hartvisor.colour=0 hartvisor.vmid-bits=14 "
		      "hartvisor.guest-cpus=2 hartvisor.guest-memory=1G hartvisor.stay "
		      "hartvisor.prefix=0 hartvisor.trace=1");
	options_check("hartvisor.stay=0");
	/* The longest first: nothing of it is left in the others' names. */
	options_check("hartvisor.guest-memory=1G hartvisor.guest-cpus=2 hartvisor.vmid-bits=0 "
		      "hartvisor.colour=1 hartvisor.config=a");
	assert_int_equal(fake_log_count, 0);
}

static void each_number_has_its_limit(void **state)
{
	static const struct {
		const char *name;
		unsigned int max;
	} limits[] = { { "hartvisor.colour", 1 },
		       { "hartvisor.vmid-bits", 14 },
		       { "hartvisor.prefix", 1 },
		       { "hartvisor.trace", 1 },
		       { "hartvisor.stay", 1 } };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(limits); i++) {
		char word[64];
		uint64_t n;

		fake_log_reset();
		snprintf(word, sizeof(word), "%s=%u", limits[i].name, limits[i].max);
		options_check(word);
		assert_int_equal(fake_log_count, 0);
		assert_true(option_number(word, limits[i].name, &n));
		assert_true(n == limits[i].max);
		snprintf(word, sizeof(word), "%s=%u", limits[i].name, limits[i].max + 1);
		options_check(word);
		assert_int_equal(fake_log_count, 1);
		assert_false(option_number(word, limits[i].name, &n));
	}
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
		  "hartvisor.guest-memory=, hartvisor.prefix=, hartvisor.trace=, hartvisor.stay" },
		{ "hartvisor.a-name-that-is-longer-than-any-that-exists-here=1",
		  "config: /chosen: bootargs: hartvisor.a-name-that-is-longer-than-any-that-ex: "
		  "unknown, allowed: hartvisor.config=, hartvisor.colour=, hartvisor.vmid-bits=, "
		  "hartvisor.guest-cpus=, hartvisor.guest-memory=, hartvisor.prefix=, hartvisor.trace=, hartvisor.stay" },
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

static void a_word_counts_once_whichever_it_is(void **state)
{
	static const char *const words[] = { "config=a",     "colour=1",       "vmid-bits=1",
					     "guest-cpus=1", "guest-memory=1", "prefix=1",
					     "stay=1" };
	char args[80], said[160];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		fake_log_reset();
		snprintf(args, sizeof(args), "hartvisor.%s hartvisor.%s", words[i], words[i]);
		options_check(args);
		snprintf(
			said, sizeof(said),
			"config: /chosen: bootargs: hartvisor.%s: must be given once, the first is taken",
			words[i]);
		assert_logged(said);
		assert_int_equal(fake_log_count, 1);
	}
}

/* Four lines and one that says so, whatever is wrong with the words. */
static void wrong_words_of_every_kind_count(void **state)
{
	static const char *const floods[] = {
		"hartvisor.config hartvisor.guest-cpus hartvisor.guest-memory hartvisor.colour "
		"hartvisor.vmid-bits hartvisor.x hartvisor.y",
		"hartvisor.colour=9 hartvisor.vmid-bits=99 hartvisor.x hartvisor.y hartvisor.z hartvisor.w",
		"hartvisor.config=a hartvisor.config=a hartvisor.config=a hartvisor.config=a "
		"hartvisor.config=a hartvisor.config=a hartvisor.config=a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		fake_log_reset();
		options_check(floods[i]);
		assert_int_equal(fake_log_count, 5);
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
		cmocka_unit_test(numbers_have_up_to_18_digits_and_nothing_else),
		cmocka_unit_test(good_words_and_those_of_others_are_left_alone),
		cmocka_unit_test(a_word_counts_once_whichever_it_is),
		cmocka_unit_test(wrong_words_of_every_kind_count),
		cmocka_unit_test(each_number_has_its_limit),
		cmocka_unit_test(words_without_effect_are_told),
		cmocka_unit_test(a_flood_of_wrong_words_is_cut_short),
		cmocka_unit_test(the_closest_word_is_at_most_two_letters_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
