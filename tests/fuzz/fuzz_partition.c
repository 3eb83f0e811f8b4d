// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/partition.c
/*
 * Tables of partitions. The first byte is a partition's number. Of the second one, a bit makes blocks of 4 KiB, two give the
 * headers of a GPT the checksums that they should have, and one leaves a disk of a few sectors. The rest is what is on the disk.
 */
#include "common/fuzz.h"

#include <zlib.h>

#include "lib/le.h"
#include "platform/partition.h"

#define DISK KIB(128)

static uint8_t disk[DISK], buffer[PARTITION_BUFFER];
static uint64_t sectors;
static unsigned int reads;

static int read(void *arg, uint64_t sector, void *to, unsigned int nr)
{
	fuzz_must(arg == disk && nr * 512u <= sizeof(buffer));
	fuzz_must(sector < sectors && nr <= sectors - sector);
	reads++;
	memcpy(to, disk + sector * 512, nr * 512u);
	return HV_OK;
}

static void put(uint8_t *at, uint32_t val)
{
	memcpy(at, &val, sizeof(val));
}

/* The checksums of the table and of the header in block @at. */
static void seal(uint64_t at, uint32_t block)
{
	uint8_t *h = disk + at * block;
	uint64_t table = get_le64(h + 72), bytes = (uint64_t)get_le32(h + 80) * get_le32(h + 84);

	if (table < DISK / block && bytes <= DISK - table * block)
		put(h + 88, (uint32_t)crc32(0, disk + table * block, (unsigned int)bytes));
	memcpy(h + 24, &at, sizeof(at));
	put(h + 16, 0);
	put(h + 16, (uint32_t)crc32(0, h, (unsigned int)min_u64(get_le32(h + 12), block)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const uint8_t number = fuzz_u8(&in), flags = fuzz_u8(&in);
	const uint32_t block = flags & 1 ? 4096 : 512;
	struct partition_disk d = { 0, block, buffer, read, disk };
	struct partition p = { 0, 0 };
	const char *why = NULL;
	int err;

	memset(disk, 0, sizeof(disk));
	memcpy(disk, in.next, min_u64(in.left, sizeof(disk)));
	sectors = d.sectors = flags & 8 ? flags >> 4 : DISK / 512;
	if (flags & 2)
		seal(1, block);
	if (flags & 4)
		seal(DISK / block - 1, block);
	reads = 0;
	err = partition_find(&d, 1 + number % PARTITION_MAX, &p, &why);
	fuzz_must(why && reads <= 2 * (2 + MIB(1) / PARTITION_BUFFER));
	if (err == HV_OK)
		fuzz_must(p.sectors > 0 && p.sector < sectors && p.sectors <= sectors - p.sector);
	return 0;
}
