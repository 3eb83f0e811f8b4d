// SPDX-License-Identifier: BSD-2-Clause
/*
 * The console device (virtio 1.2, section 5.3): further consoles of a VM, and ports for its programs.
 *
 * A driver may spin until what it prints has been taken, as Linux' console does. So a chain is transmitted in the exit of the
 * notification. If the terminal is full the vcpu sleeps (vcpu/console.h), and goes on when there is room. What is typed stays
 * in the terminal until the driver has given a buffer and the guest has opened the port.
 */
#include "dev/virtio/console.h"

#include "lib/index.h"
#include "term/term.h"
#include "vcpu/console.h"

/* What is printed costs much more than what is copied. A step ends behind two such pieces. */
#define PIECE	  128
#define BYTE_COST (VIRTIO_STEP / (2 * PIECE))

/* Room that has come is used up for as long as a driver adds no more than its ring has. */
#define ROOM_STEPS 8

/* The port of a queue that is not one of the control queues. */
static struct vconsole_port *port_of(const struct vconsole *c, unsigned int index)
{
	unsigned int id = index < 2 ? 0 : index / 2 - 1;

	return c->ports[index_below(id, c->nr_ports)];
}

static bool has_ports(const struct virtio_dev *d)
{
	return (atomic_read(&d->features) & VIRTIO_CONSOLE_F_MULTIPORT) != 0;
}

/* A driver that does not know of ports has the first one, which is always open. */
static bool is_open(const struct vconsole_port *p)
{
	return has_ports(&p->of->dev) ? atomic_read(&p->open) : p->id == 0;
}

/* --- the terminal --------------------------------------------------------------------------------- */

/* Input is little: a hart that brings it moves it. */
void vconsole_input_ready(void *dev)
{
	struct vconsole_port *p = dev;

	virtio_serve_all(&p->of->dev, virtio_console_rx(p->id));
}

/* The vcpu that sleeps may have left its store for an interrupt, so the rest of its chain goes without it. */
void vconsole_output_ready(void *dev)
{
	struct vconsole_port *p = dev;

	for (unsigned int i = 0; i < ROOM_STEPS; i++)
		if (!virtio_serve(&p->of->dev, virtio_console_tx(p->id), false))
			break;
}

const char *vconsole_absent(void *dev)
{
	return is_open(dev) ? NULL : "is not open in the guest: what is typed waits until it is";
}

/* --- queues --------------------------------------------------------------------------------------- */

/*
 * What the terminal takes of a copy, as the guest may change its memory at any time. Nothing of a chain is printed twice:
 * chain.done says how much of it has been.
 */
static int64_t transmit(struct vconsole_port *p, struct virtq *q)
{
	struct virtq_cursor from = virtq_out(q);
	uint64_t len = index_limit(q->chain.out - q->chain.done, PIECE);
	char piece[PIECE];
	uint64_t taken = 0;
	int err = HV_OK;

	if (q->chain.in != 0)
		return HV_EINVAL;
	if (len != 0) {
		err = virtq_skip(q, &from, q->chain.done);
		if (err == HV_OK)
			err = virtq_read(q, &from, piece, len);
		if (err != HV_OK)
			return err;
		taken = term_stream_write(p->console.stream, piece, len);
		if (taken == 0)
			return HV_EBUSY;
		q->chain.done += (uint32_t)taken;
	}
	if (q->chain.done == q->chain.out)
		err = virtq_push(q, 0);
	return err == HV_OK ? (int64_t)(taken * BYTE_COST) : err;
}

/* A chain that another one's input was for, by now, waits for more. */
static int64_t receive(const struct vconsole_port *p, struct virtq *q)
{
	struct virtq_cursor to = virtq_in(q);
	char piece[PIECE];
	uint32_t done = 0;
	int err = HV_OK;

	if (q->chain.out != 0 || q->chain.in == 0)
		return HV_EINVAL;
	while (done < q->chain.in && is_open(p)) {
		uint64_t n = term_stream_read(p->console.stream, piece,
					      index_limit(q->chain.in - done, PIECE));

		if (n == 0)
			break;
		err = virtq_write(q, &to, piece, n);
		if (err != HV_OK)
			return err;
		done += (uint32_t)n;
	}
	if (done == 0)
		return HV_EBUSY;
	err = virtq_push(q, done);
	return err == HV_OK ? (int64_t)done : err;
}

static int64_t vconsole_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct vconsole *c = vconsole_of(d);

	(void)budget;
	if (q->index == VIRTIO_CONSOLE_CTRL_RX)
		return vconsole_ctrl_send(c, q);
	if (q->index == VIRTIO_CONSOLE_CTRL_TX)
		return vconsole_ctrl_take(c, q);
	return q->index % 2 != 0 ? transmit(port_of(c, q->index), q) :
				   receive(port_of(c, q->index), q);
}

static bool vconsole_wants(struct virtio_dev *d, const struct virtq *q)
{
	const struct vconsole *c = vconsole_of(d);
	const struct vconsole_port *p;

	if (q->index == VIRTIO_CONSOLE_CTRL_RX)
		return vconsole_ctrl_due(c);
	if (q->index == VIRTIO_CONSOLE_CTRL_TX)
		return has_ports(d);
	p = port_of(c, q->index);
	if (q->index % 2 != 0)
		return has_ports(d) || p->id == 0;
	return is_open(p) && term_stream_input_pending(p->console.stream);
}

/* Is a chain of @q not done? */
static bool is_busy(struct virtq *q)
{
	bool busy;

	spin_lock(&q->lock);
	busy = q->busy;
	spin_unlock(&q->lock);
	return busy;
}

/* A message of the driver's may mean an answer, or that a port is open. A chain that is not done wants room. */
static void vconsole_served(struct virtio_dev *d, unsigned int index, bool guest)
{
	const struct vconsole *c = vconsole_of(d);

	if (index == VIRTIO_CONSOLE_CTRL_TX) {
		virtio_serve_all(d, VIRTIO_CONSOLE_CTRL_RX);
		for (unsigned int i = 0; i < c->nr_ports; i++)
			virtio_serve_all(d, virtio_console_rx(i));
		return;
	}
	if (!guest || index == VIRTIO_CONSOLE_CTRL_RX || index % 2 == 0)
		return;
	if (is_busy(&d->queues[index_below(index, d->nr_queues)]))
		vcpu_stream_wait(this_vcpu(), port_of(c, index)->console.stream);
}

/* A byte that is printed before any queue is set up, or by a guest that panics. Of a wider field, the lowest one. */
static void vconsole_write_config(struct virtio_dev *d, uint64_t off, unsigned int len,
				  uint64_t val)
{
	const char byte = (char)(uint8_t)val;

	(void)len;
	if (off == offsetof(struct virtio_console_config, emerg_wr))
		(void)vcpu_stream_write(this_vcpu(), vconsole_of(d)->ports[0]->console.stream,
					&byte, 1);
}

static void vconsole_reset(struct virtio_dev *d)
{
	struct vconsole *c = vconsole_of(d);

	for (unsigned int i = 0; i < c->nr_ports; i++) {
		atomic_set(&c->ports[i]->due, 0);
		atomic_set(&c->ports[i]->open, 0);
	}
}

const struct virtio_ops vconsole_ops = {
	.name = "console",
	.id = VIRTIO_ID_CONSOLE,
	.handle = vconsole_handle,
	.wants = vconsole_wants,
	.served = vconsole_served,
	.reset = vconsole_reset,
	.write_config = vconsole_write_config,
};
