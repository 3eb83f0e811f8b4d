// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* The firmware's console. Once DBCN is missing it is not asked for again, so such a test runs in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/sbi_call.h"
#include "fake/terminal.h"
#include "term/term_internal.h"

static void start_firmware(void)
{
	have_uart = false;
	start_again(false);
}

/* Does @holds hold on a firmware without DBCN, of which nothing is known yet? */
static bool in_child(bool (*holds)(void))
{
	int status = 1;
	pid_t pid;

	start_firmware();
	have_dbcn = false;
	pid = fork();
	if (pid == 0)
		_exit(holds() ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	have_dbcn = true;
	return status == 0;
}

/* The first call is a read: it finds out that there is no DBCN, and the next one is by the old call. */
static bool reads_by_the_old_call(void)
{
	typed = "xy";
	return term_sbi_getc() == -1 && term_sbi_getc() == 'x' && term_sbi_getc() == 'y' &&
	       term_sbi_getc() == -1;
}

/* The first call is a write: it takes all by the old call, and a read does not ask for DBCN. */
static bool writes_by_the_old_call(void)
{
	typed = "x";
	return term_sbi_write("old", 3) == 3 && legacy_calls == 3 && term_sbi_getc() == 'x';
}

/* A firmware that had no DBCN has none later on. */
static bool asks_once(void)
{
	(void)term_sbi_write("a", 1);
	have_dbcn = true;
	(void)term_sbi_write("b", 1);
	return legacy_calls == 2;
}

static bool asks_once_for_input(void)
{
	(void)term_sbi_getc();
	have_dbcn = true;
	(void)term_sbi_write("b", 1);
	return legacy_calls == 1;
}

static void old_firmware_is_found_by_the_first_call(void **state)
{
	(void)state;
	assert_true(in_child(reads_by_the_old_call));
	assert_true(in_child(writes_by_the_old_call));
}

static void dbcn_that_was_missing_is_not_asked_for_again(void **state)
{
	(void)state;
	assert_true(in_child(asks_once));
	assert_true(in_child(asks_once_for_input));
}

static void each_batch_of_input_is_read_from_its_start(void **state)
{
	(void)state;
	start_firmware();
	typed = "abc";
	assert_int_equal(term_sbi_getc(), 'a');
	typed = "de"; /* what was read before comes first */
	assert_int_equal(term_sbi_getc(), 'b');
	assert_int_equal(term_sbi_getc(), 'c');
	assert_int_equal(term_sbi_getc(), 'd');
	assert_int_equal(term_sbi_getc(), 'e');
	assert_int_equal(term_sbi_getc(), -1);
}

static void a_batch_may_fill_the_buffer(void **state)
{
	static const char text[65] = { [0 ... 63] = 'x' };

	(void)state;
	start_firmware();
	typed = text;
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(term_sbi_getc(), 'x');
	assert_int_equal(term_sbi_getc(), -1);
}

static void a_firmware_that_fails_has_no_input(void **state)
{
	(void)state;
	start_firmware();
	typed = "x";
	dbcn_error = SBI_ERR_FAILED;
	assert_int_equal(term_sbi_getc(), -1);
	assert_int_equal(term_sbi_write("y", 1), 0);
	dbcn_error = SBI_SUCCESS;
	assert_int_equal(term_sbi_getc(), 'x');
	assert_int_equal(term_sbi_write("longer than five", 16), 5);
	SCREEN("longe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(old_firmware_is_found_by_the_first_call),
		TERMINAL_TEST(dbcn_that_was_missing_is_not_asked_for_again),
		TERMINAL_TEST(each_batch_of_input_is_read_from_its_start),
		TERMINAL_TEST(a_batch_may_fill_the_buffer),
		TERMINAL_TEST(a_firmware_that_fails_has_no_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
