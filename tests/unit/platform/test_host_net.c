// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c hyp/lib/work.c
/* A network device of the machine: how it is opened, what comes, and what goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/machine_net.h"

/* --- tests ------------------------------------------------------------------------------------------ */

static void facts_and_the_link_are_the_device_s(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	assert_memory_equal(host_net_facts(net)->mac, layout.mac, 6);
	assert_int_equal(host_net_facts(net)->mtu, 1400);
	assert_true(host_net_facts(net)->csum && host_net_facts(net)->tso4);
	assert_int_equal(waiting(RX), RX_BUFFERS);
	assert_int_equal(notified[RX], 1);
	/* It need not interrupt for what it has sent. */
	assert_int_equal(*word(ring_memory[TX]->avail, VIRTQ_AVAIL_EVENT(256)), UINT16_MAX);
	assert_true(host_net_link(net));
	layout.status = 0;
	interrupt(VIRTIO_INT_CONFIG);
	assert_false(host_net_link(net));
	layout.status = NET_S_LINK_UP;
	interrupt(VIRTIO_INT_CONFIG);
	assert_true(host_net_link(net));
	/* A device that says nothing of these; and one that says too much. */
	offered = NET_F_HOST_TSO4 | NET_F_HOST_TSO6;
	layout.status = 0;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(*word(ring_memory[TX]->avail, VIRTQ_AVAIL_FLAGS),
			 VIRTQ_AVAIL_NO_INTERRUPT);
	assert_true(host_net_link(net));
	assert_int_equal(host_net_facts(net)->mtu, 1500);
	assert_false(host_net_facts(net)->csum || host_net_facts(net)->tso4 ||
		     host_net_facts(net)->tso6);
	offered = NET_F_MTU;
	layout.mtu = 65535;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(host_net_facts(net)->mtu, HOST_NET_MTU_MAX);
	layout.mtu = 68;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(host_net_facts(net)->mtu, 68);
	nr_nets--;
	layout.mtu = 67;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(host_net_facts(net)->mtu, 1500);
	assert_int_equal(open_net(), HV_EOVERFLOW);
}

static void what_fails_while_it_is_opened_is_taken_back(void **state)
{
	int *const errors[] = { &begins, &rings, &irqs };

	(void)state;
	claims = HV_EBUSY;
	assert_int_equal(open_net(), HV_EBUSY);
	assert_int_equal(resets, 0);
	claims = 0;
	for (unsigned int i = 0; i < 3; i++) {
		*errors[i] = HV_ENXIO;
		assert_int_equal(open_net(), HV_ENXIO);
		assert_int_equal(resets, i + 1);
		*errors[i] = 0;
	}
	assert_int_equal(nr_nets, 0);
}

static void frames_come_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	comes(14, 1);
	comes(13, 9); /* no frame */
	comes(2000, 2);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(last_len, 2000);
	assert_int_equal(nr_steps, 1);
	/* All buffers are the device's again. */
	assert_int_equal(waiting(RX), RX_BUFFERS);
	for (unsigned int i = 0; i < 3 * RX_BUFFERS; i++) {
		comes(60, (uint8_t)i);
		interrupt(VIRTIO_INT_USED);
		assert_int_equal(last_byte, (uint8_t)i);
	}
}

/* Guests have their turn between two steps. */
static void many_frames_are_given_in_steps(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < RX_BUFFERS; i++)
		comes(60, (uint8_t)i);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, STEP);
	while (work_run_one())
		;
	assert_int_equal(nr_received, RX_BUFFERS);
	for (unsigned int i = 0; i < RX_BUFFERS; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(waiting(RX), RX_BUFFERS);
}

/* One hart gives frames to the user. What comes meanwhile it looks for itself, even if another hart took the interrupt. */
static void two_harts_do_not_receive_at_once(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	interrupts_within = 3;
	comes(60, 1);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 4);
	assert_int_equal(last_byte, 99);
	comes(60, 2);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(last_byte, 2);
	/* This hart has seen that there is nothing more. */
	interrupts_late = 3;
	comes(60, 3);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 9);
	assert_int_equal(last_byte, 98);
	/* The step is full when the other hart asks. */
	for (unsigned int i = 0; i < STEP; i++)
		comes(60, 3);
	interrupts_within = 1;
	interrupt(VIRTIO_INT_USED);
	while (work_run_one())
		;
	assert_int_equal(nr_received, 9 + STEP + 1);
	comes(60, 4);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(last_byte, 4);
}

static void frames_go_whole(void **state)
{
	static const uint32_t lens[] = { 1, 60, 2035, 2036, 2037, 2036 + 2048, 2036 + 2049, 65549 };
	static uint8_t to[70000];

	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		assert_true(put(lens[i], 7));
		assert_int_equal(waiting(TX), 0);
		host_net_flush(net);
		assert_int_equal(notified[TX], i + 1);
		assert_int_equal(goes(to), lens[i] + 12);
		assert_int_equal(to[0], 7);
		for (uint32_t at = 0; at < lens[i]; at++)
			assert_int_equal(to[12 + at], (uint8_t)(7 + at / 1000));
		*word(ring_memory[TX]->used, VIRTQ_USED_EVENT(ring_size)) =
			*word(ring_memory[TX]->avail, VIRTQ_AVAIL_IDX);
	}
}

/* What does not fit goes nowhere, and what the device has sent leaves room. */
static void no_frame_waits(void **state)
{
	static uint8_t to[70000];
	struct host_net_frame f;

	(void)state;
	assert_int_equal(open_net(), HV_OK);
	assert_false(host_net_begin(net, 0, &f));
	for (unsigned int i = 0; i < TX_BUFFERS; i++)
		assert_true(put(60, (uint8_t)i));
	assert_false(put(60, 0));
	host_net_flush(net);
	(void)goes(to);
	(void)goes(to);
	assert_false(put(5000, 1)); /* three buffers */
	assert_true(put(2037, 1));
	assert_false(put(60, 0));
	/* One that is given up takes none. */
	(void)goes(to);
	assert_true(host_net_begin(net, 60, &f));
	host_net_cancel(net, &f);
	assert_true(put(60, 0));
	assert_false(put(60, 0));
	/* The device interrupts for what it has sent, though it need not. */
	host_net_flush(net);
	for (unsigned int i = 0; i < 2 * IDLE_MAX; i++) {
		(void)goes(to);
		interrupt(VIRTIO_INT_USED);
		assert_true(put(60, 0));
		host_net_flush(net);
	}
	while (waiting(TX) > 0) {
		(void)goes(to);
		interrupt(VIRTIO_INT_USED);
	}
	for (unsigned int i = 0; i < TX_BUFFERS; i++)
		assert_true(put(60, (uint8_t)i));
	assert_int_equal(fake_log_count, 0);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(facts_and_the_link_are_the_device_s),
		test(what_fails_while_it_is_opened_is_taken_back),
		test(frames_come_in_their_order),
		test(many_frames_are_given_in_steps),
		test(two_harts_do_not_receive_at_once),
		test(frames_go_whole),
		test(no_frame_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
