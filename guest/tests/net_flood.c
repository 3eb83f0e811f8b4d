// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floods a switch: mode=1 and so on; the table says by what. One network device sends, and a second one on the same switch, if there
 * is one, receives all the time. It says FLOODS once all is set up. ms=: it ends then.
 */
#include "csr.h"
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "virtio.h"

GUEST("net_flood");

#define SIZE 64u /* of each queue */
#define HDR  12u
#define BUF  2048u

#define F_CSUM	(1UL << 0)
#define F_GCSUM (1UL << 1)
#define F_GTSO	(3UL << 7)
#define F_TSO	(3UL << 11)
#define F_MRG	(1UL << 15)
#define F_CTRL	(7UL << 17 & ~(1UL << 19))
#define PLAIN	(VIRTIO_F_INDIRECT | F_CTRL)
#define ALL	(PLAIN | F_CSUM | F_GCSUM | F_GTSO | F_TSO | F_MRG)

enum { RX, TX, CTRL, QUEUES };

struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

static struct virtio devs[2];
static struct virtq qs[2][QUEUES];
static struct vring rings[2][QUEUES];
static _Alignas(4096) uint8_t packet[65536 + 4096], inbox[2][SIZE][BUF], bytes[4096];
static uint8_t macs[2][6];
static bool two; /* there is a second device */

#define AT(p) ((uint64_t)(uintptr_t)(p))

/* --- the driver ----------------------------------------------------------------------------------- */

static void set_up(unsigned int d, uint64_t features)
{
	CHECK(virtio_begin(&devs[d], features));
	for (unsigned int i = 0; i < QUEUES; i++)
		CHECK(virtq_init(&qs[d][i], &devs[d], i, SIZE, &rings[d][i]));
	virtio_go(&devs[d]);
	for (unsigned int i = 0; i < SIZE; i++) {
		virtq_desc(&qs[d][RX], i, AT(inbox[d][i]), BUF, VRING_WRITE, 0);
		virtq_offer(&qs[d][RX], (uint16_t)i);
	}
}

/* What came is given back. */
static void receive(unsigned int d)
{
	uint32_t head, len;

	while (virtq_used(&qs[d][RX], &head, &len))
		virtq_offer(&qs[d][RX], (uint16_t)head);
}

/* @times chains of @queue, of @len bytes at @at each. */
static void send_times(unsigned int queue, uint64_t at, uint32_t len, unsigned int times)
{
	virtq_desc(&qs[0][queue], 0, at, len, 0, 0);
	for (unsigned int i = 0; i < times; i++)
		virtq_offer(&qs[0][queue], 0);
	virtq_notify(&qs[0][queue]);
	CHECK(!virtio_broken(&devs[0]));
	for (unsigned int d = 0; d <= two; d++)
		receive(d);
}

static void address(const uint8_t *to, const uint8_t *from)
{
	memcpy(packet + HDR, to, 6);
	memcpy(packet + HDR + 6, from, 6);
}

/* A packet of TCP over IPv4 of @len bytes, its header in front. */
static void build(uint32_t len, uint16_t gso)
{
	struct header *h = (struct header *)packet;
	uint8_t *p = packet + HDR;
	const uint16_t ip = (uint16_t)(len - 14);

	memset(packet, 0, HDR + 64);
	address(macs[two], macs[0]);
	p[12] = 0x08;
	p[14] = 0x45;
	p[16] = (uint8_t)(ip >> 8);
	p[17] = (uint8_t)ip;
	p[20] = 0x40;
	p[23] = 6;
	p[46] = 0x50;
	if (gso)
		*h = (struct header){ 1, 1, 54, gso, 34, 16, 0 };
}

/* --- floods --------------------------------------------------------------------------------------- */

static void small(void)
{
	build(60, 0);
	send_times(TX, AT(packet), HDR + 60, SIZE);
}

static void frames(void)
{
	build(1514, 0);
	send_times(TX, AT(packet), HDR + 1514, SIZE);
}

/* Whole to device 1, which takes them so. */
static void segments(void)
{
	build(32000, 1448);
	send_times(TX, AT(packet), HDR + 32000, SIZE);
}

static void broadcasts(void)
{
	build(1514, 0);
	memset(packet + HDR, 0xff, 6);
	send_times(TX, AT(packet), HDR + 1514, SIZE);
}

/* Each frame from another address to one that is not known: the switch learns, forgets, and sends to all. */
static void strangers(void)
{
	static uint32_t turns;
	uint8_t from[6] = { 2, 0x77 }, to[6] = { 2, 0x88 };

	build(60, 0);
	for (unsigned int i = 0; i < 8; i++) {
		turns++;
		memcpy(from + 2, &turns, 4);
		memcpy(to + 2, &turns, 4);
		address(to, from);
		send_times(TX, AT(packet), HDR + 60, 1);
	}
}

static void bad_frames(void)
{
	struct header *h = (struct header *)packet;

	build(1514, 0);
	*h = (struct header){ 1, 1, 54, 1, 34, 16, 0 };
	h->csum_start = 0xffff;
	send_times(TX, AT(packet), HDR + 1514, SIZE / 2);
	send_times(TX, AT(packet), HDR + 5, SIZE / 2);
}

/* MAC_TABLE_SET with as many addresses as fit, and one of each of the others. */
static void commands(void)
{
	static volatile uint8_t ack;
	const uint32_t nr = 300;

	bytes[0] = 1;
	bytes[1] = 0;
	memcpy(bytes + 2, &nr, 4);
	memset(bytes + 6, 0x42, 6 * nr);
	memcpy(bytes + 6 + 6 * nr, &nr, 4);
	memset(bytes + 10 + 6 * nr, 0x43, 6 * nr);
	virtq_desc(&qs[0][CTRL], 0, AT(bytes), 10 + 12 * nr, VRING_NEXT, 1);
	virtq_desc(&qs[0][CTRL], 1, AT(&ack), 1, VRING_WRITE, 0);
	for (unsigned int i = 0; i < SIZE; i++)
		virtq_offer(&qs[0][CTRL], 0);
	virtq_notify(&qs[0][CTRL]);
	CHECK(!virtio_broken(&devs[0]) && ack == 0);
}

static void resets(void)
{
	set_up(0, ALL);
	frames();
}

static void all_sorts(void)
{
	frames();
	segments();
	broadcasts();
	strangers();
	commands();
}

static void empty_notifications(void)
{
	virtq_notify(&qs[0][TX]);
}

static void (*const modes[])(void) = {
	small,	    frames,   segments, broadcasts, strangers,
	bad_frames, commands, resets,	all_sorts,  empty_notifications,
};

void guest_main(void)
{
	const unsigned long mode = machine_arg("mode", 1), ms = machine_arg("ms", 0);
	const unsigned long end = ms ? time_in_ms(ms) : ~0UL;

	CHECK(mode >= 1 && mode <= sizeof(modes) / sizeof(modes[0]));
	CHECK(virtio_find(&devs[0], VIRTIO_ID_NET, 0));
	two = virtio_find(&devs[1], VIRTIO_ID_NET, 1);
	for (unsigned int d = 0; d <= two; d++) {
		for (unsigned int i = 0; i < 6; i++)
			macs[d][i] = *(volatile uint8_t *)(devs[d].base + VIRTIO_CONFIG + i);
		set_up(d, ALL);
	}
	print("FLOODS\n");
	for (;;) {
		modes[mode - 1]();
		if (time_now() > end)
			return;
	}
}
