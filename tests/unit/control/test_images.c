// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* Bundles that come by the channel, in frames; and VMs that are made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/cmd.h"
#include "fake/control.h"
#include "vm/create.h"

/* All but the final 0. */
#define SEND(text) send_bytes(text, sizeof(text) - 1)

static void says(const char *line, const char *answer)
{
	assert_string_equal(ask(line), answer);
}

static void fails(const char *line, const char *why)
{
	const char *got = ask(line);

	assert_non_null(strstr(got, "\"ok\":false"));
	if (!strstr(got, why))
		fail_msg("%s: %s", line, got);
}

static void put(const char *name, const char *bytes)
{
	char line[64];

	snprintf(line, sizeof(line), "1 image.put %s %zu", name, strlen(bytes));
	says(line, "{\"id\":1,\"ok\":true,\"frame\":65536}\n");
	snprintf(line, sizeof(line), "2 image.data %s %zu\n", name, strlen(bytes));
	send_bytes(line, strlen(line));
	send_bytes(bytes, strlen(bytes));
	run_channel();
}

static int end(void **state)
{
	(void)state;
	connect_anew();
	for (struct stored_bundle *b; (b = bundle_store_at(0)) != NULL;) {
		bundle_store_drop(b);
		bundle_store_put(b);
	}
	assert_int_equal(image_memory, 0);
	assert_int_equal(creations, 0);
	return 0;
}

static void a_bundle_comes_in_frames_of_any_size(void **state)
{
	static const char bytes[] = "the bytes of a bundle\nwith lines 7 version\n in it";
	const size_t size = sizeof(bytes) - 1;
	struct stored_bundle *b;
	char line[64];

	(void)state;
	for (size_t frame = 1; frame <= size; frame += 3) {
		snprintf(line, sizeof(line), "1 image.put b %zu", size);
		(void)ask(line);
		for (size_t at = 0; at < size; at += frame) {
			size_t n = size - at < frame ? size - at : frame;
			char answer[128];

			snprintf(line, sizeof(line), "2 image.data b %zu\n", n);
			said_len = 0;
			send_bytes(line, strlen(line));
			/* Byte by byte: the answer comes with the last one. */
			for (size_t i = 0; i < n; i++) {
				run_channel();
				assert_int_equal(said_len, 0);
				send_bytes(bytes + at + i, 1);
			}
			run_channel();
			snprintf(answer, sizeof(answer),
				 "{\"id\":2,\"ok\":true,\"have\":%zu,\"size\":%zu}\n", at + n,
				 size);
			assert_string_equal(said, answer);
		}
		b = bundle_store_find("b");
		assert_memory_equal(b->data, bytes, size);
		assert_int_equal(b->have, size);
		bundle_store_put(b);
		says("3 image.drop b", "{\"id\":3,\"ok\":true}\n");
		assert_int_equal(image_memory, 0);
	}
}

/* What is wrong with a frame is found before it comes, and none of it is taken for a request. */
static void a_frame_without_a_place_is_skipped(void **state)
{
	(void)state;
	said_len = 0;
	SEND("5 image.data nope 11\n7 version\n\n8 version\n");
	run_channel();
	assert_non_null(strstr(said, "\"id\":5,\"ok\":false"));
	assert_null(strstr(said, "\"id\":7"));
	assert_non_null(strstr(said, "\"id\":8,\"ok\":true"));
	(void)ask("1 image.put b 4");
	said_len = 0;
	SEND("5 image.data b 5\nabcde6 image.data b 4\nabcd");
	run_channel();
	assert_non_null(strstr(said, "image b: 5 bytes: it has 0 of its 4 already"));
	assert_non_null(strstr(said, "{\"id\":6,\"ok\":true,\"have\":4,\"size\":4}\n"));
	fails("7 image.data b 1", "it has 4 of its 4 already");
	SEND("x");
}

static void events_come_while_a_frame_is_waited_for(void **state)
{
	(void)state;
	(void)ask("1 image.put b 4");
	said_len = 0;
	SEND("2 image.data b 4\nab");
	run_channel();
	become(&machines[0], VM_PAUSED);
	run_channel();
	assert_memory_equal(said, "{\"event\":\"state\"", 16);
	SEND("cd");
	run_channel();
	assert_non_null(strstr(said, "}\n{\"id\":2,\"ok\":true,\"have\":4"));
}

static void wrong_requests_are_told(void **state)
{
	(void)state;
	fails("1 image.put", "must be followed by a name and a number of bytes");
	fails("1 image.put a b", "b: must be a decimal number of bytes, not 0");
	fails("1 image.put a 0", "0: must be a decimal number of bytes, not 0");
	fails("1 image.put a/b 5", "image a/b: must be named by 1 to 31 letters");
	fails("1 image.put abcdefghijklmnopqrstuvwxyzabcdef 5", "must be named by");
	fails("1 image.put a 104857601", "no free memory is as large");
	fails("1 image.put a 20000000", "the largest piece has 16777216");
	fails("1 image.data a", "must be followed by an image's name and the number of bytes");
	fails("1 image.data a 65537", "1 to 65536");
	fails("1 image.data a 0", "1 to 65536");
	fails("1 image.list a", "must be followed by nothing");
	fails("1 image.drop", "must be followed by an image's name");
	fails("1 image.drop a", "image a: no such image");
	fails("1 vm.create", "must be followed by an image's name");
	fails("1 vm.create a", "image a: no such image");
	put("a", "bytes");
	fails("1 image.put a 5", "there is one of that name");
	fails("1 image.drop a b", "alone");
	fails("1 vm.create a b c", "perhaps that of a configuration");
	(void)ask("1 image.put c 5");
	fails("1 vm.create c", "not complete");
	for (unsigned int i = 2; i < BUNDLE_STORE_MAX; i++) {
		char line[32];

		snprintf(line, sizeof(line), "1 image.put n%u 5", i);
		says(line, "{\"id\":1,\"ok\":true,\"frame\":65536}\n");
	}
	fails("1 image.put more 5", "there are 16 images already");
}

static void the_list_says_what_there_is(void **state)
{
	struct stored_bundle *b;

	(void)state;
	says("1 image.list", "{\"id\":1,\"ok\":true,\"images\":[]}\n");
	put("one", "bytes");
	(void)ask("1 image.put two 7");
	b = bundle_store_find("one"); /* as a VM has it */
	says("1 image.list", "{\"id\":1,\"ok\":true,\"images\":["
			     "{\"name\":\"one\",\"size\":5,\"have\":5,\"vms\":1},"
			     "{\"name\":\"two\",\"size\":7,\"have\":0,\"vms\":0}]}\n");
	says("2 image.drop one", "{\"id\":2,\"ok\":true}\n");
	assert_memory_equal(b->data, "bytes", 5); /* as long as the VM is there */
	assert_int_equal(bundle_store_users(b), 0);
	bundle_store_put(b);
}

static void vms_are_made_step_by_step(void **state)
{
	unsigned int before;

	(void)state;
	put("b", "bytes");
	creation_steps = 5;
	before = steps;
	says("1 vm.create b", "{\"id\":1,\"ok\":true,\"vms\":[\"new\"]}\n");
	assert_true(steps - before >= 6); /* guests have their turns in between */
	assert_string_equal(creation_select, "");
	assert_int_equal(creations, 0);
	says("2 vm.create b other", "{\"id\":2,\"ok\":true,\"vms\":[\"new\"]}\n");
	assert_string_equal(creation_select, "other");
	creation_error = "config: it is wrong";
	says("3 vm.create b", "{\"id\":3,\"ok\":false,\"error\":\"config: it is wrong\"}\n");
	assert_int_equal(creations, 0);
}

/* Both end with the connection: what has not come, and what has not been made. */
static void nothing_is_left_of_a_connection(void **state)
{
	(void)state;
	put("whole", "bytes");
	(void)ask("1 image.put half 100");
	SEND("2 image.data half 50\nabc");
	run_channel();
	connect_anew();
	says("1 image.list", "{\"id\":1,\"ok\":true,\"images\":["
			     "{\"name\":\"whole\",\"size\":5,\"have\":5,\"vms\":0}]}\n");
	says("2 version", "{\"id\":2,\"ok\":true,\"name\":\"hartvisor\",\"protocol\":1}\n");
	creation_steps = UINT32_MAX;
	SEND("3 vm.create whole\n");
	run_channel_steps(10);
	assert_int_equal(creations, 1);
	connect_anew();
	assert_int_equal(creations, 0);
}

static void large_ones_begin_where_leaves_do(void **state)
{
	struct stored_bundle *b;

	(void)state;
	assert_int_equal(bundle_store_begin("small", 4097, &b), HV_OK);
	assert_int_equal((uintptr_t)b->data % 4096, 0);
	assert_int_equal(b->memory, 3 * 4096);
	assert_int_equal(bundle_store_begin("large", MIB(2), &b), HV_OK);
	assert_int_equal((uintptr_t)b->data % MIB(2), 0);
}

#define IMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(a_bundle_comes_in_frames_of_any_size),
		IMAGE_TEST(a_frame_without_a_place_is_skipped),
		IMAGE_TEST(events_come_while_a_frame_is_waited_for),
		IMAGE_TEST(wrong_requests_are_told),
		IMAGE_TEST(the_list_says_what_there_is),
		IMAGE_TEST(vms_are_made_step_by_step),
		IMAGE_TEST(nothing_is_left_of_a_connection),
		IMAGE_TEST(large_ones_begin_where_leaves_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
