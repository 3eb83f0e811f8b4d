// SPDX-License-Identifier: BSD-2-Clause
/*
 * A disk that is an image of the bundle: boot arguments size=N and sum=N say what the image is. All of it is read. With rw=1 it
 * is written, too: what was written is read again, and the rest is as before. Says how many instructions, the guest's own and
 * hartvisor's, a read of 4 KiB takes.
 */
#include "csr.h"
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "virtio.h"

GUEST("virtio_blk");

#define BLOCK 4096u
#define READS 64u

enum { IN = 0, OUT = 1, DISCARD = 11 };

static struct virtio dev;
static struct virtq q;
static struct vring ring;
static _Alignas(4096) uint8_t data[BLOCK];
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header;
static volatile uint8_t status;

#define AT(p) ((uint64_t)(uintptr_t)(p))

/* One request, by polling. */
static void request(uint32_t type, uint64_t sector, uint32_t len)
{
	uint32_t head, written;

	header.type = type;
	header.sector = sector;
	status = 0xff;
	virtq_desc(&q, 0, AT(&header), sizeof(header), VRING_NEXT, 1);
	virtq_desc(&q, 1, AT(data), len, VRING_NEXT | (type == IN ? VRING_WRITE : 0), 2);
	virtq_desc(&q, 2, AT(&status), 1, VRING_WRITE, 0);
	virtq_offer(&q, 0);
	virtq_notify(&q);
	while (!virtq_used(&q, &head, &written))
		;
	if (head != 0 || status != 0 || written != (type == IN ? len + 1 : 1))
		test_fail("request %u of sector %lu: status %u, %u bytes of chain %u", type,
			  (unsigned long)sector, status, written, head);
}

static uint64_t add_up(uint64_t size)
{
	uint64_t s = 0;

	for (uint64_t at = 0; at < size; at += BLOCK) {
		uint64_t n = size - at < BLOCK ? size - at : BLOCK;

		request(IN, at / 512, (uint32_t)(n + 511) / 512 * 512);
		for (uint64_t i = 0; i < n; i++)
			s = s * 31 + data[i];
		for (; n % 512 != 0; n++)
			CHECK(data[n] == 0);
	}
	return s & 0xffffffff;
}

static void fill(uint64_t seed)
{
	for (unsigned int i = 0; i < BLOCK; i++)
		data[i] = (uint8_t)(seed + i * 7);
}

static void check(uint64_t seed)
{
	for (unsigned int i = 0; i < BLOCK; i++)
		if (data[i] != (uint8_t)(seed + i * 7))
			test_fail("byte %u of block %lu is %u", i, (unsigned long)seed, data[i]);
}

/* All whole blocks but the first, which shows that the rest stays. */
static void test_writes(uint64_t blocks)
{
	static uint8_t first[BLOCK];

	request(IN, 0, BLOCK);
	memcpy(first, data, BLOCK);
	for (uint64_t b = 1; b < blocks; b++) {
		fill(b);
		request(OUT, b * 8, BLOCK);
	}
	for (uint64_t b = blocks - 1; b > 0; b--) {
		request(IN, b * 8, BLOCK);
		check(b);
	}
	request(IN, 0, BLOCK);
	CHECK(memcmp(first, data, BLOCK) == 0);
	memcpy(data, &(struct {
		       uint64_t sector;
		       uint32_t n, flags;
	       }){ 8, 8, 0 },
	       16);
	request(DISCARD, 0, 16);
	request(IN, 8, BLOCK);
	for (unsigned int i = 0; i < BLOCK; i++)
		CHECK(data[i] == 0);
}

static uint64_t instructions(void)
{
	uint64_t n;

	__asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
	return n;
}

static uint64_t count(uint32_t type)
{
	uint64_t before = instructions();

	for (unsigned int i = 0; i < READS; i++)
		request(type, 16, BLOCK);
	return (instructions() - before) / READS;
}

void guest_main(void)
{
	const uint64_t size = machine_arg("size", 0), sum = machine_arg("sum", 0);
	const bool writes = machine_arg("rw", 0);

	CHECK(virtio_find(&dev, VIRTIO_ID_BLOCK, 0));
	CHECK(virtio_begin(&dev, VIRTIO_F_INDIRECT));
	CHECK(virtq_init(&q, &dev, 0, 8, &ring));
	virtio_go(&dev);
	CHECK(*virtio_reg(&dev, VIRTIO_CONFIG) == (size + 511) / 512);
	CHECK(add_up(size) == sum);
	print("virtio_blk: a read of 4 KiB takes %lu instructions\n", (unsigned long)count(IN));
	if (writes) {
		test_writes(size / BLOCK);
		print("virtio_blk: of the overlay, %lu; a write %lu\n", (unsigned long)count(IN),
		      (unsigned long)count(OUT));
	}
}
