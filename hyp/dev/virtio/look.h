/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator is told of a VM's virtio devices. */
#ifndef DEV_VIRTIO_LOOK_H
#define DEV_VIRTIO_LOOK_H

#include "dev/virtio/virtq.h"

#define VIRTIO_SLOTS 8

struct virtio_look {
	const char *device; /* of what kind it is */
	struct virtq_counts counts;
};

/*
 * virtio_look - queue @queue of the device in @slot, from 0; false: there is none. virtio_zero - all of @vm's count from now on. The
 * caller has a reference. Any hart, no locks.
 */
bool virtio_look(const struct vm *vm, unsigned int slot, unsigned int queue,
		 struct virtio_look *out);
void virtio_zero(const struct vm *vm);

#endif
