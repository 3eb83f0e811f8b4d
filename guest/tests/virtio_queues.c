// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver that sets up queues of a virtio-mmio device wrongly: sizes and places that cannot be, parts in each other,
 * queues that are there no more or never were.
 */
#include "fdt.h"
#include "plic.h"
#include "string.h"
#include "test.h"
#include "uart.h"
#include "victim.h"

GUEST("virtio_queues");

static void refused(const char *name)
{
	set(VIRTIO_QUEUE_READY, 1);
	WANT(name, get(VIRTIO_QUEUE_READY) == 0);
	virtio_go(&dev);
	victim_offer();
	WANT(name, !victim_is_used());
	WANT(name, virtio_broken(&dev));
	victim_works(name);
}

static void size_is_refused(const char *name, uint32_t size)
{
	victim_begin(0);
	set(VIRTIO_QUEUE_SIZE, size);
	refused(name);
}

static void place_is_refused(const char *name, uint64_t desc, uint64_t avail, uint64_t used)
{
	victim_begin(0);
	virtq_place(&dev, desc, avail, used);
	refused(name);
}

static void test_sizes(void)
{
	size_is_refused("size 0", 0);
	size_is_refused("size 3", 3);
	size_is_refused("size 127", 127);
	size_is_refused("twice the largest size", 2 * get(VIRTIO_QUEUE_SIZE_MAX));
	size_is_refused("size 0x8000", 0x8000);
	size_is_refused("size 0x10008", 0x10008);
	size_is_refused("size 0xffffffff", 0xffffffff);
}

static void test_places(void)
{
	uint64_t d = AT(ring.desc), a = AT(&ring.avail), u = AT(&ring.used);

	place_is_refused("descriptors at 8", d + 8, a, u);
	place_is_refused("descriptors at 1", d + 1, a, u);
	place_is_refused("the available ring at 1", d, a + 1, u);
	place_is_refused("the used ring at 2", d, a, u + 2);
	place_is_refused("descriptors nowhere", 0x40000000, a, u);
	place_is_refused("the available ring nowhere", d, 0x40000000, u);
	place_is_refused("the used ring nowhere", d, a, 0x40000000);
	place_is_refused("all at 0", 0, 0, 0);
	place_is_refused("descriptors in the UART", UART_BASE, a, u);
	place_is_refused("the used ring in the PLIC", d, a, PLIC_BASE);
	place_is_refused("the used ring in the device", d, a, dev.base);
	place_is_refused("descriptors across the end of RAM", RAM_END - 16, a, u);
	place_is_refused("the available ring across the end of RAM", d, RAM_END - 8, u);
	place_is_refused("the used ring across the end of RAM", d, a, RAM_END - 32);
	place_is_refused("descriptors around the last address", UINT64_MAX - 15, a, u);
	place_is_refused("the used ring at the last address", d, a, UINT64_MAX - 3);
	place_is_refused("a place beyond 2^56", 1UL << 60 | d, a, u);
}

/* One part in another: the device reads what it has written. It stays in what was named. */
static void test_overlaps(void)
{
	victim_begin(0);
	virtq_place(&dev, AT(ring.desc), AT(ring.desc), AT(ring.desc));
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	victim_offer();
	victim_works("all three parts at one place");
	victim_begin(0);
	virtq_place(&dev, AT(ring.desc), AT(&ring.avail), AT(&ring.avail));
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	victim_offer();
	victim_works("the used ring is the available ring");
}

static void test_last_bytes(void)
{
	/* 128 + 22 + 70 bytes for 8 entries, right up to the end of RAM. */
	uint64_t used = RAM_END - 72, avail = used - 24, desc = (avail - 128) & ~15UL;
	volatile uint16_t *a = (volatile uint16_t *)avail, *u = (volatile uint16_t *)used;
	struct vring_desc *d = (struct vring_desc *)desc;

	victim_begin(0);
	memset((void *)desc, 0, RAM_END - desc);
	virtq_place(&dev, desc, avail, used);
	set(VIRTIO_QUEUE_READY, 1);
	CHECK_EQ(get(VIRTIO_QUEUE_READY), 1);
	virtio_go(&dev);
	*d = (struct vring_desc){ AT(target), 16, VRING_WRITE, 0 };
	a[1] = 1;
	virtq_notify(&q);
	CHECK_EQ(u[1], 1);
	victim_works("a ring in the last bytes of RAM");
}

/* What is ready keeps its size and place. */
static void test_frozen(void)
{
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	set(VIRTIO_QUEUE_SIZE, 2);
	virtq_place(&dev, 0x40000000, 0x40000000, 0x40000000);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	victim_offer();
	WANT("frozen", victim_is_used());
	victim_works("a queue that is ready is set up again");
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 2);
	WANT("ready = 2", get(VIRTIO_QUEUE_READY) == 0);
	virtio_go(&dev);
	victim_offer();
	WANT("ready = 2", !victim_is_used() && !virtio_broken(&dev));
	victim_works("ready = 2");
}

/* The driver takes a queue back: the device touches it no more. */
static void test_queue_stops(void)
{
	victim_begin(VIRTIO_F_RING_RESET);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	set(VIRTIO_QUEUE_READY, 0);
	WANT("ready = 0", get(VIRTIO_QUEUE_READY) == 0);
	victim_offer();
	WANT("ready = 0", !victim_is_used() && !virtio_broken(&dev));
	victim_works("a queue that is not ready any more");

	victim_begin(VIRTIO_F_RING_RESET);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	set(VIRTIO_QUEUE_RESET, 1);
	WANT("reset", get(VIRTIO_QUEUE_RESET) == 0 && get(VIRTIO_QUEUE_READY) == 0);
	victim_offer();
	WANT("reset", !victim_is_used() && !virtio_broken(&dev));
	/* And it comes back, with all as it was. */
	memset(&ring, 0, sizeof(ring));
	set(VIRTIO_QUEUE_SIZE, SIZE);
	virtq_place(&dev, AT(ring.desc), AT(&ring.avail), AT(&ring.used));
	set(VIRTIO_QUEUE_READY, 1);
	victim_offer();
	WANT("reset", victim_is_used());
	victim_works("a queue that was reset");

	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	set(VIRTIO_QUEUE_RESET, 1);
	WANT("no RING_RESET", get(VIRTIO_QUEUE_READY) == 1);
	victim_offer();
	WANT("no RING_RESET", victim_is_used());
	victim_works("a reset of a queue that was not agreed on");
}

static void select_is_inert(uint32_t sel)
{
	victim_begin(VIRTIO_F_RING_RESET);
	set(VIRTIO_QUEUE_SEL, sel);
	WANT("sel", get(VIRTIO_QUEUE_SIZE_MAX) == 0 && get(VIRTIO_QUEUE_READY) == 0);
	set(VIRTIO_QUEUE_SIZE, 4);
	virtq_place(&dev, 0, 0, 0);
	set(VIRTIO_QUEUE_READY, 1);
	set(VIRTIO_QUEUE_RESET, 1);
	WANT("sel", get(VIRTIO_QUEUE_READY) == 0);
	virtio_go(&dev);
	WANT("sel", !virtio_broken(&dev));
	victim_works("a queue that there is not");
}

/* rounds=: how often all of it is gone through. */
void guest_main(void)
{
	victim_find();
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_sizes();
		test_places();
		test_overlaps();
		test_last_bytes();
		test_frozen();
		test_queue_stops();
		select_is_inert(1);
		select_is_inert(2);
		select_is_inert(0xffff);
		select_is_inert(0xffffffff);
		print("virtio_queues: %u cases\n", nr_cases);
	}
}
