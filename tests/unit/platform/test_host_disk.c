// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c hyp/lib/fdt.c hyp/lib/work.c tests/unit/fake/machine_disk.c tests/unit/fake/tree.c tests/unit/fake/timer.c
/* Disks of the machine: how they are opened and asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "fake/log.h"
#include "fake/machine_disk.h"
#include "platform/virtio/mmio.h"
#include "fake/timer.h"
#include "lib/errno.h"

static int setup(void **state)
{
	(void)state;
	hw_setup();
	return 0;
}

static uint8_t spare[HOST_DISK_MEMORY] __attribute__((aligned(4096)));

/* --- opening -------------------------------------------------------------------------------------- */

static void a_disk_is_set_up(void **state)
{
	const struct host_disk_facts *f;

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(hw[0].taken,
			 VIRTIO_F_VERSION_1 | BLK_F_SEG_MAX | BLK_F_FLUSH | BLK_F_BLK_SIZE);
	assert_int_equal(hw[0].status, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK |
					       VIRTIO_DRIVER_OK);
	assert_int_equal(hw[0].ready, 1);
	assert_int_equal(hw[0].size, HOST_RING_MAX);
	f = host_disk_facts(hw_disk);
	assert_int_equal(f->sectors, SECTORS);
	assert_int_equal(f->pieces, HOST_DISK_PIECES);
	assert_int_equal(f->block_bytes, 512);
	assert_true(f->flush && !f->read_only && !f->discard && !f->write_zeroes);
	assert_int_equal(fake_log_count, 0);
	/* A second time it is not there to be had. */
	assert_int_equal(host_disk_open(hw_tree, hw_path(0), spare, &hw_disk, &hw_why), HV_EBUSY);
}

static void what_cannot_be_opened_is_told(void **state)
{
	(void)state;
	assert_int_equal(host_disk_open(hw_tree, "/soc/nothing", spare, &hw_disk, &hw_why),
			 HV_ENOENT);
	assert_non_null(strstr(hw_why, "no such node"));
	assert_int_equal(host_disk_open(hw_tree, "/soc", spare, &hw_disk, &hw_why), HV_ENXIO);
	hw[0].id = 1;
	assert_int_equal(hw_open(0), HV_EINVAL);
	assert_string_equal(hw_why, "must be a device of another type");
	hw[1].refuses = true;
	assert_int_equal(hw_open(1), HV_ENXIO);
	hw[2].features &= ~VIRTIO_F_VERSION_1;
	assert_int_equal(hw_open(2), HV_ENXIO);
	hw[3].queue_size = 0;
	assert_int_equal(hw_open(3), HV_ENXIO);
	hw[4].queue_size = 3;
	assert_int_equal(hw_open(4), HV_ENOTSUP);
	hw[5].status = 1;
	hw[5].sticks = true;
	assert_int_equal(hw_open(5), HV_ENXIO);
	hw[6].layout.capacity = UINT64_MAX;
	assert_int_equal(hw_open(6), HV_EINVAL);
	hw_irq_err = HV_ENXIO;
	assert_int_equal(hw_open(7), HV_ENXIO);
	assert_string_equal(hw_why,
			    "the device has no interrupt that the machine's controller knows");
	/* What was begun has been taken back. */
	for (unsigned int s = 0; s < 8; s++)
		assert_false(hw[s].status & VIRTIO_DRIVER_OK);
	assert_int_equal(hw[7].ready, 0);
}

static void what_is_no_device_of_ours_is_told_or_passed_over(void **state)
{
	(void)state;
	hw[0].id = 0;
	assert_int_equal(hw_probe(0), HV_OK);
	assert_int_equal(fake_log_count, 0);
	hw[1].version = 1;
	assert_int_equal(hw_probe(1), HV_EINVAL);
	assert_string_equal(
		fake_log_last,
		"/soc/virtio_mmio@10002000: a legacy virtio device: its version must be 2 "
		"(QEMU: -global virtio-mmio.force-legacy=false); the device is not used");
	hw[2].magic = 0;
	assert_int_equal(hw_probe(2), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "0x74726976"));
	for (unsigned int s = 0; s < 3; s++)
		assert_int_equal(hw[s].resets, 0);
	assert_int_equal(host_disk_open(hw_tree, hw_path(1), spare, &hw_disk, &hw_why), HV_ENXIO);
}

/* The first one of a type, unless something uses it. */
static void a_device_is_found_by_its_type(void **state)
{
	struct host_virtio *d;

	(void)state;
	hw[0].id = VIRTIO_ID_NET;
	hw[1].id = hw[3].id = VIRTIO_ID_RNG;
	for (unsigned int s = 0; s < 4; s++)
		assert_int_equal(hw_probe(s), HV_OK);
	d = host_virtio_find(VIRTIO_ID_RNG);
	assert_non_null(d);
	assert_int_equal(d->node, fdt_path_offset(hw_tree, hw_path(1)));
	d->claimed = true;
	d = host_virtio_find(VIRTIO_ID_RNG);
	assert_non_null(d);
	assert_int_equal(d->node, fdt_path_offset(hw_tree, hw_path(3)));
	d->claimed = true;
	assert_null(host_virtio_find(VIRTIO_ID_RNG));
	assert_null(host_virtio_find(VIRTIO_ID_CONSOLE));
	for (unsigned int s = 0; s < 4; s++)
		assert_int_equal(hw[s].resets, 0);
}

/* Only what the window has is read; one that never stands still is read 8 times. */
static void a_configuration_is_read_until_it_stands_still(void **state)
{
	const struct host_virtio *d;
	uint32_t words[3] = { 7, 7, 7 };

	(void)state;
	hw[0].id = VIRTIO_ID_RNG;
	assert_int_equal(hw_probe(0), HV_OK);
	d = host_virtio_find(VIRTIO_ID_RNG);
	assert_non_null(d);
	host_virtio_config(d, d->config_size - 4, words, 3);
	assert_int_equal(words[0] | words[1] | words[2], 0);
	assert_int_equal(hw[0].config_reads, 1);
	hw[0].config_reads = 0;
	host_virtio_config(d, 0, words, 3);
	assert_int_equal(words[0], SECTORS);
	assert_int_equal(hw[0].config_reads, 3);
	hw[0].config_reads = 0;
	hw[0].unsteady = true;
	host_virtio_config(d, 0, words, 3);
	assert_int_equal(hw[0].config_reads, 24);
}

static void facts_are_kept_within_bounds(void **state)
{
	static const struct {
		uint32_t seg_max, size_max, blk_size, pieces, piece_bytes, block_bytes;
	} rows[] = {
		{ 0, 0, 0, 1, 512, 512 },
		{ 1, 511, 511, 1, 512, 512 },
		{ UINT32_MAX, UINT32_MAX, UINT32_MAX, 128, UINT32_MAX, 512 },
		{ 126, MIB(1), 4096, 126, MIB(1), 4096 },
		{ 4, 4096, MIB(16), 4, 4096, KIB(64) },
	};

	(void)state;
	for (unsigned int s = 0; s < 4; s++) {
		const struct host_disk_facts *f;

		hw[s].features |= BLK_F_SIZE_MAX | BLK_F_RO | BLK_F_DISCARD | BLK_F_WRITE_ZEROES;
		hw[s].layout.seg_max = rows[s].seg_max;
		hw[s].layout.size_max = rows[s].size_max;
		hw[s].layout.blk_size = rows[s].blk_size;
		hw[s].layout.max_discard_sectors = s;
		hw[s].layout.max_write_zeroes_sectors = 7;
		assert_int_equal(hw_open(s), HV_OK);
		f = host_disk_facts(hw_disk);
		assert_int_equal(f->pieces, rows[s].pieces);
		assert_int_equal(f->piece_bytes, rows[s].piece_bytes);
		assert_int_equal(f->block_bytes, rows[s].block_bytes);
		assert_true(f->read_only && f->write_zeroes && f->zero_sectors == 7);
		assert_int_equal(f->discard, s != 0);
	}
}

static void requests_are_passed_on(void **state)
{
	static struct asked a, b, c;

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(ask(&a, BLK_IN, 5, 3), HV_OK);
	assert_int_equal(hw[0].notified, 1);
	assert_int_equal(a.over, 0);
	memset(b.data, 0xb0, sizeof(b.data));
	assert_int_equal(ask(&b, BLK_OUT, 9, 1), HV_OK);
	assert_int_equal(ask(&c, BLK_FLUSH, 0, 0), HV_OK);
	hw_serve(0, 2);
	assert_int_equal(a.over, 1);
	assert_int_equal(a.status, BLK_OK);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(a.data[i * BLK_SECTOR], 5 + i);
	assert_int_equal(hw[0].data[9 * BLK_SECTOR], 0xb0);
	assert_int_equal(hw[0].data[10 * BLK_SECTOR], 10);
	assert_int_equal(b.over, 1);
	assert_int_equal(c.over, 0);
	hw_serve(0, 1);
	assert_int_equal(c.over, 1);
	/* An interrupt for nothing. */
	hw_interrupt(0, VIRTIO_INT_USED);
	hw_interrupt(0, 0);
	assert_int_equal(a.over + b.over + c.over, 3);
}

/* A status that the device does not write is an error, too. */
static void errors_are_passed_on(void **state)
{
	static const struct {
		int forced;
		enum blk_status is;
	} rows[] = { { BLK_OK, BLK_OK }, { BLK_IOERR, BLK_IOERR }, { BLK_UNSUPP, BLK_UNSUPP },
		     { 3, BLK_IOERR },	 { 255, BLK_IOERR },	   { -1, BLK_IOERR } };
	static struct asked a;

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a.request.status = BLK_OK;
		assert_int_equal(ask(&a, BLK_IN, 0, 1), HV_OK);
		hw_serve_one(0, rows[i].forced);
		hw_interrupt(0, VIRTIO_INT_USED);
		assert_int_equal(a.over, 1);
		assert_int_equal(a.status, rows[i].is);
	}
}

static void a_read_at_boot(void **state)
{
	static uint8_t to[SECTORS * BLK_SECTOR];

	(void)state;
	assert_int_equal(hw_open(0), HV_OK);
	assert_int_equal(host_disk_read_now(hw_disk, 0, to, SECTORS + 1), HV_EIO);
	assert_int_equal(host_disk_read_now(hw_disk, SECTORS - 1, to, 2), HV_EIO);
	assert_int_equal(host_disk_read_now(hw_disk, UINT64_MAX, to, 2), HV_EIO);
	assert_int_equal(hw[0].notified, 0);
	hw[0].at_once = true;
	assert_int_equal(host_disk_read_now(hw_disk, SECTORS - 2, to, 2), HV_OK);
	assert_int_equal(to[0], SECTORS - 2);
	assert_int_equal(to[BLK_SECTOR], SECTORS - 1);
	assert_int_equal(host_disk_read_now(hw_disk, 0, to, SECTORS), HV_OK);
	assert_int_equal(to[(SECTORS - 1) * BLK_SECTOR], SECTORS - 1);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_disk_is_set_up),
		test(what_cannot_be_opened_is_told),
		test(what_is_no_device_of_ours_is_told_or_passed_over),
		test(a_device_is_found_by_its_type),
		test(a_configuration_is_read_until_it_stands_still),
		test(facts_are_kept_within_bounds),
		test(requests_are_passed_on),
		test(errors_are_passed_on),
		test(a_read_at_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
