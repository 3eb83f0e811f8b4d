// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: tests/unit/fake/copy_device.c
/* Chains of a virtqueue in any form, and work that takes several steps, as the driver of a device sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/copy_device.h"

#define ALL (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_RESET)

#define DEV VDEV(0)

static struct vring *const r = &copy_rings[0];

static void teardown(void)
{
	assert_true(fake_guest_teardown());
}

/* --- chains --------------------------------------------------------------------------------------- */

enum form { DIRECT, INDIRECT, BOTH, FORMS };

/* Descriptor 0 is the first buffer and names the next one, which names a table of the others. */
static uint16_t add_both(const struct vbuf *bufs, unsigned int nr)
{
	vring_put_desc(r->desc, 0,
		       (struct virtq_desc){ .addr = bufs[0].at,
					    .len = bufs[0].len,
					    .flags = VIRTQ_DESC_NEXT,
					    .next = 1 });
	vring_put_desc(r->desc, 1,
		       (struct virtq_desc){ .addr = vring_table(bufs + 1, nr - 1),
					    .len = 16 * (nr - 1),
					    .flags = VIRTQ_DESC_INDIRECT });
	vring_offer(r, 0);
	return 0;
}

static uint16_t add(enum form form, const struct vbuf *bufs, unsigned int nr)
{
	return form == DIRECT ? vring_add(r, bufs, nr) :
	       form == BOTH   ? add_both(bufs, nr) :
				vring_add_indirect(r, bufs, nr);
}

/* @each bytes in each of @nr buffers at odd addresses, that of one kind after the other. */
static void make_bufs(struct vbuf *bufs, unsigned int nr, uint32_t each, bool in)
{
	for (unsigned int i = 0; i < nr; i++)
		bufs[i] = (struct vbuf){ fake_ram_alloc(each + 1, 2) + 1, each, in };
}

static void put_pattern(const struct vbuf *b, unsigned int nr)
{
	uint8_t val = 1;

	for (unsigned int i = 0; i < nr; i++)
		for (uint32_t k = 0; k < b[i].len; k++, val = (uint8_t)(val * 5 + 1))
			fake_ram_write(b[i].at + k, &val, 1);
}

static void check_pattern(const struct vbuf *b, unsigned int nr, uint64_t bytes)
{
	uint8_t val = 1, got;

	for (unsigned int i = 0; i < nr; i++)
		for (uint32_t k = 0; k < b[i].len; k++, val = (uint8_t)(val * 5 + 1)) {
			fake_ram_read(b[i].at + k, &got, 1);
			assert_int_equal(got, bytes > 0 ? val : 0xee);
			bytes -= bytes > 0;
		}
}

static void one_copy(enum form form, unsigned int out, uint32_t out_each, unsigned int in,
		     uint32_t in_each)
{
	struct vbuf bufs[2 * COPY_QUEUE_SIZE];
	const uint32_t all = out * out_each < in * in_each ? out * out_each : in * in_each;
	uint32_t id, len;
	uint16_t head;

	make_bufs(bufs, out, out_each, false);
	make_bufs(bufs + out, in, in_each, true);
	put_pattern(bufs, out);
	head = add(form, bufs, out + in);
	assert_true(vring_kick(r) > 0);
	assert_true(vring_used(r, &id, &len));
	assert_int_equal(id, head);
	assert_int_equal(len, all);
	check_pattern(bufs + out, in, all);
	assert_false(vring_used(r, &id, &len));
}

static void copies(enum fake_leaves leaves)
{
	for (enum form form = DIRECT; form < FORMS; form++) {
		copy_setup(leaves, ALL, COPY_QUEUE_SIZE);
		one_copy(form, 1, 100, 1, 100);
		one_copy(form, 1, 1, 1, 50);
		one_copy(form, 1, 50, 1, 1);
		one_copy(form, 3, 70, 2, 105);
		one_copy(form, 2, 9000, 5, 3600); /* over pages */
		one_copy(form, 1, 1500, COPY_QUEUE_SIZE - 1, 100);
		one_copy(form, COPY_QUEUE_SIZE - 1, 10, 1, 150);
		one_copy(form, 8, 3, 8, 3);
		teardown();
	}
}

static void a_chain_is_copied_in_whole_memory(void **state)
{
	(void)state;
	copies(FAKE_ONE_PIECE);
}

static void a_chain_is_copied_in_scattered_memory(void **state)
{
	(void)state;
	copies(FAKE_SCATTERED);
}

static void a_ring_over_pages_that_do_not_follow_each_other_works(void **state)
{
	(void)state;
	copy_setup(FAKE_SCATTERED, ALL, COPY_QUEUE_SIZE);
	copy_begin(ALL, COPY_QUEUE_SIZE);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
	(void)fake_ram_alloc(0, PAGE_SIZE);
	r->desc = fake_ram_alloc(2 * PAGE_SIZE, PAGE_SIZE) + PAGE_SIZE - 32;
	r->avail = fake_ram_alloc(2 * PAGE_SIZE, PAGE_SIZE) + PAGE_SIZE - 10;
	r->used = fake_ram_alloc(2 * PAGE_SIZE, PAGE_SIZE) + PAGE_SIZE - 24;
	for (unsigned int i = 0; i < VIRTQ_USED_BYTES(COPY_QUEUE_SIZE); i++)
		*(uint8_t *)fake_ram_at(r->used + i) = 0;
	for (unsigned int i = 0; i < VIRTQ_AVAIL_BYTES(COPY_QUEUE_SIZE); i++)
		*(uint8_t *)fake_ram_at(r->avail + i) = 0;
	vring_set_addresses(r);
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_null(copy->dev.queues[0].ring.host[VIRTQ_PART_DESC]);
	assert_null(copy->dev.queues[0].ring.host[VIRTQ_PART_AVAIL]);
	assert_null(copy->dev.queues[0].ring.host[VIRTQ_PART_USED]);
	for (unsigned int i = 0; i < 40; i++)
		assert_true(copy_works(0));
	one_copy(INDIRECT, 3, 70, 2, 105);
	teardown();
}

static void buffers_without_a_byte_are_left_out(void **state)
{
	uint64_t a;
	uint32_t id, len;

	(void)state;
	copy_setup(FAKE_ONE_PIECE, ALL, COPY_QUEUE_SIZE);
	a = fake_ram_alloc(16, 1);
	vring_add(r,
		  (struct vbuf[]){ { 0, 0, false },
				   { a, 8, false },
				   { UINT64_MAX, 0, false },
				   { 0, 0, true },
				   { a + 8, 8, true },
				   { 5, 0, true } },
		  6);
	assert_true(vring_kick(r) > 0);
	assert_true(vring_used(r, &id, &len));
	assert_int_equal(len, 8);
	vring_add(r, (struct vbuf[]){ { 0, 0, false } }, 1);
	assert_true(vring_kick(r) > 0);
	assert_true(vring_used(r, &id, &len));
	assert_int_equal(len, 0);
	teardown();
}

/* A table may have any alignment, may lie in two pages, and may have more entries than the queue; not the chain. */
static void a_table_may_lie_anywhere_and_be_as_long_as_the_largest_queue(void **state)
{
	struct vbuf bufs[COPY_QUEUE_SIZE];
	uint32_t id, len;
	uint64_t at;

	(void)state;
	for (unsigned int where = 0; where < 3; where++) {
		copy_setup(FAKE_SCATTERED, ALL, 4);
		make_bufs(bufs, 8, 10, false);
		make_bufs(bufs + 8, 8, 10, true);
		put_pattern(bufs, 8);
		at = fake_ram_alloc(3 * PAGE_SIZE, PAGE_SIZE) + (where == 0 ? PAGE_SIZE - 40 :
								 where == 1 ? 3 :
									      PAGE_SIZE - 33);
		for (unsigned int i = 0; i < COPY_QUEUE_SIZE; i++)
			vring_put_desc(
				at, (uint16_t)i,
				(struct virtq_desc){ .addr = bufs[i].at,
						     .len = 10,
						     .flags = (i < 15 ? VIRTQ_DESC_NEXT : 0) |
							      (bufs[i].in ? VIRTQ_DESC_WRITE : 0),
						     .next = (uint16_t)(i + 1) });
		vring_put_desc(r->desc, 3,
			       (struct virtq_desc){ .addr = at,
						    .len = 16 * 32,
						    .flags = VIRTQ_DESC_INDIRECT |
							     VIRTQ_DESC_WRITE });
		vring_offer(r, 3);
		assert_true(vring_kick(r) > 0);
		assert_true(vring_used(r, &id, &len));
		assert_int_equal(id, 3);
		assert_int_equal(len, 80);
		check_pattern(bufs + 8, 8, 80);
		teardown();
	}
}

/* --- several steps ---------------------------------------------------------------------------------- */

#define LARGE (3 * VIRTIO_STEP + 100)

static uint16_t add_large(struct vbuf *bufs)
{
	make_bufs(bufs, 2, LARGE / 2, false);
	make_bufs(bufs + 2, 1, LARGE, true);
	put_pattern(bufs, 2);
	return vring_add(r, bufs, 3);
}

static void a_long_chain_takes_several_stores_and_stays_the_same_chain(void **state)
{
	struct vbuf bufs[3];
	uint32_t id, len;
	uint16_t head;

	(void)state;
	copy_setup(FAKE_SCATTERED, ALL, COPY_QUEUE_SIZE);
	head = add_large(bufs);
	assert_true(vring_publish(r));
	assert_true(vring_notify_once(r));
	assert_false(vring_used(r, &id, &len));
	/* What the driver writes into its ring now is not looked at again. */
	vring_put_desc(r->desc, head, (struct virtq_desc){ .addr = 1, .len = 1, .next = 99 });
	assert_int_equal(vring_notify(r), 3);
	assert_int_equal(copy->calls, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(copy->heads[i], head);
	assert_true(vring_used(r, &id, &len));
	assert_int_equal(id, head);
	assert_int_equal(len, LARGE);
	check_pattern(bufs + 2, 1, LARGE);
	assert_int_equal(fake_interrupts, 1);
	teardown();
}

/* Each chain counts, so that a queue full of small ones is no step without an end. */
static void many_chains_take_several_stores(void **state)
{
	unsigned int done = 0;
	uint32_t id, len;

	(void)state;
	copy_setup(FAKE_ONE_PIECE, ALL, COPY_QUEUE_SIZE);
	for (unsigned int i = 0; i < COPY_QUEUE_SIZE; i++) {
		struct vbuf bufs[2];

		make_bufs(bufs, 1, KIB(7), false);
		make_bufs(bufs + 1, 1, KIB(7), true);
		vring_add_indirect(r, bufs, 2);
	}
	(void)vring_publish(r);
	/* 64 KiB are 7 of them, with 2 KiB for each, and a part of the next one. */
	assert_true(vring_notify_once(r));
	while (vring_used(r, &id, &len))
		done++;
	assert_int_equal(done, 7);
	assert_int_equal(vring_notify(r), 2);
	while (vring_used(r, &id, &len))
		done++;
	assert_int_equal(done, COPY_QUEUE_SIZE);
	teardown();
}

/* --- a chain that is not finished --------------------------------------------------------------------- */

enum end { DISABLED, RING_RESET, DEVICE_RESET, LIFE_ENDS, ENDS };

static void end(enum end how)
{
	vdev_set(DEV, VIRTIO_MMIO_QUEUE_SEL, 0);
	switch (how) {
	case DISABLED:
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_READY, 0);
		break;
	case RING_RESET:
		vdev_set(DEV, VIRTIO_MMIO_QUEUE_RESET, 1);
		assert_int_equal(vdev_get(DEV, VIRTIO_MMIO_QUEUE_RESET), 0);
		break;
	case DEVICE_RESET:
		vdev_set(DEV, VIRTIO_MMIO_STATUS, 0);
		break;
	case LIFE_ENDS:
	case ENDS:
		virtio_reset(&copy->dev);
		break;
	}
}

static void a_queue_that_is_stopped_forgets_its_chain(void **state)
{
	struct vbuf bufs[3];
	uint32_t id, len;

	(void)state;
	for (enum end how = DISABLED; how < ENDS; how++) {
		copy_setup(FAKE_SCATTERED, ALL, COPY_QUEUE_SIZE);
		(void)add_large(bufs);
		assert_true(vring_publish(r));
		assert_true(vring_notify_once(r));
		end(how);
		assert_int_equal(vdev_get(DEV, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(copy->stops, how <= RING_RESET ? 1 : COPY_QUEUES);
		assert_false(vring_notify_once(r));
		assert_int_equal(copy->calls, 1);
		assert_false(vring_used(r, &id, &len));
		assert_true(fake_ram_is(bufs[2].at + VIRTIO_STEP, 0xee, LARGE - VIRTIO_STEP));
		if (how <= RING_RESET) {
			assert_true(copy_works(1)); /* the other one goes on */
			vring_begin(r, DEV, 0, COPY_QUEUE_SIZE, ALL);
		} else {
			copy_begin(ALL, COPY_QUEUE_SIZE);
		}
		assert_true(copy_works(0));
		teardown();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_copied_in_whole_memory),
		cmocka_unit_test(a_chain_is_copied_in_scattered_memory),
		cmocka_unit_test(a_ring_over_pages_that_do_not_follow_each_other_works),
		cmocka_unit_test(buffers_without_a_byte_are_left_out),
		cmocka_unit_test(a_table_may_lie_anywhere_and_be_as_long_as_the_largest_queue),
		cmocka_unit_test(a_long_chain_takes_several_stores_and_stays_the_same_chain),
		cmocka_unit_test(many_chains_take_several_stores),
		cmocka_unit_test(a_queue_that_is_stopped_forgets_its_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
