// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/netports.h
// SOURCES: hyp/net/uplink.c
/* The uplink of a switch: what goes outside and comes from there, with the tags of VLANs, and what is left undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/netports.h"
#include "arch/memmap.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "net/uplink.h"
#include "platform/net.h"
#include "vcpu/vm_mem.h"

#define ALL	0xffu
#define M(n)	fake_mac(n)
#define OUTSIDE M(200)

/* --- the machine's device --------------------------------------------------------------------------- */

struct host_net {
	struct host_net_facts facts;
	bool link, full;
	struct host_net_user *user;
	uint8_t buffer[70000];
	unsigned int begun, cancelled, flushes, nr_sent;
	struct net_header header;
	uint32_t len, piece;
};

static struct host_net host;
static int open_error;
static unsigned int brackets;
static bool in_bracket;

int host_net_open(const void *fdt, const char *path, void *memory, struct host_net_user *user,
		  struct host_net **out, const char **why)
{
	(void)fdt, (void)path, (void)memory;
	*why = "as the device says";
	host.user = user;
	*out = &host;
	return open_error;
}

const struct host_net_facts *host_net_facts(const struct host_net *n)
{
	return &n->facts;
}

bool host_net_link(const struct host_net *n)
{
	return n->link;
}

bool host_net_begin(struct host_net *n, uint32_t len, struct host_net_frame *f)
{
	if (n->full)
		return false;
	*f = (struct host_net_frame){ .len = len, .left = len };
	n->begun++;
	return true;
}

uint8_t *host_net_buffer(const struct host_net *n, struct host_net_frame *f, uint32_t *room)
{
	uint8_t *at = (uint8_t *)(uintptr_t)n->buffer + (f->len - f->left);

	assert_true(f->left > 0);
	*room = f->left < n->piece ? f->left : n->piece;
	f->left -= *room;
	return at;
}

void host_net_send(struct host_net *n, const struct host_net_frame *f, const struct net_header *h)
{
	assert_int_equal(f->left, 0);
	n->header = *h;
	n->len = f->len;
	n->nr_sent++;
	n->begun--;
}

void host_net_cancel(struct host_net *n, const struct host_net_frame *f)
{
	(void)f;
	n->cancelled++;
	n->begun--;
}

void host_net_flush(struct host_net *n)
{
	n->flushes++;
}

void vm_mem_begin_for_any(void)
{
	assert_false(in_bracket);
	in_bracket = true;
	brackets++;
}

void vm_mem_end(void)
{
	assert_true(in_bracket);
	in_bracket = false;
}

/* --- memory ------------------------------------------------------------------------------------------ */

static void *pages[64];
static unsigned int nr_pages;

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	void *p = aligned_alloc(align, size);

	memset(p, 0, size);
	pages[nr_pages++] = p;
	return p;
}

void page_free(hpa_t base, uint64_t size)
{
	(void)size;
	assert_ptr_equal(hpa_to_ptr(base), pages[nr_pages - 1]);
	free(pages[--nr_pages]);
}

/* --- a world ----------------------------------------------------------------------------------------- */

static const char *why;

static int setup(void **state)
{
	(void)state;
	host = (struct host_net){ .facts = { .mtu = 1500 }, .link = true, .piece = 700 };
	open_error = 0;
	brackets = 0;
	fake_net_begin();
	assert_int_equal(net_uplink_open(&fake_switch, NULL, "/net", &why), HV_OK);
	assert_int_equal(net_uplink_reach(&fake_switch, 0), HV_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host.begun, 0);
	assert_false(in_bracket);
	fake_switch.uplink = NULL;
	fake_net_end();
	while (nr_pages > 0)
		free(pages[--nr_pages]);
	return 0;
}

static void moves(unsigned int port, uint16_t vlan)
{
	net_port_leave(&fake_ports[port].port);
	fake_port_joins(port, vlan);
}

/* A frame of @len bytes from @src to @dst; behind the header are its bytes' numbers. */
static uint8_t bytes[70000];

static void write_frame(net_mac_t dst, net_mac_t src, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7);
	fake_ether(bytes, dst, src, 0x0800);
}

/* It comes from outside, with the tag @tag if that is not 0. */
static void comes_with(struct net_header h, uint32_t len, uint32_t tag)
{
	static uint8_t wire[70000];

	memcpy(wire, bytes, 12);
	net_put32(wire + 12, 0x81000000 | tag);
	memcpy(wire + (tag ? 16 : 12), bytes + 12, len - 12);
	host.user->received(host.user, &h, wire, len + (tag ? 4 : 0));
}

static void comes(net_mac_t dst, net_mac_t src, uint32_t tag)
{
	write_frame(dst, src, 60);
	comes_with((struct net_header){ 0 }, 60, tag);
	host.user->received_all(host.user);
}

/* --- tests ------------------------------------------------------------------------------------------- */

static void a_frame_goes_outside_and_an_answer_comes(void **state)
{
	struct flat f;

	(void)state;
	/* Its address is not known: all get it. */
	write_frame(OUTSIDE, M(1), 1514);
	flat_begin(&f, bytes, 1514, 14);
	f.piece = 333;
	assert_true(fake_send_flat(1, &f) >= 0);
	assert_int_equal(fake_got_set(), ALL & ~2u);
	assert_int_equal(host.nr_sent, 1);
	assert_int_equal(host.len, 1514);
	assert_memory_equal(host.buffer, bytes, 1514);
	assert_int_equal(host.flushes, 1);
	comes(M(1), OUTSIDE, 0);
	assert_int_equal(fake_got_set(), 2);
	assert_int_equal(brackets, 1);
	/* Now it is. */
	(void)fake_send(3, OUTSIDE, M(3));
	assert_int_equal(host.nr_sent, 2);
	assert_int_equal(fake_got_set(), 0);
	/* What is within stays there, and what is outside does not come back. */
	(void)fake_send(3, M(1), M(3));
	assert_int_equal(host.nr_sent, 2);
	(void)fake_got_set();
	comes(M(201), OUTSIDE, 0);
	(void)fake_got_set();
	comes(OUTSIDE, M(201), 0);
	assert_int_equal(fake_got_set(), 0);
	assert_int_equal(host.nr_sent, 2);
	/* A broadcast from outside. */
	comes(NET_BROADCAST, OUTSIDE, 0);
	assert_int_equal(fake_got_set(), ALL);
}

/* No one outside takes a guest's address. */
static void a_guest_s_address_is_not_taken_from_outside(void **state)
{
	(void)state;
	comes(M(2), M(1), 0);
	assert_int_equal(fake_got_set(), 0);
	comes(M(2), NET_BROADCAST, 0);
	assert_int_equal(fake_got_set(), 0);
	(void)fake_send(3, M(1), M(3));
	assert_int_equal(fake_got_set(), 2);
}

static void vlans_have_their_tags(void **state)
{
	uint8_t *short_frame;

	(void)state;
	moves(1, 7);
	moves(2, 9);
	assert_int_equal(net_uplink_reach(&fake_switch, 7), HV_OK);
	assert_int_equal(net_uplink_reach(&fake_switch, 7), HV_OK);
	(void)fake_send(1, OUTSIDE, M(1));
	assert_int_equal(host.nr_sent, 1);
	assert_int_equal(host.len, 64);
	assert_int_equal(net_get32(host.buffer + 12), 0x81000007);
	assert_int_equal(fake_got_set(), 0);
	comes(NET_BROADCAST, OUTSIDE, 7 | 0xe000); /* with a priority */
	assert_int_equal(fake_ports[1].nr, 1);
	assert_memory_equal(fake_ports[1].got[0], bytes, 60);
	assert_int_equal(fake_got_set(), 2);
	/* That of no lane; no VLAN; a priority alone; one tag in another, for which a guest's would be taken. */
	comes(NET_BROADCAST, OUTSIDE, 9);
	assert_int_equal(fake_got_set(), 0);
	comes(NET_BROADCAST, OUTSIDE, 0);
	assert_int_equal(fake_got_set(), ALL & ~6u);
	comes(NET_BROADCAST, OUTSIDE, 0x2000);
	assert_int_equal(fake_got_set(), ALL & ~6u);
	write_frame(NET_BROADCAST, OUTSIDE, 60);
	net_put16(bytes + 12, 0x8100);
	comes_with((struct net_header){ 0 }, 60, 7);
	host.user->received_all(host.user);
	assert_int_equal(fake_got_set(), 0);
	/* Too short for its tag. */
	net_put16(bytes + 14, 7);
	short_frame = malloc(17);
	memcpy(short_frame, bytes, 17);
	host.user->received(host.user, &(struct net_header){ 0 }, short_frame, 17);
	host.user->received_all(host.user);
	free(short_frame);
	assert_int_equal(fake_got_set(), 0);
}

/* A guest that tags its frames reaches no VLAN outside. */
static void a_guest_s_tags_do_not_go_outside(void **state)
{
	struct flat f;

	(void)state;
	write_frame(OUTSIDE, M(1), 64);
	net_put16(bytes + 12, 0x8100);
	flat_begin(&f, bytes, 64, 14);
	(void)fake_send_flat(1, &f);
	assert_int_equal(host.nr_sent, 0);
	assert_int_equal(fake_dropped(1, NET_DROP_TAGGED), 1);
}

static void there_is_a_lane_for_so_many_vlans(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < NET_UPLINK_VLANS; i++)
		assert_int_equal(net_uplink_reach(&fake_switch, (uint16_t)i), HV_OK);
	assert_int_equal(net_uplink_reach(&fake_switch, 99), HV_EOVERFLOW);
	assert_int_equal(net_uplink_reach(&fake_switch, 3), HV_OK);
	fake_switch.uplink = NULL;
	assert_int_equal(net_uplink_reach(&fake_switch, 99), HV_OK);
	assert_null(net_uplink_facts(&fake_switch));
	open_error = HV_EBUSY;
	assert_int_equal(net_uplink_open(&fake_switch, NULL, "/net", &why), HV_EBUSY);
	assert_string_equal(why, "as the device says");
	assert_null(fake_switch.uplink);
}

/* A UDP packet of @len bytes without a checksum; from byte 34 on, with its field at 40. */
static void udp(struct flat *f, uint32_t len)
{
	write_frame(OUTSIDE, M(1), len);
	net_put16(bytes + 40, 0); /* as if the pseudo-header's sum were 0 */
	flat_begin(f, bytes, len, 64);
	f->frame.offload = (struct net_offload){ .csum = true, .csum_start = 34, .csum_offset = 6 };
}

/* The device does it, or we do, as it says; with a tag always we. */
static void checksums_are_left_to_a_device_that_takes_them(void **state)
{
	struct flat f;

	(void)state;
	comes(M(1), OUTSIDE, 0); /* or all get it, and another port has it done */
	host.facts.csum = true;
	udp(&f, 100);
	(void)fake_send_flat(1, &f);
	assert_int_equal(host.header.flags, NET_HDR_NEEDS_CSUM);
	assert_int_equal(host.header.csum_start, 34);
	assert_int_equal(host.header.csum_offset, 6);
	assert_memory_equal(host.buffer, bytes, 100);
	host.facts.csum = false;
	udp(&f, 100);
	(void)fake_send_flat(1, &f);
	assert_int_equal(host.header.flags, 0);
	assert_int_equal(net_sum_fold(net_sum(0, host.buffer + 34, 66, false)), 0xffff);
	host.facts.csum = true;
	moves(1, 7);
	assert_int_equal(net_uplink_reach(&fake_switch, 7), HV_OK);
	udp(&f, 100);
	(void)fake_send_flat(1, &f);
	assert_int_equal(host.header.flags, 0);
	assert_int_equal(net_sum_fold(net_sum(0, host.buffer + 38, 66, false)), 0xffff);
}

/* From outside, too: the guest's port does it, or we do. What is said of it must be true of the frame. */
static void what_comes_may_lack_its_checksum(void **state)
{
	static const struct {
		uint16_t start, offset;
		uint8_t gso;
		bool good;
	} rows[] = {
		{ 34, 6, 0, true },	    { 13, 6, 0, false }, { 0, 6, 0, false },
		{ 98, 0, 0, true },	    { 99, 0, 0, false }, { 34, 65, 0, false },
		{ 65535, 65535, 0, false }, { 34, 6, 1, false }, { 34, 6, 0xff, false },
	};

	(void)state;
	moves(1, 7);
	assert_int_equal(net_uplink_reach(&fake_switch, 7), HV_OK);
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const uint32_t tag = i % 2 ? 7 : 0;
		const unsigned int to = tag ? 1 : 2;
		struct net_header h = { .flags = NET_HDR_NEEDS_CSUM,
					.csum_start = (uint16_t)(rows[i / 2].start + 2 * tag / 3),
					.csum_offset = rows[i / 2].offset,
					.gso_type = rows[i / 2].gso };

		fake_ports[to].takes = i % 4 < 2 ? NET_TAKES_CSUM : 0;
		write_frame(M(to), OUTSIDE, 100);
		comes_with(h, 100, tag);
		host.user->received_all(host.user);
		assert_int_equal(fake_ports[to].nr, rows[i / 2].good);
		if (rows[i / 2].good && fake_ports[to].takes) {
			assert_true(fake_ports[to].offload[0].csum);
			assert_int_equal(fake_ports[to].offload[0].csum_start, rows[i / 2].start);
		}
		(void)fake_got_set();
	}
}

/* Segments go to a device that takes them, else one by one. */
static void large_packets_go_whole_or_in_segments(void **state)
{
	struct flat f;

	(void)state;
	comes(M(1), OUTSIDE, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const unsigned int before = host.nr_sent;

		host.facts.csum = host.facts.tso4 = i == 0;
		write_frame(OUTSIDE, M(1), 54 + 4000);
		bytes[14] = 0x45;
		net_put16(bytes + 16, 4040);
		net_put16(bytes + 20, 0);
		bytes[14 + 9] = 6;
		bytes[34 + 12] = 0x50;
		flat_begin(&f, bytes, 54 + 4000, 80);
		f.frame.offload = (struct net_offload){ .csum = true,
							.csum_start = 34,
							.csum_offset = 16,
							.gso = NET_GSO_TCPV4,
							.gso_size = 1400 };
		assert_true(net_check_gso(&f.frame));
		assert_int_equal(f.frame.seek(&f.frame, f.frame.head_len), HV_OK);
		(void)fake_send_flat(1, &f);
		if (i == 0) {
			assert_int_equal(host.nr_sent - before, 1);
			assert_int_equal(host.header.gso_type, NET_HDR_GSO_TCPV4);
			assert_int_equal(host.header.gso_size, 1400);
			assert_int_equal(host.len, 4054);
		} else {
			assert_int_equal(host.nr_sent - before, 3);
			assert_int_equal(host.header.gso_type + host.header.flags, 0);
			assert_int_equal(host.len, 54 + 1200);
		}
	}
}

/* Neither waits, and a frame that is not there is taken back. */
static void what_does_not_go_is_dropped(void **state)
{
	struct flat f;

	(void)state;
	host.full = true;
	(void)fake_send(1, OUTSIDE, M(1));
	assert_int_equal(host.nr_sent, 0);
	host.full = false;
	host.link = false;
	(void)fake_send(1, OUTSIDE, M(1));
	assert_int_equal(host.nr_sent, 0);
	host.link = true;
	comes(M(1), OUTSIDE, 0);
	write_frame(OUTSIDE, M(1), 1000);
	flat_begin(&f, bytes, 1000, 14);
	f.faults = true;
	assert_int_equal(fake_send_flat(1, &f), HV_EFAULT);
	assert_int_equal(host.cancelled, 1);
	assert_int_equal(host.nr_sent, 0);
}

/* Receivers stay open for all frames of a step. */
static void a_step_is_one_bracket(void **state)
{
	(void)state;
	(void)fake_got_set();
	fake_ports[1].opens = 0;
	write_frame(M(1), OUTSIDE, 60);
	for (unsigned int i = 0; i < 5; i++)
		comes_with((struct net_header){ 0 }, 60, 0);
	assert_true(fake_ports[1].is_open);
	host.user->received_all(host.user);
	assert_false(fake_ports[1].is_open);
	assert_int_equal(fake_got(1), 5);
	assert_int_equal(fake_ports[1].opens, 1);
	assert_int_equal(brackets, 1);
	host.user->received_all(host.user);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_frame_goes_outside_and_an_answer_comes),
		test(a_guest_s_address_is_not_taken_from_outside),
		test(vlans_have_their_tags),
		test(a_guest_s_tags_do_not_go_outside),
		test(there_is_a_lane_for_so_many_vlans),
		test(checksums_are_left_to_a_device_that_takes_them),
		test(what_comes_may_lack_its_checksum),
		test(large_packets_go_whole_or_in_segments),
		test(what_does_not_go_is_dropped),
		test(a_step_is_one_bracket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
