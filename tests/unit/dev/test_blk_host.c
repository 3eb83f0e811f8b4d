// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/blk.c hyp/dev/virtio/blk_request.c hyp/dev/virtio/blk_overlay.c hyp/dev/virtio/blk_host.c
// SOURCES: hyp/dev/virtio/blk_source.c tests/unit/fake/tree.c
/* A guest's disk that is a part of one of the machine's: what that is asked, and when its answers are seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/blk_host.h"

/* --- what is asked --------------------------------------------------------------------------------- */

static void requests_go_with_the_guest_s_own_buffers(void **state)
{
	uint16_t read, write, flush;

	(void)state;
	start(NULL);
	assert_int_equal(vdev_config64(DISK, 0), SECTORS);
	assert_false(vdev_features(DISK) & (VIRTIO_F_IN_ORDER | BLK_F_RO));
	read = offer(0, BLK_IN, 3, 1024);
	write = offer(2, BLK_OUT, 63, 512);
	flush = offer(3, BLK_FLUSH, 77, 0);
	assert_int_equal(vring_kick(&ring), 1);
	assert_int_equal(nr_asked, 3);
	assert_int_equal(asked[0].r->header.type, BLK_IN);
	assert_int_equal(asked[0].r->header.sector, FIRST + 3);
	assert_int_equal(asked[0].nr, 1);
	assert_ptr_equal(hpa_to_ptr(asked[0].pieces[0].at), fake_ram_at(data));
	assert_int_equal(asked[0].pieces[0].len, 1024);
	assert_int_equal(asked[1].r->header.sector, FIRST + 63);
	assert_ptr_equal(hpa_to_ptr(asked[1].pieces[0].at), fake_ram_at(data + 1024));
	assert_int_equal(asked[2].r->header.type, BLK_FLUSH);
	assert_int_equal(asked[2].r->header.sector, 0);
	assert_int_equal(asked[2].nr, 0);
	assert_int_equal(fake_vm.dma, 3);
	assert_true(is_idle());
	/* In another order. */
	answer(1, BLK_OK);
	is_used(write, 1);
	assert_true(vdev_line(DISK));
	answer(1, BLK_IOERR);
	is_used(flush, 1);
	assert_int_equal(status_of(3), BLK_IOERR);
	answer(0, BLK_OK);
	is_used(read, 1025);
	assert_int_equal(status_of(0) | status_of(2), BLK_OK);
	assert_int_equal(fake_vm.dma, 0);
}

/* As many segments as fit if each is in two pieces of the machine's memory. */
static void the_guest_is_told_what_fits(void **state)
{
	static const struct {
		uint32_t pieces, piece_bytes, segments, segment_bytes;
	} rows[] = {
		{ 1, 512, 1, 512 },
		{ 3, 4096, 1, 4096 },
		{ 4, UINT32_MAX, 2, BLK_HOST_SEG_BYTES },
		{ HOST_DISK_PIECES, UINT32_MAX, BLK_HOST_SEG_MAX, BLK_HOST_SEG_BYTES },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct blk_layout *c;

		host.facts.pieces = rows[i].pieces;
		host.facts.piece_bytes = rows[i].piece_bytes;
		host.facts.block_bytes = 512u << i;
		assert_int_equal(make(NULL, 2), HV_OK);
		c = virtio_config(&((struct disk *)part)->dev);
		assert_int_equal(c->capacity, SECTORS);
		assert_int_equal(c->seg_max, rows[i].segments);
		assert_int_equal(c->size_max, rows[i].segment_bytes);
		assert_int_equal(c->blk_size, 512u << i);
		assert_int_equal(c->num_queues, 2);
		assert_int_equal(c->max_discard_sectors, 8);
		assert_int_equal(c->max_discard_seg, 1);
		assert_int_equal(c->discard_sector_alignment, 1u << i);
		assert_int_equal(c->max_write_zeroes_sectors, 4);
		assert_int_equal(c->max_write_zeroes_seg, 1);
		assert_int_equal(c->write_zeroes_may_unmap, 1);
		fake_part_named("disk")->destroy(part);
		part = NULL;
	}
}

static void what_is_outside_of_the_part_is_not_asked(void **state)
{
	(void)state;
	start(NULL);
	at_once(BLK_IN, SECTORS, 512, BLK_IOERR);
	at_once(BLK_IN, SECTORS - 1, 1024, BLK_IOERR);
	at_once(BLK_OUT, SECTORS - 1, 1024, BLK_IOERR);
	at_once(BLK_IN, UINT64_MAX, 512, BLK_IOERR);
	at_once(BLK_OUT, UINT64_MAX / 512, 512, BLK_IOERR);
	at_once(BLK_IN, 0, 511, BLK_IOERR);
	at_once(BLK_IN, 0, 0, BLK_OK);
	at_once(99, 0, 512, BLK_UNSUPP);
	assert_int_equal(fake_vm.dma, 0);
}

static void a_disk_that_is_read_is_not_written(void **state)
{
	(void)state;
	start("read-only");
	assert_true(vdev_features(DISK) & BLK_F_RO);
	at_once(BLK_OUT, 0, 512, BLK_IOERR);
	at_once(BLK_DISCARD, 0, 16, BLK_UNSUPP);
	at_once(BLK_WRITE_ZEROES, 0, 16, BLK_UNSUPP);
	at_once(BLK_FLUSH, 0, 0, BLK_OK);
}

static void its_id_is_its_own(void **state)
{
	uint16_t head;

	(void)state;
	start(NULL);
	head = offer(0, BLK_GET_ID, 0, 20);
	(void)vring_kick(&ring);
	is_used(head, 21);
	assert_string_equal(fake_ram_at(data), "hartvisor-0-part");
	assert_int_equal(nr_asked, 0);
}

static void range_fails(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags,
			uint8_t is)
{
	uint32_t id, len;

	range(type, sector, sectors, flags);
	assert_int_equal(nr_asked, 0);
	assert_true(vring_used(&ring, &id, &len));
	assert_int_equal(status_of(0), is);
}

/* The copy that was checked is what the disk reads. */
static void ranges_are_moved_to_the_part(void **state)
{
	(void)state;
	start(NULL);
	range(BLK_DISCARD, 5, 8, 0);
	assert_int_equal(nr_asked, 1);
	memset(fake_ram_at(data), 0xff, 16);
	assert_ptr_equal(hpa_to_ptr(asked[0].pieces[0].at), &asked[0].r->range);
	assert_int_equal(asked[0].pieces[0].len, 16);
	assert_int_equal(asked[0].r->range.sector, FIRST + 5);
	assert_int_equal(asked[0].r->range.sectors, 8);
	answer(0, BLK_OK);
	is_used(0, 1);
	range(BLK_WRITE_ZEROES, 60, 4, BLK_UNMAP);
	assert_int_equal(asked[0].r->range.flags, BLK_UNMAP);
	answer(0, BLK_OK);
	assert_false(is_idle());
	range_fails(BLK_DISCARD, 0, 9, 0, BLK_IOERR);
	range_fails(BLK_WRITE_ZEROES, 0, 5, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, 61, 4, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, UINT64_MAX, 4, 0, BLK_IOERR);
	range_fails(BLK_DISCARD, 0, 4, BLK_UNMAP, BLK_UNSUPP);
	range_fails(BLK_WRITE_ZEROES, 0, 4, 2, BLK_UNSUPP);
	at_once(BLK_DISCARD, 0, 32, BLK_IOERR);
	host.facts.discard = false;
	range_fails(BLK_DISCARD, 0, 4, 0, BLK_UNSUPP);
}

/* --- when there is no room ------------------------------------------------------------------------- */

static void what_does_not_fit_waits_for_its_turn(void **state)
{
	(void)state;
	start(NULL);
	room = 2;
	for (unsigned int i = 0; i < 4; i++)
		(void)offer(i, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, 2);
	assert_non_null(waits);
	answer(0, BLK_OK);
	/* It takes its place by itself; a real disk calls may_go() then. */
	assert_int_equal(nr_asked, 2);
	room = 4;
	waits->may_go(waits);
	assert_int_equal(nr_asked, 3);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(asked[i - 1].r->header.sector, FIRST + i);
}

/* No more than BLK_FLIGHTS are in flight. */
static void a_guest_has_so_many_requests_at_most(void **state)
{
	(void)state;
	start(NULL);
	for (unsigned int i = 0; i < 42; i++)
		(void)offer(0, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, 42);
	/* Descriptors are used again while they are in flight, as no good driver does. */
	for (unsigned int i = 0; i < 42; i++)
		(void)offer(0, BLK_IN, i, 512);
	(void)vring_kick(&ring);
	assert_int_equal(nr_asked, BLK_FLIGHTS);
	answer(5, BLK_OK);
	assert_int_equal(nr_asked, BLK_FLIGHTS);
}

static void a_disk_that_cannot_be_written_is_offered_to_be_read(void **state)
{
	(void)state;
	host.facts.read_only = true;
	assert_int_equal(make("read-write", 1), HV_EINVAL);
	assert_string_equal(
		fake_log_last,
		"config: /vm/disk@0: access = \"read-write\": must be \"read-only\": the machine's disk cannot be written");
	start(NULL);
	assert_true(vdev_features(DISK) & BLK_F_RO);
}

static void a_disk_that_has_failed_is_an_error(void **state)
{
	(void)state;
	start(NULL);
	refuses = HV_EIO;
	at_once(BLK_IN, 0, 512, BLK_IOERR);
	at_once(BLK_FLUSH, 0, 0, BLK_IOERR);
	assert_int_equal(fake_vm.dma, 0);
	/* None of these stays in flight. */
	for (unsigned int i = 0; i < 2 * BLK_FLIGHTS; i++)
		at_once(BLK_IN, 0, 512, BLK_IOERR);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(requests_go_with_the_guest_s_own_buffers),
		test(the_guest_is_told_what_fits),
		test(what_is_outside_of_the_part_is_not_asked),
		test(a_disk_that_is_read_is_not_written),
		test(its_id_is_its_own),
		test(ranges_are_moved_to_the_part),
		test(what_does_not_fit_waits_for_its_turn),
		test(a_guest_has_so_many_requests_at_most),
		test(a_disk_that_cannot_be_written_is_offered_to_be_read),
		test(a_disk_that_has_failed_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
