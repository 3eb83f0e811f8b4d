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

/* Features (5.3.3). */
#define VIRTIO_CONSOLE_F_SIZE	     BIT(0)
#define VIRTIO_CONSOLE_F_MULTIPORT   BIT(1)
#define VIRTIO_CONSOLE_F_EMERG_WRITE BIT(2)

/* The configuration (5.3.4). */
struct virtio_console_config {
	uint16_t cols, rows;
	uint32_t max_nr_ports;
	uint32_t emerg_wr;
};

/* Messages of the control queues (5.3.6.2); behind a RESIZE and a PORT_NAME there is more. */
struct virtio_console_control {
	uint32_t id;
	uint16_t event;
	uint16_t value;
};

struct virtio_console_resize {
	uint16_t cols, rows;
};

enum virtio_console_event {
	VIRTIO_CONSOLE_DEVICE_READY,
	VIRTIO_CONSOLE_PORT_ADD,
	VIRTIO_CONSOLE_PORT_REMOVE,
	VIRTIO_CONSOLE_PORT_READY,
	VIRTIO_CONSOLE_CONSOLE_PORT,
	VIRTIO_CONSOLE_RESIZE,
	VIRTIO_CONSOLE_PORT_OPEN,
	VIRTIO_CONSOLE_PORT_NAME,
};

static_assert(sizeof(struct virtio_console_config) == 12 &&
		      offsetof(struct virtio_console_config, max_nr_ports) == 4 &&
		      offsetof(struct virtio_console_config, emerg_wr) == 8,
	      "as in the specification");
static_assert(sizeof(struct virtio_console_control) == 8 &&
		      offsetof(struct virtio_console_control, event) == 4 &&
		      offsetof(struct virtio_console_control, value) == 6,
	      "as in the specification");

/* Queues (5.3.2). Those of port 0 come first, then the control queues, then those of the other ports. */
#define VCONSOLE_CTRL_RX 2u
#define VCONSOLE_CTRL_TX 3u

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

/* Queues of port @id. */
static inline unsigned int vconsole_rx(unsigned int id)
{
	return id == 0 ? 0 : 2 + 2 * id;
}

static inline unsigned int vconsole_tx(unsigned int id)
{
	return vconsole_rx(id) + 1;
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
