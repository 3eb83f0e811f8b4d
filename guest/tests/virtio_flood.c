// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floods its virtio devices: mode=1 and so on; the table says by what. It has a disk with an overlay, a console
 * and an entropy device. It says FLOODS once all is set up. ms=: it ends then.
 */
#include "csr.h"
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "virtio.h"

GUEST("virtio_flood");

enum { IN = 0, OUT = 1, DISCARD = 11, WRITE_ZEROES = 13 };

static struct virtio disk, console, rng;
static struct virtq dq, cq, rq;
static struct vring drings, crings, rrings;
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header;
static struct {
	uint64_t sector;
	uint32_t sectors, flags;
} range;
static volatile uint8_t status;
static _Alignas(4096) uint8_t data[512 << 10];

#define AT(p) ((uint64_t)(uintptr_t)(p))

static void start(struct virtio *d, struct virtq *q, unsigned int index, unsigned int size,
		  struct vring *ring)
{
	CHECK(virtio_begin(d, 0));
	CHECK(virtq_init(q, d, index, size, ring));
	virtio_go(d);
}

static void notify_for(struct virtq *q, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		virtq_offer(q, 0);
	virtq_notify(q);
	CHECK(!virtio_broken(q->dev));
}

static void ask_disk(uint32_t type, uint64_t sector, uint64_t at, uint32_t len, unsigned int times)
{
	header.type = type;
	header.sector = sector;
	virtq_desc(&dq, 0, AT(&header), sizeof(header), VRING_NEXT, 1);
	virtq_desc(&dq, 1, at, len, VRING_NEXT | (type == IN ? VRING_WRITE : 0), 2);
	virtq_desc(&dq, 2, AT(&status), 1, VRING_WRITE, 0);
	notify_for(&dq, times);
	CHECK(status == 0);
}

static void read_sector(void)
{
	ask_disk(IN, 3, AT(data), 512, 1);
}

static void read_much(void)
{
	ask_disk(IN, 0, AT(data), sizeof(data), dq.size);
}

static void write_much(void)
{
	ask_disk(OUT, 0, AT(data), sizeof(data), dq.size);
}

static void write_and_discard(void)
{
	ask_disk(OUT, 0, AT(data), sizeof(data), 1);
	range.sectors = sizeof(data) / 512;
	ask_disk(DISCARD, 0, AT(&range), sizeof(range), 1);
}

static void zeroes(void)
{
	range.sectors = *virtio_reg(&disk, VIRTIO_CONFIG);
	ask_disk(WRITE_ZEROES, 0, AT(&range), sizeof(range), dq.size);
}

static void random_bytes(void)
{
	virtq_desc(&rq, 0, AT(data), 64, VRING_WRITE, 0);
	notify_for(&rq, rq.size);
}

static void print_lines(void)
{
	memset(data, 'x', 4096);
	for (unsigned int i = 63; i < 4096; i += 64)
		data[i] = '\n';
	virtq_desc(&cq, 0, AT(data), 4096, 0, 0);
	notify_for(&cq, cq.size);
}

static void print_bytes(void)
{
	*virtio_reg(&console, VIRTIO_CONFIG + 8) = 'x';
}

static void empty_notifications(void)
{
	virtq_notify(&dq);
}

static void other_notifications(void)
{
	*virtio_reg(&disk, VIRTIO_QUEUE_NOTIFY) = 0xffffffff;
}

static void bad_chains(void)
{
	start(&rng, &rq, 0, 16, &rrings);
	virtq_desc(&rq, 0, 0, 64, VRING_WRITE | VRING_NEXT, 0);
	virtq_offer(&rq, 0);
	virtq_notify(&rq);
	CHECK(virtio_broken(&rng));
}

static void resets(void)
{
	*virtio_reg(&disk, VIRTIO_STATUS) = 0;
}

static void registers(void)
{
	for (unsigned long off = 0; off < 0x200; off += 4)
		*virtio_reg(&rng, off) = 0;
}

/* Some of each, so that whatever ends the VM comes in the middle of any. Few lines: the operator's terminal is slow. */
static void all_sorts(void)
{
	static unsigned int turns;

	write_much();
	read_much();
	if (turns++ % 64 == 0) {
		virtq_desc(&cq, 0, AT("x\n"), 2, 0, 0);
		notify_for(&cq, 1);
	}
	random_bytes();
	zeroes();
	write_and_discard();
}

static void (*const modes[])(void) = {
	read_sector,  read_much,   write_much,	write_and_discard,   zeroes,
	random_bytes, print_lines, print_bytes, empty_notifications, other_notifications,
	bad_chains,   resets,	   registers,	all_sorts,
};

void guest_main(void)
{
	const unsigned long mode = machine_arg("mode", 1), ms = machine_arg("ms", 0);
	const unsigned long end = ms ? time_in_ms(ms) : ~0UL;

	CHECK(mode >= 1 && mode <= sizeof(modes) / sizeof(modes[0]));
	CHECK(virtio_find(&disk, VIRTIO_ID_BLOCK, 0));
	CHECK(virtio_find(&console, VIRTIO_ID_CONSOLE, 0));
	CHECK(virtio_find(&rng, VIRTIO_ID_RNG, 0));
	start(&disk, &dq, 0, 64, &drings);
	start(&console, &cq, 1, 32, &crings);
	start(&rng, &rq, 0, 16, &rrings);
	print("FLOODS\n");
	for (;;) {
		modes[mode - 1]();
		if (time_now() > end)
			return;
	}
}
