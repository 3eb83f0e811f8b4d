// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: tests/unit/fake/copy_device.c
/* What a driver does wrong in a ring stops the queue, before the device has begun with the chain; and no more than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/copy_device.h"

#define SIZE	 8
#define FEATURES (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_RESET)
#define OUT	 0u
#define IN	 VIRTQ_DESC_WRITE
#define NEXT	 VIRTQ_DESC_NEXT
#define TABLE	 VIRTQ_DESC_INDIRECT

#define DEV VDEV(0)

static struct vring *const r = &copy_rings[0];

static const struct vbuf one_in_and_out[] = { { FAKE_RAM, 8, false }, { FAKE_RAM, 8, true } };

static void put(uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	vring_put_desc(r->desc, i, (struct virtq_desc){ addr, len, flags, next });
}

/* A circle in the queue's table, of @nr. */
static void circle(uint16_t nr)
{
	for (uint16_t i = 0; i < nr; i++)
		put(i, FAKE_RAM, 8, NEXT, (uint16_t)((i + 1) % nr));
}

/* A table of @nr entries, one buffer each, which ends in the last one unless @last_flags has NEXT. */
static uint64_t table(uint16_t nr, uint16_t last_flags, uint16_t last_next)
{
	const uint64_t at = fake_ram_alloc(16u * nr, 16);

	for (uint16_t i = 0; i < nr; i++)
		vring_put_desc(at, i,
			       (struct virtq_desc){ FAKE_RAM, 8, i + 1 < nr ? NEXT : last_flags,
						    i + 1 < nr ? (uint16_t)(i + 1) : last_next });
	return at;
}

static void next_itself(void)
{
	circle(1);
}

static void circle_of_two(void)
{
	circle(2);
}

static void circle_of_all(void)
{
	circle(SIZE);
}

static void next_is_size(void)
{
	put(0, FAKE_RAM, 8, NEXT, SIZE);
}

static void next_is_all_ones(void)
{
	put(0, FAKE_RAM, 8, NEXT, UINT16_MAX);
}

static void out_behind_in(void)
{
	put(0, FAKE_RAM, 8, IN | NEXT, 1);
	put(1, FAKE_RAM, 8, OUT, 0);
}

static void nothing_out_behind_in(void)
{
	put(0, FAKE_RAM, 8, IN | NEXT, 1);
	put(1, FAKE_RAM, 0, OUT, 0);
}

static void around_the_last_address(void)
{
	put(0, UINT64_MAX - 3, 8, OUT, 0);
}

static void four_gib_in_all(void)
{
	put(0, FAKE_RAM, UINT32_MAX, OUT | NEXT, 1);
	put(1, FAKE_RAM, 1, IN, 0);
}

static void empty_table(void)
{
	put(0, FAKE_RAM, 0, TABLE, 0);
}

static void half_an_entry(void)
{
	put(0, table(2, 0, 0), 24, TABLE, 0);
}

static void right_table(void)
{
	put(0, table(2, IN, 0), 32, TABLE, 0);
}

static void table_and_next(void)
{
	put(0, table(1, 0, 0), 16, TABLE | NEXT, 1);
	put(1, FAKE_RAM, 8, OUT, 0);
}

static void table_in_a_table(void)
{
	put(0, table(2, TABLE, 0), 32, TABLE, 0);
}

static void table_around_the_last_address(void)
{
	put(0, UINT64_MAX - 15, 32, TABLE, 0);
}

static void table_is_no_memory(void)
{
	put(0, FAKE_RAM_END, 16, TABLE, 0);
}

static void table_is_a_device(void)
{
	put(0, FAKE_DEVICE, 16, TABLE, 0);
}

static void table_ends_behind_ram(void)
{
	for (uint16_t i = 0; i < 2; i++)
		vring_put_desc(FAKE_RAM_END - 32, i,
			       (struct virtq_desc){ FAKE_RAM, 8, NEXT, (uint16_t)(i + 1) });
	put(0, FAKE_RAM_END - 32, 48, TABLE, 0);
}

static void next_is_behind_the_table(void)
{
	put(0, table(2, NEXT, 2), 32, TABLE, 0);
}

static void circle_in_a_table(void)
{
	put(0, table(2, NEXT, 0), 32, TABLE, 0);
}

static void table_of_too_many(void)
{
	put(0, table(COPY_QUEUE_SIZE + 1, 0, 0), 16 * (COPY_QUEUE_SIZE + 1), TABLE, 0);
}

static void table_and_one_of_too_many(void)
{
	put(0, FAKE_RAM, 8, OUT | NEXT, 1);
	put(1, table(COPY_QUEUE_SIZE, 0, 0), 16 * COPY_QUEUE_SIZE, TABLE, 0);
}

/* The head is 0 unless it is told. */
static const struct {
	const char *name;
	void (*make)(void);
	uint16_t head;
	uint16_t ahead; /* so many more chains than one, says avail.idx */
	bool no_tables; /* the driver has not taken the feature */
} errors[] = {
	{ .name = "head = size", .head = SIZE },
	{ .name = "head = 0xffff", .head = UINT16_MAX },
	{ .name = "avail.idx is a queue ahead, and one", .ahead = SIZE },
	{ .name = "avail.idx goes back", .ahead = UINT16_MAX - 1 },
	{ .name = "avail.idx is half of all ahead", .ahead = 0x7fff },
	{ .name = "next itself", .make = next_itself },
	{ .name = "a circle of two", .make = circle_of_two },
	{ .name = "a circle of all", .make = circle_of_all },
	{ .name = "next = size", .make = next_is_size },
	{ .name = "next = 0xffff", .make = next_is_all_ones },
	{ .name = "to read behind to write", .make = out_behind_in },
	{ .name = "no byte to read behind to write", .make = nothing_out_behind_in },
	{ .name = "a buffer around the last address", .make = around_the_last_address },
	{ .name = "4 GiB in all", .make = four_gib_in_all },
	{ .name = "a table of no entry", .make = empty_table },
	{ .name = "a table of an entry and a half", .make = half_an_entry },
	{ .name = "a table that has a next", .make = table_and_next },
	{ .name = "a table in a table", .make = table_in_a_table },
	{ .name = "a table around the last address", .make = table_around_the_last_address },
	{ .name = "a table where nothing is", .make = table_is_no_memory },
	{ .name = "a table in a device", .make = table_is_a_device },
	{ .name = "a table across the end of RAM", .make = table_ends_behind_ram },
	{ .name = "next behind the table", .make = next_is_behind_the_table },
	{ .name = "a circle in a table", .make = circle_in_a_table },
	{ .name = "a table of more than the largest queue", .make = table_of_too_many },
	{ .name = "the same with a buffer before it", .make = table_and_one_of_too_many },
	{ .name = "a table that was not agreed on", .make = right_table, .no_tables = true },
};

static void begin(enum fake_leaves leaves, uint64_t features)
{
	copy_setup(leaves, features, SIZE);
	put(0, FAKE_RAM, 8, OUT, 0);
	(void)fake_ram_alloc(64, 1);
}

static void must_be_broken(const char *name)
{
	if (!copy_is_broken(0))
		fail_msg("%s: the queue is not broken", name);
	if (copy->calls != 0 || copy->stops != 1)
		fail_msg("%s: the device has seen it", name);
	/* It is told once, and notifying again is of no use. */
	(void)vdev_acknowledge(DEV);
	assert_int_equal(vring_notify(r), 1);
	assert_int_equal(vdev_get(DEV, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	if (!copy_works(1))
		fail_msg("%s: the other queue works no more", name);
}

static void an_error_in_a_ring_stops_the_queue(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		for (enum fake_leaves leaves = FAKE_ONE_PIECE; leaves <= FAKE_SCATTERED; leaves++) {
			begin(leaves, errors[i].no_tables ? 0 : FEATURES);
			if (errors[i].make)
				errors[i].make();
			vring_offer(r, errors[i].head);
			r->offered = (uint16_t)(r->offered + errors[i].ahead);
			(void)vring_publish(r);
			assert_int_equal(vring_notify(r), 1);
			must_be_broken(errors[i].name);
			vring_begin(r, DEV, 0, SIZE, FEATURES);
			assert_true(copy_works(0));
			copy_begin(FEATURES, SIZE);
			assert_true(copy_works(0));
			assert_int_equal(vdev_get(DEV, VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET, 0);
			assert_true(fake_guest_teardown());
		}
}

/* The device finds these when it comes to the buffer. */
static void a_buffer_that_is_no_memory_stops_the_queue(void **state)
{
	static const struct {
		uint64_t out, in;
	} buffers[] = {
		{ FAKE_RAM_END, FAKE_RAM },	{ FAKE_RAM, FAKE_RAM_END },
		{ FAKE_RAM, FAKE_ROM },		{ FAKE_DEVICE, FAKE_RAM },
		{ FAKE_RAM, FAKE_DEVICE },	{ 0, FAKE_RAM },
		{ FAKE_RAM, VDEV(0) },		{ FAKE_RAM_END - 4, FAKE_RAM },
		{ FAKE_RAM, FAKE_RAM_END - 4 }, { FAKE_RAM, UINT64_MAX - 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
		begin(FAKE_SCATTERED, FEATURES);
		(void)vring_add(r,
				(struct vbuf[]){ { buffers[i].out, 8, false },
						 { buffers[i].in, 8, true } },
				2);
		(void)vring_kick(r);
		assert_true(copy_is_broken(0));
		assert_int_equal(copy->calls, 1);
		assert_true(copy_works(1));
		assert_true(fake_guest_teardown());
	}
	/* ROM may be read. */
	begin(FAKE_SCATTERED, FEATURES);
	(void)vring_add(r, (struct vbuf[]){ { FAKE_ROM, 8, false }, { FAKE_RAM, 8, true } }, 2);
	(void)vring_kick(r);
	assert_true(fake_ram_is(FAKE_RAM, 0, 8));
	assert_true(fake_guest_teardown());
}

static void an_error_of_the_device_stops_the_queue(void **state)
{
	(void)state;
	begin(FAKE_ONE_PIECE, FEATURES);
	copy->error = HV_EINVAL;
	(void)vring_add(r, one_in_and_out, 2);
	(void)vring_kick(r);
	assert_true(copy_is_broken(0));
	copy->error = HV_OK;
	assert_true(copy_works(1));
	assert_true(fake_guest_teardown());
}

/* HV_EBUSY is no error: the device takes the same chain when it is served the next time. */
static void a_device_that_cannot_go_on_now_keeps_the_chain(void **state)
{
	uint32_t id, len;
	uint16_t head;

	(void)state;
	begin(FAKE_ONE_PIECE, FEATURES);
	copy->error = HV_EBUSY;
	head = vring_add(r, one_in_and_out, 2);
	assert_int_equal(vring_kick(r), 1);
	assert_false(vring_used(r, &id, &len));
	assert_int_equal(copy->calls, 1);
	copy->error = HV_OK;
	virtio_serve_all(&copy->dev, 0);
	assert_int_equal(copy->calls, 2);
	assert_true(vring_used(r, &id, &len));
	assert_int_equal(id, head);
	assert_true(fake_guest_teardown());
}

/* --- setting up ------------------------------------------------------------------------------------- */

static void a_ring_that_cannot_be_is_not_made_ready(void **state)
{
	static const struct {
		const char *name;
		uint32_t size;
		uint64_t desc, avail, used; /* 0: right */
	} rings[] = {
		{ .name = "no entry", .size = 0 },
		{ .name = "no power of two", .size = 6 },
		{ .name = "too many entries", .size = 2 * COPY_QUEUE_SIZE },
		{ .name = "more entries than a number of 16 bits", .size = 0x10008 },
		{ .name = "descriptors: alignment", .size = SIZE, .desc = FAKE_RAM + 8 },
		{ .name = "available ring: alignment", .size = SIZE, .avail = FAKE_RAM + 1 },
		{ .name = "used ring: alignment", .size = SIZE, .used = FAKE_RAM + 2 },
		{ .name = "descriptors: no memory", .size = SIZE, .desc = FAKE_RAM_END },
		{ .name = "descriptors: end behind RAM",
		  .size = SIZE,
		  .desc = FAKE_RAM_END - 16 * SIZE + 16 },
		{ .name = "descriptors: ROM", .size = SIZE, .desc = FAKE_ROM },
		{ .name = "available ring: a device", .size = SIZE, .avail = FAKE_DEVICE },
		{ .name = "available ring: ends behind RAM",
		  .size = SIZE,
		  .avail = FAKE_RAM_END - 20 },
		{ .name = "used ring: ROM", .size = SIZE, .used = FAKE_ROM },
		{ .name = "used ring: ends behind RAM", .size = SIZE, .used = FAKE_RAM_END - 68 },
		{ .name = "used ring: the last address", .size = SIZE, .used = UINT64_MAX - 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rings); i++) {
		struct vring wrong;

		begin(FAKE_SCATTERED, FEATURES);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_SEL, 0);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
		wrong = *r;
		wrong.desc = rings[i].desc ? rings[i].desc : wrong.desc;
		wrong.avail = rings[i].avail ? rings[i].avail : wrong.avail;
		wrong.used = rings[i].used ? rings[i].used : wrong.used;
		vring_set_addresses(&wrong);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_SIZE, rings[i].size);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
		must_be_broken(rings[i].name);
		/* What is right at last is taken. */
		vring_set_addresses(r);
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_true(copy_works(0));
		assert_true(fake_guest_teardown());
	}
}

static void rings_at_the_end_of_memory_are_taken(void **state)
{
	(void)state;
	begin(FAKE_SCATTERED, FEATURES);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
	r->avail = FAKE_RAM_END - VIRTQ_AVAIL_BYTES(SIZE);
	r->used = FAKE_RAM_END - 128;
	r->desc = FAKE_RAM_END - 256;
	for (uint64_t a = r->desc; a < FAKE_RAM_END; a++)
		*(uint8_t *)fake_ram_at(a) = 0;
	vring_set_addresses(r);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_true(copy_works(0));
	assert_true(fake_guest_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_in_a_ring_stops_the_queue),
		cmocka_unit_test(a_buffer_that_is_no_memory_stops_the_queue),
		cmocka_unit_test(an_error_of_the_device_stops_the_queue),
		cmocka_unit_test(a_device_that_cannot_go_on_now_keeps_the_chain),
		cmocka_unit_test(a_ring_that_cannot_be_is_not_made_ready),
		cmocka_unit_test(rings_at_the_end_of_memory_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
