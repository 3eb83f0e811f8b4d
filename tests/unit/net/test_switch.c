// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/netports.h
/* Which ports get a frame: addresses, VLANs, rates; and what is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/netports.h"
#include "fake/timer.h"
#include "lib/errno.h"

#define ALL	0xffu /* all ports */
#define SECOND	UINT64_C(10000000)
#define M(n)	fake_mac(n)
#define UNKNOWN M(99)

static int setup(void **state)
{
	(void)state;
	fake_net_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_net_end();
	return 0;
}

/* What port @i sends to @dst from its own address comes to the ports of @set, and nowhere else. */
static void comes_to(unsigned int i, net_mac_t dst, uint32_t set)
{
	assert_true(fake_send(i, dst, M(i)) >= 0);
	assert_int_equal(fake_got_set(), set);
}

static void a_port_s_own_address_is_known_from_the_beginning(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		for (unsigned int j = 0; j < FAKE_PORTS; j++)
			if (i != j)
				comes_to(i, M(j), 1u << j);
}

static void what_no_port_is_known_to_have_goes_to_all_but_the_sender(void **state)
{
	(void)state;
	comes_to(2, UNKNOWN, ALL & ~4u);
	comes_to(2, NET_BROADCAST, ALL & ~4u);
	comes_to(7, (net_mac_t){ 0x5e0001 | (uint64_t)9 << 40 }, ALL & ~128u);
}

static void an_address_that_was_sent_from_is_known(void **state)
{
	(void)state;
	(void)fake_send(3, M(0), UNKNOWN);
	(void)fake_got_set();
	comes_to(1, UNKNOWN, 8);
	/* It has moved. */
	(void)fake_send(5, M(0), UNKNOWN);
	(void)fake_got_set();
	comes_to(1, UNKNOWN, 32);
}

static void nothing_goes_back_to_its_port(void **state)
{
	(void)state;
	comes_to(3, M(3), 0);
	(void)fake_send(3, M(0), UNKNOWN);
	(void)fake_got_set();
	comes_to(3, UNKNOWN, 0);
}

static void an_address_is_forgotten_after_300_seconds(void **state)
{
	(void)state;
	(void)fake_send(3, M(0), UNKNOWN);
	(void)fake_got_set();
	fake_ticks += 300 * SECOND;
	comes_to(1, UNKNOWN, 8);
	fake_ticks += 1;
	fake_ticks += SECOND; /* as long as a decision holds */
	comes_to(1, UNKNOWN, ALL & ~2u);
	comes_to(1, M(3), 8);
}

static void an_address_that_is_used_is_not_forgotten(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		fake_ticks += SECOND;
		(void)fake_send(3, M(0), UNKNOWN);
		(void)fake_got_set();
	}
	comes_to(1, UNKNOWN, 8);
}

static void a_port_that_makes_up_addresses_replaces_its_own(void **state)
{
	(void)state;
	(void)fake_send(2, M(0), UNKNOWN);
	for (unsigned int i = 0; i < 1000; i++) {
		fake_ticks++;
		(void)fake_send(3, M(0), (net_mac_t){ 0x1000000 + 256 * i + 2 });
		(void)fake_got_set();
	}
	comes_to(1, UNKNOWN, 4);
	comes_to(1, (net_mac_t){ 0x1000000 + 256 * 999 + 2 }, 8);
	comes_to(1, (net_mac_t){ 0x1000000 + 256 * (1000 - NET_LEARNED_MAX) + 2 }, 8);
	comes_to(1, (net_mac_t){ 0x1000000 + 256 * (999 - NET_LEARNED_MAX) + 2 }, ALL & ~2u);
}

static void what_was_learned_of_a_guest_that_begins_anew_is_forgotten(void **state)
{
	(void)state;
	(void)fake_send(3, M(0), UNKNOWN);
	(void)fake_got_set();
	comes_to(1, UNKNOWN, 8); /* a decision that is remembered */
	net_port_forget(&fake_ports[3].port);
	comes_to(1, UNKNOWN, ALL & ~2u);
	comes_to(1, M(3), 8);
}

static void a_source_that_no_port_may_have_is_dropped(void **state)
{
	static const uint64_t wrong[] = { 0, 1, 0xffffffffffff, 0x5e0001 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		(void)fake_send(3, M(0), (net_mac_t){ wrong[i] });
		assert_int_equal(fake_got_set(), 0);
		assert_int_equal(fake_dropped(3, NET_DROP_SOURCE), 1);
	}
	/* The fixed address of another port. */
	(void)fake_send(3, M(0), M(5));
	assert_int_equal(fake_got_set(), 0);
	assert_int_equal(fake_dropped(3, NET_DROP_SOURCE), 1);
	comes_to(1, M(5), 32);
}

static void a_port_that_joins_has_its_address_whatever_was_seen(void **state)
{
	(void)state;
	net_port_leave(&fake_ports[5].port);
	(void)fake_send(3, M(0), M(5));
	(void)fake_got_set();
	comes_to(1, M(5), 8);
	fake_port_joins(5, 0);
	comes_to(1, M(5), 32);
}

static void vlans_do_not_hear_each_other(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		net_port_leave(&fake_ports[i].port);
		fake_port_joins(i, i < 3 ? 7 : i < 6 ? 4094 : 0);
	}
	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		const uint32_t set = (i < 3 ? 7u : i < 6 ? 7u << 3 : 3u << 6) & ~(1u << i);

		comes_to(i, NET_BROADCAST, set);
		for (unsigned int j = 0; j < FAKE_PORTS; j++)
			if (!(set >> j & 1) && j != i) /* it is not known here */
				comes_to(i, M(j), set);
	}
	/* An address may be in each. */
	(void)fake_send(0, M(1), UNKNOWN);
	(void)fake_send(3, M(4), UNKNOWN);
	(void)fake_got_set();
	comes_to(2, UNKNOWN, 1);
	comes_to(5, UNKNOWN, 8);
}

static void a_frame_with_a_tag_is_dropped(void **state)
{
	static const uint16_t types[] = { 0x8100, 0x88a8, 0x9100 };
	uint8_t bytes[64] = { 0 };
	struct flat f;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		fake_ether(bytes, NET_BROADCAST, M(2), types[i]);
		flat_begin(&f, bytes, sizeof(bytes), 14);
		assert_int_equal(fake_send_flat(2, &f), 0);
		assert_int_equal(fake_got_set(), 0);
		assert_int_equal(fake_dropped(2, NET_DROP_TAGGED), 1);
	}
}

static void a_tag_that_comes_while_a_frame_goes_round_ends_it(void **state)
{
	uint8_t bytes[64] = { 0 };
	uint32_t at = 0;
	struct flat f;

	(void)state;
	fake_ether(bytes, NET_BROADCAST, M(2), 0x0800);
	flat_begin(&f, bytes, sizeof(bytes), 14);
	assert_true(net_send(&fake_ports[2].sender, &f.frame, &at, 1) > 0);
	assert_int_not_equal(at, 0);
	fake_ether(f.frame.head, NET_BROADCAST, M(2), 0x8100);
	assert_int_equal(net_send(&fake_ports[2].sender, &f.frame, &at, 1), 0);
	assert_int_equal(at, 0);
	net_send_end(&fake_ports[2].sender);
	assert_int_equal(fake_got_set(), 1);
}

static void a_frame_to_all_goes_in_steps(void **state)
{
	uint8_t bytes[64] = { 0 };
	uint32_t at = 0;
	struct flat f;
	unsigned int steps = 0;
	int64_t moved;

	(void)state;
	fake_ether(bytes, NET_BROADCAST, M(2), 0x0800);
	flat_begin(&f, bytes, sizeof(bytes), 14);
	do {
		moved = net_send(&fake_ports[2].sender, &f.frame, &at, 2 * 64);
		assert_int_equal(moved, at != 0 ? 2 * 64 : 64);
		net_send_end(&fake_ports[2].sender);
		steps++;
	} while (at != 0);
	assert_int_equal(steps, 4);
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		assert_int_equal(fake_got(i), i != 2);
}

static void a_receiver_is_opened_once_in_a_step(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct flat f;

	(void)state;
	fake_ether(bytes, M(1), M(0), 0x0800);
	for (unsigned int i = 0; i < 32; i++) {
		uint32_t at = 0;

		flat_begin(&f, bytes, sizeof(bytes), 14);
		assert_int_equal(net_send(&fake_ports[0].sender, &f.frame, &at, 1), 64);
		assert_int_equal(at, 0);
		assert_true(fake_ports[1].is_open);
	}
	net_send_end(&fake_ports[0].sender);
	assert_false(fake_ports[1].is_open);
	assert_int_equal(fake_ports[1].opens, 1);
	assert_int_equal(fake_ports[1].lane, 3);
	assert_int_equal(fake_got(1), 32);
}

static void what_a_receiver_does_not_get_is_counted_there(void **state)
{
	(void)state;
	fake_ports[1].room = 1;
	comes_to(0, M(1), 2);
	fake_ports[1].room = 0;
	comes_to(0, M(1), 0);
	assert_int_equal(fake_dropped(1, NET_DROP_FULL), 1);
	fake_ports[1].room = 5;
	fake_ports[1].fate = NET_NO_ROOM;
	comes_to(0, M(1), 0);
	assert_int_equal(fake_dropped(1, NET_DROP_NO_ROOM), 1);
	fake_ports[1].fate = NET_BROKEN;
	comes_to(0, M(1), 0);
	assert_int_equal(fake_dropped(1, NET_DROP_DOWN), 1);
	fake_ports[1].fate = NET_FILTERED;
	comes_to(0, M(1), 0);
	fake_ports[1].fate = NET_DELIVERED;
	fake_ports[1].is_down = true;
	comes_to(0, M(1), 0);
	assert_int_equal(fake_dropped(1, NET_DROP_DOWN), 1);
	/* The others get it all the same. */
	comes_to(0, NET_BROADCAST, ALL & ~3u);
	for (unsigned int why = 0; why < NR_NET_DROPS; why++)
		assert_int_equal(fake_dropped(0, why), 0);
}

static void a_sender_without_memory_is_told(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct flat f;

	(void)state;
	fake_ether(bytes, M(1), M(0), 0x0800);
	flat_begin(&f, bytes, sizeof(bytes), 14);
	f.faults = true;
	assert_int_equal(fake_send_flat(0, &f), HV_EFAULT);
	fake_ether(f.frame.head, NET_BROADCAST, M(0), 0x0800);
	assert_int_equal(fake_send_flat(0, &f), HV_EFAULT);
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		assert_false(fake_ports[i].is_open);
}

static void a_frame_fits_both_mtus(void **state)
{
	static uint8_t bytes[1600];
	struct flat f;

	(void)state;
	fake_ports[1].port.mtu = 1400;
	fake_ether(bytes, M(1), M(0), 0x0800);
	flat_begin(&f, bytes, 1414, 14);
	assert_int_equal(fake_send_flat(0, &f), 1414);
	flat_begin(&f, bytes, 1415, 14);
	(void)fake_send_flat(0, &f);
	assert_int_equal(fake_dropped(1, NET_DROP_NO_ROOM), 1);
	flat_begin(&f, bytes, 1515, 14);
	(void)fake_send_flat(0, &f);
	assert_int_equal(fake_dropped(0, NET_DROP_TOO_LONG), 1);
	assert_int_equal(fake_got(1), 1);
}

/* Bytes that port 0 gets through in 10 seconds, in frames of 1000 bytes, which it sends as fast as @gap ticks let it. */
static uint64_t through(uint64_t rate, uint64_t gap)
{
	static uint8_t bytes[1000];
	uint64_t sent = 0;
	struct flat f;

	fake_ports[0].port.rate = rate;
	fake_ether(bytes, M(1), M(0), 0x0800);
	for (uint64_t end = fake_ticks + 10 * SECOND; fake_ticks < end; fake_ticks += gap) {
		flat_begin(&f, bytes, sizeof(bytes), 14);
		(void)fake_send_flat(0, &f);
		sent += 1000u * fake_got(1);
	}
	assert_true(fake_dropped(0, NET_DROP_RATE) > 0);
	return sent;
}

static void a_port_sends_no_more_than_its_rate(void **state)
{
	(void)state;
	assert_in_range(through(1000000, 5000), 10000000, 10000000 + KIB(128));
	fake_ticks += 1000 * SECOND; /* it saves up no more than a burst */
	assert_in_range(through(1000000, 5000), 10000000, 10000000 + KIB(128));
	assert_in_range(through(30000000, 300), 300000000 - 3000000, 300000000 + 3000000);
	/* Slow ones, whose packets take longer than a burst of a tenth of a second, do send. */
	fake_ticks += 1000 * SECOND;
	assert_in_range(through(1000, 5000), KIB(128), KIB(128) + 10000);
}

static void a_port_that_has_left_gets_nothing(void **state)
{
	(void)state;
	comes_to(0, M(1), 2);
	(void)fake_send(1, M(0), UNKNOWN);
	(void)fake_got_set();
	net_port_leave(&fake_ports[1].port);
	assert_int_equal(fake_mem_waits, 1);
	comes_to(0, M(1), ALL & ~3u);
	comes_to(0, UNKNOWN, ALL & ~3u);
	net_port_leave(&fake_ports[1].port);
	assert_int_equal(fake_mem_waits, 1);
}

static void an_address_is_of_one_port(void **state)
{
	const struct net_port *other = NULL;
	struct net_port p = { .mac = M(5), .vlan = 9 };

	(void)state;
	assert_int_equal(net_port_join(&p, &fake_switch, &other), HV_EEXIST);
	assert_ptr_equal(other, &fake_ports[5].port);
}

static void a_switch_has_64_ports(void **state)
{
	static struct net_port more[NET_PORTS_MAX];
	const struct net_port *other;

	(void)state;
	for (unsigned int i = FAKE_PORTS; i <= NET_PORTS_MAX; i++) {
		more[i % NET_PORTS_MAX] = (struct net_port){ .mac = M(i), .vlan = 1 };
		assert_int_equal(net_port_join(&more[i % NET_PORTS_MAX], &fake_switch, &other),
				 i < NET_PORTS_MAX ? HV_OK : HV_ENOMEM);
	}
	for (unsigned int i = FAKE_PORTS; i < NET_PORTS_MAX; i++)
		net_port_leave(&more[i]);
}

static void switches_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(net_switch_of(named_find(net_switches, "lan")), &fake_switch);
	assert_null(net_switch_of(named_find(net_switches, "wan")));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		test(a_port_s_own_address_is_known_from_the_beginning),
		test(what_no_port_is_known_to_have_goes_to_all_but_the_sender),
		test(an_address_that_was_sent_from_is_known),
		test(nothing_goes_back_to_its_port),
		test(an_address_is_forgotten_after_300_seconds),
		test(an_address_that_is_used_is_not_forgotten),
		test(a_port_that_makes_up_addresses_replaces_its_own),
		test(what_was_learned_of_a_guest_that_begins_anew_is_forgotten),
		test(a_source_that_no_port_may_have_is_dropped),
		test(a_port_that_joins_has_its_address_whatever_was_seen),
		test(vlans_do_not_hear_each_other),
		test(a_frame_with_a_tag_is_dropped),
		test(a_tag_that_comes_while_a_frame_goes_round_ends_it),
		test(a_frame_to_all_goes_in_steps),
		test(a_receiver_is_opened_once_in_a_step),
		test(what_a_receiver_does_not_get_is_counted_there),
		test(a_sender_without_memory_is_told),
		test(a_frame_fits_both_mtus),
		test(a_port_sends_no_more_than_its_rate),
		test(a_port_that_has_left_gets_nothing),
		test(an_address_is_of_one_port),
		test(a_switch_has_64_ports),
		test(switches_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
