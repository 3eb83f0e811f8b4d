// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/log.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/log.h"

static char got[1024];
static size_t got_len;
static unsigned int got_count;

static void sink(const char *line, size_t len)
{
	assert_true(len < sizeof(got));
	memcpy(got, line, len);
	got[len] = 0;
	got_len = len;
	got_count++;
}

static int setup(void **state)
{
	(void)state;
	log_set_sink(sink);
	log_set_level(LOG_INFO);
	got_count = 0;
	return 0;
}

static void a_line_ends_in_one_newline(void **state)
{
	(void)state;
	log_info("vm %d up", 3);
	assert_string_equal(got, "0.000000 vm 3 up\n");
	assert_int_equal(got_len, 17);
}

static uint64_t clock_us(void)
{
	return 12345061894;
}

static void a_line_begins_with_the_seconds_since_boot(void **state)
{
	(void)state;
	log_set_clock(clock_us);
	log_warn("w");
	assert_string_equal(got, "12345.061894 warning: w\n");
	log_set_clock(NULL);
}

static void errors_and_warnings_say_so(void **state)
{
	(void)state;
	log_error("x");
	assert_string_equal(got, "0.000000 error: x\n");
	log_warn("y");
	assert_string_equal(got, "0.000000 warning: y\n");
}

static void what_is_below_the_level_is_not_said(void **state)
{
	(void)state;
	log_debug("no");
	assert_int_equal(got_count, 0);
	log_set_level(LOG_DEBUG);
	log_debug("yes");
	assert_string_equal(got, "0.000000 debug: yes\n");
	log_set_level(LOG_ERROR);
	log_warn("no");
	assert_int_equal(got_count, 1);
	log_error("always");
	assert_int_equal(got_count, 2);
}

static void long_lines_are_cut_at_496(void **state)
{
	char longer[600];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[599] = 0;
	log_info("%s", longer);
	assert_int_equal(got_len, 497);
	assert_int_equal(got[496], '\n');
	longer[487] = 0;
	log_info("%s", longer);
	assert_int_equal(got_len, 497);
	log_error("%s", longer);
	assert_int_equal(got_len, 497);
	longer[486] = 0;
	log_info("%s", longer);
	assert_int_equal(got_len, 496);
	assert_string_equal(got + 494, "a\n");
}

static void a_line_may_have_no_text(void **state)
{
	(void)state;
	log_info("%s", "");
	assert_string_equal(got, "0.000000 \n");
}

static void all_of_ascii_that_prints_is_kept(void **state)
{
	(void)state;
	log_info("%s", "\x1f !Az}~\x7f\x80");
	assert_string_equal(got, "0.000000 ? !Az}~??\n");
}

static void a_name_cannot_forge_a_line(void **state)
{
	(void)state;
	log_info("vm %s", "a\n[hartvisor] all is well\x1b[2J");
	assert_string_equal(got, "0.000000 vm a?[hartvisor] all is well?[2J\n");
	/* C1 controls, as a byte and in UTF-8. */
	log_info("vm %s", "\x9b"
			  "5n \xc2\x9b"
			  "c");
	assert_string_equal(got, "0.000000 vm ?5n ??c\n");
}

static void without_a_sink_nothing_happens(void **state)
{
	(void)state;
	log_set_sink(NULL);
	log_error("lost");
	assert_int_equal(got_count, 0);
}

/* Of a ring that goes round, the first line may lack its beginning: it is left out. */
static void the_last_lines_are_kept(void **state)
{
	char ring[64], line[32];
	uint64_t at = 0;

	(void)state;
	log_keep(ring, sizeof(ring));
	assert_false(log_read(&at, line, sizeof(line)));
	log_info("one");
	log_info("two");
	assert_true(log_read(&at, line, sizeof(line)));
	assert_string_equal(line, "0.000000 one");
	assert_true(log_read(&at, line, sizeof(line)));
	assert_string_equal(line, "0.000000 two");
	assert_false(log_read(&at, line, sizeof(line)));
	for (int i = 10; i < 30; i++)
		log_info("line %d", i);
	assert_true(log_read(&at, line, sizeof(line)));
	assert_string_equal(line, "0.000000 line 27");
	assert_true(log_read(&at, line, 8));
	assert_string_equal(line, "0.00000");
	assert_true(log_read(&at, line, sizeof(line)));
	assert_string_equal(line, "0.000000 line 29");
	assert_false(log_read(&at, line, sizeof(line)));
	log_keep(NULL, 0);
}

/* Without time and level, and as one line. */
static void the_first_error_is_captured(void **state)
{
	char buf[16] = "before";

	(void)state;
	log_capture(buf, sizeof(buf));
	log_warn("no error");
	log_info("none, either");
	assert_int_equal(log_capture_end(), 0);
	assert_string_equal(buf, "before");
	log_capture(buf, sizeof(buf));
	log_error("a %s of two\nlines", "name");
	log_error("another");
	assert_int_equal(log_capture_end(), 2);
	assert_string_equal(buf, "a name of two?l");
	log_error("later");
	assert_string_equal(buf, "a name of two?l");
	assert_int_equal(log_capture_end(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_ends_in_one_newline, setup),
		cmocka_unit_test_setup(a_line_begins_with_the_seconds_since_boot, setup),
		cmocka_unit_test_setup(errors_and_warnings_say_so, setup),
		cmocka_unit_test_setup(what_is_below_the_level_is_not_said, setup),
		cmocka_unit_test_setup(long_lines_are_cut_at_496, setup),
		cmocka_unit_test_setup(a_line_may_have_no_text, setup),
		cmocka_unit_test_setup(all_of_ascii_that_prints_is_kept, setup),
		cmocka_unit_test_setup(a_name_cannot_forge_a_line, setup),
		cmocka_unit_test_setup(without_a_sink_nothing_happens, setup),
		cmocka_unit_test_setup(the_last_lines_are_kept, setup),
		cmocka_unit_test_setup(the_first_error_is_captured, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
