/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-mmio driver for test guests (virtio 1.2), which polls. It does what it is told, so it serves for what a driver
 * must not do, too. One vcpu at a time.
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_BASE  0x10001000UL
#define VIRTIO_SLOTS 8
#define VIRTIO_IRQ   1 /* of the first slot */

#define VIRTIO_MAGIC_VALUE	   0x000
#define VIRTIO_VERSION		   0x004
#define VIRTIO_DEVICE_ID	   0x008
#define VIRTIO_VENDOR_ID	   0x00c
#define VIRTIO_DEVICE_FEATURES	   0x010
#define VIRTIO_DEVICE_FEATURES_SEL 0x014
#define VIRTIO_DRIVER_FEATURES	   0x020
#define VIRTIO_DRIVER_FEATURES_SEL 0x024
#define VIRTIO_QUEUE_SEL	   0x030
#define VIRTIO_QUEUE_SIZE_MAX	   0x034
#define VIRTIO_QUEUE_SIZE	   0x038
#define VIRTIO_QUEUE_READY	   0x044
#define VIRTIO_QUEUE_NOTIFY	   0x050
#define VIRTIO_INTERRUPT_STATUS	   0x060
#define VIRTIO_INTERRUPT_ACK	   0x064
#define VIRTIO_STATUS		   0x070
#define VIRTIO_QUEUE_DESC	   0x080
#define VIRTIO_QUEUE_DRIVER	   0x090
#define VIRTIO_QUEUE_DEVICE	   0x0a0
#define VIRTIO_QUEUE_RESET	   0x0c0
#define VIRTIO_GENERATION	   0x0fc
#define VIRTIO_CONFIG		   0x100

#define VIRTIO_S_ACKNOWLEDGE 1
#define VIRTIO_S_DRIVER	     2
#define VIRTIO_S_DRIVER_OK   4
#define VIRTIO_S_FEATURES_OK 8
#define VIRTIO_S_NEEDS_RESET 64
#define VIRTIO_S_FAILED	     128

#define VIRTIO_F_INDIRECT   (1UL << 28)
#define VIRTIO_F_EVENT_IDX  (1UL << 29)
#define VIRTIO_F_VERSION_1  (1UL << 32)
#define VIRTIO_F_IN_ORDER   (1UL << 35)
#define VIRTIO_F_RING_RESET (1UL << 40)

#define VIRTIO_ID_NET	  1
#define VIRTIO_ID_BLOCK	  2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG	  4
#define VIRTIO_ID_BALLOON 5

#define VRING_NEXT     1
#define VRING_WRITE    2
#define VRING_INDIRECT 4

#define VRING_MAX 256 /* entries that a struct vring has room for */

struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct vring_used {
	uint32_t id;
	uint32_t len;
};

/* In guest RAM, as the device sees it; one page for each part. */
struct vring {
	_Alignas(4096) volatile struct vring_desc desc[VRING_MAX];
	_Alignas(4096) struct {
		volatile uint16_t flags, idx, ring[VRING_MAX + 1]; /* ring[size]: used_event */
	} avail;
	_Alignas(4096) struct {
		volatile uint16_t flags, idx;
		volatile struct vring_used ring[VRING_MAX];
		volatile uint16_t avail_event;
	} used;
};

struct virtio {
	unsigned long base; /* of its registers; 0: there is none */
	unsigned int irq;
	uint32_t id;
	uint64_t offered, features;
};

struct virtq {
	struct virtio *dev;
	unsigned int index, size;
	struct vring *ring;
	uint16_t seen; /* of used.idx */
};

static inline volatile uint32_t *virtio_reg(const struct virtio *d, unsigned long off)
{
	return (volatile uint32_t *)(d->base + off);
}

/* virtio_find - the @nth device (from 0) of type @id; false: there are fewer. */
bool virtio_find(struct virtio *d, uint32_t id, unsigned int nth);

/* virtio_begin - reset it and agree on what it offers of @features and VERSION_1. False: it does not set FEATURES_OK. */
bool virtio_begin(struct virtio *d, uint64_t features);

/* virtq_init - queue @index has @size entries of @ring, which is cleared. False: the device does not take it. */
bool virtq_init(struct virtq *q, struct virtio *d, unsigned int index, unsigned int size,
		struct vring *ring);

/* virtq_place - tell the device where the parts of its selected queue are. */
void virtq_place(const struct virtio *d, uint64_t desc, uint64_t avail, uint64_t used);

/* virtio_go - DRIVER_OK. */
void virtio_go(const struct virtio *d);

/* virtq_desc - write descriptor @i. */
void virtq_desc(struct virtq *q, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		uint16_t next);

/* virtq_offer - make the chain that begins at @head available. virtq_notify - tell the device. */
void virtq_offer(struct virtq *q, uint16_t head);
void virtq_notify(const struct virtq *q);

/* virtq_used - is there a used chain that was not seen yet? Its number and length. */
bool virtq_used(struct virtq *q, uint32_t *head, uint32_t *len);

/* virtio_broken - does it ask for a reset? */
static inline bool virtio_broken(const struct virtio *d)
{
	return *virtio_reg(d, VIRTIO_STATUS) & VIRTIO_S_NEEDS_RESET;
}

#endif
