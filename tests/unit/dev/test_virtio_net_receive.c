// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/netvm.h
/* What a network device receives: by the control queue, by what the switch has learned, and while its link is up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio/transport.h"
#include "fake/netvm.h"
#include "fake/said.h"
#include "fake/timer.h"
#include "lib/errno.h"

static uint8_t sent[70000], got[70000];
static struct net_header h;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	net_vm_setup(FAKE_SCATTERED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return net_vm_teardown() ? 0 : -1;
}

static void passes(uint32_t len, uint32_t cut, unsigned int chains)
{
	net_frame(sent, len, 2, 1);
	net_send_frame(0, 0, NULL, sent, len, cut);
	assert_int_equal(net_got(1, &h, got), len);
	assert_memory_equal(got, sent, len);
	assert_int_equal(h.num_buffers, chains);
	h.num_buffers = 0;
	assert_memory_equal(&h, &(struct net_header){ 0 }, sizeof(h));
	net_give(1, chains, nets[1].each);
}

/* Each address takes as long as many bytes that are copied: 8 commands of 64 addresses are no single step. */
static void commands_are_paid_for(void **state)
{
	static uint8_t command[2 + 2 * (4 + 32 * 6)] = { NET_CTRL_MAC, NET_CTRL_MAC_TABLE_SET };
	struct vring *r = &nets[0].ctrl;
	uint64_t at;

	(void)state;
	net_pair(NET_PLAIN, 0, 2048);
	command[2] = command[2 + 4 + 32 * 6] = 32;
	at = fake_ram_alloc(4096, 1);
	fake_ram_write(at, command, sizeof(command));
	for (unsigned int i = 0; i < 8; i++)
		(void)vring_add(r,
				(struct vbuf[]){ { at, sizeof(command), false },
						 { at + 4000, 1, true } },
				2);
	assert_in_range(vring_kick(r), 3, 8);
	assert_int_equal(*(uint8_t *)fake_ram_at(at + 4000), NET_CTRL_OK);
	assert_int_equal(nets[0].dev->filter.unicast.nr, 32);
}

/* The driver is told; neither side hears the other until the port is plugged in again, whatever lives come between. */
static void a_port_that_is_unplugged_neither_sends_nor_gets(void **state)
{
	const struct net_layout *c;

	(void)state;
	net_pair(NET_PLAIN | NET_F_STATUS, 8, 2048);
	net_give(0, 4, 2048);
	c = virtio_config(&nets[1].dev->dev);
	assert_int_equal(c->status, NET_S_LINK_UP);
	passes(60, 0, 1);
	assert_int_equal(net_port_link("vm", 1, false), HV_OK);
	assert_int_equal(c->status, 0);
	assert_true(vdev_get(VDEV(1), VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_INT_CONFIG);
	net_frame(sent, 60, 2, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	assert_int_equal(net_dropped(1, NET_DROP_DOWN), 1);
	net_frame(sent, 60, 1, 2);
	net_send_frame(1, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(0, &h, got), -1);
	assert_int_equal(net_dropped(1, NET_DROP_DOWN), 2);
	fake_part_named("net")->reset(nets[1].dev);
	assert_int_equal(c->status, 0);
	net_begin(1, NET_PLAIN | NET_F_STATUS);
	net_give(1, 8, 2048);
	net_frame(sent, 60, 2, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	assert_int_equal(net_port_link("vm", 1, true), HV_OK);
	assert_int_equal(c->status, NET_S_LINK_UP);
	passes(60, 0, 1);
	assert_int_equal(net_port_link("vm", 2, false), HV_ENOENT);
	assert_int_equal(net_port_link("mv", 1, false), HV_ENOENT);
}

static void what_was_learned_of_a_driver_goes_with_its_reset(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 8, 2048);
	assert_int_equal(net_make(2, (struct net_says){ .to = "lan" }), HV_OK);
	net_begin(2, NET_PLAIN);
	net_give(2, 8, 2048);
	assert_int_equal(net_control(2, "\0\0\1", 3), 0);
	net_frame(sent, 60, 1, 0x77);
	net_send_frame(1, 0, NULL, sent, 60, 0);
	net_frame(sent, 60, 0x77, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(2, &h, got), -1);
	vdev_set(VDEV(1), VIRTIO_MMIO_STATUS, 0);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(2, &h, got), 60);
}

static void what_is_not_for_it_is_not_received(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 16, 2048);
	net_frame(sent, 60, 0x77, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	net_frame(sent, 60, 0xff, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
	/* All multicasts, until the driver says something else. */
	sent[0] = 3;
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
	assert_int_equal(net_control(1, "\0\1\0", 3), 0);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	assert_int_equal(net_control(1, "\0\0\1", 3), 0);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
	net_frame(sent, 60, 0x77, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
}

static void a_table_of_addresses_is_received(void **state)
{
	static const char table[] = "\1\0\1\0\0\0\2\0\0\0\0\x77\1\0\0\0\3\0\0\0\0\x55";
	uint8_t many[2 + 4 + 33 * 6 + 4] = { 1, 0, 33 };

	(void)state;
	net_pair(NET_PLAIN, 16, 2048);
	assert_int_equal(net_control(1, "\0\1\0", 3), 0);
	assert_int_equal(net_control(1, table, sizeof(table) - 1), 0);
	for (unsigned int i = 0; i < 256; i++) {
		net_frame(sent, 60, (uint8_t)i, 1);
		net_send_frame(0, 0, NULL, sent, 60, 0);
		assert_int_equal(net_got(1, &h, got), i == 2 || i == 0x77 || i == 0xff ? 60 : -1);
		sent[0] = 3;
		net_send_frame(0, 0, NULL, sent, 60, 0);
		assert_int_equal(net_got(1, &h, got), i == 0x55 ? 60 : i == 0xff ? -1 : -1);
		net_give(1, 1, 2048);
	}
	/* More than there is room for: all of the kind. */
	assert_int_equal(net_control(1, many, sizeof(many)), 0);
	net_frame(sent, 60, 0x78, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
	sent[0] = 3;
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	/* A reset forgets it. */
	net_begin(1, NET_PLAIN);
	net_give(1, 4, 2048);
	net_frame(sent, 60, 0x78, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
}

static void a_driver_sets_its_address(void **state)
{
	static const char set[] = "\1\1\6\0\0\0\0\x77";

	(void)state;
	net_pair(NET_PLAIN | NET_F_CTRL_MAC_ADDR, 16, 2048);
	assert_int_equal(net_control(1, set, 8), 0);
	assert_int_equal(guest_read(VDEV(1) + VIRTIO_MMIO_CONFIG, 1), 6);
	assert_int_equal(guest_read(VDEV(1) + VIRTIO_MMIO_CONFIG + 5, 1), 0x77);
	net_frame(sent, 60, 0x77, 1);
	sent[0] = 6;
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), 60);
	net_frame(sent, 60, 2, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_got(1, &h, got), -1);
	vdev_set(VDEV(1), VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_read(VDEV(1) + VIRTIO_MMIO_CONFIG + 5, 1), 2);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		test(commands_are_paid_for),
		test(a_port_that_is_unplugged_neither_sends_nor_gets),
		test(what_was_learned_of_a_driver_goes_with_its_reset),
		test(what_is_not_for_it_is_not_received),
		test(a_table_of_addresses_is_received),
		test(a_driver_sets_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
