/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the console device (virtio 1.2, section 5.3) share: console.c, console_ctrl.c, console_part.c.
 *
 * A VM has at most one such device. Each child node console@N of the VM makes a port of it, in the order of N, and the first
 * one makes the device. A port is a console of the guest's, or a plain one for its programs. Its other end is a stream of the
 * operator's terminal.
 *
 * What a port is told to send is a set of bits, so a guest can ask for no more than one of each kind. Bits and flags are
 * atomic: the queues that set and take them have locks of their own.
 */
#ifndef DEV_VIRTIO_CONSOLE_H
#define DEV_VIRTIO_CONSOLE_H

#include "dev/virtio/virtio.h"
#include "lib/virtio_console_abi.h"

#define VCONSOLE_PORTS	   8
#define VCONSOLE_LABEL_MAX 31

enum vconsole_type { VCONSOLE_CONSOLE, VCONSOLE_PORT };

struct vconsole_size {
	uint16_t cols, rows; /* 0: the node does not say it */
};

struct vconsole_port {
	struct vconsole *of;
	unsigned int id; /* from 0 */
	char label[VCONSOLE_LABEL_MAX + 1];
	enum vconsole_type type;
	struct vconsole_size size;
	struct vm_console console;

	uint32_t due;  /* atomic; bits of console_ctrl.c: the driver is to be told */
	uint32_t open; /* atomic; 1: a program of the guest's, or its console, has the port open */
};

struct vconsole {
	struct virtio_dev dev;
	unsigned int nr_ports; /* fixed once the VM is made, as is the array */
	struct vconsole_port *ports[VCONSOLE_PORTS];
};

static inline struct vconsole *vconsole_of(struct virtio_dev *d)
{
	return container_of(d, struct vconsole, dev);
}

extern const struct virtio_ops vconsole_ops;

/* What the terminal tells of a port's stream (vcpu/vm.h). @dev: the port. */
void vconsole_input_ready(void *dev);
void vconsole_output_ready(void *dev);
const char *vconsole_absent(void *dev);

/* vconsole_ctrl_due - is there a message for the driver? */
bool vconsole_ctrl_due(const struct vconsole *c);

/*
 * vconsole_ctrl_send - put the next message for the driver into the chain of @q. vconsole_ctrl_take - a message of the driver's
 * is the chain of @q. Both as virtio_ops.handle().
 */
int64_t vconsole_ctrl_send(struct vconsole *c, struct virtq *q);
int64_t vconsole_ctrl_take(struct vconsole *c, struct virtq *q);

#endif
