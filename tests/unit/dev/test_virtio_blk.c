// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/diskvm.h
/* A disk as a driver sees it: what it says of itself, and requests that are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio/blk.h"

#define FIELD_DISK(...)	       FIELD_ROW(disk, __VA_ARGS__)
#define FIELD_BLK_REQUEST(...) FIELD_ROW(blk_request, __VA_ARGS__)
#include "fake/fields.h"
#include "fake/diskvm.h"
#include "fake/said.h"
#include "lib/errno.h"
#include "mm/page.h"

#define OVERLAY	  ((struct disk_says){ .image = "root", .access = "overlay" })
#define READ_ONLY ((struct disk_says){ .image = "root" })
#define BYTES	  (SECTORS * 512)
#define ROUNDS	  1500

static uint8_t want[BYTES], got[BYTES];

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	disk_vm_setup(FAKE_SCATTERED);
	memset(want, 0, sizeof(want));
	memcpy(want, disk_image, IMAGE_SIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return disk_vm_teardown() ? 0 : -1;
}

static void start(struct disk_says says)
{
	assert_int_equal(disk_make(says, 0), HV_OK);
	disk_begin(DISK_FEATURES(0));
}

static void assert_disk(void)
{
	assert_int_equal(disk_read(0, got, DISK_DATA), OK);
	assert_int_equal(disk_written, DISK_DATA + 1);
	assert_int_equal(disk_read(DISK_DATA / 512, got + DISK_DATA, BYTES - DISK_DATA), OK);
	assert_memory_equal(got, want, BYTES);
}

/* --- what it is ----------------------------------------------------------------------------------- */

static uint32_t config8(uint64_t off)
{
	return (uint32_t)guest_read(DISK + VIRTIO_MMIO_CONFIG + off, 1);
}

static uint32_t config16(uint64_t off)
{
	return (uint32_t)guest_read(DISK + VIRTIO_MMIO_CONFIG + off, 2);
}

static uint32_t config32(uint64_t off)
{
	return vdev_get(DISK, VIRTIO_MMIO_CONFIG + off);
}

static void a_read_only_disk_says_so(void **state)
{
	uint64_t f;

	(void)state;
	assert_int_equal(disk_make(READ_ONLY, 0), HV_OK);
	f = vdev_features(DISK);
	assert_int_equal(vdev_get(DISK, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(f & UINT32_MAX & ~(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX),
			 BIT(2) | BIT(5) | BIT(6));
	assert_int_equal(vdev_config64(DISK, 0), SECTORS);
	assert_int_equal(config32(12), 126);
	assert_int_equal(config32(20), 512);
	assert_int_equal(config16(34), 1);
	assert_int_equal(vdev_get(DISK, VIRTIO_MMIO_QUEUE_SIZE_MAX), 128);
	/* Nothing of discarding, nor of a size of blocks that it would rather be written by. */
	assert_int_equal(config32(24) | config32(28), 0);
	for (unsigned int off = 36; off < 60; off += 4)
		assert_int_equal(config32(off), 0);
}

static void a_disk_with_an_overlay_says_what_it_can(void **state)
{
	uint64_t f;

	(void)state;
	assert_int_equal(disk_make((struct disk_says){ "root", "overlay", 0, DISK_VCPUS }, 0),
			 HV_OK);
	f = vdev_features(DISK);
	assert_int_equal(f & UINT32_MAX & ~(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX),
			 BIT(2) | BIT(6) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(14));
	assert_int_equal(config8(24), 3);
	assert_int_equal(config8(25), 0);
	assert_int_equal(config16(26), 8);
	assert_int_equal(config16(34), DISK_VCPUS);
	assert_int_equal(config32(36), SECTORS);
	assert_int_equal(config32(40), 32);
	assert_int_equal(config32(44), 8);
	assert_int_equal(config32(48), SECTORS);
	assert_int_equal(config32(52), 32);
	assert_int_equal(config8(56), 1);
}

static void refused(struct disk_says says, const char *line)
{
	fake_log_reset();
	assert_int_equal(disk_make(says, 0), HV_EINVAL);
	assert_logged(line);
	assert_int_equal(fake_log_count, 1);
}

static void what_is_wrong_in_the_node_is_said(void **state)
{
	(void)state;
	refused((struct disk_says){ .access = "overlay" },
		"config: /vm/disk@0: image is missing: must be the name of an image below /images, or else disk that of a node below the configuration's disks");
	refused((struct disk_says){ .image = "other" },
		"config: /vm/disk@0: image = \"other\": must be an image");
	refused((struct disk_says){ .image = "root", .access = "read-write" },
		"config: /vm/disk@0: access = \"read-write\": must be \"read-only\" or \"overlay\": an image is never written");
	refused((struct disk_says){ .image = "root", .overlay_memory = MIB(1) },
		"config: /vm/disk@0: overlay-memory = <0 0x100000>: is for access = \"overlay\": must "
		"not be there without");
	refused((struct disk_says){ "root", "overlay", KIB(4), 0 },
		"config: /vm/disk@0: overlay-memory = <0 4096>: must be bytes, one cell or two: a "
		"multiple of 4 KiB, at least 8 KiB");
	refused((struct disk_says){ "root", "overlay", KIB(8) + 512, 0 },
		"config: /vm/disk@0: overlay-memory = <0 8704>: must be bytes, one cell or two: a "
		"multiple of 4 KiB, at least 8 KiB");
	refused((struct disk_says){ .image = "root", .queues = DISK_VCPUS + 1 },
		"config: /vm/disk@0: queues = <4>: must be 1 to 3: the VM has no more vcpus");
	refused((struct disk_says){ .image = "root", .queues = 9 },
		"config: /vm/disk@0: queues = <9>: must be 1 to 8 (one cell)");
	assert_int_equal(disk_make((struct disk_says){ "root", "overlay", KIB(8), 0 }, 0), HV_OK);
}

/* --- reading -------------------------------------------------------------------------------------- */

static void all_of_the_image_is_read_and_zeroes_behind_it(void **state)
{
	(void)state;
	start(READ_ONLY);
	assert_disk();
	assert_int_equal(disk_read(SECTORS - 1, got, 512), OK);
	assert_memory_equal(got, want + BYTES - 512, 512);
	assert_int_equal(got[511], 0);
}

static void a_request_may_be_cut_anywhere(void **state)
{
	(void)state;
	start(READ_ONLY);
	disk_cuts_vary = true;
	for (unsigned int i = 0; i < 400; i++) {
		const uint32_t len = 512 * (1 + disk_random(12));
		const uint64_t sector = disk_random((uint32_t)(SECTORS - len / 512) + 1);

		disk_cut = 1 + disk_random(i % 2 ? 17 : 5000);
		memset(got, 0xee, len);
		assert_int_equal(disk_read(sector, got, len), OK);
		assert_int_equal(disk_written, len + 1);
		assert_memory_equal(got, want + sector * 512, len);
	}
}

static void the_id_names_the_disk(void **state)
{
	static const char id[20] = "hartvisor-2-root";

	(void)state;
	assert_int_equal(disk_make(READ_ONLY, 2), HV_OK);
	disk_begin(DISK_FEATURES(0));
	assert_int_equal(disk_request(&disk_ring, GET_ID, 0, NULL, 0, 20), OK);
	assert_int_equal(disk_written, 21);
	fake_ram_read(disk_in, got, 20);
	assert_memory_equal(got, id, 20);
	assert_int_equal(disk_request(&disk_ring, GET_ID, 0, NULL, 0, 4), OK);
	assert_int_equal(disk_written, 5);
	assert_int_equal(disk_request(&disk_ring, GET_ID, 0, NULL, 0, 0), OK);
	assert_int_equal(disk_written, 1);
}

/* Many steps of a bounded number of bytes, one interrupt. */
static void a_long_request_is_done_in_steps(void **state)
{
	uint16_t head;
	unsigned int steps;

	(void)state;
	start(READ_ONLY);
	head = disk_offer(&disk_ring, IN, 0, NULL, 0, DISK_DATA);
	(void)vring_publish(&disk_ring);
	assert_true(vring_notify_once(&disk_ring));
	assert_false(vdev_line(DISK));
	assert_true(fake_ram_is(disk_in + VIRTIO_STEP, 0xee, 512));
	steps = 1 + vring_notify(&disk_ring);
	assert_in_range(steps, DISK_DATA / VIRTIO_STEP, DISK_DATA / VIRTIO_STEP + 2);
	assert_int_equal(disk_result(&disk_ring, head, DISK_DATA), OK);
	assert_int_equal(fake_interrupts, 1);
	fake_ram_read(disk_in, got, DISK_DATA);
	assert_memory_equal(got, want, DISK_DATA);
}

/* --- writing -------------------------------------------------------------------------------------- */

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	start(OVERLAY);
	memset(want + 512 * 3, 0x5a, 512 * 30);
	assert_int_equal(disk_write(3, want + 512 * 3, 512 * 30), OK);
	assert_int_equal(disk_written, 1);
	assert_int_equal(disk_request(&disk_ring, FLUSH, 0, NULL, 0, 0), OK);
	assert_disk();
}

static void zero_in_want(uint64_t sector, uint32_t sectors)
{
	memset(want + sector * 512, 0, (size_t)sectors * 512);
}

/* Discarded sectors are whatever they are; here, zeroes where a whole block is. */
static void discard_in_want(uint64_t sector, uint32_t sectors)
{
	uint64_t from = (sector + 7) / 8 * 8, to = sector + sectors;

	if (to != SECTORS)
		to = to / 8 * 8;
	if (from < to)
		zero_in_want(from, (uint32_t)(to - from));
}

/* What is read is what a plain array would have, whatever comes and however it is cut. */
static void any_requests_leave_what_an_array_would_have(void **state)
{
	(void)state;
	start(OVERLAY);
	disk_cuts_vary = true;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const uint32_t sectors = 1 + disk_random(40);
		const uint64_t sector = disk_random((uint32_t)(SECTORS - sectors) + 1);

		disk_cut = 1 + disk_random(3000);
		switch (disk_random(6)) {
		case 0:
		case 1:
			for (uint32_t b = 0; b < sectors * 512; b += 64)
				memset(want + sector * 512 + b, (int)disk_random(256), 64);
			assert_int_equal(disk_write(sector, want + sector * 512, sectors * 512),
					 OK);
			break;
		case 2:
			zero_in_want(sector, sectors);
			assert_int_equal(disk_zero(WRITE_ZEROES, sector, sectors, disk_random(2)),
					 OK);
			break;
		case 3:
			discard_in_want(sector, sectors);
			assert_int_equal(disk_zero(DISCARD, sector, sectors, 0), OK);
			break;
		default:
			assert_int_equal(disk_read(sector, got, sectors * 512), OK);
			assert_memory_equal(got, want + sector * 512, sectors * 512);
			break;
		}
	}
	disk_cut = 0;
	assert_disk();
}

static void several_ranges_are_discarded_by_one_request(void **state)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} ranges[] = { { 0, 8, 0 }, { 40, 16, 0 }, { 16, 0, 0 }, { SECTORS - 1, 1, 0 } };
	uint64_t before;

	(void)state;
	start(OVERLAY);
	assert_int_equal(disk_write(0, want, 512 * 8), OK);
	before = page_free_bytes();
	assert_int_equal(disk_request(&disk_ring, DISCARD, 0, ranges, sizeof(ranges), 0), OK);
	assert_int_equal(page_free_bytes(), before + PAGE_SIZE);
	zero_in_want(0, 8);
	zero_in_want(40, 16);
	assert_disk(); /* the last sector is no whole block */
}

/* Also after it has been read; and the last block, which is a short one. */
static void what_is_discarded_is_given_back(void **state)
{
	static const uint64_t sectors[] = { 0, SECTORS / 8 * 8 };

	(void)state;
	start(OVERLAY);
	for (unsigned int i = 0; i < ARRAY_SIZE(sectors); i++) {
		const uint32_t nr = i == 0 ? 8 : SECTORS % 8;
		uint64_t before;

		assert_int_equal(disk_write(sectors[i], want, 512), OK);
		assert_int_equal(disk_read(sectors[i], got, 512), OK);
		before = page_free_bytes();
		assert_int_equal(disk_zero(DISCARD, sectors[i], nr, 0), OK);
		assert_int_equal(page_free_bytes(), before + PAGE_SIZE);
		zero_in_want(sectors[i], nr);
	}
	assert_disk();
}

static void a_disk_keeps_its_data_when_the_guest_is_reset(void **state)
{
	(void)state;
	start(OVERLAY);
	memset(want, 0x77, 512);
	assert_int_equal(disk_write(0, want, 512), OK);
	disk_end_life();
	disk_begin(DISK_FEATURES(VIRTIO_F_EVENT_IDX));
	assert_disk();
}

static void an_overlay_that_is_full_gives_errors_and_goes_on(void **state)
{
	(void)state;
	start((struct disk_says){ "root", "overlay", KIB(16), 0 });
	memset(want, 0x55, 4096 * 3);
	assert_int_equal(disk_write(0, want, 4096 * 3), OK);
	memset(got, 0x66, sizeof(got));
	assert_int_equal(disk_write(24, got, 512), IOERR);
	assert_int_equal(disk_written, 1);
	assert_int_equal(disk_zero(WRITE_ZEROES, 24, 1, 0), IOERR);
	assert_int_equal(disk_write(0, want, 4096), OK);
	assert_disk();
	assert_int_equal(disk_zero(DISCARD, 0, 8, 0), OK);
	zero_in_want(0, 8);
	memset(want + 24 * 512, 0x66, 512);
	assert_int_equal(disk_write(24, want + 24 * 512, 512), OK);
	assert_disk();
}

/* A page that is to be kept stays, so that the next write to it needs no memory. */
static void zeroes_without_unmap_keep_the_memory(void **state)
{
	uint64_t before;

	(void)state;
	start(OVERLAY);
	assert_int_equal(disk_write(0, want, 4096), OK);
	before = page_free_bytes();
	assert_int_equal(disk_zero(WRITE_ZEROES, 0, 8, 0), OK);
	assert_int_equal(page_free_bytes(), before);
	assert_int_equal(disk_zero(WRITE_ZEROES, 0, 8, 1), OK);
	assert_int_equal(page_free_bytes(), before + PAGE_SIZE);
	zero_in_want(0, 8);
	assert_disk();
}

/* Two queues, each in the middle of a request of its own. */
static void queues_work_beside_each_other(void **state)
{
	struct vring second;
	uint16_t head[2];

	(void)state;
	assert_int_equal(disk_make((struct disk_says){ "root", "overlay", 0, 2 }, 0), HV_OK);
	assert_true(driver_begin(DISK, DISK_FEATURES(BIT(12))) & VIRTIO_FEATURES_OK);
	vring_begin(&disk_ring, DISK, 0, 128, 0);
	vring_begin(&second, DISK, 1, 8, 0);
	(void)driver_ok(DISK);
	head[0] = disk_offer(&disk_ring, IN, 0, NULL, 0, DISK_DATA);
	(void)vring_publish(&disk_ring);
	assert_true(vring_notify_once(&disk_ring));
	/* The header is not read again. */
	head[1] = disk_offer(&second, GET_ID, 1, NULL, 0, 0);
	assert_int_equal(vring_kick(&second), 1);
	assert_int_equal(disk_result(&second, head[1], 0), OK);
	(void)vring_notify(&disk_ring);
	assert_int_equal(disk_result(&disk_ring, head[0], DISK_DATA), OK);
	fake_ram_read(disk_in + 1, got,
		      DISK_DATA - 1); /* the other's status is in the first byte */
	assert_memory_equal(got, want + 1, DISK_DATA - 1);
}

/* --- every field, as hyp/vm/state_list.h has it --------------------------------------------------------- */

static const struct disk __attribute__((unused)) all_of_disk = {
#define FIELD_DISK(...) FIELD_INITIALIZER(disk, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct blk_request __attribute__((unused)) all_of_blk_request = {
#define FIELD_BLK_REQUEST(...) FIELD_INITIALIZER(blk_request, __VA_ARGS__)
#include "vm/state_list.h"
};

static void every_field_is_as_the_table_of_state_says(void **state)
{
	static const uint8_t marks[] = { 0, 1 };
	const struct blk_request fresh = { 0 };

	(void)state;
	fields_check_states();
	for (unsigned int i = 0; i < ARRAY_SIZE(marks); i++) {
		struct blk_request before;
		struct disk *k, was;

		disk_vm_setup(FAKE_ONE_PIECE);
		assert_int_equal(disk_make((struct disk_says){ .image = "root",
							       .access = "overlay",
							       .queues = 2 },
					   0),
				 HV_OK);
		disk_begin(DISK_FEATURES(0));
		k = disk_state();
		fields_mark("blk_request", &k->requests[0], marks[i]);
		before = k->requests[0];
		was = *k;
		disk_end_life();
		fields_check_reset("disk", k, k, &was);
		fields_check_reset("blk_request", &k->requests[0], &fresh, &before);
		assert_true(disk_vm_teardown());
	}
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_as_the_table_of_state_says),
		test(a_read_only_disk_says_so),
		test(a_disk_with_an_overlay_says_what_it_can),
		test(what_is_wrong_in_the_node_is_said),
		test(all_of_the_image_is_read_and_zeroes_behind_it),
		test(a_request_may_be_cut_anywhere),
		test(the_id_names_the_disk),
		test(a_long_request_is_done_in_steps),
		test(what_is_written_is_read_again),
		test(any_requests_leave_what_an_array_would_have),
		test(several_ranges_are_discarded_by_one_request),
		test(what_is_discarded_is_given_back),
		test(a_disk_keeps_its_data_when_the_guest_is_reset),
		test(an_overlay_that_is_full_gives_errors_and_goes_on),
		test(zeroes_without_unmap_keep_the_memory),
		test(queues_work_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
