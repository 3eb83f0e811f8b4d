// SPDX-License-Identifier: BSD-2-Clause
#include "platform/partition.h"

#include <string.h>
#include <zlib.h>

#include "lib/le.h"

#define SECTOR 512u

/* --- MBR ------------------------------------------------------------------------------------------ */

#define MBR_ENTRIES   446u
#define MBR_ENTRY     16u
#define MBR_PRIMARY   4u
#define MBR_SIGNATURE 510u

#define MBR_TYPE_GPT 0xeeu

struct mbr_entry {
	uint8_t type; /* 0: none */
	uint32_t sector, sectors;
};

static bool mbr_is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static struct mbr_entry mbr_entry(const uint8_t *sector, unsigned int i)
{
	const uint8_t *e = sector + MBR_ENTRIES + MBR_ENTRY * (uint64_t)i;

	return (struct mbr_entry){ e[4], get_le32(e + 8), get_le32(e + 12) };
}

static bool mbr_here(const uint8_t *sector)
{
	return sector[MBR_SIGNATURE] == 0x55 && sector[MBR_SIGNATURE + 1] == 0xaa;
}

static int read_at(const struct partition_disk *d, uint64_t sector, unsigned int sectors)
{
	if (sectors > d->sectors || sector > d->sectors - sectors)
		return HV_EINVAL;
	return d->read(d->arg, sector, d->buffer, sectors);
}

static const char *const none = "the disk has no such partition";
static const char *const unreadable = "the disk cannot be read";

static int found(const struct partition_disk *d, uint64_t sector, uint64_t sectors,
		 struct partition *out, const char **why)
{
	*why = "the partition does not lie within the disk";
	if (sectors == 0 || sector > d->sectors || sectors > d->sectors - sector)
		return HV_EINVAL;
	*out = (struct partition){ sector, sectors };
	return HV_OK;
}

/*
 * Logical partitions have numbers from 5 on. Each is described in a sector of its own, which names the next such sector: a list,
 * which may be a circle, so it is followed for as many as can be asked for. @base: where the extended partition begins.
 */
static int find_logical(const struct partition_disk *d, uint64_t base, unsigned int number,
			struct partition *out, const char **why)
{
	uint64_t at = base;

	for (unsigned int n = MBR_PRIMARY + 1; n <= number; n++) {
		struct mbr_entry e, next;
		int err = read_at(d, at, 1);

		*why = err == HV_EIO ? unreadable : none;
		if (err != HV_OK || !mbr_here(d->buffer))
			return err == HV_EIO ? HV_EIO : HV_ENOENT;
		e = mbr_entry(d->buffer, 0);
		next = mbr_entry(d->buffer, 1);
		if (n == number && e.type != 0)
			return found(d, at + e.sector, e.sectors, out, why);
		if (!mbr_is_extended(next.type))
			break;
		at = base + next.sector;
	}
	*why = none;
	return HV_ENOENT;
}

/* The first sector is in the buffer. */
static int find_in_mbr(const struct partition_disk *d, unsigned int number, struct partition *out,
		       const char **why)
{
	*why = none;
	if (number <= MBR_PRIMARY) {
		struct mbr_entry e = mbr_entry(d->buffer, number - 1);

		if (e.type == 0)
			return HV_ENOENT;
		return found(d, e.sector, e.sectors, out, why);
	}
	for (unsigned int i = 0; i < MBR_PRIMARY; i++) {
		struct mbr_entry e = mbr_entry(d->buffer, i);

		if (mbr_is_extended(e.type))
			return find_logical(d, e.sector, number, out, why);
	}
	return HV_ENOENT;
}

/* --- GPT ------------------------------------------------------------------------------------------ */

#define GPT_HEADER_MIN	       92u
#define GPT_ENTRY_MIN	       128u
#define GPT_ENTRY_MAX	       4096u
#define GPT_TABLE_MAX	       MIB(1)
#define GPT_HEADER_BYTES       12u
#define GPT_HEADER_CRC	       16u
#define GPT_HEADER_SELF	       24u
#define GPT_HEADER_TABLE       72u
#define GPT_HEADER_NUMBER      80u
#define GPT_HEADER_ENTRY       84u
#define GPT_HEADER_ENTRIES_CRC 88u
#define GPT_ENTRY_FIRST	       32u
#define GPT_ENTRY_LAST	       40u

struct gpt {
	uint64_t table; /* in blocks */
	uint32_t number, entry_bytes, crc;
};

static uint64_t sectors_of_block(const struct partition_disk *d)
{
	return d->block_bytes / SECTOR;
}

static uint32_t header_crc(uint8_t *h, uint32_t bytes)
{
	memset(h + GPT_HEADER_CRC, 0, 4);
	return (uint32_t)crc32(crc32(0, NULL, 0), h, bytes);
}

/* The header in block @at, if it is whole. */
static int read_header(const struct partition_disk *d, uint64_t at, struct gpt *g)
{
	uint8_t *h = d->buffer;
	uint32_t bytes, crc;
	int err;

	if (at > d->sectors / sectors_of_block(d))
		return HV_ENOENT;
	err = read_at(d, at * sectors_of_block(d), (unsigned int)sectors_of_block(d));
	if (err != HV_OK)
		return err == HV_EIO ? HV_EIO : HV_ENOENT;
	bytes = get_le32(h + GPT_HEADER_BYTES);
	crc = get_le32(h + GPT_HEADER_CRC);
	if (memcmp(h, "EFI PART", 8) != 0 || bytes < GPT_HEADER_MIN || bytes > d->block_bytes ||
	    header_crc(h, bytes) != crc || get_le64(h + GPT_HEADER_SELF) != at)
		return HV_ENOENT;
	*g = (struct gpt){
		.table = get_le64(h + GPT_HEADER_TABLE),
		.number = get_le32(h + GPT_HEADER_NUMBER),
		.entry_bytes = get_le32(h + GPT_HEADER_ENTRY),
		.crc = get_le32(h + GPT_HEADER_ENTRIES_CRC),
	};
	/* A power of two, so that no entry lies in two buffers. */
	if (g->entry_bytes < GPT_ENTRY_MIN || g->entry_bytes > GPT_ENTRY_MAX ||
	    (g->entry_bytes & (g->entry_bytes - 1)) != 0 ||
	    g->number > GPT_TABLE_MAX / g->entry_bytes ||
	    g->table > d->sectors / sectors_of_block(d))
		return HV_ENOENT;
	return HV_OK;
}

/* The whole table is read, as its checksum is of all of it. *@first is 0 when the entry is empty or not there. */
static int read_table(const struct partition_disk *d, const struct gpt *g, unsigned int number,
		      uint64_t *first, uint64_t *last)
{
	const uint64_t bytes = (uint64_t)g->number * g->entry_bytes;
	const uint64_t wanted = (uint64_t)(number - 1) * g->entry_bytes;
	uint64_t sector = g->table * sectors_of_block(d);
	uint32_t crc = (uint32_t)crc32(0, NULL, 0);

	*first = *last = 0;
	for (uint64_t done = 0, n; done < bytes; done += n) {
		unsigned int sectors;
		int err;

		n = min_u64(bytes - done, PARTITION_BUFFER);
		sectors = (unsigned int)((n + SECTOR - 1) / SECTOR);
		err = read_at(d, sector, sectors);
		if (err != HV_OK)
			return err == HV_EIO ? HV_EIO : HV_ENOENT;
		crc = (uint32_t)crc32(crc, d->buffer, (unsigned int)n);
		if (wanted >= done && wanted < done + n) {
			*first = get_le64(d->buffer + (wanted - done) + GPT_ENTRY_FIRST);
			*last = get_le64(d->buffer + (wanted - done) + GPT_ENTRY_LAST);
		}
		sector += sectors;
	}
	return crc == g->crc ? HV_OK : HV_ENOENT;
}

/* The header behind the MBR; if that or its table is damaged, the one in the last block. */
static int find_in_gpt(const struct partition_disk *d, unsigned int number, struct partition *out,
		       const char **why)
{
	const uint64_t blocks = d->sectors / sectors_of_block(d);
	const uint64_t at[] = { 1, blocks - 1 };
	uint64_t first = 0, last = 0;
	int err = HV_ENOENT;

	for (unsigned int i = 0; i < ARRAY_SIZE(at) && err == HV_ENOENT; i++) {
		struct gpt g;

		err = read_header(d, at[i], &g);
		if (err == HV_OK)
			err = read_table(d, &g, number, &first, &last);
	}
	*why = err == HV_EIO ?
		       unreadable :
		       "the disk's GPT is damaged, and so is its copy at the end of the disk";
	if (err != HV_OK)
		return err;
	*why = none;
	if (first == 0)
		return HV_ENOENT;
	*why = "the partition does not lie within the disk";
	if (last < first || last >= blocks)
		return HV_EINVAL;
	return found(d, first * sectors_of_block(d), (last - first + 1) * sectors_of_block(d), out,
		     why);
}

int partition_find(const struct partition_disk *d, unsigned int number, struct partition *out,
		   const char **why)
{
	int err = read_at(d, 0, 1);

	*why = err == HV_EIO ? unreadable : "the disk has no partitions";
	if (err != HV_OK || !mbr_here(d->buffer))
		return err == HV_EIO ? HV_EIO : HV_ENOENT;
	for (unsigned int i = 0; i < MBR_PRIMARY; i++)
		if (mbr_entry(d->buffer, i).type == MBR_TYPE_GPT)
			return find_in_gpt(d, number, out, why);
	return find_in_mbr(d, number, out, why);
}
