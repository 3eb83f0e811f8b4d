// SPDX-License-Identifier: BSD-2-Clause
/* The control queues of the console device: which ports there are, what they are called, which are open (5.3.6.2). */
#include <string.h>

#include "dev/virtio/console.h"
#include "lib/index.h"

/* What a driver is to be told of a port, in the order in which it is told. */
enum due { DUE_ADD, DUE_CONSOLE, DUE_NAME, DUE_OPEN, DUE_RESIZE, NR_DUE };

static const uint16_t events[NR_DUE] = {
	[DUE_ADD] = VIRTIO_CONSOLE_PORT_ADD,   [DUE_CONSOLE] = VIRTIO_CONSOLE_CONSOLE_PORT,
	[DUE_NAME] = VIRTIO_CONSOLE_PORT_NAME, [DUE_OPEN] = VIRTIO_CONSOLE_PORT_OPEN,
	[DUE_RESIZE] = VIRTIO_CONSOLE_RESIZE,
};

#define MESSAGE_MAX (sizeof(struct virtio_console_control) + VCONSOLE_LABEL_MAX)

/* --- to the driver -------------------------------------------------------------------------------- */

static struct vconsole_port *port_with_due(const struct vconsole *c)
{
	for (unsigned int i = 0; i < c->nr_ports; i++)
		if (atomic_read(&c->ports[i]->due))
			return c->ports[i];
	return NULL;
}

bool vconsole_ctrl_due(const struct vconsole *c)
{
	return port_with_due(c) != NULL;
}

static size_t build(const struct vconsole_port *p, enum due what, uint8_t out[MESSAGE_MAX])
{
	const struct virtio_console_control m = { p->id, events[what % NR_DUE], 1 };
	const struct virtio_console_resize size = { p->size.cols, p->size.rows };
	size_t more = 0;

	memcpy(out, &m, sizeof(m));
	if (what == DUE_NAME) {
		more = strlen(p->label);
		memcpy(out + sizeof(m), p->label, more);
	} else if (what == DUE_RESIZE) {
		more = sizeof(size);
		memcpy(out + sizeof(m), &size, more);
	}
	return sizeof(m) + more;
}

/* The bit goes first: a message of the driver's that sets it again meanwhile counts. */
int64_t vconsole_ctrl_send(struct vconsole *c, struct virtq *q)
{
	struct vconsole_port *p = port_with_due(c);
	struct virtq_cursor to = virtq_in(q);
	uint8_t message[MESSAGE_MAX];
	uint32_t due = p ? atomic_read(&p->due) : 0;
	unsigned int what;
	size_t len;
	int err;

	if (q->chain.out != 0)
		return HV_EINVAL;
	if (due == 0)
		return HV_EBUSY;
	what = bit_first(due);
	(void)atomic_fetch_and(&p->due, ~(uint32_t)BIT(what));
	len = build(p, (enum due)what, message);
	err = virtq_write(q, &to, message, len);
	if (err == HV_OK)
		err = virtq_push(q, (uint32_t)len);
	return err == HV_OK ? (int64_t)len : err;
}

/* --- from the driver ------------------------------------------------------------------------------ */

static void add_due(struct vconsole_port *p, uint32_t bits)
{
	(void)atomic_fetch_or(&p->due, bits);
}

static void driver_is_ready(struct vconsole *c)
{
	for (unsigned int i = 0; i < c->nr_ports; i++)
		add_due(c->ports[i], BIT(DUE_ADD));
}

/* A plain port has no size. */
static void port_is_ready(struct vconsole_port *p)
{
	uint32_t bits = BIT(DUE_NAME) | BIT(DUE_OPEN);

	if (p->type == VCONSOLE_CONSOLE) {
		bits |= BIT(DUE_CONSOLE);
		if (p->size.cols != 0)
			bits |= BIT(DUE_RESIZE);
	}
	add_due(p, bits);
}

/* A driver that could not set up the device, or a port, says so by the value 0, and nothing follows. */
static void take(struct vconsole *c, const struct virtio_console_control *m)
{
	struct vconsole_port *p =
		m->id < c->nr_ports ? c->ports[index_below(m->id, VCONSOLE_PORTS)] : NULL;

	if (m->event == VIRTIO_CONSOLE_DEVICE_READY && m->value == 1)
		driver_is_ready(c);
	else if (m->event == VIRTIO_CONSOLE_PORT_READY && m->value == 1 && p)
		port_is_ready(p);
	else if (m->event == VIRTIO_CONSOLE_PORT_OPEN && p)
		atomic_set(&p->open, m->value != 0);
}

/* What is shorter than a message, or none that is known, is left alone. */
int64_t vconsole_ctrl_take(struct vconsole *c, struct virtq *q)
{
	struct virtq_cursor from = virtq_out(q);
	struct virtio_console_control m;
	int err = HV_OK;

	if (q->chain.in != 0)
		return HV_EINVAL;
	if (q->chain.out >= sizeof(m)) {
		err = virtq_read(q, &from, &m, sizeof(m));
		if (err == HV_OK)
			take(c, &m);
	}
	if (err == HV_OK)
		err = virtq_push(q, 0);
	return err == HV_OK ? (int64_t)sizeof(m) : err;
}
