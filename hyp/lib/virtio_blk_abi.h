/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and structures of virtio's block device (Virtual I/O Device, version 1.2, section 5.2). All is little-endian. */
#ifndef LIB_VIRTIO_BLK_ABI_H
#define LIB_VIRTIO_BLK_ABI_H

#include <stddef.h>

#include "lib/types.h"

#define BLK_SECTOR   512u
#define BLK_ID_BYTES 20

#define BLK_F_SIZE_MAX	   BIT(1)
#define BLK_F_SEG_MAX	   BIT(2)
#define BLK_F_RO	   BIT(5)
#define BLK_F_BLK_SIZE	   BIT(6)
#define BLK_F_FLUSH	   BIT(9)
#define BLK_F_TOPOLOGY	   BIT(10)
#define BLK_F_MQ	   BIT(12)
#define BLK_F_DISCARD	   BIT(13)
#define BLK_F_WRITE_ZEROES BIT(14)

enum blk_type {
	BLK_IN = 0,
	BLK_OUT = 1,
	BLK_FLUSH = 4,
	BLK_GET_ID = 8,
	BLK_DISCARD = 11,
	BLK_WRITE_ZEROES = 13,
};

enum blk_status { BLK_OK, BLK_IOERR, BLK_UNSUPP };

struct blk_header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct blk_range {
	uint64_t sector;
	uint32_t sectors, flags;
};

#define BLK_UNMAP 1u

/* 5.2.4 */
struct blk_layout {
	uint64_t capacity; /* in sectors */
	uint32_t size_max, seg_max;
	uint32_t geometry;
	uint32_t blk_size;
	uint8_t physical_block_exp, alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback, unused;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap, unused1[3];
};

static_assert(sizeof(struct blk_header) == 16 && offsetof(struct blk_header, sector) == 8 &&
		      sizeof(struct blk_range) == 16 && offsetof(struct blk_range, sectors) == 8 &&
		      offsetof(struct blk_range, flags) == 12,
	      "as in the specification");
static_assert(offsetof(struct blk_layout, size_max) == 8 &&
		      offsetof(struct blk_layout, seg_max) == 12 &&
		      offsetof(struct blk_layout, blk_size) == 20 &&
		      offsetof(struct blk_layout, physical_block_exp) == 24 &&
		      offsetof(struct blk_layout, min_io_size) == 26 &&
		      offsetof(struct blk_layout, opt_io_size) == 28 &&
		      offsetof(struct blk_layout, writeback) == 32 &&
		      offsetof(struct blk_layout, num_queues) == 34 &&
		      offsetof(struct blk_layout, max_discard_sectors) == 36 &&
		      offsetof(struct blk_layout, max_discard_seg) == 40 &&
		      offsetof(struct blk_layout, discard_sector_alignment) == 44 &&
		      offsetof(struct blk_layout, max_write_zeroes_sectors) == 48 &&
		      offsetof(struct blk_layout, max_write_zeroes_seg) == 52 &&
		      offsetof(struct blk_layout, write_zeroes_may_unmap) == 56 &&
		      sizeof(struct blk_layout) == 64,
	      "as in the specification");

#endif
