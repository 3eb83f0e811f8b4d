// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* The control channel under bad weather: a slow reader, one that goes, floods, and VMs that come and go in the middle of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/cmd.h"
#include "control/event.h"
#include "fake/control.h"
#include "lib/work.h"
#include "vcpu/vcpu.h"

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = said; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* The other side takes @n more bytes. */
static void read_on(size_t n)
{
	room += n;
	send_bytes("", 0);
	run_channel();
}

static void an_answer_is_whole_however_slowly_it_is_read(void **state)
{
	static char whole[1 << 20];

	(void)state;
	make_vms(7, 9);
	(void)ask("1 stats");
	strcpy(whole, strstr(said, "\"vms\""));
	assert_true(said_len > 4 * 4096);
	connect_anew();
	room = 0;
	(void)ask("1 stats");
	assert_int_equal(said_len, 0);
	for (unsigned int i = 0; said_len == 0 || said[said_len - 1] != '\n'; i++)
		read_on(1 + i % 90);
	assert_string_equal(strstr(said, "\"vms\""), whole);
}

/* All that was asked is answered, in order, and nothing is lost. */
static void requests_wait_for_the_answers_before_them(void **state)
{
	(void)state;
	room = 100;
	for (unsigned int i = 0; i < 200; i++) {
		char line[32];

		snprintf(line, sizeof(line), "%u version\n", i);
		send_bytes(line, strlen(line));
	}
	run_channel();
	assert_int_equal(said_len, 100);
	while (count("\n") < 200) {
		size_t before = said_len;

		read_on(777);
		assert_true(said_len > before);
	}
	for (unsigned int i = 0; i < 200; i++) {
		char want[64];

		snprintf(want, sizeof(want), "{\"id\":%u,\"ok\":true,\"name\"", i);
		assert_int_equal(count(want), 1);
	}
}

/* One request or one piece each 50 us, whatever comes. */
static void a_flood_takes_one_step_at_a_time(void **state)
{
	static char flood[100000];
	uint64_t before = now;

	(void)state;
	memset(flood, '\n', sizeof(flood));
	steps = 0;
	send_bytes(flood, sizeof(flood));
	run_channel();
	assert_int_equal(said_len, 0);
	assert_int_equal(steps, (sizeof(flood) + 255) / 256);
	assert_int_equal(now - before, steps * 500ul);
	connect_anew();
	for (unsigned int i = 0; i < 20000; i += 2)
		memcpy(&flood[i], "x\n", 2);
	steps = 0;
	send_bytes(flood, 20000);
	run_channel();
	assert_int_equal(count("\"ok\":false"), 10000);
	assert_true(steps >= 10000);
}

/* The port may tell of each byte: before its time there is no step. */
static void no_step_comes_before_its_time(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		send_bytes("1 version\n", 10);
		while (work_run_one())
			;
	}
	assert_true(count("\n") <= 1);
	run_channel();
	assert_int_equal(count("\n"), 100);
}

static void a_line_without_end_is_one_error(void **state)
{
	static char line[50000];

	(void)state;
	memset(line, 'a', sizeof(line));
	send_bytes(line, sizeof(line));
	run_channel();
	assert_int_equal(said_len, 0);
	assert_non_null(
		strstr(ask("\n3 version"), "at most 255 characters\"}\n{\"id\":3,\"ok\":true"));
}

static void nothing_of_one_connection_is_the_next_ones(void **state)
{
	(void)state;
	/* Half a line. */
	send_bytes("1 vm.stop vm-1", 14);
	run_channel();
	connect_anew();
	assert_non_null(strstr(ask(""), ""));
	assert_null(stopped);
	assert_non_null(strstr(ask("2 version"), "{\"id\":2,\"ok\":true"));
	/* Half an answer, and events. */
	make_vms(9, 9);
	room = 10;
	(void)ask("3 stats");
	become(vms[0], VM_STOPPING);
	connect_anew();
	room = sizeof(said) - 1;
	assert_non_null(strstr(ask("4 version"), "{\"id\":4,\"ok\":true"));
	assert_null(strstr(said, "event"));
	assert_null(strstr(said, "\"id\":3"));
	assert_ptr_equal(strstr(said, "{"), said);
	/* What comes while none is connected. */
	connection = 0;
	send_bytes("5 vm.stop vm-3\n", 15);
	run_channel();
	connection = 99;
	connect_anew();
	assert_null(stopped);
}

static void events_come_unasked(void **state)
{
	char want[256];

	(void)state;
	strcpy(vms[0]->stop_why, "it said \"no\"");
	become(vms[0], VM_STOPPING);
	become(vms[0], VM_CRASHED);
	become(vms[2], VM_PAUSED);
	run_channel();
	snprintf(
		want, sizeof(want),
		"{\"event\":\"state\",\"vm\":\"vm-1\",\"from\":\"running\",\"to\":\"stopping\",\"t\":");
	assert_memory_equal(said, want, strlen(want));
	assert_int_equal(
		count("\"from\":\"stopping\",\"to\":\"crashed\",\"why\":\"it said \\\"no\\\"\",\"t\":"),
		1);
	assert_int_equal(count("\"vm\":\"vm-3\",\"from\":\"running\",\"to\":\"paused\",\"t\":"), 1);
	assert_int_equal(count("\n"), 3);
	/* None between two pieces of an answer. */
	connect_anew();
	room = 20;
	(void)ask("1 list");
	become(vms[2], VM_RUNNING);
	read_on(sizeof(said) - 1000);
	assert_non_null(strstr(said, "]}]}\n{\"event\":\"state\""));
}

static void events_that_do_not_fit_are_counted(void **state)
{
	(void)state;
	room = 0;
	become(vms[0], VM_PAUSED); /* is written, and not read */
	for (unsigned int i = 0; i < 5; i++) {
		run_channel();
		become(vms[0], VM_RUNNING);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		become(vms[0], i % 2 ? VM_PAUSED : VM_RUNNING);
		if (i % 10 == 0)
			run_channel();
	}
	room = sizeof(said) - 1;
	send_bytes("", 0);
	run_channel();
	assert_int_equal(count("\"event\":\"lost\""), 1);
	assert_int_equal(
		count("\"event\":\"state\"") + strtoul(strstr(said, "\"n\":") + 4, NULL, 10), 1006);
	assert_in_range(count("\"event\":\"state\""), EVENT_MAX, EVENT_MAX + 50);
	/* Those that come now are told again. */
	become(vms[0], VM_STOPPING);
	run_channel();
	assert_non_null(strstr(said, "\"to\":\"stopping\""));
	/* While none is connected they are not even counted. */
	connection = 0;
	send_bytes("", 0);
	run_channel();
	for (unsigned int i = 0; i < 100; i++)
		become(vms[0], VM_OFF);
	connection = 77;
	connect_anew();
	assert_int_equal(said_len, 0);
}

/* Between two pieces a VM goes, or another one gets its id. */
static void a_vm_that_goes_leaves_the_answer_well_formed(void **state)
{
	struct vm *gone;

	(void)state;
	make_vms(3, 64);
	for (unsigned int i = 0; i < 64; i++)
		vms[0]->vcpus[i]->se.account.run = UINT64_MAX / 200;
	room = 300;
	(void)ask("1 list");
	gone = vms[0];
	vms[0] = NULL;
	read_on(sizeof(said) - 1000);
	assert_non_null(strstr(said, "}]},{\"name\":\"vm-2\""));
	assert_true(count("run_ns") >= 128 && count("run_ns") < 192);
	assert_int_equal(count("["), count("]"));
	assert_int_equal(count("{"), count("}"));
	connect_anew();
	vms[0] = gone;
	room = 300;
	(void)ask("1 list");
	strcpy(vms[0]->name, "another");
	read_on(sizeof(said) - 1000);
	assert_non_null(strstr(said, "}]},{\"name\":\"vm-2\""));
	assert_int_equal(count("another"), 0);
	assert_true(count("run_ns") >= 128 && count("run_ns") < 192);
	assert_int_equal(count("["), count("]"));
	/* The longest piece that there is. */
	connect_anew();
	room = sizeof(said) - 1;
	memset(&vms[0]->vcpus[0]->stats, 0xff, sizeof(vms[0]->vcpus[0]->stats));
	memset(&vms[0]->vcpus[0]->se.account, 0xff, sizeof(vms[0]->vcpus[0]->se.account));
	(void)ask("1 stats");
	assert_non_null(strstr(said, "\"other\":18446744073709551615}}"));
}

static void a_vm_that_hangs_is_an_event(void **state)
{
	(void)state;
	said_len = 0;
	vm_watch_event(&machines[2]);
	run_channel();
	assert_memory_equal(said,
			    "{\"event\":\"hang\",\"vm\":\"vm-3\",\"why\":\"spins\",\"t\":", 46);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(an_answer_is_whole_however_slowly_it_is_read),
		CONTROL_TEST(a_vm_that_hangs_is_an_event),
		CONTROL_TEST(requests_wait_for_the_answers_before_them),
		CONTROL_TEST(a_flood_takes_one_step_at_a_time),
		CONTROL_TEST(no_step_comes_before_its_time),
		CONTROL_TEST(a_line_without_end_is_one_error),
		CONTROL_TEST(nothing_of_one_connection_is_the_next_ones),
		CONTROL_TEST(events_come_unasked),
		CONTROL_TEST(events_that_do_not_fit_are_counted),
		CONTROL_TEST(a_vm_that_goes_leaves_the_answer_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
