/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk of a guest that is a part of a disk of the machine (platform/disk.h). Requests go from queue to queue: the guest's
 * buffers, checked and found in its RAM, are given to the machine's disk, which reads and writes them by itself. Only the
 * header of a request is ours.
 *
 * A request that has been given away is in flight, and its chain is detached from the guest's queue. When it is over, its queue
 * pushes it. A queue that is stopped meanwhile does not, but the stop is over only when nothing of it is in flight: until then
 * the machine's disk may write into the guest's buffers. A life of the VM ends in the same way, before its RAM is taken away.
 *
 * A driver that has not taken FLUSH takes what it has written for stable (5.2.6.2). Such a write is answered when a flush behind
 * it is over, in the same flight.
 *
 * All of a queue's flights are guarded by the queue's lock, under which the machine's disk takes its own.
 */
#ifndef DEV_VIRTIO_BLK_HOST_H
#define DEV_VIRTIO_BLK_HOST_H

#include "dev/virtio/blk_source.h"
#include "dev/virtio/virtio.h"
#include "lib/index.h"
#include "lib/virtio_blk_abi.h"

/* Requests in flight, of all queues of one disk. So no guest fills the queue of the machine's disk alone. */
#define BLK_FLIGHTS 64

/* Of a chain's data. Each may lie across the border of two pieces of RAM, and a VM has such borders at multiples of 2 MiB alone. */
#define BLK_HOST_SEG_MAX   (HOST_DISK_PIECES / 2 - 1)
#define BLK_HOST_SEG_BYTES MIB(1)

struct blk_host;

/* One request in flight, or free. In the VM's arena: the machine's disk reads and writes the first member. */
struct blk_flight {
	struct host_disk_request request;
	struct blk_flight *next; /* of those that are free, or over */
	struct blk_host *host;
	struct virtq *queue;
	struct blk_lane *lane; /* of the queue */
	gpa_t status_at;       /* where the guest finds its status */
	uint32_t written;      /* bytes of data for the guest, if all is well */
	uint32_t life;	       /* of the queue, when the chain was taken */
	uint16_t head;	       /* of the chain */
	bool flush; /* it is over only when a flush behind it is, which is still to be asked for */
	enum blk_status status;
};

/* What belongs to one queue. */
struct blk_lane {
	struct blk_flight *free, *over;
	unsigned int in_flight;
	uint32_t life;				    /* grows whenever the queue is stopped */
	struct host_piece pieces[HOST_DISK_PIECES]; /* of the request that is being given away */
};

struct blk_host {
	struct virtio_dev *dev;
	struct disk_source *source;
	bool writes; /* the source is claimed so */
	const char *id;
	struct host_disk_user user;
	uint32_t finishing; /* atomic: calls of flight_over() that serve a queue */
	struct blk_lane *lanes;
	struct blk_flight *flights;
};

static inline struct blk_lane *blk_host_lane(const struct blk_host *h, const struct virtq *q)
{
	return &h->lanes[index_below(q->index, h->dev->nr_queues)];
}

/* blk_host_init - @h, of zeroes, is the back end of @d, which has its queues. Memory from the VM's arena. HV_ENOMEM. */
int blk_host_init(struct blk_host *h, struct virtio_dev *d, struct disk_source *source, bool writes,
		  const char *id);

/* blk_host_features, blk_host_fill_layout - what the guest's disk offers, and its configuration (5.2.3, 5.2.4). */
uint64_t blk_host_features(const struct disk_source *source, bool writes, uint32_t queues);
void blk_host_fill_layout(const struct blk_host *h);

/* The operations of virtio.h. */
int64_t blk_host_handle(struct blk_host *h, struct virtq *q);
int blk_host_collect(struct blk_host *h, struct virtq *q);
bool blk_host_busy(const struct blk_host *h, const struct virtq *q);
void blk_host_stopped(struct blk_host *h, const struct virtq *q);

/* blk_host_leave - the VM goes, and nothing is in flight: the machine's disk forgets it, and the source is free. */
void blk_host_leave(struct blk_host *h);

#endif
