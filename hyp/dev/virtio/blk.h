/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk (virtio 1.2, section 5.2) that is an image of the bundle. The image lies in host memory and is never written; VMs
 * share it. What a guest writes goes to an overlay (blk_overlay.h), which is the VM's own, or is refused.
 *
 * blk.c is the device, blk_request.c what it does with a chain.
 */
#ifndef DEV_VIRTIO_BLK_H
#define DEV_VIRTIO_BLK_H

#include "dev/virtio/blk_overlay.h"
#include "dev/virtio/virtio.h"
#include "lib/index.h"

#define BLK_QUEUE_SIZE 128
#define BLK_QUEUES     OVERLAY_USERS
#define BLK_SECTOR     512u
#define BLK_ID_BYTES   20
#define BLK_RANGES     32 /* of one DISCARD or WRITE_ZEROES */
/* A chain has the header and the status, too. */
#define BLK_SEG_MAX (BLK_QUEUE_SIZE - 2)

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
		      sizeof(struct blk_layout) <= VIRTIO_CONFIG_MAX,
	      "as in the specification");

/* The request that a queue works on. */
struct blk_request {
	bool active;
	uint32_t type;
	enum blk_status status;
	uint64_t at,
		left; /* bytes of the disk: where it goes on, and how many; of DISCARD and such, those of one range */
	uint32_t ranges;  /* that have not been read yet */
	uint32_t flags;	  /* of the range */
	uint32_t written; /* bytes of data for the driver */
	struct virtq_cursor data;
};

struct disk {
	struct virtio_dev dev;
	const uint8_t *image;
	uint64_t image_size;
	uint64_t size; /* whole sectors; what is behind the image are zeroes */
	bool writable; /* it has an overlay */
	char id[BLK_ID_BYTES + 1];
	struct overlay overlay;
	struct blk_request requests[BLK_QUEUES]; /* each guarded by its queue's lock */
};

/* blk_request_of - the state of the request that @q works on. With the queue's lock. */
static inline struct blk_request *blk_request_of(struct disk *k, const struct virtq *q)
{
	return &k->requests[index_below(q->index, BLK_QUEUES)];
}

static inline struct disk *disk_of(struct virtio_dev *d)
{
	return container_of(d, struct disk, dev);
}

/* blk_handle - virtio_ops.handle. */
int64_t blk_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget);

#endif
