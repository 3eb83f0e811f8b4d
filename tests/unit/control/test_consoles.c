// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* What the console that is attached prints, and what is typed for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/event.h"
#include "fake/control.h"

/* All but the final 0. */
#define SEND(text) send_bytes(text, sizeof(text) - 1)

static void says(const char *line, const char *answer)
{
	assert_string_equal(ask(line), answer);
}

static void a_console_comes_as_events_while_it_is_attached(void **state)
{
	(void)state;
	prints(0, "unread", 6);
	says("1 console.attach vm-1", "{\"id\":1,\"ok\":true}\n");
	said_len = 0;
	prints(0, "a\"\\\r\n\0\377b", 8);
	prints(2, "other", 5);
	run_channel();
	assert_string_equal(
		said,
		"{\"event\":\"console\",\"console\":\"vm-1\",\"text\":\"a\\\"\\\\\\u000d\\u000a\\u0000\\u00ffb\"}\n");
	says("2 console.attach vm-3", "{\"id\":2,\"ok\":true}\n");
	prints(0, "no more", 7);
	run_channel();
	assert_null(strstr(said, "event"));
	says("3 console.detach", "{\"id\":3,\"ok\":true}\n");
	prints(2, "no more", 7);
	run_channel();
	assert_null(strstr(said, "event"));
	says("4 console.attach vm-1", "{\"id\":4,\"ok\":true}\n");
	prints(0, "old", 3);
	connect_anew();
	prints(0, "new", 3);
	run_channel();
	assert_null(strstr(said, "event"));
}

/* As many bytes as there are kept come, all of them, and then the number of those that are lost. */
static void what_is_lost_is_counted(void **state)
{
	static const char line[] = "0123456789abcdef";
	unsigned int printed = 0, pieces = 0;
	size_t at = 0;
	char lost[96];

	(void)state;
	(void)ask("1 console.attach vm-1");
	said_len = 0;
	said[0] = '\0';
	room = 0;
	for (; printed < 20000; printed += 16)
		prints(0, line, 16);
	run_channel();
	/* There is room again, but what would come now comes behind what is lost. */
	prints(0, "zzzz", 4);
	printed += 4;
	become(&machines[0], VM_STOPPING);
	room = sizeof(said) - 1;
	SEND("");
	run_channel();
	for (const char *p = said; (p = strstr(p, "\"text\":\"")) != NULL; pieces++)
		for (p += 8; *p != '"'; p++, at++)
			assert_int_equal(*p, line[at % 16]);
	assert_true(at >= CONSOLE_KEPT);
	assert_true(pieces >= CONSOLE_KEPT / CONSOLE_PIECE);
	snprintf(lost, sizeof(lost),
		 "{\"event\":\"console\",\"console\":\"vm-1\",\"lost\":%zu}\n{\"event\":\"state\"",
		 printed - at);
	assert_non_null(strstr(said, lost)); /* and then what came behind it */
	said_len = 0;
	prints(0, "on", 2);
	run_channel();
	assert_non_null(strstr(said, "\"text\":\"on\""));
}

static void bytes_are_typed(void **state)
{
	(void)state;
	said_len = 0;
	SEND("1 console.type vm-1 5\nl\ns\0\3772 version\n");
	run_channel();
	assert_non_null(strstr(said, "{\"id\":1,\"ok\":true,\"taken\":5}\n{\"id\":2,\"ok\":true"));
	assert_int_equal(nr_typed, 5);
	assert_memory_equal(typed, "l\ns\0\377", 5);
	type_room = 2;
	said_len = 0;
	SEND("3 console.type vm-1 4\nabcd");
	run_channel();
	assert_string_equal(said, "{\"id\":3,\"ok\":true,\"taken\":2}\n");
	assert_int_equal(fake_vm_refs, 0);
}

static void wrong_requests_are_told(void **state)
{
	static const struct {
		const char *line, *why;
	} wrong[] = {
		{ "1 console.attach", "must be followed by a console's name" },
		{ "1 console.attach vm-9", "console vm-9: no such console" },
		{ "1 console.attach vm-1 x", "alone" },
		{ "1 console.detach x", "must be followed by nothing" },
		{ "1 console.type vm-1", "1 to 128" },
		{ "1 console.type vm-1 0", "1 to 128" },
		{ "1 console.type vm-1 129", "1 to 128" },
		{ "1 console.type vm-9 2\nab", "no such console" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *got = ask(wrong[i].line);

		if (!strstr(got, wrong[i].why))
			fail_msg("%s: %s", wrong[i].line, got);
	}
	assert_int_equal(nr_typed, 0);
}

/* The VM goes while the bytes come. */
static void one_that_goes_meanwhile_is_no_console(void **state)
{
	(void)state;
	said_len = 0;
	SEND("1 console.type vm-1 4\nab");
	run_channel();
	vms[0] = NULL;
	SEND("cd");
	run_channel();
	assert_non_null(strstr(said, "\"id\":1,\"ok\":false"));
	assert_int_equal(nr_typed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_console_comes_as_events_while_it_is_attached),
		CONTROL_TEST(what_is_lost_is_counted),
		CONTROL_TEST(bytes_are_typed),
		CONTROL_TEST(wrong_requests_are_told),
		CONTROL_TEST(one_that_goes_meanwhile_is_no_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
