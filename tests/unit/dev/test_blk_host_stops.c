// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/blk.c hyp/dev/virtio/blk_request.c hyp/dev/virtio/blk_overlay.c hyp/dev/virtio/blk_host.c
// SOURCES: hyp/dev/virtio/blk_source.c tests/unit/fake/tree.c
/* A guest's disk that is a part of one of the machine's: flushes behind writes, and what a stop, a pause and a life's end wait for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/blk_host.h"

/* --- a driver without FLUSH ----------------------------------------------------------------------- */

/* What it writes is answered when a flush behind it is over. */
static void what_is_written_without_flush_is_flushed(void **state)
{
	static const uint32_t types[] = { BLK_OUT, BLK_DISCARD, BLK_WRITE_ZEROES };
	uint16_t head;

	(void)state;
	assert_int_equal(make(NULL, 1), HV_OK);
	begin_with(0);
	for (unsigned int i = 0; i < 3; i++) {
		if (types[i] == BLK_OUT) {
			(void)offer(0, BLK_OUT, 3, 512);
			(void)vring_kick(&ring);
		} else {
			range(types[i], 3, 1, 0);
		}
		assert_int_equal(asked[0].r->header.type, types[i]);
		answer(0, BLK_OK);
		assert_true(is_idle());
		assert_int_equal(nr_asked, 1);
		assert_int_equal(asked[0].r->header.type, BLK_FLUSH);
		assert_int_equal(asked[0].nr, 0);
		assert_int_equal(fake_vm.dma, 1);
		answer(0, i == 1 ? BLK_IOERR : BLK_OK);
		assert_false(is_idle());
		assert_int_equal(status_of(0), i == 1 ? BLK_IOERR : BLK_OK);
		assert_int_equal(nr_asked + fake_vm.dma, 0);
	}
	/* Neither a read nor a write that failed. */
	head = offer(0, BLK_IN, 3, 512);
	(void)vring_kick(&ring);
	answer(0, BLK_OK);
	is_used(head, 513);
	head = offer(0, BLK_OUT, 3, 512);
	(void)vring_kick(&ring);
	answer(0, BLK_IOERR);
	is_used(head, 1);
	assert_int_equal(status_of(0), BLK_IOERR);
	host.facts.flush = false;
	head = offer(0, BLK_OUT, 3, 512);
	(void)vring_kick(&ring);
	answer(0, BLK_OK);
	is_used(head, 1);
	assert_int_equal(nr_asked, 0);
}

/* The machine's disk has no room for the flush, or has failed meanwhile. */
static void a_flush_behind_a_write_waits_for_its_turn(void **state)
{
	uint16_t write, read;

	(void)state;
	assert_int_equal(make(NULL, 1), HV_OK);
	begin_with(0);
	write = offer(0, BLK_OUT, 3, 512);
	read = offer(1, BLK_IN, 4, 512);
	(void)vring_kick(&ring);
	room = 1;
	answer(0, BLK_OK);
	assert_non_null(waits);
	room = 0;
	answer(0, BLK_OK);
	is_used(read, 513);
	waits->may_go(waits);
	assert_true(is_idle());
	room = 4;
	waits->may_go(waits);
	assert_int_equal(nr_asked, 1);
	assert_int_equal(asked[0].r->header.type, BLK_FLUSH);
	assert_true(is_idle());
	answer(0, BLK_OK);
	is_used(write, 1);
	write = offer(0, BLK_OUT, 3, 512);
	(void)vring_kick(&ring);
	refuses = HV_EIO;
	answer(0, BLK_OK);
	is_used(write, 1);
	assert_int_equal(status_of(0), BLK_IOERR);
	/* A queue that is stopped while a flush waits forgets it. */
	refuses = 0;
	(void)offer(0, BLK_OUT, 3, 512);
	(void)vring_kick(&ring);
	room = 0;
	answer(0, BLK_OK);
	assert_true(virtio_reset(part));
	room = 4;
	begin();
	assert_int_equal(nr_asked + fake_vm.dma, 0);
}

/* --- stops ------------------------------------------------------------------------------------------ */

/* A reset is over when nothing is in flight; until then its store is executed again, and the driver does not read 0. */
static void a_reset_waits_for_what_is_in_flight(void **state)
{
	(void)state;
	start(NULL);
	(void)offer(0, BLK_IN, 0, 512);
	(void)offer(1, BLK_IN, 1, 512);
	(void)vring_kick(&ring);
	assert_false(virtio_reset(part));
	assert_int_not_equal(vdev_get(DISK, VIRTIO_MMIO_STATUS), 0);
	answer(0, BLK_OK);
	assert_false(virtio_reset(part));
	answer(0, BLK_OK);
	assert_int_equal(status_of(0) & status_of(1), 0xff); /* the driver has its memory again */
	assert_true(virtio_reset(part));
	assert_int_equal(vdev_get(DISK, VIRTIO_MMIO_STATUS), 0);
	begin();
	(void)offer(0, BLK_IN, 0, 512);
	(void)vring_kick(&ring);
	answer(0, BLK_OK);
	is_used(0, 513);
}

static void a_life_ends_when_nothing_is_in_flight(void **state)
{
	const struct vm_part *disk = fake_part_named("disk");

	(void)state;
	start(NULL);
	assert_true(disk->settled(part));
	(void)offer(0, BLK_OUT, 0, 512);
	(void)vring_kick(&ring);
	disk->reset(part);
	assert_false(disk->settled(part));
	answer(0, BLK_OK);
	disk->reset(part);
	assert_true(disk->settled(part));
}

/* What is over during a pause is seen when the VM goes on. */
static void a_pause_holds_answers_back(void **state)
{
	uint16_t head;

	(void)state;
	start(NULL);
	head = offer(0, BLK_IN, 0, 512);
	(void)vring_kick(&ring);
	fake_vm.state = VM_PAUSED;
	answer(0, BLK_OK);
	assert_int_equal(status_of(0), 0xff);
	assert_true(is_idle());
	assert_int_equal(fake_vm.dma, 0);
	fake_vm.state = VM_RUNNING;
	fake_part_named("disk")->resume(part);
	is_used(head, 513);
}

static void the_part_is_claimed_and_given_back(void **state)
{
	(void)state;
	start(NULL);
	assert_ptr_equal(source.writer, fake_vm.name);
	fake_part_named("disk")->destroy(part);
	part = NULL;
	assert_null(source.writer);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(what_is_written_without_flush_is_flushed),
		test(a_flush_behind_a_write_waits_for_its_turn),
		test(a_reset_waits_for_what_is_in_flight),
		test(a_life_ends_when_nothing_is_in_flight),
		test(a_pause_holds_answers_back),
		test(the_part_is_claimed_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
