// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets between two network devices. Both are the guest's, so that one vcpu is all there is: the sender's notifying store
 * does all the work, whichever VM the receiver belongs to. A row has that store and the acknowledgement of the receiver's
 * interrupt. The sender asks for no interrupt, as Linux does, which looks at what was sent when it sends again.
 */
#include "bench.h"
#include "string.h"
#include "test.h"
#include "virtio.h"

#define QUEUE	256
#define AT_ONCE 32
#define HEADER	12
#define FRAME	1514
#define LARGE	(65536 - 14)
#define BUFFER	4096 /* as large as Linux makes them when packets are large */
#define BUFFERS 64

#define F_OFFLOADS (0x1983UL) /* CSUM, GUEST_CSUM, GUEST_TSO4/6, HOST_TSO4/6 */
#define F_MRG	   (1UL << 15)

enum { RX, TX };

static struct virtio devs[2];
static struct virtq rx, tx;
static struct vring rings[2];
static _Alignas(4096) uint8_t packet[65536 + 4096], buffers[BUFFERS][BUFFER];

static void begin(void)
{
	for (unsigned int d = 0; d < 2; d++) {
		CHECK(virtio_find(&devs[d], VIRTIO_ID_NET, d));
		CHECK(virtio_begin(&devs[d], VIRTIO_F_EVENT_IDX | F_OFFLOADS | F_MRG));
	}
	CHECK(virtq_init(&tx, &devs[0], TX, QUEUE, &rings[0]));
	CHECK(virtq_init(&rx, &devs[1], RX, QUEUE, &rings[1]));
	for (unsigned int i = 0; i < BUFFERS; i++)
		virtq_desc(&rx, i, (uintptr_t)buffers[i], BUFFER, VRING_WRITE, 0);
	virtio_go(&devs[0]);
	virtio_go(&devs[1]);
}

/* A TCP packet of version 4 in @len bytes; larger ones are left to be cut. */
static void build(uint32_t len)
{
	uint8_t *p = packet + HEADER;

	memset(packet, 0, HEADER + 100);
	for (unsigned int i = 0; i < 6; i++) {
		p[i] = *(volatile uint8_t *)(devs[1].base + VIRTIO_CONFIG + i);
		p[6 + i] = *(volatile uint8_t *)(devs[0].base + VIRTIO_CONFIG + i);
	}
	p[12] = 8;
	p[14] = 0x45;
	p[23] = 6;
	p[46] = 0x50;
	if (len > FRAME) {
		packet[0] = packet[1] = 1;
		packet[2] = 54;
		packet[4] = 0xa8; /* 1448 */
		packet[5] = 0x05;
		packet[6] = 34;
		packet[8] = 16;
	}
	for (unsigned int i = 0; i < AT_ONCE; i++)
		virtq_desc(&tx, i, (uintptr_t)packet, HEADER + len, 0, 0);
}

/* @n packets, each of which takes @each buffers. Not @really: all but the store, and what it does to the rings. */
static inline __attribute__((always_inline)) void send(unsigned int n, unsigned int each,
						       bool really)
{
	struct vring *from = &rings[0], *to = &rings[1];
	uint16_t out = from->avail.idx, in = to->avail.idx;

	to->avail.ring[QUEUE] = to->used.idx;
	from->avail.ring[QUEUE] = (uint16_t)(from->used.idx + 100);
	for (unsigned int i = 0; i < n * each; i++)
		to->avail.ring[(in + i) % QUEUE] = (uint16_t)(i % BUFFERS);
	for (unsigned int i = 0; i < n; i++)
		from->avail.ring[(out + i) % QUEUE] = (uint16_t)i;
	if (!really)
		return;
	to->avail.idx = (uint16_t)(in + n * each);
	from->avail.idx = (uint16_t)(out + n);
	*virtio_reg(&devs[0], VIRTIO_QUEUE_NOTIFY) = TX;
	*virtio_reg(&devs[1], VIRTIO_INTERRUPT_ACK) = 1;
}

void bench_net(void)
{
	long took, loop;
	uint16_t before;

	begin();
	build(FRAME);
	BENCH_ROW("net-1500", 50, send(1, 1, true), send(1, 1, false));
	took = BATCH_MEDIAN(2, send(AT_ONCE, 1, true));
	loop = BATCH_MEDIAN(2, send(AT_ONCE, 1, false));
	bench_result("net-1500-32", took - loop, 2 * AT_ONCE);
	CHECK_EQ(rings[1].used.idx, rings[1].avail.idx);
	CHECK_EQ(rings[1].used.ring[(rings[1].used.idx - 1) % QUEUE].len, HEADER + FRAME);
	/* As Linux has it: a packet is not aligned as the buffer that it goes to. */
	for (unsigned int i = HEADER + FRAME; i-- > 0;)
		packet[i + 6] = packet[i];
	for (unsigned int i = 0; i < AT_ONCE; i++)
		virtq_desc(&tx, i, (uintptr_t)packet + 6, HEADER + FRAME, 0, 0);
	took = BATCH_MEDIAN(2, send(AT_ONCE, 1, true));
	bench_result("net-1500-32-apart", took - loop, 2 * AT_ONCE);
	CHECK_EQ(rings[1].used.idx, rings[1].avail.idx);
	build(LARGE);
	before = rings[1].used.idx;
	BENCH_ROW("net-64k", 4, send(1, 16, true), send(1, 16, false));
	CHECK_EQ((uint16_t)(rings[1].used.idx - before), 16 * 4 * BATCHES);
	CHECK_EQ(rings[1].used.idx, rings[1].avail.idx);
	CHECK(!virtio_broken(&devs[0]) && !virtio_broken(&devs[1]));
}
