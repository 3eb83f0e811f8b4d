// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/netvm.h
/*
 * What a driver may do wrong with a network device: headers, commands, chains. After each, two neighbours on the same switch
 * exchange a packet, no byte of the canary has changed, and after a reset the device itself works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/netvm.h"
#include "lib/errno.h"

#define ATTACK (NET_PLAIN | NET_OFFLOADS | NET_F_MRG_RXBUF | NET_F_CTRL_MAC_ADDR)
#define CANARY KIB(8)

static uint8_t sent[70000], got[70000];
static struct net_header h;
static uint64_t canary;

/* Devices 0 (the attacker) and 1; and the neighbours 2 and 3. */
static void begin(uint64_t features)
{
	net_vm_setup(FAKE_SCATTERED);
	net_pair(features, 16, 1600);
	for (unsigned int i = 2; i < 4; i++) {
		const char mac[6] = { 2, 0, 0, 0, 0, (char)(i + 1) };

		assert_int_equal(net_make(i, (struct net_says){ .to = "lan", .mac = mac }), HV_OK);
		net_begin(i, NET_PLAIN);
	}
	net_give(3, 4, 1600);
	canary = fake_ram_alloc(CANARY, 8);
}

static void end(const char *what, unsigned int row)
{
	uint8_t frame[100];

	net_frame(frame, sizeof(frame), 4, 3);
	net_send_frame(2, 0, NULL, frame, sizeof(frame), 0);
	while (net_got(3, &h, got) >= 0)
		if (got[11] == 3)
			break;
	if (memcmp(got, frame, sizeof(frame)) != 0 || net_broken(2) || net_broken(3))
		fail_msg("%s, row %u: the neighbours are disturbed", what, row);
	if (!fake_ram_is(canary, 0xee, CANARY))
		fail_msg("%s, row %u: the canary has changed", what, row);
	net_begin(0, NET_PLAIN);
	net_begin(1, NET_PLAIN);
	net_give(1, 4, 1600);
	net_frame(frame, sizeof(frame), 2, 1);
	net_send_frame(0, 0, NULL, frame, sizeof(frame), 0);
	if (net_got(1, &h, got) != sizeof(frame) || memcmp(got, frame, sizeof(frame)) != 0)
		fail_msg("%s, row %u: it does not work after a reset", what, row);
	assert_true(net_vm_teardown());
}

/* --- headers -------------------------------------------------------------------------------------- */

/* A TCP packet of version 4 (then its header ends at 54) or 6 (74), of @len bytes. */
static void tcp_packet(uint32_t len, bool v6)
{
	const unsigned int tcp = v6 ? 54 : 34;

	net_frame(sent, len, 2, 1);
	sent[12] = v6 ? 0x86 : 0x08;
	sent[13] = v6 ? 0xdd : 0x00;
	sent[14] = v6 ? 0x60 : 0x45;
	sent[20] = v6 ? 6 : 0x40;
	sent[21] = 0;
	sent[23] = 6;
	sent[tcp + 12] = 0x50;
}

/* CSUM as bit 0 of flags. @passes: it is a packet, in whatever form; else it is dropped, and counted. */
static const struct header_case {
	struct net_header h;
	uint32_t len;
	bool v6, passes;
} headers[] = {
	{ { 1, 0, 0, 0, 34, 16, 0 }, 1514, false, true },
	{ { 1, 0, 0, 0, 14, 0, 0 }, 100, false, true },
	{ { 1, 0, 0, 0, 0, 0, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 13, 16, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 99, 0, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 98, 0, 0 }, 100, false, true },
	{ { 1, 0, 0, 0, 100, 0, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 101, 0, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 34, 65535, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 65535, 0, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 65535, 65535, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 34, 65534, 0 }, 1514, false, false },
	{ { 1, 0, 0, 0, 34, 65, 0 }, 100, false, false },
	{ { 1, 0, 0, 0, 34, 64, 0 }, 100, false, true },
	{ { 1, 0, 0, 0, 190, 0, 0 }, 1514, false, true },
	{ { 1, 0, 0, 0, 191, 0, 0 }, 1514, false, false }, /* behind the head */
	{ { 1, 0, 0, 0, 1000, 16, 0 }, 1514, false, false },
	{ { 1, 0, 65535, 65535, 34, 16, 65535 }, 1514, false, true }, /* what is not looked at */
	{ { 0xfe, 0, 65535, 65535, 65535, 65535, 65535 }, 100, false, true },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 40000, false, true },
	{ { 1, 1, 0, 1448, 34, 16, 0 }, 40000, false, true },
	{ { 1, 1, 65535, 1448, 34, 16, 0 }, 40000, false, true },
	{ { 0, 1, 54, 1448, 34, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 0, 34, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 1, 34, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 47, 34, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 65535, 34, 16, 0 },
	  40000,
	  false,
	  false }, /* a segment is larger than the network carries */
	{ { 1, 1, 54, 1461, 34, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 1460, 34, 16, 0 }, 40000, false, true },
	{ { 1, 1, 54, 1448, 33, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 1448, 54, 16, 0 }, 40000, false, false },
	{ { 1, 1, 54, 1448, 34, 6, 0 }, 40000, false, false },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 54, false, false },
	{ { 1, 1, 54, 1448, 34, 16, 0 }, 50, false, false },
	{ { 1, 4, 54, 1448, 34, 16, 0 }, 40000, false, false }, /* the other version */
	{ { 1, 1, 74, 1428, 54, 16, 0 }, 40000, true, false },
	{ { 1, 4, 74, 1428, 54, 16, 0 }, 40000, true, true },
	{ { 1, 3, 42, 1448, 34, 6, 0 }, 40000, false, false }, /* UDP, not offered */
	{ { 1, 5, 42, 1448, 34, 6, 0 }, 40000, false, false },
	{ { 1, 0x81, 54, 1448, 34, 16, 0 }, 40000, false, false }, /* ECN, not offered */
	{ { 1, 0xff, 54, 1448, 34, 16, 0 }, 40000, false, false },
	{ { 1, 2, 54, 1448, 34, 16, 0 }, 40000, false, false },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 1515, false, false },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 40000, false, false },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 13, false, false },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 1, false, false },
	{ { 0, 0, 0, 0, 0, 0, 0 }, 0, false, false },
};

/* @takes: what the receiver has negotiated. */
static void header_case(const struct header_case *c, unsigned int row, uint64_t takes, uint32_t cut)
{
	uint64_t before, after;
	int len;

	begin(ATTACK);
	net_begin(1, takes);
	net_give(1, 40, 1600);
	tcp_packet(c->len < 100 ? 100 : c->len, c->v6);
	before = net_dropped(0, NET_DROP_MALFORMED) + net_dropped(0, NET_DROP_TOO_LONG);
	net_send_frame(0, 0, &c->h, sent, c->len, cut);
	after = net_dropped(0, NET_DROP_MALFORMED) + net_dropped(0, NET_DROP_TOO_LONG);
	len = net_got(1, &h, got);
	if ((after == before) != c->passes || (len > 0) != c->passes)
		fail_msg("headers, row %u: %s", row, c->passes ? "is dropped" : "passes");
	/* What the receiver is told is of the packet, and no more than it has asked for. */
	if (c->passes && (h.flags & 1))
		assert_true((takes & NET_F_GUEST_CSUM) && h.csum_start >= 14 &&
			    h.csum_start + h.csum_offset + 2 <= len);
	if (c->passes && h.gso_type != 0)
		assert_true((takes & (NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)) && h.hdr_len > 34 &&
			    h.hdr_len <= 134 && h.gso_size >= 48 && h.gso_size + h.hdr_len <= 1514);
	if (c->passes && !(takes & NET_F_GUEST_TSO4))
		assert_in_range(len, 14, 1514);
	assert_false(net_broken(0));
	assert_false(net_broken(1));
	end("headers", row);
}

static void hostile_headers(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(headers); i++) {
		header_case(&headers[i], i, NET_PLAIN | NET_F_MRG_RXBUF, 0);
		header_case(&headers[i], i, NET_PLAIN | NET_F_MRG_RXBUF, 1000);
		header_case(&headers[i], i, ATTACK, 0);
		header_case(&headers[i], i, ATTACK, 1000);
	}
}

static void offloads_that_were_not_taken_are_none(void **state)
{
	static const struct net_header wrong[] = {
		{ 1, 0, 0, 0, 34, 16, 0 },
		{ 0, 1, 54, 1448, 34, 16, 0 },
		{ 1, 1, 54, 1448, 34, 16, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(NET_PLAIN);
		tcp_packet(1514, false);
		net_send_frame(0, 0, &wrong[i], sent, 1514, 0);
		assert_int_equal(net_dropped(0, NET_DROP_MALFORMED), 1);
		assert_int_equal(net_got(1, &h, got), -1);
		end("not taken", i);
	}
}

/* --- commands ------------------------------------------------------------------------------------- */

#define COMMAND(bytes)                   \
	{                                \
		bytes, sizeof(bytes) - 1 \
	}

static const struct {
	const char *bytes;
	uint32_t len;
} commands[] = {
	COMMAND("\0"),
	COMMAND("\0\0"),
	COMMAND("\0\0\1\1"),
	COMMAND("\0\2\1"), /* RX_EXTRA is not offered */
	COMMAND("\0\5\1"),
	COMMAND("\0\377\1"),
	COMMAND("\1"),
	COMMAND("\1\0"),
	COMMAND("\1\0\0\0\0"),
	COMMAND("\1\0\0\0\0\0"),
	COMMAND("\1\0\0\0\0\0\0\0\0"),
	COMMAND("\1\0\0\0\0\0\0\0\0\0\1"),
	COMMAND("\1\0\1\0\0\0\0\0\0\0"),
	COMMAND("\1\0\377\377\377\377\0\0\0\0"),
	COMMAND("\1\0\0\0\0\0\377\377\377\377"),
	COMMAND("\1\0\1\0\0\0\2\0\0\0\0\1\1\0\0\0"),
	COMMAND("\1\0\253\252\252\52\0\0\0\0\0\0\0\0\0\0"), /* times 6, it is 2 in 32 bits */
	COMMAND("\1\1"),
	COMMAND("\1\1\2\0\0\0\0"),
	COMMAND("\1\1\2\0\0\0\0\1\1"),
	COMMAND("\1\1\1\0\0\0\0\1"), /* a group's address */
	COMMAND("\1\1\0\0\0\0\0\0"),
	COMMAND("\1\2\2\0\0\0\0\1"),
	COMMAND("\2\0\1\0"), /* VLAN, not offered */
	COMMAND("\2\1\1\0"),
	COMMAND("\3\0"),
	COMMAND("\4\0\1\0"), /* MQ, not taken */
	COMMAND("\4\0\0\0"),
	COMMAND("\4\0\377\377"),
	COMMAND("\5\0\0\0\0\0\0\0\0\0"),
	COMMAND("\377\377"),
};

static void hostile_commands(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		begin(ATTACK);
		if (net_control(0, commands[i].bytes, commands[i].len) != 1)
			fail_msg("commands, row %u: is not refused", i);
		assert_false(net_broken(0));
		end("commands", i);
	}
}

static void pairs_beyond_those_that_there_are_are_refused(void **state)
{
	static const char *const wrong[] = { "\4\0\0\0", "\4\0\3\0", "\4\0\0\1", "\4\0\377\377" };
	static const char *const sizes[] = { "\4\0\1", "\4\0\1\0\0" };

	(void)state;
	net_vm_setup(FAKE_ONE_PIECE);
	assert_int_equal(net_make(0, (struct net_says){ .to = "lan", .queues = 2 }), HV_OK);
	net_begin(0, NET_PLAIN | NET_F_MQ);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(net_control(0, wrong[i], 4), 1);
	assert_int_equal(net_control(0, sizes[0], 3), 1);
	assert_int_equal(net_control(0, sizes[1], 5), 1);
	assert_int_equal(net_control(0, "\4\0\2\0", 4), 0);
	assert_true(net_vm_teardown());
}

/* --- chains --------------------------------------------------------------------------------------- */

/* TX_DROPPED: it is a packet, which is dropped. */
enum where { TX, TX_DROPPED, RX, CTRL };

/* Buffers of one chain: addresses from the base of a page of RAM on, or absolute ones. */
static const struct {
	enum where ring;
	unsigned int nr;
	struct vbuf bufs[3];
} chains[] = {
	{ TX, 1, { { 0, 100, true } } },
	{ TX, 2, { { 0, 100, false }, { 200, 1, true } } },
	{ TX, 1, { { 0, 11, false } } },
	{ TX, 1, { { 0, 1, false } } },
	{ TX, 1, { { 0, 0, false } } },
	{ TX, 1, { { FAKE_RAM_END, 100, false } } },
	{ TX, 1, { { FAKE_RAM_END - 50, 100, false } } },
	{ TX, 2, { { 0, 26, false }, { FAKE_RAM_END, 100, false } } },
	{ TX, 2, { { 0, 12, false }, { FAKE_DEVICE, 100, false } } },
	{ TX_DROPPED, 1, { { 0, UINT32_MAX, false } } },
	{ TX, 2, { { 0, UINT32_MAX, false }, { 0, UINT32_MAX, false } } },
	{ TX, 1, { { UINT64_MAX - 10, 100, false } } },
	{ TX, 1, { { VVIRTIO_BASE, 100, false } } },
	{ RX, 1, { { 0, 100, false } } },
	{ RX, 1, { { 0, 0, true } } },
	{ RX, 1, { { 0, 11, true } } },
	{ RX, 2, { { 0, 20, false }, { 200, 1000, true } } },
	{ RX, 1, { { FAKE_RAM_END, 2000, true } } },
	{ RX, 1, { { FAKE_ROM, 2000, true } } },
	{ RX, 1, { { FAKE_DEVICE, 2000, true } } },
	{ RX, 1, { { FAKE_RAM_END - 50, 2000, true } } },
	{ RX, 2, { { 0, 12, true }, { FAKE_ROM, 2000, true } } },
	{ RX, 2, { { 0, 11, true }, { FAKE_RAM_END, 2000, true } } },
	{ RX, 2, { { 0, 100, true }, { FAKE_ROM, 2000, true } } },
	{ RX, 1, { { UINT64_MAX - 10, 2000, true } } },
	{ CTRL, 1, { { 0, 3, false } } },
	{ CTRL, 1, { { FAKE_RAM_END, 3, false } } },
	{ CTRL, 2, { { 0, 3, false }, { FAKE_ROM, 1, true } } },
	{ CTRL, 2, { { 0, 3, false }, { FAKE_RAM_END, 1, true } } },
};

static void offer_chain(unsigned int row, struct vring *r)
{
	struct vbuf bufs[3];
	const uint64_t page = fake_ram_alloc(PAGE_SIZE, 8);

	for (unsigned int i = 0; i < chains[row].nr; i++) {
		bufs[i] = chains[row].bufs[i];
		bufs[i].at += bufs[i].at < PAGE_SIZE ? page : 0;
	}
	net_frame(sent, 100, 2, 1);
	memmove(sent + 12, sent, 88);
	memset(sent, 0, 12);
	fake_ram_write(page, sent, 100);
	(void)vring_add(r, bufs, chains[row].nr);
	(void)vring_kick(r);
}

static void hostile_chains(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(chains); i++) {
		const enum where ring = chains[i].ring;

		begin(ATTACK);
		offer_chain(i, ring == RX   ? &nets[0].rx[0] :
			       ring == CTRL ? &nets[0].ctrl :
					      &nets[0].tx[0]);
		if (ring == RX) {
			/* Another device sends to it, and does not suffer. */
			net_frame(sent, 1000, 1, 2);
			net_send_frame(1, 0, NULL, sent, 1000, 0);
			assert_int_equal(net_dropped(0, NET_DROP_DOWN), 1);
		}
		if (net_broken(0) == (ring == TX_DROPPED) || net_broken(1))
			fail_msg("chains, row %u: the wrong device asks for a reset, or none", i);
		end("chains", i);
	}
}

/* The second buffer of a packet is wrong: the first one is not used, and no packet is half there. */
static void a_packet_that_breaks_its_receiver_is_not_half_there(void **state)
{
	uint32_t id, len;

	(void)state;
	begin(ATTACK);
	net_give(0, 1, 1600);
	(void)vring_add(&nets[0].rx[0], (struct vbuf[]){ { FAKE_ROM, 2000, true } }, 1);
	(void)vring_kick(&nets[0].rx[0]);
	tcp_packet(30000, false);
	sent[5] = 1;
	sent[11] = 2;
	net_send_frame(1, 0, &(struct net_header){ 1, 1, 54, 1448, 34, 16, 0 }, sent, 30000, 0);
	assert_true(net_broken(0));
	assert_false(vring_used(&nets[0].rx[0], &id, &len));
	end("half", 0);
}

/* The available index runs ahead; and back. */
static void hostile_indices(void **state)
{
	static const uint16_t wrong[] = { NET_RING + 1, 0x7fff, 0x8000, 0xfffe };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(ATTACK);
		fake_ram_set_u16(nets[0].tx[0].avail + VIRTQ_AVAIL_IDX, wrong[i]);
		(void)vring_notify(&nets[0].tx[0]);
		assert_true(net_broken(0));
		end("indices", i);
		begin(ATTACK);
		fake_ram_set_u16(nets[0].rx[0].avail + VIRTQ_AVAIL_IDX, wrong[i]);
		net_frame(sent, 1000, 1, 2);
		net_send_frame(1, 0, NULL, sent, 1000, 0);
		assert_true(net_broken(0));
		assert_false(net_broken(1));
		end("indices of buffers", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_headers),
		cmocka_unit_test(offloads_that_were_not_taken_are_none),
		cmocka_unit_test(hostile_commands),
		cmocka_unit_test(pairs_beyond_those_that_there_are_are_refused),
		cmocka_unit_test(hostile_chains),
		cmocka_unit_test(a_packet_that_breaks_its_receiver_is_not_half_there),
		cmocka_unit_test(hostile_indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
