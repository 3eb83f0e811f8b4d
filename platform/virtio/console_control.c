// SPDX-License-Identifier: BSD-2-Clause
/* The control queues of the machine's console device: which port has the name, and whether its other side is open (5.3.6.2). */
#include "platform/virtio/console_internal.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/bits.h"

/* A message as it came: what the device may still change has been copied. */
struct message {
	struct virtio_console_control head;
	char text[CONTROL_BUFFER - sizeof(struct virtio_console_control)];
	uint32_t len; /* of text */
};

/* With the lock. */
void host_port_update_connected(struct host_port *p)
{
	bool now = p->open && p->named && host_port_is_usable(p);

	if (now && !p->connected)
		atomic_set(&p->connection, p->connection == UINT32_MAX ? 1 : p->connection + 1);
	atomic_set(&p->connected, now);
}

uint32_t host_port_connection(const struct host_port *p)
{
	return atomic_read(&p->connected) ? atomic_read(&p->connection) : 0;
}

bool host_port_add_buffer(struct host_ring *r, const void *at, uint32_t len, bool in)
{
	struct host_ring_adding a;

	if (!host_ring_begin(r, &a, 1))
		return false;
	host_ring_add(r, &a, (struct host_piece){ ptr_to_hpa(at), len }, in);
	host_ring_end(r, &a, (void *)(uintptr_t)at);
	return true;
}

static void reap_control(struct host_port *p)
{
	const struct virtio_console_control *done;
	uint32_t len;

	while ((done = host_ring_take(&p->rings[CONTROL_TX], &len)) != NULL) {
		p->control_free |= (uint32_t)BIT(done - p->memory->control_tx);
		p->idle = 0;
	}
}

/* No message needs more than one answer. False: the device interrupts when it has taken one. */
static bool may_answer(struct host_port *p)
{
	do
		reap_control(p);
	while (!p->control_free && host_ring_rearm(&p->rings[CONTROL_TX]));
	return p->control_free != 0;
}

void host_port_answer(struct host_port *p, uint32_t id, enum virtio_console_event event,
		      uint16_t value)
{
	struct virtio_console_control *c;
	unsigned int i;

	if (!p->control_free)
		return; /* never: may_answer() */
	i = bit_first(p->control_free) % CONTROL_BUFFERS;
	c = &p->memory->control_tx[i];
	*c = (struct virtio_console_control){ id, (uint16_t)event, value };
	if (host_port_add_buffer(&p->rings[CONTROL_TX], c, sizeof(*c), false))
		p->control_free &= ~(uint32_t)BIT(i);
}

/* QEMU ends a name with a zero byte, which the specification does not ask for. */
static bool is_name(const struct host_port *p, const struct message *m)
{
	size_t len = strnlen(m->text, m->len);

	return len == strlen(p->name) && memcmp(m->text, p->name, len) == 0;
}

static void port_has_name(struct host_port *p, uint32_t id, bool is_ours)
{
	if (id == p->id) {
		if (is_ours)
			host_port_answer(p, id, VIRTIO_CONSOLE_PORT_OPEN, 1);
		p->named = is_ours;
	} else if (is_ours && !p->named) {
		p->wanted = id;
		work_queue(&p->work);
	}
}

static void handle(struct host_port *p, const struct message *m)
{
	const uint32_t id = m->head.id;

	if (id >= p->nr_ports)
		return;
	switch (m->head.event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		host_port_answer(p, id, VIRTIO_CONSOLE_PORT_READY, 1);
		break;
	case VIRTIO_CONSOLE_PORT_NAME:
		port_has_name(p, id, is_name(p, m));
		break;
	case VIRTIO_CONSOLE_PORT_REMOVE:
		if (id == p->id)
			p->named = p->open = false;
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		if (id == p->id)
			p->open = m->head.value != 0;
		break;
	default:
		break;
	}
	host_port_update_connected(p);
}

/* The next message; its buffer is the device's again. */
static bool next_message(struct host_port *p, struct message *m)
{
	struct host_ring *r = &p->rings[CONTROL_RX];
	const uint8_t *at;
	uint32_t len;

	do
		at = host_ring_take(r, &len);
	while (!at && host_ring_rearm(r));
	if (!at)
		return false;
	p->idle = 0;
	m->head = (struct virtio_console_control){ NO_PORT, 0, 0 };
	m->len = 0;
	if (len >= sizeof(m->head)) {
		memcpy(&m->head, at, sizeof(m->head));
		m->len = len - (uint32_t)sizeof(m->head);
		memcpy(m->text, at + sizeof(m->head), sizeof(m->text));
	}
	(void)host_port_add_buffer(r, at, CONTROL_BUFFER, true);
	return true;
}

void host_port_take_messages(struct host_port *p)
{
	struct message m;

	while (may_answer(p) && next_message(p, &m))
		handle(p, &m);
}
