// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver of a virtio device's ring: wrong descriptors, chains, indirect tables and indices. The entropy device is
 * the victim, since it answers each request by writing into it. After each case the device must work again once it has been
 * reset, and memory that no request named must be as it was.
 */
#include "csr.h"
#include "fdt.h"
#include "string.h"
#include "test.h"
#include "uart.h"
#include "virtio.h"

GUEST("virtio_ring");

#define SIZE  8	 /* of the queue */
#define BYTES 64 /* that it writes at most for one request */

enum expect {
	REJECT, /* the device asks for a reset, and uses nothing */
	WORK,	/* it is legal: used */
	IGNORE, /* nothing happens */
};

static struct virtio dev;
static struct virtq q;
static struct vring ring;
static _Alignas(4096) uint8_t before[4096], target[4096], after[4096];
static _Alignas(4096) struct vring_desc table[512];
static unsigned int nr_cases;

#define AT(p)	((uint64_t)(uintptr_t)(p))
#define RAM_END (machine.ram_base + machine.ram_size)

/* --- what is checked ------------------------------------------------------------------------------ */

static void set_up(uint64_t features)
{
	CHECK(virtio_begin(&dev, features));
	CHECK(virtq_init(&q, &dev, 0, SIZE, &ring));
	virtio_go(&dev);
}

static void works(const char *name)
{
	uint32_t head, len;

	set_up(VIRTIO_F_EVENT_IDX);
	virtq_desc(&q, 3, AT(target), 16, VRING_WRITE, 0);
	virtq_offer(&q, 3);
	virtq_notify(&q);
	if (!virtq_used(&q, &head, &len) || head != 3 || len != 16 || virtio_broken(&dev))
		test_fail("%s: the device does not work any more", name);
}

static void untouched(const char *name)
{
	for (unsigned int i = 0; i < sizeof(before); i++)
		if (before[i] != 0x5a || after[i] != 0x5a)
			test_fail("%s: memory that was not named has changed", name);
}

static void check(const char *name, enum expect expect)
{
	uint32_t head, len;
	bool used = virtq_used(&q, &head, &len), broken = virtio_broken(&dev);

	if (used != (expect == WORK) || broken != (expect == REJECT))
		test_fail("%s: used %d, asks for a reset %d", name, used, broken);
	if (expect == REJECT && *virtio_reg(&dev, VIRTIO_QUEUE_READY) != 0)
		test_fail("%s: the queue is ready still", name);
	works(name);
	untouched(name);
	nr_cases++;
}

static void offer(const char *name, uint16_t head, enum expect expect)
{
	virtq_offer(&q, head);
	virtq_notify(&q);
	check(name, expect);
}

/* --- one descriptor ------------------------------------------------------------------------------- */

static void one(const char *name, uint64_t addr, uint32_t len, uint16_t flags, enum expect expect)
{
	set_up(VIRTIO_F_INDIRECT);
	virtq_desc(&q, 0, addr, len, flags, 0);
	offer(name, 0, expect);
}

static void test_addresses(void)
{
	one("address 0", 0, BYTES, VRING_WRITE, REJECT);
	one("no memory", 0x40000000, BYTES, VRING_WRITE, REJECT);
	one("below RAM", machine.ram_base - 32, BYTES, VRING_WRITE, REJECT);
	one("the UART", UART_BASE, BYTES, VRING_WRITE, REJECT);
	one("the PLIC", 0x0c000000, BYTES, VRING_WRITE, REJECT);
	one("the test device", 0x00100000, BYTES, VRING_WRITE, REJECT);
	one("the RTC", 0x00101000, BYTES, VRING_WRITE, REJECT);
	one("its own registers", dev.base, BYTES, VRING_WRITE, REJECT);
	one("an empty slot", VIRTIO_BASE + 7 * 0x1000, BYTES, VRING_WRITE, REJECT);
	one("behind RAM", RAM_END, BYTES, VRING_WRITE, REJECT);
	one("across the end of RAM", RAM_END - 32, BYTES, VRING_WRITE, REJECT);
	one("the last bytes of RAM", RAM_END - BYTES, BYTES, VRING_WRITE, WORK);
	one("all ones", UINT64_MAX, BYTES, VRING_WRITE, REJECT);
	one("up to the last address", UINT64_MAX - BYTES + 1, BYTES, VRING_WRITE, REJECT);
	one("around the last address", UINT64_MAX - 31, BYTES, VRING_WRITE, REJECT);
	one("the hypervisor's half", 0xffffffc080000000, BYTES, VRING_WRITE, REJECT);
	one("beyond Sv39x4", 1UL << 41, BYTES, VRING_WRITE, REJECT);
	one("beyond Sv57x4", 1UL << 59, BYTES, VRING_WRITE, REJECT);
	one("an odd address", AT(target) + 1, BYTES, VRING_WRITE, WORK);
	one("across a page", AT(target) + 4096 - 32, 32, VRING_WRITE, WORK);
}

static void test_lengths(void)
{
	one("no byte", AT(target), 0, VRING_WRITE, REJECT);
	one("one byte", AT(target), 1, VRING_WRITE, WORK);
	one("4 GiB - 1 of RAM", AT(target), UINT32_MAX, VRING_WRITE,
	    WORK); /* 64 bytes are written */
	one("4 GiB - 1 around", UINT64_MAX - 100, UINT32_MAX, VRING_WRITE, REJECT);
	one("a buffer to read", AT(target), BYTES, 0, REJECT);
	one("unknown flags", AT(target), BYTES, 0xfff8 | VRING_WRITE, WORK);
	one("next itself", AT(target), BYTES, VRING_WRITE | VRING_NEXT, REJECT);
}

static void test_own_ring(void)
{
	one("its descriptors", AT(ring.desc), BYTES, VRING_WRITE, WORK);
	set_up(0);
	virtq_desc(&q, 0, AT(&ring.avail), BYTES, VRING_WRITE, 0);
	virtq_offer(&q, 0);
	virtq_notify(&q); /* what it does then with random indices is its own affair */
	works("its available ring");
	untouched("its available ring");
	nr_cases++;
	set_up(0);
	virtq_desc(&q, 0, AT(&ring.used), BYTES, VRING_WRITE, 0);
	virtq_offer(&q, 0);
	virtq_notify(&q);
	works("its used ring");
	untouched("its used ring");
	nr_cases++;
}

/* --- chains --------------------------------------------------------------------------------------- */

static void chain(unsigned int nr, uint16_t last_flags, uint16_t last_next)
{
	set_up(0);
	for (unsigned int i = 0; i < nr; i++)
		virtq_desc(&q, i, AT(target) + 8 * i, 8,
			   i + 1 < nr ? VRING_WRITE | VRING_NEXT : last_flags,
			   (uint16_t)(i + 1 < nr ? i + 1 : last_next));
}

static void test_chains(void)
{
	chain(SIZE, VRING_WRITE, 0);
	offer("as long as the queue", 0, WORK);
	chain(SIZE, VRING_WRITE | VRING_NEXT, 0);
	offer("a circle of all", 0, REJECT);
	chain(2, VRING_WRITE | VRING_NEXT, 0);
	offer("a circle of two", 0, REJECT);
	chain(2, VRING_WRITE | VRING_NEXT, SIZE);
	offer("next = size", 0, REJECT);
	chain(2, VRING_WRITE | VRING_NEXT, 0xffff);
	offer("next = 0xffff", 0, REJECT);
	chain(1, VRING_WRITE, 0);
	offer("head = size", SIZE, REJECT);
	chain(1, VRING_WRITE, 0);
	offer("head = 0x7fff", 0x7fff, REJECT);
	chain(1, VRING_WRITE, 0);
	offer("head = 0xffff", 0xffff, REJECT);
	chain(2, 0, 0);
	offer("to read behind to write", 0, REJECT);
	chain(2, VRING_INDIRECT, 0);
	offer("indirect, which it has not taken", 0, REJECT);
	set_up(0);
	virtq_desc(&q, 0, AT(target), UINT32_MAX, VRING_WRITE | VRING_NEXT, 1);
	virtq_desc(&q, 1, AT(target), 1, VRING_WRITE, 0);
	offer("4 GiB in all", 0, REJECT);
	set_up(0);
	virtq_desc(&q, 0, AT(target), 0, VRING_WRITE | VRING_NEXT, 1);
	virtq_desc(&q, 1, AT(target), 8, VRING_WRITE, 0);
	offer("no byte, then some", 0, WORK);
	set_up(0);
	virtq_desc(&q, 0, AT(target), 8, VRING_WRITE | VRING_NEXT, 1);
	virtq_desc(&q, 1, UART_BASE, 8, VRING_WRITE, 0);
	offer("the second one is no memory", 0, REJECT);
}

/* --- indices -------------------------------------------------------------------------------------- */

static void jump(const char *name, uint16_t idx, enum expect expect)
{
	set_up(0);
	for (unsigned int i = 0; i < SIZE; i++) {
		virtq_desc(&q, i, AT(target), 8, VRING_WRITE, 0);
		ring.avail.ring[i] = (uint16_t)i;
	}
	ring.avail.idx = idx;
	virtq_notify(&q);
	check(name, expect);
}

static void test_indices(void)
{
	jump("all at once", SIZE, WORK);
	jump("one more than the ring has", SIZE + 1, REJECT);
	jump("half around", 0x8000, REJECT);
	jump("backwards", 0xffff, REJECT);
	jump("nothing", 0, IGNORE);
	/* The same head in each entry is legal as far as the device can see. */
	set_up(0);
	virtq_desc(&q, 0, AT(target), 8, VRING_WRITE, 0);
	for (unsigned int i = 0; i < SIZE; i++)
		virtq_offer(&q, 0);
	virtq_notify(&q);
	check("one head eight times", WORK);
	/* Around the end of the 16-bit index. */
	set_up(VIRTIO_F_EVENT_IDX);
	virtq_desc(&q, 0, AT(target), 1, VRING_WRITE, 0);
	for (unsigned int i = 0; i < 300; i++) {
		uint32_t head, len;

		virtq_offer(&q, 0);
		virtq_notify(&q);
		CHECK(virtq_used(&q, &head, &len));
		CHECK_EQ(len, 1);
	}
	nr_cases++;
}

/* --- indirect tables ------------------------------------------------------------------------------ */

static void put(unsigned int i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	table[i] = (struct vring_desc){ addr, len, flags, next };
}

static void indirect(const char *name, uint64_t addr, uint32_t len, uint16_t flags,
		     enum expect expect)
{
	set_up(VIRTIO_F_INDIRECT);
	virtq_desc(&q, 0, addr, len, VRING_INDIRECT | flags, 1);
	virtq_desc(&q, 1, AT(target), 8, VRING_WRITE, 0);
	offer(name, 0, expect);
}

static void long_table(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		put(i, AT(target) + i % 4096, 1,
		    i + 1 < nr ? VRING_WRITE | VRING_NEXT : VRING_WRITE, (uint16_t)(i + 1));
}

static void test_tables(void)
{
	unsigned int most = *virtio_reg(&dev, VIRTIO_QUEUE_SIZE_MAX); /* more than SIZE */

	put(0, AT(target), 8, VRING_WRITE, 0);
	indirect("a table of one", AT(table), 16, 0, WORK);
	indirect("its WRITE flag means nothing", AT(table), 16, VRING_WRITE, WORK);
	indirect("INDIRECT and NEXT", AT(table), 16, VRING_NEXT, REJECT);
	indirect("an empty table", AT(table), 0, 0, REJECT);
	indirect("15 bytes", AT(table), 15, 0, REJECT);
	indirect("17 bytes", AT(table), 17, 0, REJECT);
	indirect("a table in the UART", UART_BASE, 16, 0, REJECT);
	indirect("a table nowhere", 0x40000000, 16, 0, REJECT);
	indirect("a table behind RAM", RAM_END, 16, 0, REJECT);
	indirect("a table around the last address", UINT64_MAX - 15, 32, 0, REJECT);
	indirect("a table at the last address", UINT64_MAX - 15, 16, 0, REJECT);
	indirect("a table of 4 GiB, one entry used", AT(table), 0xfffffff0, 0, WORK);
	put(0, AT(target), 8, VRING_WRITE | VRING_NEXT, 0);
	indirect("a circle in the table", AT(table), 16, 0, REJECT);
	put(0, AT(target), 8, VRING_WRITE | VRING_NEXT, 1);
	indirect("next out of the table", AT(table), 16, 0, REJECT);
	put(0, AT(table), 16, VRING_INDIRECT, 0);
	indirect("a table in a table", AT(table), 16, 0, REJECT);
	put(0, AT(target), 8, VRING_WRITE | VRING_NEXT, 1);
	put(1, AT(table), 16, VRING_INDIRECT, 0);
	indirect("a table at the end of a table", AT(table), 32, 0, REJECT);
	long_table(most);
	indirect("longer than the queue", AT(table), 16 * most, 0, WORK);
	long_table(most + 1);
	indirect("longer than any queue", AT(table), 16 * (most + 1), 0, REJECT);
	long_table(512);
	indirect("512 entries", AT(table), 16 * 512, 0, REJECT);
}

static void test_odd_tables(void)
{
	static _Alignas(16) uint8_t odd[64];
	struct vring_desc d = { AT(target), 8, VRING_WRITE, 0 };
	struct vring_desc *last = (struct vring_desc *)(uintptr_t)(RAM_END - 16);
	uint8_t *across = (uint8_t *)((uintptr_t)last - (1 << 21) + 16 - 7);

	memcpy(odd + 1, &d, sizeof(d));
	indirect("an odd address of a table", AT(odd) + 1, 16, 0, WORK);
	*last = d;
	indirect("the last bytes of RAM are a table", AT(last), 16, 0, WORK);
	last->flags |= VRING_NEXT;
	last->next = 1;
	indirect("a table across the end of RAM", AT(last), 32, 0, REJECT);
	/* Across a multiple of 2 MiB, where the host's memory need not go on. */
	memcpy(across, &d, sizeof(d));
	indirect("a table across two leaves", AT(across), 16, 0, WORK);
	set_up(VIRTIO_F_INDIRECT);
	put(0, AT(target), 8, VRING_WRITE, 0);
	virtq_desc(&q, 0, AT(target), 8, VRING_WRITE | VRING_NEXT, 1);
	virtq_desc(&q, 1, AT(table), 16, VRING_INDIRECT, 0);
	offer("a descriptor, then a table", 0, WORK);
	set_up(VIRTIO_F_INDIRECT);
	put(0, AT(target), 8, 0, 0);
	virtq_desc(&q, 0, AT(target), 8, VRING_WRITE | VRING_NEXT, 1);
	virtq_desc(&q, 1, AT(table), 16, VRING_INDIRECT, 0);
	offer("to write, then a table to read", 0, REJECT);
}

/* rounds=: how often all of it is gone through. */
void guest_main(void)
{
	memset(before, 0x5a, sizeof(before));
	memset(after, 0x5a, sizeof(after));
	CHECK(virtio_find(&dev, VIRTIO_ID_RNG, 0));
	works("at first");
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_addresses();
		test_lengths();
		test_own_ring();
		test_chains();
		test_indices();
		test_tables();
		test_odd_tables();
		print("virtio_ring: %u cases\n", nr_cases);
	}
}
