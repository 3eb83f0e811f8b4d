// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c platform/virtio/console_control.c hyp/lib/work.c
/* A port of the machine's console device: how it is found, what comes, and what goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/machine_port.h"

#define IN  virtio_console_rx(1)
#define OUT virtio_console_tx(1)

static char buf[16384];

static void without_a_device_nothing_is_said(void **state)
{
	(void)state;
	absent = true;
	assert_false(host_port_present());
	assert_null(open_port());
	assert_true(stopped);
	/* A device with ports that have no names. */
	absent = false;
	assert_true(host_port_present());
	offered = ~(uint64_t)VIRTIO_CONSOLE_F_MULTIPORT;
	assert_null(open_port());
	assert_int_equal(resets, 1);
	assert_true(stopped);
	assert_int_equal(fake_log_count, 0);
}

static void what_fails_while_it_is_opened_is_taken_back(void **state)
{
	int *const errors[] = { &begins, &rings, &irqs };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		*errors[i] = HV_ENXIO;
		assert_null(open_port());
		assert_int_equal(resets, i + 1);
		assert_int_equal(fake_log_count, i + 1);
		*errors[i] = 0;
	}
	begins = HV_ENXIO;
	stops = false;
	assert_null(open_port());
	assert_false(stopped);
}

static void a_port_is_found_by_its_name_alone(void **state)
{
	static const char *const others[] = { "", "org.hartvisor.ctl2", "org.hartvisor.ct",
					      "Org.hartvisor.ctl",
					      "this name is longer than all the bytes that fit" };

	(void)state;
	assert_non_null(open_port());
	assert_false(stopped);
	assert_int_equal(begun, 1);
	/* No port has queues yet. */
	for (unsigned int q = 0; q < DEVICE_QUEUES; q++)
		assert_int_equal(ring_memory[q] != NULL, q == 2 || q == 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		tells(2, VIRTIO_CONSOLE_PORT_NAME, 1, others[i]);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(begun, 1);
	find_port(3);
	assert_int_equal(begun, 2);
	for (unsigned int q = 0; q < DEVICE_QUEUES; q++)
		assert_int_equal(ring_memory[q] != NULL, q == 2 || q == 3 || q >= 8);
	assert_int_equal(host_port_connection(port), 0);
	assert_int_equal(fake_log_count, 0);
}

/* As QEMU has it, with a zero byte behind the name. */
static void the_zero_byte_of_a_name_is_no_part_of_it(void **state)
{
	struct {
		struct virtio_console_control head;
		char name[sizeof(NAME)];
	} m = { { 1, VIRTIO_CONSOLE_PORT_NAME, 1 }, NAME };

	(void)state;
	assert_non_null(open_port());
	give(VIRTIO_CONSOLE_CTRL_RX, &m, 8 + sizeof(NAME));
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(begun, 2);
}

static void each_opening_is_a_connection_of_its_own(void **state)
{
	uint32_t first;

	(void)state;
	connect_port();
	first = host_port_connection(port);
	nr_ready = 0;
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_ready, 1);
	assert_int_equal(host_port_connection(port), 0);
	assert_int_equal(host_port_write(port, "x", 1), 0);
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_int_not_equal(host_port_connection(port), 0);
	assert_int_not_equal(host_port_connection(port), first);
	/* Gone and come between two looks. */
	first = host_port_connection(port);
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_int_not_equal(host_port_connection(port), first);
	/* Other ports are none of ours. */
	first = host_port_connection(port);
	tells(2, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	tells(2, VIRTIO_CONSOLE_PORT_NAME, 1, "other");
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(host_port_connection(port), first);
	/* It loses its name. */
	tells(1, VIRTIO_CONSOLE_PORT_NAME, 1, "other");
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(host_port_connection(port), 0);
}

static void input_is_kept_until_it_is_read(void **state)
{
	uint8_t sent[BUFFER];
	uint8_t next = 0, is = 0;
	unsigned int given = 0;

	(void)state;
	connect_port();
	assert_int_equal(waiting(IN), BUFFERS);
	while (waiting(IN) > 0) {
		for (unsigned int i = 0; i < BUFFER; i++)
			sent[i] = next++;
		give(IN, sent, BUFFER);
		given += BUFFER;
	}
	nr_ready = 0;
	interrupt(VIRTIO_INT_USED);
	assert_true(nr_ready > 0);
	assert_int_equal(waiting(IN), 0); /* the other side has to wait */
	for (unsigned int at = 0; at < given;) {
		size_t n = host_port_read(port, host_port_connection(port), buf, 300);

		assert_true(n > 0 && n <= 300);
		for (unsigned int i = 0; i < n; i++)
			assert_int_equal((uint8_t)buf[i], is++);
		at += (unsigned int)n;
	}
	assert_int_equal(host_port_read(port, host_port_connection(port), buf, 300), 0);
	assert_int_equal(waiting(IN), BUFFERS);
	/* Pieces that are smaller than a buffer, and empty ones. */
	give(IN, "ab", 2);
	give(IN, "", 0);
	give(IN, "c", 1);
	assert_int_equal(host_port_read(port, host_port_connection(port), buf, 300), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(waiting(IN), BUFFERS);
}

/* What is left of one is not the next one's, whether the driver has been told of that one or not. */
static void input_is_read_for_one_connection(void **state)
{
	uint32_t first;

	(void)state;
	connect_port();
	first = host_port_connection(port);
	give(IN, "old", 3);
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	nr_ready = 0;
	assert_int_equal(host_port_read(port, first, buf, 5), 0);
	assert_int_equal(nr_ready, 1);
	assert_int_equal(host_port_read(port, first, buf, 5), 0);
	assert_int_equal(host_port_read(port, 0, buf, 5), 3);
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	give(IN, "new", 3);
	assert_int_equal(host_port_read(port, 0, buf, 5), 0);
	assert_int_equal(host_port_read(port, host_port_connection(port), buf, 5), 3);
	assert_memory_equal(buf, "new", 3);
}

static void output_takes_what_fits(void **state)
{
	static char all[BUFFERS * BUFFER + 100];
	uint32_t got = 0;

	(void)state;
	connect_port();
	for (unsigned int i = 0; i < sizeof(all); i++)
		all[i] = (char)(i / 7);
	assert_int_equal(host_port_write(port, all, sizeof(all)), BUFFERS * BUFFER);
	assert_int_equal(host_port_write(port, all, 1), 0);
	assert_true(notified[OUT] > 0);
	while (waiting(OUT) > 0)
		got += takes(OUT, buf + got, BUFFER);
	assert_int_equal(got, BUFFERS * BUFFER);
	assert_memory_equal(buf, all, got);
	/* It is told that there is room. */
	assert_int_equal(*word(ring_memory[OUT]->avail, VIRTQ_AVAIL_EVENT(ring_size)), 0);
	nr_ready = 0;
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_ready, 1);
	for (unsigned int i = 0; i < 3 * BUFFERS; i++) {
		assert_int_equal(host_port_write(port, "abc", 3), 3);
		assert_int_equal(takes(OUT, buf, BUFFER), 3);
		assert_memory_equal(buf, "abc", 3);
	}
	/* It asks to be told again. */
	assert_int_equal(host_port_write(port, all, sizeof(all)), BUFFERS * BUFFER);
	assert_int_equal(*word(ring_memory[OUT]->avail, VIRTQ_AVAIL_EVENT(ring_size)), 4 * BUFFERS);
}

/* A small ring has room for fewer buffers than there are. */
static void rings_may_be_small(void **state)
{
	(void)state;
	ring_size = 4;
	connect_port();
	assert_int_equal(waiting(IN), 4);
	assert_int_equal(host_port_write(port, buf, 5 * BUFFER), 4 * BUFFER);
	for (unsigned int i = 0; i < 9; i++) {
		give(IN, "a", 1);
		assert_int_equal(host_port_read(port, host_port_connection(port), buf, 5), 1);
	}
	for (unsigned int i = 0; i < 9; i++) {
		tells(2, VIRTIO_CONSOLE_PORT_ADD, 1, "");
		interrupt(VIRTIO_INT_USED);
		assert_answer(2, VIRTIO_CONSOLE_PORT_READY, 1);
	}
	assert_int_equal(fake_log_count, 0);
}

/* The device takes no answers for a while: messages wait, and none is lost. */
static void messages_wait_for_room_for_answers(void **state)
{
	(void)state;
	assert_non_null(open_port());
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 20; i++)
			tells(i % 4, VIRTIO_CONSOLE_PORT_ADD, 1, "");
		interrupt(VIRTIO_INT_USED);
		/* There is room for 32 answers, of which DEVICE_READY takes one. */
		assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_RX), round ? 23 : 32);
	}
	assert_answer(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (unsigned int i = 0; i < 40; i++) {
		assert_answer(i % 20 % 4, VIRTIO_CONSOLE_PORT_READY, 1);
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_RX), CONTROL_BUFFERS);
	assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_TX), 0);
}

static void a_port_that_is_replaced_is_found_again(void **state)
{
	(void)state;
	connect_port();
	tells(1, VIRTIO_CONSOLE_PORT_REMOVE, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(host_port_connection(port), 0);
	/* Another one gets the name while it is there: it is ignored. Afterwards it is the port. */
	tells(1, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	tells(2, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(begun, 2);
	tells(1, VIRTIO_CONSOLE_PORT_REMOVE, 1, "");
	tells(2, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(begun, 3);
	assert_non_null(ring_memory[virtio_console_rx(2)]);
	tells(2, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	tells(2, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_int_not_equal(host_port_connection(port), 0);
	assert_int_equal(host_port_write(port, "x", 1), 1);
	assert_int_equal(waiting(virtio_console_tx(2)), 1);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(without_a_device_nothing_is_said),
		test(what_fails_while_it_is_opened_is_taken_back),
		test(a_port_is_found_by_its_name_alone),
		test(the_zero_byte_of_a_name_is_no_part_of_it),
		test(each_opening_is_a_connection_of_its_own),
		test(input_is_kept_until_it_is_read),
		test(input_is_read_for_one_connection),
		test(output_takes_what_fits),
		test(rings_may_be_small),
		test(messages_wait_for_room_for_answers),
		test(a_port_that_is_replaced_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
