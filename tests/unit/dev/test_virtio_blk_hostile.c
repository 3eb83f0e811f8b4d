// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/diskvm.h
/*
 * A driver that does wrong things to a disk: it gets an error in the status, or the device asks for a reset. Nothing else
 * changes, and what other queues and later requests do is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/diskvm.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "vcpu/vm_mem.h"

#define OVERLAY	  ((struct disk_says){ "root", "overlay", 0, 2 })
#define READ_ONLY ((struct disk_says){ "root", NULL, 0, 2 })

static uint8_t buf[DISK_DATA];
static struct vring second;

static int setup(void **state)
{
	(void)state;
	disk_vm_setup(FAKE_ONE_PIECE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return disk_vm_teardown() ? 0 : -1;
}

static void begin(void)
{
	const uint64_t features = DISK_FEATURES(BIT(12));

	assert_true(driver_begin(DISK, features) & VIRTIO_FEATURES_OK);
	vring_begin(&disk_ring, DISK, 0, 128, features);
	vring_begin(&second, DISK, 1, 8, features);
	(void)driver_ok(DISK);
}

static void start(struct disk_says says)
{
	assert_int_equal(disk_make(says, 0), HV_OK);
	begin();
}

/* The first sector is the image's, by a request of @r. */
static void assert_works(struct vring *r)
{
	assert_int_equal(disk_request(r, IN, 0, NULL, 0, 512), OK);
	fake_ram_read(disk_in, buf, 512);
	assert_memory_equal(buf, disk_image, 512);
}

/* The chain that was offered broke queue 0. The other one works, and after a reset both do. */
static void assert_broken(void)
{
	uint32_t id, len;

	(void)vring_publish(&disk_ring);
	assert_int_equal(vring_notify(&disk_ring), 1);
	assert_true(disk_needs_reset());
	assert_false(vring_used(&disk_ring, &id, &len));
	assert_true(vdev_acknowledge(DISK) & VIRTIO_INT_CONFIG);
	assert_works(&second);
	begin();
	assert_false(disk_needs_reset());
	assert_works(&disk_ring);
}

/* --- errors in the status ------------------------------------------------------------------------- */

static const uint32_t moves[] = { IN, OUT };

static int move(uint32_t type, uint64_t sector, uint32_t len)
{
	return disk_request(&disk_ring, type, sector, buf, type == OUT ? len : 0,
			    type == IN ? len : 0);
}

static void sectors_that_the_disk_has_not_are_errors(void **state)
{
	static const uint64_t sectors[] = {
		SECTORS, SECTORS + 1, UINT64_MAX, UINT64_MAX / 512, UINT64_MAX / 512 + 1,
		BIT(55), BIT(63),     UINT32_MAX
	};

	(void)state;
	start(OVERLAY);
	for (unsigned int t = 0; t < ARRAY_SIZE(moves); t++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sectors); i++) {
			assert_int_equal(move(moves[t], sectors[i], 512), IOERR);
			assert_int_equal(disk_written, 1);
		}
		assert_int_equal(move(moves[t], SECTORS - 1, 1024), IOERR);
		assert_int_equal(move(moves[t], SECTORS - 1, 512), OK);
		assert_int_equal(move(moves[t], SECTORS, 0), OK);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(sectors); i++) {
		assert_int_equal(disk_zero(DISCARD, sectors[i], 1, 0), IOERR);
		assert_int_equal(disk_zero(WRITE_ZEROES, sectors[i], 1, 0), IOERR);
		assert_int_equal(disk_zero(WRITE_ZEROES, 1, UINT32_MAX, 0), IOERR);
		assert_int_equal(disk_zero(DISCARD, SECTORS - 1, 2, 0), IOERR);
	}
	assert_works(&disk_ring);
}

static void lengths_that_are_no_sectors_are_errors(void **state)
{
	static const uint32_t lens[] = { 1, 511, 513, 1023 };

	(void)state;
	start(OVERLAY);
	for (unsigned int t = 0; t < ARRAY_SIZE(moves); t++)
		for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++)
			assert_int_equal(move(moves[t], 0, lens[i]), IOERR);
	for (uint32_t len = 0; len < 15; len += 5) {
		assert_int_equal(disk_request(&disk_ring, DISCARD, 0, buf, len, 0), IOERR);
		assert_int_equal(disk_request(&disk_ring, WRITE_ZEROES, 0, buf, 16 + len + 1, 0),
				 IOERR);
	}
	memset(buf, 0, sizeof(buf));
	assert_int_equal(disk_request(&disk_ring, DISCARD, 0, buf, 16 * 32, 0), OK);
	assert_int_equal(disk_request(&disk_ring, DISCARD, 0, buf, 16 * 33, 0), IOERR);
	assert_works(&disk_ring);
}

static void a_read_only_disk_is_not_written(void **state)
{
	(void)state;
	start(READ_ONLY);
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(disk_write(0, buf, 512), IOERR);
	assert_int_equal(disk_write(0, buf, 0), IOERR);
	assert_int_equal(disk_zero(DISCARD, 0, 8, 0), UNSUPP);
	assert_int_equal(disk_zero(WRITE_ZEROES, 0, 8, 0), UNSUPP);
	assert_works(&disk_ring);
}

static void unknown_requests_and_flags_are_not_supported(void **state)
{
	static const uint32_t types[] = { 2, 3, 5, 7, 9, 10, 12, 14, 0x80000000, UINT32_MAX };

	(void)state;
	start(OVERLAY);
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(disk_request(&disk_ring, types[i], 0, buf, 512, 512), UNSUPP);
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(disk_zero(DISCARD, 0, 8, 1u << i), UNSUPP);
		assert_int_equal(disk_zero(WRITE_ZEROES, 0, 8, 1u << i), i == 0 ? OK : UNSUPP);
		if (i == 0)
			begin();
	}
	/* The first range is right, the second is not. */
	memset(buf, 0, sizeof(buf));
	buf[16 + 12] = 2;
	assert_int_equal(disk_request(&disk_ring, WRITE_ZEROES, 0, buf, 32, 0), UNSUPP);
	assert_false(disk_needs_reset());
}

/* --- chains that make no request ------------------------------------------------------------------ */

static void a_chain_without_a_header_or_a_status_breaks_the_queue(void **state)
{
	const struct vbuf status = { disk_in, 1, true };

	(void)state;
	start(OVERLAY);
	(void)vring_add(&disk_ring, &status, 1);
	assert_broken();
	(void)vring_add(&disk_ring, (struct vbuf[]){ { disk_out, 15, false }, status }, 2);
	assert_broken();
	(void)vring_add(&disk_ring, (struct vbuf[]){ { disk_out, 16, false } }, 1);
	assert_broken();
	(void)vring_add(&disk_ring,
			(struct vbuf[]){ { disk_out, 16, false }, { disk_in, 0, true } }, 2);
	assert_broken();
}

static void put_header(uint32_t type, uint64_t sector)
{
	const uint64_t header[2] = { type, sector };

	fake_ram_write(disk_out, header, sizeof(header));
}

/* Memory that is not the guest's, or that it must not write, or that is none. */
static void buffers_elsewhere_break_the_queue(void **state)
{
	static const uint64_t nowhere[] = {
		0,	 FAKE_DEVICE,	   FAKE_RAM_END, FAKE_RAM_END - 1, FAKE_RAM - 512,
		VDEV(0), UINT64_MAX - 511, BIT(56)
	};
	uint64_t before;

	(void)state;
	start(OVERLAY);
	for (unsigned int i = 0; i <= ARRAY_SIZE(nowhere); i++) {
		const uint64_t at = i < ARRAY_SIZE(nowhere) ? nowhere[i] : FAKE_ROM;

		put_header(IN, 0);
		(void)vring_add(&disk_ring,
				(struct vbuf[]){ { disk_out, 16, false },
						 { at, 512, true },
						 { disk_in, 1, true } },
				3);
		assert_broken();
		put_header(FLUSH, 0);
		(void)vring_add(&disk_ring,
				(struct vbuf[]){ { disk_out, 16, false }, { at, 2, true } }, 2);
		assert_broken();
		if (i == ARRAY_SIZE(nowhere))
			break;
		(void)vring_add(&disk_ring,
				(struct vbuf[]){ { at, 16, false }, { disk_in, 1, true } }, 2);
		assert_broken();
		put_header(OUT, 0);
		before = page_free_bytes();
		(void)vring_add(&disk_ring,
				(struct vbuf[]){ { disk_out, 16, false },
						 { at, 4096, false },
						 { disk_in, 1, true } },
				3);
		assert_broken();
		/* The leaf, once; the page is not lost. */
		assert_true(before - page_free_bytes() <= (i == 0 ? PAGE_SIZE : 0));
	}
}

static void a_guest_may_write_from_rom(void **state)
{
	(void)state;
	start(OVERLAY);
	put_header(OUT, 0);
	(void)vring_add(&disk_ring,
			(struct vbuf[]){ { disk_out, 16, false },
					 { FAKE_ROM, 512, false },
					 { disk_in, 1, true } },
			3);
	(void)vring_kick(&disk_ring);
	assert_false(disk_needs_reset());
	assert_int_equal(*(uint8_t *)fake_ram_at(disk_in), OK);
}

/* --- changes while a request goes on -------------------------------------------------------------- */

/* In the middle of a long request; what the driver writes into the header then is not looked at. */
static void a_header_is_read_once(void **state)
{
	uint16_t head;

	(void)state;
	start(READ_ONLY);
	head = disk_offer(&disk_ring, IN, 0, NULL, 0, DISK_DATA);
	(void)vring_publish(&disk_ring);
	assert_true(vring_notify_once(&disk_ring));
	put_header(OUT, UINT64_MAX / 4);
	for (uint16_t i = 0; i < 128; i++)
		vring_put_desc(disk_ring.desc, i, (struct virtq_desc){ 0, UINT32_MAX, 7, 200 });
	(void)vring_notify(&disk_ring);
	assert_int_equal(disk_result(&disk_ring, head, DISK_DATA), OK);
	fake_ram_read(disk_in, buf, DISK_DATA);
	assert_memory_equal(buf, disk_image, DISK_DATA);
}

static void reset_queue_by_register(void)
{
	vdev_set(DISK, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(DISK, VIRTIO_MMIO_QUEUE_RESET, 1);
}

static void reset_queue_by_ready(void)
{
	vdev_set(DISK, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdev_set(DISK, VIRTIO_MMIO_QUEUE_READY, 0);
}

static void reset_device(void)
{
	vdev_set(DISK, VIRTIO_MMIO_STATUS, 0);
}

/* The next buffer of the chain is one that the device cannot write. The driver sets the queue up again without a reset. */
static void break_queue(void)
{
	(void)vring_notify(&disk_ring);
	assert_true(disk_needs_reset());
	vdev_set(DISK, VIRTIO_MMIO_QUEUE_SEL, 0);
}

/* For a moment the ring is no memory, so that the queue breaks before the device sees the chain again. */
static void lose_ring(void)
{
	const uint64_t page = align_down(disk_ring.avail, PAGE_SIZE);

	assert_int_equal(pgtable_unmap(&fake_vm.gstage.pt, page, PAGE_SIZE), HV_OK);
	fake_ram_changed(&fake_vm);
	break_queue();
	assert_int_equal(pgtable_map(&fake_vm.gstage.pt, page, ptr_to_hpa(fake_ram_at(page)),
				     PAGE_SIZE, PTE_R | PTE_W | PTE_U | PTE_RAM),
			 HV_OK);
	fake_ram_changed(&fake_vm);
}

static void a_new_chain_knows_nothing_of_one_that_was_given_up(void **state)
{
	static void (*const ways[])(
		void) = { reset_queue_by_register, reset_queue_by_ready, reset_device,
			  disk_end_life,	   break_queue,		 lose_ring };

	(void)state;
	assert_int_equal(disk_make(READ_ONLY, 0), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		const uint64_t features = DISK_FEATURES(0);
		const bool breaks = ways[i] == break_queue;
		const struct vbuf bufs[4] = { { disk_out, 16, false },
					      { disk_in, VIRTIO_STEP + 8192 + !breaks, true },
					      { FAKE_ROM, 512, true },
					      { disk_in, 1, true } };

		begin();
		put_header(IN, 8);
		(void)vring_add(&disk_ring, bufs, breaks ? 4 : 2);
		(void)vring_publish(&disk_ring);
		assert_true(vring_notify_once(&disk_ring));
		ways[i]();
		if (ways[i] == reset_device || ways[i] == disk_end_life)
			assert_true(driver_begin(DISK, features) & VIRTIO_FEATURES_OK);
		vring_begin(&disk_ring, DISK, 0, 128, features);
		(void)driver_ok(DISK);
		assert_works(&disk_ring);
	}
}

/* All that is bounded: a step of zeroes as well as one of data. */
static void zeroes_of_many_blocks_are_done_in_steps(void **state)
{
	uint16_t head;
	unsigned int steps;
	struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} ranges[32] = { 0 };

	(void)state;
	start(OVERLAY);
	for (uint64_t s = 0; s + 8 <= SECTORS; s += 8)
		assert_int_equal(disk_write(s, buf, 512), OK);
	for (unsigned int i = 0; i < 32; i++)
		ranges[i].sectors = SECTORS;
	head = disk_offer(&disk_ring, WRITE_ZEROES, 0, ranges, sizeof(ranges), 0);
	(void)vring_publish(&disk_ring);
	steps = vring_notify(&disk_ring);
	assert_in_range(steps, 32 * SECTORS / 8 * KIB(4) / VIRTIO_STEP,
			32 * (SECTORS / 8 + 3) * KIB(4) / VIRTIO_STEP);
	assert_int_equal(disk_result(&disk_ring, head, 0), OK);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(sectors_that_the_disk_has_not_are_errors),
		test(lengths_that_are_no_sectors_are_errors),
		test(a_read_only_disk_is_not_written),
		test(unknown_requests_and_flags_are_not_supported),
		test(a_chain_without_a_header_or_a_status_breaks_the_queue),
		test(buffers_elsewhere_break_the_queue),
		test(a_guest_may_write_from_rom),
		test(a_header_is_read_once),
		test(a_new_chain_knows_nothing_of_one_that_was_given_up),
		test(zeroes_of_many_blocks_are_done_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
