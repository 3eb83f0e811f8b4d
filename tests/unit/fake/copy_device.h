/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device for tests of the transport: it copies what it reads of a chain into what it writes of it. A program that
 * has it is LIKE fake/vring.h, too, and made of tests/unit/fake/copy_device.c.
 */
#ifndef FAKE_COPY_DEVICE_H
#define FAKE_COPY_DEVICE_H

#include "fake/vring.h"

#define COPY_ID		42u
#define COPY_QUEUES	2
#define COPY_QUEUE_SIZE 16
#define COPY_FEATURE	BIT(3) /* the one of its own that it offers */

struct copy_device {
	struct virtio_dev dev;
	unsigned int calls;  /* of handle */
	uint16_t heads[256]; /* the chain of each of them */
	bool declines;	     /* wants() is false */
	int error;	     /* what handle answers, if it is not HV_OK */
	unsigned int resets, starts, stops, writes;
	uint64_t last_off, last_val;
	unsigned int last_len;
};

/* copy_device_make - fake_vm gets one, in slot @slot (from 1; 0: the first that is free). What virtio_init() returns. */
int copy_device_make(struct copy_device **out, struct config_node *n, uint32_t slot);

/*
 * copy_setup - fake_guest_setup(), a device in the first slot, and a driver that has taken @features and made both queues
 * ready with rings of @size entries. copy_begin - the driver begins anew, with rings in fresh memory.
 */
extern struct copy_device *copy;
extern struct vring copy_rings[COPY_QUEUES];
void copy_setup(enum fake_leaves leaves, uint64_t features, uint16_t size);
void copy_begin(uint64_t features, uint16_t size);

/* copy_is_broken - the device asks for a reset and has said so; queue @index has been stopped, and has used nothing. */
bool copy_is_broken(unsigned int index);

/* copy_works - queue @index takes a request, and does it. Its used ring is read up to there. */
bool copy_works(unsigned int index);

#endif
