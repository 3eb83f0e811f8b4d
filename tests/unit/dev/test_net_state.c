// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// LIKE: tests/unit/fake/netvm.h
/* A network device that is reset is as a new one, in every field that hyp/vm/state_list.h says so of; and it lists all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/netvm.h"

#define FIELD_VNET(...)	      FIELD_ROW(vnet, __VA_ARGS__)
#define FIELD_NET_FILTER(...) FIELD_ROW(net_filter, __VA_ARGS__)
#define FIELD_NET_LANE(...)   FIELD_ROW(net_lane, __VA_ARGS__)
#define FIELD_NET_SENDER(...) FIELD_ROW(net_sender, __VA_ARGS__)
#define FIELD_NET_PORT(...)   FIELD_ROW(net_port, __VA_ARGS__)
#include "fake/fields.h"

static const struct vnet __attribute__((unused)) all_of_vnet = {
#define FIELD_VNET(...) FIELD_INITIALIZER(vnet, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct net_filter __attribute__((unused)) all_of_filter = {
#define FIELD_NET_FILTER(...) FIELD_INITIALIZER(net_filter, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct net_lane __attribute__((unused)) all_of_lane = {
#define FIELD_NET_LANE(...) FIELD_INITIALIZER(net_lane, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct net_sender __attribute__((unused)) all_of_sender = {
#define FIELD_NET_SENDER(...) FIELD_INITIALIZER(net_sender, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct net_port __attribute__((unused)) all_of_port = {
#define FIELD_NET_PORT(...) FIELD_INITIALIZER(net_port, __VA_ARGS__)
#include "vm/state_list.h"
};

static void every_line_is_about_a_state(void **state)
{
	(void)state;
	fields_check_states();
}

/* What it must be like is device 1, with the address of device 0. */
static void a_device_that_is_reset_is_as_a_new_one(void **state)
{
	static const uint8_t marks[] = { 0, 1, 0xff };
	static struct vnet before;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct vnet *n, *other;
		static struct vnet fresh;

		net_vm_setup(FAKE_ONE_PIECE);
		assert_int_equal(net_make(0, (struct net_says){ .to = "lan", .queues = 2 }), HV_OK);
		assert_int_equal(net_make(1, (struct net_says){ .to = "lan", .queues = 2 }), HV_OK);
		n = nets[0].dev;
		other = nets[1].dev;
		fresh = *other;
		fresh.mac = n->port.mac.mac;
		fields_mark("vnet", n, marks[i]);
		fields_mark("net_filter", &n->filter, marks[i]);
		for (unsigned int k = 0; k < 2; k++) {
			n->lanes[k].received = 77;
			n->lanes[k].sender.frames = 78;
		}
		n->port.due = 79;
		n->port.drops[NET_DROP_RATE] = 80;
		before = *n;
		fake_part_named("net")->reset(n);
		fields_check_reset("vnet", n, &fresh, &before);
		fields_check_reset("net_filter", &n->filter, &fresh.filter, &before.filter);
		fields_check_reset("net_port", &n->port, &fresh.port, &before.port);
		for (unsigned int k = 0; k < NET_PAIRS_MAX; k++) {
			fields_check_reset("net_lane", &n->lanes[k], &fresh.lanes[k],
					   &before.lanes[k]);
			fields_check_reset("net_sender", &n->lanes[k].sender,
					   &fresh.lanes[k].sender, &before.lanes[k].sender);
		}
		assert_true(net_vm_teardown());
	}
}

/* As a guest leaves it: the sender has decided where to, and an address was learned of it. */
static void no_address_of_the_life_before_is_known(void **state)
{
	uint8_t frame[64], got[2048];
	struct net_header h;

	(void)state;
	net_vm_setup(FAKE_ONE_PIECE);
	net_pair(NET_PLAIN, 4, 2048);
	net_frame(frame, sizeof(frame), 2, 9);
	net_send_frame(0, 0, &(struct net_header){ 0 }, frame, sizeof(frame), 0);
	assert_true(net_got(1, &h, got) > 0);
	assert_int_equal(nets[0].dev->port.own[0].mac.mac, net_mac(frame + 6).mac);
	assert_ptr_equal(nets[0].dev->port.own[0].port, &nets[0].dev->port);
	fake_part_named("net")->reset(nets[0].dev);
	for (unsigned int i = 0; i < NET_LEARNED_MAX; i++)
		assert_null(nets[0].dev->port.own[i].port);
	assert_ptr_equal(nets[0].dev->port.fixed.port, &nets[0].dev->port);
	assert_true(net_vm_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_about_a_state),
		cmocka_unit_test(a_device_that_is_reset_is_as_a_new_one),
		cmocka_unit_test(no_address_of_the_life_before_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
