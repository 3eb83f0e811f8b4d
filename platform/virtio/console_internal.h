/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the machine's console device share: console.c (the port), console_control.c (what the device tells of its ports). */
#ifndef PLATFORM_VIRTIO_CONSOLE_INTERNAL_H
#define PLATFORM_VIRTIO_CONSOLE_INTERNAL_H

#include "lib/fdt.h"
#include "lib/spinlock.h"
#include "lib/virtio_console_abi.h"
#include "lib/work.h"
#include "platform/port.h"
#include "platform/virtio/mmio.h"

#define NO_PORT UINT32_MAX

/* QEMU drops a message for which there is no buffer, and has up to 31 ports to tell of at once. */
#define CONTROL_BUFFERS 32
#define CONTROL_BUFFER	64u

#define BUFFERS 8
#define BUFFER	512u

enum { CONTROL_RX, CONTROL_TX, RX, TX, NR_QUEUES };

struct queue_memory {
	struct host_ring_memory ring;
	struct host_ring_chain chains[HOST_RING_MAX];
};

struct memory {
	uint8_t control_rx[CONTROL_BUFFERS][CONTROL_BUFFER];
	struct virtio_console_control control_tx[CONTROL_BUFFERS];
	uint8_t rx[BUFFERS][BUFFER], tx[BUFFERS][BUFFER];
	struct queue_memory queues[NR_QUEUES];
};

static_assert(sizeof(struct memory) <= HOST_PORT_MEMORY, "platform/port.h");

struct host_port {
	struct host_virtio *dev;
	struct memory *memory;
	struct host_port_user *user;
	const char *name;
	char path[FDTX_PATH_MAX];
	struct work work; /* go_on() */
	uint32_t nr_ports;

	struct spinlock lock; /* LOCK_HOST_PORT; guards all that follows, and the rings */
	struct host_ring rings[NR_QUEUES];
	uint32_t id;	     /* of the port that has queues, or NO_PORT */
	uint32_t wanted;     /* the one that has the name */
	uint32_t connection; /* atomic; the last one */
	bool named;	     /* the port with these queues has the name */
	bool open;	     /* the other side has it open */
	bool connected;	     /* atomic: all this is so */
	bool beginning;	     /* go_on() has the rings */
	bool failed;
	uint32_t begins;
	unsigned int idle;		/* interrupts since something was last taken from a ring */
	uint32_t control_free, tx_free; /* bit n: buffer n is free */
	const uint8_t *input;		/* a buffer that is being read */
	uint32_t at, end;		/* of it */
};

static inline bool host_port_is_usable(const struct host_port *p)
{
	return !p->failed && !p->beginning;
}

/* All that follows: with the lock. */

/* host_port_add_buffer - @at, of @len bytes, is a chain of @r, which the device writes (@in) or reads. False: the ring is full. */
bool host_port_add_buffer(struct host_ring *r, const void *at, uint32_t len, bool in);

/* host_port_update_connected - something that a connection needs has changed. */
void host_port_update_connected(struct host_port *p);

/* host_port_answer - tell the device something of port @id; there is room for it. */
void host_port_answer(struct host_port *p, uint32_t id, enum virtio_console_event event,
		      uint16_t value);

/* host_port_take_messages - what the device has told. It ends: the device gets no buffer back before they are published. */
void host_port_take_messages(struct host_port *p);

#endif
