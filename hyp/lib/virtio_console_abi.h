/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and structures of virtio's console device (Virtual I/O Device, version 1.2, section 5.3). All is little-endian. */
#ifndef LIB_VIRTIO_CONSOLE_ABI_H
#define LIB_VIRTIO_CONSOLE_ABI_H

#include <stddef.h>

#include "lib/types.h"

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
#define VIRTIO_CONSOLE_CTRL_RX 2u
#define VIRTIO_CONSOLE_CTRL_TX 3u

/* virtio_console_rx, virtio_console_tx - queues of port @id, seen from the driver: what it receives, what it sends. */
static inline unsigned int virtio_console_rx(unsigned int id)
{
	return id == 0 ? 0 : 2 + 2 * id;
}

static inline unsigned int virtio_console_tx(unsigned int id)
{
	return virtio_console_rx(id) + 1;
}

#endif
