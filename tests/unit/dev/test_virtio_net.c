// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/netvm.h
/* A network device as a driver sees it: what it says of itself, packets, several queues. */
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

#define MERGE (NET_PLAIN | NET_F_MRG_RXBUF)

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

/* --- what it is ----------------------------------------------------------------------------------- */

static uint32_t config16(unsigned int i, uint64_t off)
{
	return (uint32_t)guest_read(VDEV(i) + VIRTIO_MMIO_CONFIG + off, 2);
}

static void it_says_what_it_can(void **state)
{
	const uint64_t both = BIT(3) | BIT(5) | BIT(15) | BIT(16) | BIT(17) | BIT(18) | BIT(23);
	const uint64_t common = VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 |
				VIRTIO_F_IN_ORDER | VIRTIO_F_RING_RESET;

	(void)state;
	assert_int_equal(net_make(0, (struct net_says){ .to = "lan", .offloads = "none" }), HV_OK);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_DEVICE_ID), 1);
	assert_int_equal(vdev_features(VDEV(0)) & ~common, both);
	assert_int_equal(net_make(1, (struct net_says){ .to = "lan", .queues = 4, .mtu = 9000 }),
			 HV_OK);
	assert_int_equal(vdev_features(VDEV(1)) & ~common,
			 both | BIT(0) | BIT(1) | BIT(7) | BIT(8) | BIT(11) | BIT(12) | BIT(22));
	assert_int_equal(config16(0, 6), 1);
	assert_int_equal(config16(0, 8), 1);
	assert_int_equal(config16(0, 10), 1500);
	assert_int_equal(config16(1, 8), 4);
	assert_int_equal(config16(1, 10), 9000);
	vdev_set(VDEV(1), VIRTIO_MMIO_QUEUE_SEL, 8);
	assert_int_equal(vdev_get(VDEV(1), VIRTIO_MMIO_QUEUE_SIZE_MAX), 256);
	vdev_set(VDEV(1), VIRTIO_MMIO_QUEUE_SEL, 9);
	assert_int_equal(vdev_get(VDEV(1), VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
}

static void an_address_of_its_own_is_the_same_each_time(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_int_equal(net_make(0, (struct net_says){ .to = "lan" }), HV_OK);
	assert_int_equal(net_make(1, (struct net_says){ .to = "lan" }), HV_OK);
	a = nets[0].dev->port.mac.mac;
	b = nets[1].dev->port.mac.mac;
	assert_int_not_equal(a, b);
	assert_int_equal(a & 0xff, 2);
	assert_int_equal(b & 0xff, 2);
	/* docs/devices.md has it. */
	assert_int_equal(a, UINT64_C(0x192636911d02));
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(guest_read(VDEV(0) + VIRTIO_MMIO_CONFIG + i, 1),
				 a >> (8 * i) & 0xff);
}

static void refused(struct net_says says, const char *line)
{
	fake_log_reset();
	assert_int_equal(net_make(1, says), HV_EINVAL);
	assert_logged(line);
	assert_int_equal(fake_log_count, 1);
	memset(fake_vm.virtio->dev + 1, 0, sizeof(fake_vm.virtio->dev[0]));
}

extern uint16_t fake_uplink_vlans;

static void what_is_wrong_in_the_node_is_said(void **state)
{
	(void)state;
	assert_int_equal(net_make(0, (struct net_says){ .to = "lan", .mac = "\x02\3\4\5\6\7" }),
			 HV_OK);
	fake_uplink_vlans = 7;
	refused((struct net_says){ .to = "lan", .vlan = 8 },
		"config: /vm/net: vlan = <8>: must be one of at most 16 in a network that has an uplink");
	fake_uplink_vlans = 0;
	refused((struct net_says){ 0 },
		"config: /vm/net: switch is missing: must be the name of a node below the configuration's networks, of lan");
	refused((struct net_says){ .to = "wan" },
		"config: /vm/net: switch = \"wan\": must be the name of a node below the configuration's networks, of lan");
	refused((struct net_says){ .to = "lan", .mac = "\1\2\3\4\5\6" },
		"config: /vm/net: mac-address = [01 02 03 04 05 06]: must be the address of one device: the first byte must be even, and not all bytes 0");
	refused((struct net_says){ .to = "lan", .mac = "\0\0\0\0\0\0" },
		"config: /vm/net: mac-address = [00 00 00 00 00 00]: must be the address of one device: the first byte must be even, and not all bytes 0");
	refused((struct net_says){ .to = "lan", .mac = "\2\2\3\4\5", .mac_len = 5 },
		"config: /vm/net: mac-address = [02 02 03 04 05]: must be 6 bytes, as in [02 00 00 00 00 01]");
	refused((struct net_says){ .to = "lan", .mac = "\x02\3\4\5\6\7", .vlan = 3 },
		"config: /vm/net: mac-address = [02 03 04 05 06 07]: must be unique in the network: net@0 of vm has 02:03:04:05:06:07, too");
	refused((struct net_says){ .to = "lan", .vlan = 4095 },
		"config: /vm/net: vlan = <4095>: must be 1 to 4094 (one cell)");
	refused((struct net_says){ .to = "lan", .queues = 9 },
		"config: /vm/net: queues = <9>: must be 1 to 8 (one cell)");
	refused((struct net_says){ .to = "lan", .queues = 5 },
		"config: /vm/net: queues = <5>: must be 1 to 4: the VM has no more vcpus");
	refused((struct net_says){ .to = "lan", .rate = 999 },
		"config: /vm/net: rate-limit = <999>: must be 1000 to 4294967295 (one cell)");
	refused((struct net_says){ .to = "lan", .mtu = 67 },
		"config: /vm/net: mtu = <67>: must be 68 to 65535 (one cell)");
	refused((struct net_says){ .to = "lan", .offloads = "some" },
		"config: /vm/net: offloads = \"some\": must be \"all\" or \"none\"");
}

static void features_that_need_others_are_refused_without(void **state)
{
	static const uint64_t wrong[] = { NET_F_GUEST_TSO4,   NET_F_GUEST_TSO6, NET_F_HOST_TSO4,
					  NET_F_HOST_TSO6,    NET_F_CTRL_RX,	NET_F_MQ,
					  NET_F_CTRL_MAC_ADDR };

	(void)state;
	assert_int_equal(net_make(0, (struct net_says){ .to = "lan", .queues = 2 }), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(driver_begin(VDEV(0), VIRTIO_F_VERSION_1 | wrong[i]) &
			     VIRTIO_FEATURES_OK);
	assert_true(driver_begin(VDEV(0), VIRTIO_F_VERSION_1 | NET_OFFLOADS) & VIRTIO_FEATURES_OK);
}

/* --- packets -------------------------------------------------------------------------------------- */

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

static void a_packet_comes_as_it_was_sent(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 16, 2048);
	for (uint32_t len = 14; len <= 1514; len += len < 100 ? 1 : 59)
		passes(len, 0, 1);
	for (uint32_t cut = 24; cut < 700; cut += 13)
		passes(1514, cut, 1);
	for (uint32_t cut = 1; cut < 14; cut++)
		passes(60, cut, 1);
}

static void a_packet_may_take_several_buffers(void **state)
{
	(void)state;
	net_pair(MERGE, 60, 100);
	for (uint32_t len = 14; len <= 1514; len += 25)
		passes(len, 0, (len + 12 + 99) / 100);
	for (uint32_t cut = 24; cut < 700; cut += 13)
		passes(1514, cut, 16);
}

/* With buffers in many pieces, the header is cut at each place. */
static void a_buffer_may_be_a_chain(void **state)
{
	uint64_t at;

	(void)state;
	net_pair(MERGE | VIRTIO_F_EVENT_IDX, 0, 2048);
	at = fake_ram_alloc(4096, 8);
	net_frame(sent, 100, 2, 1);
	for (uint32_t cut = 1; cut < 20; cut++) {
		uint32_t id, len;

		net_give_chain(1, 0,
			       (struct vbuf[]){ { at, cut, true },
						{ at + 1000, 1, true },
						{ at + 2000, 300, true } },
			       3);
		net_send_frame(0, 0, NULL, sent, 100, 0);
		assert_true(vring_used(&nets[1].rx[0], &id, &len));
		assert_int_equal(len, 112);
		fake_ram_read(at, got, cut);
		fake_ram_read(at + 1000, got + cut, 1);
		fake_ram_read(at + 2000, got + cut + 1, 112 - cut - 1);
		assert_memory_equal(got + 12, sent, 100);
		assert_int_equal(got[10], 1);
		assert_int_equal(got[11], 0);
	}
}

static void a_packet_that_does_not_fit_leaves_the_buffers_as_they_were(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 4, 1000);
	net_frame(sent, 1514, 2, 1);
	net_send_frame(0, 0, NULL, sent, 989, 0);
	assert_int_equal(net_dropped(1, NET_DROP_NO_ROOM), 1);
	assert_int_equal(net_got(1, &h, got), -1);
	passes(988, 0, 1);
	net_pair(MERGE, 5, 100);
	net_send_frame(0, 0, NULL, sent, 489, 0);
	assert_int_equal(net_dropped(1, NET_DROP_FULL), 1);
	assert_int_equal(net_got(1, &h, got), -1);
	passes(488, 0, 5);
	passes(14, 0, 1);
}

static void a_receiver_without_buffers_loses_packets_and_goes_on(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 0, 2048);
	net_frame(sent, 60, 2, 1);
	for (unsigned int i = 0; i < 10; i++)
		net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_dropped(1, NET_DROP_FULL), 10);
	net_give(1, 2, 2048);
	assert_int_equal(net_got(1, &h, got), -1);
	passes(60, 0, 1);
}

static void a_batch_costs_one_exit_and_one_interrupt(void **state)
{
	unsigned int before;

	(void)state;
	net_pair(NET_PLAIN | VIRTIO_F_EVENT_IDX, 40, 2048);
	net_frame(sent, 1514, 2, 1);
	before = fake_interrupts;
	fake_ram_set_u16(nets[0].tx[0].avail + VIRTQ_AVAIL_EVENT(NET_RING),
			 20); /* as Linux has it */
	for (unsigned int i = 0; i < 32; i++)
		net_put_frame(0, 0, NULL, sent, 1514, 0);
	/* 64 KiB are a step: two executions of one store. */
	assert_in_range(vring_kick(&nets[0].tx[0]), 1, 3);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(net_got(1, &h, got), 1514);
	assert_in_range(fake_interrupts - before, 1, 2);
	/* No buffer that is given is told of. */
	net_give(1, 1, 2048);
	assert_false(vring_publish(&nets[1].rx[0]));
}

static void a_device_that_is_not_started_gets_nothing(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 4, 2048);
	net_frame(sent, 60, 2, 1);
	vdev_set(VDEV(1), VIRTIO_MMIO_STATUS, 0);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_dropped(1, NET_DROP_DOWN), 1);
	fake_vm.state = VM_RUNNING;
	net_begin(1, NET_PLAIN);
	net_give(1, 4, 2048);
	passes(60, 0, 1);
	/* The queue alone is reset. */
	vdev_set(VDEV(1), VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(VDEV(1), VIRTIO_MMIO_QUEUE_RESET, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_dropped(1, NET_DROP_DOWN), 2);
}

/* Its queue is ready, and has a buffer. */
static void a_driver_that_is_not_ready_gets_nothing(void **state)
{
	const uint64_t at = fake_ram_alloc(2048, 8);
	struct vring r;

	(void)state;
	net_pair(NET_PLAIN, 0, 2048);
	assert_true(driver_begin(VDEV(1), NET_PLAIN) & VIRTIO_FEATURES_OK);
	vring_begin(&r, VDEV(1), 0, NET_RING, NET_PLAIN);
	(void)vring_add(&r, (struct vbuf[]){ { at, 2048, true } }, 1);
	(void)vring_publish(&r);
	net_frame(sent, 60, 2, 1);
	net_send_frame(0, 0, NULL, sent, 60, 0);
	assert_int_equal(net_dropped(1, NET_DROP_DOWN), 1);
	assert_int_equal(fake_ram_u16(r.used + VIRTQ_USED_IDX), 0);
}

static void each_queue_s_packets_come_to_one_queue(void **state)
{
	uint32_t id, len;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(net_make(i, (struct net_says){ .to = "lan",
								.queues = 4,
								.mac = i ? "\2\0\0\0\0\2" :
									   "\2\0\0\0\0\1" }),
				 HV_OK);
		net_begin(i, NET_PLAIN | NET_F_MQ);
	}
	net_frame(sent, 60, 2, 1);
	for (unsigned int pairs = 1; pairs <= 4; pairs++) {
		const uint8_t set[] = { 4, 0, (uint8_t)pairs, 0 };

		assert_int_equal(net_control(1, set, sizeof(set)), 0);
		for (unsigned int q = 0; q < 4; q++) {
			const uint64_t at = fake_ram_alloc(2048, 8);

			(void)net_give_chain(1, q % pairs, (struct vbuf[]){ { at, 2048, true } },
					     1);
			net_send_frame(0, q, NULL, sent, 60, 0);
			assert_true(vring_used(&nets[1].rx[q % pairs], &id, &len));
			assert_int_equal(len, 72);
		}
	}
	/* Without MQ the control queue is number 2. */
	net_begin(1, NET_PLAIN);
	assert_int_equal(net_control(1, "\0\0\1", 3), 0);
}

static void counts_are_kept(void **state)
{
	struct net_switch *lan = net_switch_of(named_find(net_switches, "lan"));
	struct net_port_look p;

	(void)state;
	net_pair(NET_PLAIN, 16, 2048);
	passes(1000, 0, 1);
	passes(500, 0, 1);
	net_send_frame(0, 0, NULL, sent, 5, 0);
	assert_true(net_port_look(lan, 0, &p));
	assert_string_equal(p.vm, "vm");
	assert_int_equal(p.unit, 0);
	assert_int_equal(p.counts.sent, 2);
	assert_int_equal(p.counts.sent_bytes, 1500);
	assert_int_equal(p.counts.received, 0);
	assert_int_equal(p.counts.drops[NET_DROP_MALFORMED], 1);
	assert_true(net_port_look(lan, 1, &p));
	assert_int_equal(p.unit, 1);
	assert_int_equal(p.counts.received, 2);
	assert_int_equal(p.counts.received_bytes, 1500);
	assert_false(net_port_look(lan, 2, &p));
	net_ports_zero(lan);
	passes(400, 0, 1);
	assert_true(net_port_look(lan, 0, &p));
	assert_int_equal(p.counts.sent, 1);
	assert_int_equal(p.counts.sent_bytes, 400);
	assert_int_equal(p.counts.drops[NET_DROP_MALFORMED], 0);
	assert_true(net_port_look(lan, 1, &p));
	assert_int_equal(p.counts.received, 1);
	assert_int_equal(p.counts.received_bytes, 400);
}

static void a_paused_vm_gets_nothing(void **state)
{
	(void)state;
	net_pair(NET_PLAIN, 4, 2048);
	net_frame(sent, 60, 2, 1);
	net_put_frame(0, 0, NULL, sent, 60, 0);
	(void)vring_publish(&nets[0].tx[0]);
	fake_vm.state = VM_PAUSED;
	assert_true(vring_notify_once(&nets[0].tx[0]));
	fake_vm.state = VM_RUNNING;
	assert_int_equal(net_got(1, &h, got), -1);
	(void)vring_notify(&nets[0].tx[0]);
	assert_int_equal(net_got(1, &h, got), 60);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		test(it_says_what_it_can),
		test(an_address_of_its_own_is_the_same_each_time),
		test(what_is_wrong_in_the_node_is_said),
		test(features_that_need_others_are_refused_without),
		test(a_packet_comes_as_it_was_sent),
		test(a_packet_may_take_several_buffers),
		test(a_buffer_may_be_a_chain),
		test(a_packet_that_does_not_fit_leaves_the_buffers_as_they_were),
		test(a_receiver_without_buffers_loses_packets_and_goes_on),
		test(a_batch_costs_one_exit_and_one_interrupt),
		test(a_device_that_is_not_started_gets_nothing),
		test(a_driver_that_is_not_ready_gets_nothing),
		test(each_queue_s_packets_come_to_one_queue),
		test(counts_are_kept),
		test(a_paused_vm_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
