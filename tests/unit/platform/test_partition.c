// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/partition.c
/* Tables of partitions, right and wrong. tests/system/test_host_disk.py compares with what Linux finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "platform/partition.h"

#define SECTORS 4096

static uint8_t disk[SECTORS * 512];
static uint8_t buffer[PARTITION_BUFFER];
static unsigned int reads;
static uint64_t bad_sector; /* cannot be read; 0: all can */
static const char *why;

static int read(void *arg, uint64_t sector, void *to, unsigned int sectors)
{
	assert_ptr_equal(arg, disk);
	assert_true(sectors * 512u <= sizeof(buffer));
	assert_true(sector + sectors <= SECTORS);
	reads++;
	if (bad_sector && sector <= bad_sector && bad_sector < sector + sectors)
		return HV_EIO;
	memcpy(to, disk + sector * 512, sectors * 512u);
	return HV_OK;
}

static struct partition_disk d;

static int setup(void **state)
{
	(void)state;
	memset(disk, 0, sizeof(disk));
	d = (struct partition_disk){ SECTORS, 512, buffer, read, disk };
	reads = 0;
	bad_sector = 0;
	return 0;
}

static void put(uint8_t *at, uint64_t val, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(val >> (8 * i));
}

static void mbr(uint64_t sector, unsigned int i, uint8_t type, uint32_t first, uint32_t nr)
{
	uint8_t *s = disk + sector * 512, *e = s + 446 + 16 * i;

	s[510] = 0x55;
	s[511] = 0xaa;
	e[4] = type;
	put(e + 8, first, 4);
	put(e + 12, nr, 4);
}

static void is_at(unsigned int number, uint64_t sector, uint64_t sectors)
{
	struct partition p;

	assert_int_equal(partition_find(&d, number, &p, &why), HV_OK);
	assert_int_equal(p.sector, sector);
	assert_int_equal(p.sectors, sectors);
}

static void fails(unsigned int number, int err, const char *says)
{
	struct partition p;

	assert_int_equal(partition_find(&d, number, &p, &why), err);
	assert_string_equal(why, says);
}

#define NONE	"the disk has no such partition"
#define OUTSIDE "the partition does not lie within the disk"
#define UNREAD	"the disk cannot be read"
#define DAMAGED "the disk's GPT is damaged, and so is its copy at the end of the disk"

static void primary_and_logical(void **state)
{
	(void)state;
	mbr(0, 0, 0x83, 64, 100);
	mbr(0, 1, 0x0f, 200, 1000); /* holds 5, 6, 7 */
	mbr(0, 3, 0x83, 3000, 1096);
	mbr(200, 0, 0x83, 10, 50);
	mbr(200, 1, 0x05, 100, 200);
	mbr(300, 0, 0x83, 1, 9);
	mbr(300, 1, 0x05, 500, 100);
	mbr(700, 0, 0x83, 2, 7);
	is_at(1, 64, 100);
	is_at(2, 200, 1000);
	fails(3, HV_ENOENT, NONE);
	is_at(4, 3000, 1096);
	is_at(5, 210, 50);
	is_at(6, 301, 9);
	is_at(7, 702, 7);
	fails(8, HV_ENOENT, NONE);
	fails(128, HV_ENOENT, NONE);
	bad_sector = 300;
	is_at(5, 210, 50);
	fails(6, HV_EIO, UNREAD);
	bad_sector = 200;
	fails(5, HV_EIO, UNREAD);
}

static void a_circle_of_logical_ones_ends(void **state)
{
	(void)state;
	mbr(0, 0, 0x05, 100, 1000);
	mbr(100, 1, 0x05, 0, 100);
	fails(128, HV_ENOENT, NONE);
	assert_true(reads <= PARTITION_MAX);
	mbr(100, 1, 0x05, UINT32_MAX, 100);
	fails(6, HV_ENOENT, NONE);
}

static void beyond_the_disk(void **state)
{
	(void)state;
	mbr(0, 0, 0x83, 4000, 97);
	mbr(0, 1, 0x83, UINT32_MAX, UINT32_MAX);
	mbr(0, 2, 0x83, 100, 0);
	mbr(0, 3, 0x05, UINT32_MAX, 100);
	fails(1, HV_EINVAL, OUTSIDE);
	fails(2, HV_EINVAL, OUTSIDE);
	fails(3, HV_EINVAL, OUTSIDE);
	fails(5, HV_ENOENT, NONE);
	mbr(0, 0, 0x83, 4000, 96);
	is_at(1, 4000, 96);
}

static void no_table(void **state)
{
	(void)state;
	fails(1, HV_ENOENT, "the disk has no partitions");
	bad_sector = 0;
	d.sectors = 0;
	fails(1, HV_ENOENT, "the disk has no partitions");
}

/* --- GPT ------------------------------------------------------------------------------------------ */

#define ENTRIES 128

static uint8_t *block(uint64_t at)
{
	return disk + at * d.block_bytes;
}

static void seal(uint64_t header)
{
	uint8_t *h = block(header);

	put(h + 16, 0, 4);
	put(h + 16, crc32(0, h, 92), 4);
}

static void gpt_header(uint64_t at, uint64_t table, uint32_t number, uint32_t bytes)
{
	uint8_t *h = block(at);

	memcpy(h, "EFI PART", 8);
	put(h + 12, 92, 4);
	put(h + 24, at, 8);
	put(h + 72, table, 8);
	put(h + 80, number, 4);
	put(h + 84, bytes, 4);
	put(h + 88, crc32(0, block(table), number * bytes), 4);
	seal(at);
}

static void gpt_entry(uint64_t table, unsigned int i, uint32_t bytes, uint64_t first, uint64_t last)
{
	uint8_t *e = block(table) + (size_t)i * bytes;

	memset(e, 0x11, 32);
	put(e + 32, first, 8);
	put(e + 40, last, 8);
}

static uint64_t blocks(void)
{
	return SECTORS * 512u / d.block_bytes;
}

static uint64_t backup(void)
{
	return blocks() - 1 - ENTRIES * 128 / d.block_bytes;
}

static void gpt(void)
{
	uint64_t tables[] = { 2, backup() };

	mbr(0, 0, 0xee, 1, UINT32_MAX);
	for (unsigned int i = 0; i < 2; i++) {
		gpt_entry(tables[i], 0, 128, 64, 99);
		gpt_entry(tables[i], 1, 128, 100, 100);
		gpt_entry(tables[i], ENTRIES - 1, 128, 200, 299);
	}
	gpt_header(1, 2, ENTRIES, 128);
	gpt_header(blocks() - 1, backup(), ENTRIES, 128);
}

static void is_whole(void)
{
	uint64_t spb = d.block_bytes / 512;

	is_at(1, 64 * spb, 36 * spb);
	is_at(2, 100 * spb, spb);
	is_at(ENTRIES, 200 * spb, 100 * spb);
	fails(3, HV_ENOENT, NONE);
}

static void guid_partitions(void **state)
{
	(void)state;
	gpt();
	is_whole();
	setup(NULL);
	d.block_bytes = 4096;
	gpt();
	is_whole();
}

static void the_copy_serves_when_the_first_is_damaged(void **state)
{
	static const unsigned int places[] = { 512,	 512 + 16, 512 + 24,	512 + 72,
					       512 + 88, 1024,	   1024 + 16383 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		setup(NULL);
		gpt();
		disk[places[i]] ^= 1;
		is_whole();
		disk[sizeof(disk) - 512] ^= 1;
		fails(1, HV_ENOENT, DAMAGED);
	}
	setup(NULL);
	gpt();
	bad_sector = 2;
	fails(1, HV_EIO, UNREAD);
}

static void tables_of_any_size(void **state)
{
	static const struct {
		uint32_t number, bytes;
		bool right;
	} rows[] = {
		{ 4, 128, true },	    { 4, 256, true },
		{ 3, 4096, true },	    { 0, 128, false },
		{ 4, 64, false },	    { 4, 0, false },
		{ 4, 8192, false },	    { 4, 384, false },
		{ UINT32_MAX, 128, false }, { UINT32_MAX, 4096, false },
		{ 0x2001, 128, false },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct partition p;
		uint8_t *h;

		setup(NULL);
		mbr(0, 0, 0xee, 1, UINT32_MAX);
		gpt_entry(2, 0, 128, 64, 99);
		gpt_header(1, 2, rows[i].right ? rows[i].number : 1,
			   rows[i].right ? rows[i].bytes : 128);
		h = block(1);
		put(h + 80, rows[i].number, 4);
		put(h + 84, rows[i].bytes, 4);
		if (rows[i].number == 0)
			put(h + 88, 0, 4);
		seal(1);
		if (rows[i].right)
			is_at(1, 64, 36);
		else
			assert_int_not_equal(partition_find(&d, 1, &p, &why), HV_OK);
	}
}

static void guid_partitions_beyond_the_disk(void **state)
{
	static const uint64_t rows[][2] = { { 64, 63 },
					    { 64, SECTORS },
					    { SECTORS, SECTORS },
					    { 1, UINT64_MAX },
					    { UINT64_MAX, UINT64_MAX } };

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(NULL);
		gpt();
		gpt_entry(2, 0, 128, rows[i][0], rows[i][1]);
		gpt_header(1, 2, ENTRIES, 128);
		fails(1, HV_EINVAL, OUTSIDE);
	}
	/* Its tables, too. */
	setup(NULL);
	gpt();
	put(block(1) + 72, UINT64_MAX, 8);
	seal(1);
	is_whole();
	put(block(1) + 72, blocks() - 1, 8);
	seal(1);
	is_whole();
}

/* Any bytes: no read outside of the disk (read() looks), and an end. */
static void any_bytes(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 20000; round++) {
		struct partition p;

		if (round % 100 == 0) {
			setup(NULL);
			if (round % 200)
				gpt();
			else
				primary_and_logical(NULL);
			bad_sector = 0;
		}
		disk[(unsigned int)rand() % (round % 3 ? 1536u : (unsigned int)sizeof(disk))] =
			(uint8_t)rand();
		if (round % 2) {
			disk[510] = 0x55;
			disk[511] = 0xaa;
			seal(1);
		}
		reads = 0;
		if (partition_find(&d, 1 + (unsigned int)rand() % PARTITION_MAX, &p, &why) == HV_OK)
			assert_true(p.sectors != 0 && p.sector < SECTORS &&
				    p.sectors <= SECTORS - p.sector);
		assert_true(reads <= 1 + 2 * (1 + MIB(1) / PARTITION_BUFFER));
	}
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(primary_and_logical), test(a_circle_of_logical_ones_ends),
		test(beyond_the_disk),	   test(no_table),
		test(guid_partitions),	   test(the_copy_serves_when_the_first_is_damaged),
		test(tables_of_any_size),  test(guid_partitions_beyond_the_disk),
		test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
