// SPDX-License-Identifier: BSD-2-Clause
#include "virtio.h"

#include "string.h"

#define fence() __asm__ volatile("fence rw, rw" : : : "memory")

_Static_assert(sizeof(struct vring_desc) == 16 && sizeof(struct vring_used) == 8,
	       "as in the specification");

bool virtio_find(struct virtio *d, uint32_t id, unsigned int nth)
{
	for (unsigned int slot = 0; slot < VIRTIO_SLOTS; slot++) {
		*d = (struct virtio){ .base = VIRTIO_BASE + slot * 0x1000UL,
				      .irq = VIRTIO_IRQ + slot,
				      .id = id };
		if (*virtio_reg(d, VIRTIO_MAGIC_VALUE) == 0x74726976 &&
		    *virtio_reg(d, VIRTIO_VERSION) == 2 && *virtio_reg(d, VIRTIO_DEVICE_ID) == id &&
		    nth-- == 0)
			return true;
	}
	d->base = 0;
	return false;
}

static void set_status(const struct virtio *d, uint32_t bits)
{
	*virtio_reg(d, VIRTIO_STATUS) = *virtio_reg(d, VIRTIO_STATUS) | bits;
}

bool virtio_begin(struct virtio *d, uint64_t features)
{
	*virtio_reg(d, VIRTIO_STATUS) = 0;
	while (*virtio_reg(d, VIRTIO_STATUS) != 0)
		;
	set_status(d, VIRTIO_S_ACKNOWLEDGE);
	set_status(d, VIRTIO_S_DRIVER);
	*virtio_reg(d, VIRTIO_DEVICE_FEATURES_SEL) = 0;
	d->offered = *virtio_reg(d, VIRTIO_DEVICE_FEATURES);
	*virtio_reg(d, VIRTIO_DEVICE_FEATURES_SEL) = 1;
	d->offered |= (uint64_t)*virtio_reg(d, VIRTIO_DEVICE_FEATURES) << 32;
	d->features = d->offered & (features | VIRTIO_F_VERSION_1);
	*virtio_reg(d, VIRTIO_DRIVER_FEATURES_SEL) = 0;
	*virtio_reg(d, VIRTIO_DRIVER_FEATURES) = (uint32_t)d->features;
	*virtio_reg(d, VIRTIO_DRIVER_FEATURES_SEL) = 1;
	*virtio_reg(d, VIRTIO_DRIVER_FEATURES) = (uint32_t)(d->features >> 32);
	set_status(d, VIRTIO_S_FEATURES_OK);
	return *virtio_reg(d, VIRTIO_STATUS) & VIRTIO_S_FEATURES_OK;
}

static void put64(const struct virtio *d, unsigned long reg, uint64_t val)
{
	*virtio_reg(d, reg) = (uint32_t)val;
	*virtio_reg(d, reg + 4) = (uint32_t)(val >> 32);
}

void virtq_place(const struct virtio *d, uint64_t desc, uint64_t avail, uint64_t used)
{
	put64(d, VIRTIO_QUEUE_DESC, desc);
	put64(d, VIRTIO_QUEUE_DRIVER, avail);
	put64(d, VIRTIO_QUEUE_DEVICE, used);
}

bool virtq_init(struct virtq *q, struct virtio *d, unsigned int index, unsigned int size,
		struct vring *ring)
{
	*q = (struct virtq){ d, index, size, ring, 0 };
	memset(ring, 0, sizeof(*ring));
	*virtio_reg(d, VIRTIO_QUEUE_SEL) = index;
	if (*virtio_reg(d, VIRTIO_QUEUE_READY) != 0 || *virtio_reg(d, VIRTIO_QUEUE_SIZE_MAX) < size)
		return false;
	*virtio_reg(d, VIRTIO_QUEUE_SIZE) = size;
	virtq_place(d, (uintptr_t)ring->desc, (uintptr_t)&ring->avail, (uintptr_t)&ring->used);
	*virtio_reg(d, VIRTIO_QUEUE_READY) = 1;
	return *virtio_reg(d, VIRTIO_QUEUE_READY) == 1;
}

void virtio_go(const struct virtio *d)
{
	set_status(d, VIRTIO_S_DRIVER_OK);
}

void virtq_desc(struct virtq *q, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		uint16_t next)
{
	volatile struct vring_desc *d = &q->ring->desc[i];

	d->addr = addr;
	d->len = len;
	d->flags = flags;
	d->next = next;
}

void virtq_offer(struct virtq *q, uint16_t head)
{
	uint16_t idx = q->ring->avail.idx;

	q->ring->avail.ring[idx % q->size] = head;
	fence();
	q->ring->avail.idx = (uint16_t)(idx + 1);
}

void virtq_notify(const struct virtq *q)
{
	fence();
	*virtio_reg(q->dev, VIRTIO_QUEUE_NOTIFY) = q->index;
}

bool virtq_used(struct virtq *q, uint32_t *head, uint32_t *len)
{
	const volatile struct vring_used *e;

	if (q->ring->used.idx == q->seen)
		return false;
	fence();
	e = &q->ring->used.ring[q->seen % q->size];
	*head = e->id;
	*len = e->len;
	q->seen++;
	return true;
}
