/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the transport virtio-mmio share: slots.c, registers.c, virtio.c.
 *
 * There are the eight slots of QEMU's virt machine. An empty one answers as QEMU's do, with the magic number and device 0,
 * since some kernels probe all of them, whatever the device tree says. The tree names those that have a device.
 */
#ifndef DEV_VIRTIO_TRANSPORT_H
#define DEV_VIRTIO_TRANSPORT_H

#include "dev/virtio/virtio.h"

struct virtio_slots {
	struct virtio_dev *dev[VIRTIO_SLOTS]; /* fixed once the VM is made */
};

/* virtio_slots_take - a slot for @d: @wanted (from 1), or the first that is free. HV_EEXIST: it is taken; HV_ENOMEM: all are. */
int virtio_slots_take(struct virtio_slots *s, struct virtio_dev *d, unsigned int wanted);

/* virtio_write_register - a vcpu's exit: the guest writes @len bytes (1, 2, 4 or 8) at @off of @d's registers. No locks. */
void virtio_write_register(struct virtio_dev *d, uint64_t off, unsigned int len, uint64_t val);

/* virtio_init_registers - fill the page of @d, which has its features and queues. While the VM is made. */
void virtio_init_registers(struct virtio_dev *d);

/*
 * virtio_reset_registers - as after power-on, but for the configuration, which is the device's own. No queue is ready. With
 * the device's lock, or while the VM is made.
 */
void virtio_reset_registers(struct virtio_dev *d);

/* virtio_interrupt - @why: VIRTIO_INT_*. No lock of the device's is held; those of queues may be. */
void virtio_interrupt(struct virtio_dev *d, uint32_t why);

/* virtio_needs_reset - the driver has made an error that ends the work on a queue. Locks as above. */
void virtio_needs_reset(struct virtio_dev *d);

#endif
