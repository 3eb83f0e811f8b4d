// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/platform/test_host_net.c
/* A network device of the machine that is broken, or means harm: it is given up with one message, and spoils nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/machine_net.h"

static void is_given_up(const char *why)
{
	struct host_net_frame f;

	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, why));
	assert_int_equal(resets, 1);
	assert_false(host_net_link(net));
	assert_false(host_net_begin(net, 60, &f));
	/* Whatever it does. */
	nr_received = 0;
	memset(ring_memory[RX]->used, 0x11, sizeof(ring_memory[RX]->used));
	memset(ring_memory[TX]->used, 0x11, sizeof(ring_memory[TX]->used));
	interrupt(VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
	while (work_run_one())
		;
	host_net_flush(net);
	assert_int_equal(nr_received, 0);
	assert_int_equal(fake_log_count, 1);
	(void)setup(NULL);
}

static void a_device_that_means_harm_is_given_up(void **state)
{
	static const uint32_t ids[] = { 256, TX_BUFFERS, UINT32_MAX, 0x10000 };
	static uint8_t to[70000];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(open_net(), HV_OK);
		use(RX, ids[i], 100);
		interrupt(VIRTIO_INT_USED);
		is_given_up("what it was not asked");
		/* Seen when there is no room, though it does not interrupt. */
		assert_int_equal(open_net(), HV_OK);
		for (unsigned int n = 0; n < TX_BUFFERS; n++)
			assert_true(put(60, 0));
		use(TX, ids[i], 0);
		assert_false(put(60, 0));
		assert_int_equal(fake_log_count, 0);
		while (work_run_one())
			;
		is_given_up("what it was not asked");
	}
	/* A frame twice; and one that was never sent. */
	assert_int_equal(open_net(), HV_OK);
	comes(60, 1);
	use(RX, 0, 72);
	interrupt(VIRTIO_INT_USED);
	assert_true(nr_received <= 2);
	interrupt(VIRTIO_INT_USED);
	if (fake_log_count == 0) { /* it was in the ring again by then */
		use(RX, 200, 72);
		interrupt(VIRTIO_INT_USED);
	}
	is_given_up("what it was not asked");
	assert_int_equal(open_net(), HV_OK);
	assert_true(put(60, 0));
	host_net_flush(net);
	(void)goes(to);
	use(TX, 0, 0);
	interrupt(VIRTIO_INT_USED);
	is_given_up("what it was not asked");
	/* One that does not stop. */
	assert_int_equal(open_net(), HV_OK);
	stops = false;
	wants_reset = true;
	interrupt(VIRTIO_INT_CONFIG);
	is_given_up(
		"it asks for a reset: the network device is not used any more, and does not stop");
}

/* A length beyond the buffer is the buffer's. */
static void a_length_is_no_more_than_the_buffer(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	memset(memory, 0, (size_t)RX_BUFFERS * BUFFER);
	use(RX, next_head(RX), UINT32_MAX);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 1);
	assert_int_equal(last_len, BUFFER - 12);
	use(RX, next_head(RX), 0);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 1);
}

static void interrupts_for_nothing_are_borne_for_a_while(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < 3 * IDLE_MAX; i++) {
		if (i % 100 == 0)
			comes(60, 1);
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(fake_log_count, 0);
	for (unsigned int i = 0; i < IDLE_MAX; i++)
		interrupt(VIRTIO_INT_USED);
	assert_int_equal(irq_offs, 1);
	is_given_up("it interrupts without end");
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_device_that_means_harm_is_given_up),
		test(a_length_is_no_more_than_the_buffer),
		test(interrupts_for_nothing_are_borne_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
