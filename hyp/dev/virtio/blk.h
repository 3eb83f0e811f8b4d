/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk (virtio 1.2, section 5.2) that is an image of the bundle, or a part of a disk of the machine (blk_host.h). An image
 * lies in host memory and is never written; VMs share it. What a guest writes goes to an overlay (blk_overlay.h), which is the
 * VM's own, or is refused.
 *
 * blk.c is the device, blk_request.c what it does with a chain when it is an image.
 */
#ifndef DEV_VIRTIO_BLK_H
#define DEV_VIRTIO_BLK_H

#include "dev/virtio/blk_host.h"
#include "dev/virtio/blk_overlay.h"
#include "dev/virtio/virtio.h"
#include "lib/index.h"
#include "lib/virtio_blk_abi.h"

#define BLK_QUEUE_SIZE 128
#define BLK_QUEUES     OVERLAY_USERS
#define BLK_RANGES     32 /* of one DISCARD or WRITE_ZEROES */
/* A chain has the header and the status, too. */
#define BLK_SEG_MAX (BLK_QUEUE_SIZE - 2)

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
	struct blk_host host;			 /* its source is NULL: the disk is an image */
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

/* blk_take_header - the header of @q's chain. Each of its fields is read once. HV_EINVAL: the chain is shorter. HV_EFAULT. */
static inline int blk_take_header(const struct virtq *q, struct blk_header *h)
{
	const uint64_t *words = virtq_front(q, sizeof(*h));
	struct virtq_cursor c = virtq_out(q);

	if (!words)
		return virtq_read(q, &c, h, sizeof(*h));
	h->type = (uint32_t)atomic_read(&words[0]);
	h->sector = atomic_read(&words[1]);
	return HV_OK;
}

/* blk_handle - virtio_ops.handle. */
int64_t blk_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget);

#endif
