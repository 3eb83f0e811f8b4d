// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* The timeline by the control channel: rings come and go, and packets come as counted frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/trace.h"
#include "control/trace.h"
#include "fake/control.h"
#include "fake/pcpu.h"

#define IN_PACKET ((TRACE_PACKET - TRACE_HEADER) / TRACE_EVENT)

static void says(const char *request, const char *want)
{
	if (!strstr(ask(request), want))
		fail_msg("%s: \"%s\" is not \"%s\"", request, said, want);
}

static void events(unsigned int hart, unsigned int n)
{
	fake_pcpu_become(hart);
	for (; n; n--)
		trace_event(TRACE_WAKE, trace_label(0, 1), 0, n, 0);
	fake_pcpu_become(0);
}

/* The next frame: the bytes behind the line. */
static const char *frame(unsigned int *hart, size_t *len)
{
	static _Alignas(8) char bytes_of[17 * TRACE_PACKET];
	const char *line = ask("7 trace.read"), *data = strchr(line, '\n');
	unsigned long bytes;
	unsigned int packets;

	assert_non_null(data);
	assert_int_equal(sscanf(line,
				"{\"id\":7,\"ok\":true,\"hart\":%u,\"packets\":%u,\"bytes\":%lu}",
				hart, &packets, &bytes),
			 3);
	*len = bytes;
	assert_int_equal(said_len, (size_t)(data + 1 - said) + bytes);
	assert_true(bytes <= sizeof(bytes_of));
	memcpy(bytes_of, data + 1, bytes);
	return bytes_of;
}

static void a_trace_is_on_until_it_is_off(void **state)
{
	(void)state;
	says("1 trace.read", "\"error\":\"there is no trace: trace.on begins one\"");
	says("1 trace.stop", "there is no trace");
	says("1 trace.off", "there is no trace");
	says("2 trace.on",
	     "{\"id\":2,\"ok\":true,\"timebase\":10000000,\"harts\":2,\"memory\":2097152,"
	     "\"states\":[\"running\",");
	assert_non_null(strstr(
		said, "\"events\":[[\"enter\",\"\",\"\",\"\"],[\"exit\",\"\",\"cause\",\"pc\"],"));
	assert_non_null(strstr(said, "[\"name\",\"part\",\"text\",\"\"]]}\n"));
	assert_int_equal(image_memory, MIB(2));
	assert_true(trace_is_on());
	says("3 trace.on", "there is a trace already: trace.off ends it");
	says("4 trace.stop", "{\"id\":4,\"ok\":true,\"lost\":0}\n");
	assert_false(trace_is_on());
	assert_int_equal(image_memory, MIB(2));
	says("5 trace.off", "{\"id\":5,\"ok\":true}\n");
	assert_int_equal(image_memory, 0);
	says("6 trace.on memory=2 sched", "\"memory\":4194304");
	says("7 trace.off", "{\"id\":7,\"ok\":true}\n");
	assert_int_equal(image_memory, 0);
}

static void what_is_wrong_is_said_and_changes_nothing(void **state)
{
	static const char *const wrong[] = { "memory=",	  "memory=0", "memory=65", "memory=-1",
					     "memory=1x", "exit",     "memory",	   "sched=1" };
	char line[64];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(line, sizeof(line), "1 trace.on sched %s", wrong[i]);
		says(line, "\"ok\":false,\"error\":\"trace.on: ");
		assert_non_null(strstr(said, "must be "));
	}
	says("1 trace.read 5", "must be followed by nothing");
	says("1 trace.on memory=64", "no memory for 2 rings of 64 MiB: 30 MiB are free");
	assert_int_equal(image_memory, 0);
	assert_int_equal(control_trace_state(), CONTROL_TRACE_OFF);
}

/* The trace begins with the VMs that there are. */
static void it_begins_with_the_names(void **state)
{
	const struct trace_packet *p;
	const uint64_t *e;
	unsigned int hart;
	size_t len;

	(void)state;
	(void)ask("1 trace.on");
	(void)frame(&hart, &len);
	assert_int_equal(len, 0);
	(void)ask("2 trace.stop");
	p = (const void *)frame(&hart, &len);
	assert_int_equal(hart, 0);
	assert_int_equal(len, TRACE_HEADER + 3 * 5 * TRACE_EVENT);
	assert_int_equal(p->content, 8 * len);
	e = (const uint64_t *)p + TRACE_HEADER / 8;
	assert_int_equal(e[1] & 0xffff, TRACE_NAME);
	assert_string_equal((const char *)&e[2], "vm-1");
	assert_int_equal(e[2 * TRACE_EVENT_WORDS + 1] & 0xffff, TRACE_VM);
	assert_int_equal(e[3 * TRACE_EVENT_WORDS + 1] & 0xffff, TRACE_STATE);
	(void)frame(&hart, &len);
	assert_int_equal(len, 0);
	(void)ask("3 trace.off");
}

/* Of one hart after the other, some packets at once; and however slowly the other side reads. */
static void packets_come_in_counted_frames(void **state)
{
	unsigned int hart, of[2] = { 0, 0 };
	size_t len;

	(void)state;
	(void)ask("1 trace.on");
	events(1, 40 * IN_PACKET);
	events(0, 3 * IN_PACKET);
	for (unsigned int i = 0; of[0] + of[1] < 43; i++) {
		const char *data = frame(&hart, &len);

		assert_int_equal(hart, i != 1); /* 1, 0, 1, 1 */
		assert_true(len <= 16 * TRACE_PACKET);
		for (const char *p = data; p < data + len;
		     p += ((const struct trace_packet *)p)->size / 8) {
			assert_int_equal(((const struct trace_packet *)p)->magic, TRACE_MAGIC);
			assert_int_equal(((const struct trace_packet *)p)->hart, hart);
			assert_int_equal(((const struct trace_packet *)p)->number, of[hart]++);
		}
	}
	assert_int_equal(of[0], 3);
	assert_int_equal(of[1], 40);
	events(1, 2 * IN_PACKET);
	room = 0;
	(void)ask("7 trace.read");
	assert_int_equal(said_len, 0);
	while (said_len < 2 * TRACE_PACKET) {
		room = 1000;
		send_bytes("", 0);
		run_channel();
	}
	room = sizeof(said) - 1 - said_len;
	send_bytes("8 version\n", 10);
	run_channel();
	assert_non_null(strstr(strchr(said, '\n') + 1 + 2 * TRACE_PACKET,
			       "{\"id\":8,\"ok\":true,\"name\""));
	(void)ask("9 trace.off");
}

/* An event waits for the end of the frame. */
static void nothing_comes_between_the_bytes_of_a_frame(void **state)
{
	const char *data;

	(void)state;
	(void)ask("1 trace.on");
	events(1, 2 * IN_PACKET);
	room = 100;
	(void)ask("7 trace.read");
	become(vms[0], VM_STOPPING);
	room = sizeof(said) - 1 - said_len;
	send_bytes("", 0);
	run_channel();
	data = strchr(said, '\n') + 1;
	assert_memory_equal(data + TRACE_PACKET + 8, "\1\0\0\0\0\0\0\0", 8); /* its number */
	assert_ptr_equal(strstr(data + 2 * TRACE_PACKET, "{\"event\":\"state\""),
			 data + 2 * TRACE_PACKET);
	(void)ask("9 trace.off");
}

static void it_ends_with_its_connection(void **state)
{
	(void)state;
	(void)ask("1 trace.on");
	events(1, 5 * IN_PACKET);
	room = 500;
	(void)ask("2 trace.read");
	assert_int_equal(image_memory, MIB(2));
	room = sizeof(said) - 1;
	connect_anew();
	assert_int_equal(image_memory, 0);
	assert_false(trace_is_on());
	says("1 trace.on", "\"ok\":true");
	connection = 0;
	send_bytes("", 0);
	run_channel();
	assert_int_equal(image_memory, 0);
	connection = 1000;
	connect_anew();
}

/* The rings stay for as long as a hart may write to them. */
static void memory_waits_for_the_last_hart(void **state)
{
	(void)state;
	(void)ask("1 trace.on");
	deaf_harts = 1;
	room = 0;
	connection++;
	send_bytes("2 version\n", 10);
	for (unsigned int i = 0; i < 100; i++)
		assert_true(run_channel_once());
	assert_int_equal(image_memory, MIB(2));
	room = sizeof(said) - 1;
	fake_pcpu_become(1);
	(void)trace_follow();
	fake_pcpu_become(0);
	run_channel();
	assert_int_equal(image_memory, 0);
	assert_non_null(strstr(said, "{\"id\":2,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_trace_is_on_until_it_is_off),
		CONTROL_TEST(what_is_wrong_is_said_and_changes_nothing),
		CONTROL_TEST(it_begins_with_the_names),
		CONTROL_TEST(packets_come_in_counted_frames),
		CONTROL_TEST(nothing_comes_between_the_bytes_of_a_frame),
		CONTROL_TEST(it_ends_with_its_connection),
		CONTROL_TEST(memory_waits_for_the_last_hart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
