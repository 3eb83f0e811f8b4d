// SPDX-License-Identifier: BSD-2-Clause
/*
 * A disk of the machine with many requests in flight. Boot arguments:
 *
 *	reset=N		N times the device, or its queue, is stopped in the middle. Then no byte of a buffer changes any more.
 *	flood=TYPE	without end as many requests of BYTES bytes as the queue takes, each offered again when it is over
 *	write=N		N times 16 blocks are written, and read again when all are on the disk. 0: without end
 */
#include "csr.h"
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "virtio.h"

GUEST("host_disk");

#define BLOCK	 4096u
#define REQUESTS 16u
#define QUEUE	 64u

enum { IN = 0, OUT = 1, FLUSH = 4 };

static struct virtio dev;
static struct virtq q;
static struct vring ring;
static _Alignas(4096) uint8_t data[REQUESTS][BLOCK];
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header[REQUESTS];
static volatile uint8_t status[REQUESTS];

#define AT(p) ((uint64_t)(uintptr_t)(p))

static void begin(void)
{
	CHECK(virtio_begin(&dev, VIRTIO_F_RING_RESET | 1UL << 9));
	CHECK(virtq_init(&q, &dev, 0, QUEUE, &ring));
	virtio_go(&dev);
}

static void offer(unsigned int i, uint32_t type, uint64_t sector)
{
	const unsigned int d = 3 * i;
	const bool moves = type != FLUSH;

	header[i].type = type;
	header[i].sector = sector;
	status[i] = 0xff;
	virtq_desc(&q, d, AT(&header[i]), sizeof(header[i]), VRING_NEXT,
		   (uint16_t)(moves ? d + 1 : d + 2));
	virtq_desc(&q, d + 1, AT(data[i]), BLOCK, VRING_NEXT | (type == IN ? VRING_WRITE : 0),
		   (uint16_t)(d + 2));
	virtq_desc(&q, d + 2, AT(&status[i]), 1, VRING_WRITE, 0);
	virtq_offer(&q, (uint16_t)d);
}

/* Of @nr that have been offered. */
static void wait(unsigned int nr)
{
	uint32_t head, len;

	virtq_notify(&q);
	while (nr > 0) {
		if (!virtq_used(&q, &head, &len))
			continue;
		nr--;
		if (head % 3 != 0 || head / 3 >= REQUESTS || status[head / 3] != 0)
			test_fail("chain %u: status %u", head, status[head / 3 % REQUESTS]);
	}
}

/* --- stopped in the middle ------------------------------------------------------------------------ */

static void stop(unsigned int how)
{
	switch (how) {
	case 0:
		*virtio_reg(&dev, VIRTIO_STATUS) = 0;
		while (*virtio_reg(&dev, VIRTIO_STATUS) != 0)
			;
		break;
	case 1:
		*virtio_reg(&dev, VIRTIO_QUEUE_READY) = 0;
		while (*virtio_reg(&dev, VIRTIO_QUEUE_READY) != 0)
			;
		break;
	default:
		*virtio_reg(&dev, VIRTIO_QUEUE_RESET) = 1;
		while (*virtio_reg(&dev, VIRTIO_QUEUE_RESET) != 0)
			;
		break;
	}
}

/* All that the device was given is ours again. */
static void is_still(unsigned int round)
{
	uint64_t end;
	uint16_t idx = ring.used.idx;

	memset(data, 0xa5, sizeof(data));
	memset((void *)status, 0xa5, sizeof(status));
	end = time_now() + 200000; /* 20 ms */
	while (time_now() < end)
		;
	for (unsigned int i = 0; i < REQUESTS; i++)
		for (unsigned int j = 0; j < BLOCK; j++)
			if (data[i][j] != 0xa5)
				test_fail("round %u: byte %u of buffer %u is %u", round, j, i,
					  data[i][j]);
	for (unsigned int i = 0; i < REQUESTS; i++)
		CHECK(status[i] == 0xa5);
	CHECK(ring.used.idx == idx);
}

static void resets(unsigned int n)
{
	for (unsigned int round = 0; round < n; round++) {
		begin();
		for (unsigned int i = 0; i < REQUESTS; i++)
			offer(i, IN, 8 * i);
		virtq_notify(&q);
		stop(round % 3);
		is_still(round);
		/* And it works again. */
		begin();
		offer(0, IN, 0);
		wait(1);
	}
}

/* --- without end ---------------------------------------------------------------------------------- */

static void flood(uint32_t type, uint32_t bytes)
{
	uint32_t head, len;

	begin();
	for (unsigned int i = 0; i < REQUESTS; i++) {
		offer(i, type, 8 * i);
		q.ring->desc[3 * i + 1].len = bytes;
	}
	print("FLOODS\n");
	for (;;) {
		virtq_notify(&q);
		while (virtq_used(&q, &head, &len)) {
			CHECK(status[head / 3 % REQUESTS] == 0);
			virtq_offer(&q, (uint16_t)head);
		}
	}
}

/* --- written and read ----------------------------------------------------------------------------- */

static void fill(unsigned int i, unsigned int seed)
{
	for (unsigned int j = 0; j < BLOCK; j++)
		data[i][j] = (uint8_t)(seed + i + j * 7);
}

static void check(unsigned int i, unsigned int seed)
{
	for (unsigned int j = 0; j < BLOCK; j++)
		if (data[i][j] != (uint8_t)(seed + i + j * 7))
			test_fail("round %u: byte %u of block %u is %u", seed, j, i, data[i][j]);
}

static void writes(unsigned int n, uint64_t blocks)
{
	begin();
	for (unsigned int round = 1; n == 0 || round <= n; round++) {
		const uint64_t at = (uint64_t)round * 37 % (blocks / REQUESTS) * REQUESTS;

		for (unsigned int i = 0; i < REQUESTS; i++) {
			fill(i, round);
			offer(i, OUT, 8 * (at + i));
		}
		wait(REQUESTS);
		offer(0, FLUSH, 0);
		wait(1);
		memset(data, 0, sizeof(data));
		for (unsigned int i = 0; i < REQUESTS; i++)
			offer(i, IN, 8 * (at + i));
		wait(REQUESTS);
		for (unsigned int i = 0; i < REQUESTS; i++)
			check(i, round);
		print("DISK %u\n", round);
	}
}

void guest_main(void)
{
	const unsigned int stops = (unsigned int)machine_arg("reset", 0);
	const unsigned int rounds = (unsigned int)machine_arg("write", UINT32_MAX);

	if (!virtio_find(&dev, VIRTIO_ID_BLOCK, 0))
		test_fail("no disk");
	print("DISK begins\n");
	if (machine_arg("flood", UINT32_MAX) != UINT32_MAX)
		flood((uint32_t)machine_arg("flood", IN), (uint32_t)machine_arg("bytes", BLOCK));
	resets(stops);
	if (rounds != UINT32_MAX)
		writes(rounds, (uint64_t)*virtio_reg(&dev, VIRTIO_CONFIG) / 8);
}
