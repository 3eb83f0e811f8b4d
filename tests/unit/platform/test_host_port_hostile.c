// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/platform/test_host_port.c
/* A console device of the machine that is broken, or means harm: it is given up with one message, and spoils nothing. */
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

static char buf[4096];

static void is_given_up(const char *why)
{
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, why));
	assert_true(resets >= 1);
	/* Whatever it does. */
	memset(memory, 0x11, sizeof(memory));
	interrupt(VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
	assert_int_equal(host_port_connection(port), 0);
	assert_int_equal(host_port_read(port, host_port_connection(port), buf, sizeof(buf)), 0);
	assert_int_equal(host_port_write(port, buf, sizeof(buf)), 0);
	assert_int_equal(fake_log_count, 1);
	(void)setup(NULL);
}

static void a_device_that_answers_what_it_was_not_asked_is_given_up(void **state)
{
	static const uint32_t ids[] = { 64, BUFFERS, UINT32_MAX, 0x10000 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		const unsigned int queues[] = { VIRTIO_CONSOLE_CTRL_RX, VIRTIO_CONSOLE_CTRL_TX,
						OUT };

		for (unsigned int q = 0; q < 3; q++) {
			connect_port();
			use(queues[q], ids[i] == BUFFERS ? 40 : ids[i], 8);
			interrupt(VIRTIO_INT_USED);
			is_given_up("what it was not asked");
		}
		/* Seen when it is read. */
		connect_port();
		use(IN, ids[i], 8);
		assert_int_equal(host_port_read(port, host_port_connection(port), buf, sizeof(buf)),
				 0);
		while (work_run_one())
			;
		is_given_up("what it was not asked");
	}
	/* A buffer twice. */
	connect_port();
	give(IN, "a", 1);
	use(IN, 0, 1);
	(void)host_port_read(port, host_port_connection(port), buf, sizeof(buf));
	(void)host_port_read(port, host_port_connection(port), buf, sizeof(buf));
	interrupt(VIRTIO_INT_USED);
	if (fake_log_count == 1)
		is_given_up("what it was not asked");
	else
		assert_int_equal(fake_log_count, 0); /* it was in the ring again by then */
}

static void one_that_asks_for_a_reset_is_given_up(void **state)
{
	(void)state;
	connect_port();
	nr_ready = 0;
	wants_reset = true;
	interrupt(VIRTIO_INT_CONFIG);
	assert_true(nr_ready > 0); /* so that the user sees that nothing is connected */
	is_given_up("it asks for a reset: the console device is not used any more");
	connect_port();
	wants_reset = true;
	stops = false;
	interrupt(VIRTIO_INT_CONFIG);
	is_given_up(
		"it asks for a reset: the console device is not used any more, and does not stop");
}

static void lengths_are_no_more_than_the_buffers(void **state)
{
	(void)state;
	connect_port();
	use(IN, next_head(IN), UINT32_MAX);
	assert_int_equal(host_port_read(port, host_port_connection(port), buf, sizeof(buf)),
			 BUFFER);
	/* A name that fills all, and messages that are no messages. */
	for (uint32_t len = 0; len < 100; len += 7) {
		uint16_t head = next_head(VIRTIO_CONSOLE_CTRL_RX);
		const struct virtq_desc *d = &ring_memory[VIRTIO_CONSOLE_CTRL_RX]->desc[head];

		memset(hpa_to_ptr(hpa(d->addr)), 1, CONTROL_BUFFER);
		*(struct virtio_console_control *)hpa_to_ptr(hpa(d->addr)) =
			(struct virtio_console_control){ 1, 7, 1 };
		use(VIRTIO_CONSOLE_CTRL_RX, head, len);
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_RX), CONTROL_BUFFERS);
}

static void ports_that_cannot_be_are_ignored(void **state)
{
	static const uint32_t ids[] = { 4, 0x7fffffff, 0x80000000, UINT32_MAX };

	(void)state;
	assert_non_null(open_port());
	assert_answer(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		for (uint16_t event = 0; event < 12; event++)
			tells(ids[i], event, 1, NAME);
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(begun, 1);
	assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_TX), 0);
	assert_int_equal(fake_log_count, 0);
}

static void a_name_that_wanders_without_end_is_the_end(void **state)
{
	(void)state;
	assert_non_null(open_port());
	for (unsigned int i = 0; i < BEGINS_MAX; i++) {
		tells(1 + i % 2, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
		interrupt(VIRTIO_INT_USED);
		assert_int_equal(fake_log_count, 0);
	}
	tells(3, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(begun, 1 + BEGINS_MAX);
	is_given_up("change their names without end");
	/* One that refuses to be begun again. */
	assert_non_null(open_port());
	tells(1, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	rings = HV_ENXIO;
	interrupt(VIRTIO_INT_USED);
	is_given_up("it refuses to be set up");
}

static void interrupts_for_nothing_are_borne_for_a_while(void **state)
{
	(void)state;
	connect_port();
	for (unsigned int i = 0; i < 3 * IDLE_MAX; i++) {
		if (i % 100 == 0) {
			give(IN, "a", 1);
			(void)host_port_read(port, host_port_connection(port), buf, sizeof(buf));
		}
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(fake_log_count, 0);
	for (unsigned int i = 0; i < IDLE_MAX; i++)
		interrupt(0);
	assert_int_equal(irq_offs, 1);
	is_given_up("it interrupts without end");
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_device_that_answers_what_it_was_not_asked_is_given_up),
		test(one_that_asks_for_a_reset_is_given_up),
		test(lengths_are_no_more_than_the_buffers),
		test(ports_that_cannot_be_are_ignored),
		test(a_name_that_wanders_without_end_is_the_end),
		test(interrupts_for_nothing_are_borne_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
