// SPDX-License-Identifier: BSD-2-Clause
/*
 * A console device of the machine that is a virtio one (virtio 1.2, section 5.3), of which one port is used.
 *
 * A port's number is not known before the device has told its name, and queues have to be there before the device is told to work
 * (3.1.1). So the device is begun with its control queues alone, and begun again with those of the port once its name has come. Only
 * these four queues need memory, however many ports there are.
 */
#include "platform/port.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "platform/driver.h"
#include "platform/virtio/console_internal.h"

#define FEATURES (VIRTIO_F_EVENT_IDX | VIRTIO_CONSOLE_F_MULTIPORT)

/* So many interrupts in a row that bring nothing are no accident, and neither is a port that moves so often. */
#define IDLE_MAX   1000
#define BEGINS_MAX 16

static struct host_port the_port;

bool host_port_present(void)
{
	return host_virtio_find(VIRTIO_ID_CONSOLE) != NULL;
}

static cold void give_up(struct host_port *p, const char *why)
{
	bool first;

	spin_lock(&p->lock);
	first = !p->failed;
	p->failed = true;
	host_port_update_connected(p);
	spin_unlock(&p->lock);
	if (!first)
		return;
	log_error("%s: %s: the console device is not used any more%s", p->path, why,
		  host_virtio_reset(p->dev) ? "" : ", and does not stop");
	p->user->ready(p->user);
}

/* --- buffers; with the lock ----------------------------------------------------------------------- */

static void reap_tx(struct host_port *p)
{
	const uint8_t *done;
	uint32_t len;

	while ((done = host_ring_take(&p->rings[TX], &len)) != NULL) {
		p->tx_free |= (uint32_t)BIT((uint64_t)(done - p->memory->tx[0]) / BUFFER);
		p->idle = 0;
	}
}

static bool is_broken(const struct host_port *p)
{
	for (unsigned int i = 0; i < NR_QUEUES; i++)
		if (p->rings[i].broken)
			return true;
	return false;
}

/* --- at work -------------------------------------------------------------------------------------- */

static unsigned int queue_of(const struct host_port *p, unsigned int ring)
{
	switch (ring) {
	case CONTROL_RX:
		return VIRTIO_CONSOLE_CTRL_RX;
	case CONTROL_TX:
		return VIRTIO_CONSOLE_CTRL_TX;
	case RX:
		return virtio_console_rx(p->id);
	default:
		return virtio_console_tx(p->id);
	}
}

static unsigned int nr_queues(const struct host_port *p)
{
	return p->id == NO_PORT ? RX : NR_QUEUES;
}

/* With the lock, so that the device is not begun anew meanwhile. */
static void publish(struct host_port *p)
{
	for (unsigned int i = 0; i < nr_queues(p); i++)
		if (host_ring_publish(&p->rings[i]))
			host_virtio_notify(p->dev, queue_of(p, i));
}

/* What the device has done since the last time. @interrupt: it has interrupted, and may have brought nothing. */
static void look(struct host_port *p, bool interrupt)
{
	const char *why = NULL;

	spin_lock(&p->lock);
	if (host_port_is_usable(p)) {
		p->idle += interrupt;
		host_port_take_messages(p);
		if (p->id != NO_PORT)
			reap_tx(p);
		publish(p);
		if (is_broken(p))
			why = "it answered what it was not asked";
		else if (p->idle >= IDLE_MAX)
			why = "it interrupts without end";
	}
	spin_unlock(&p->lock);
	if (why) {
		give_up(p, why);
		if (interrupt)
			host_irq_off(p);
		return;
	}
	p->user->ready(p->user);
}

static void interrupted(void *arg)
{
	struct host_port *p = arg;
	uint32_t why = host_virtio_interrupts(p->dev);

	if ((why & VIRTIO_INT_CONFIG) && host_virtio_failed(p->dev))
		give_up(p, "it asks for a reset");
	look(p, true);
}

/* The next input is at p->input + p->at. False: there is none, and the device interrupts for the next. With the lock. */
static bool find_input(struct host_port *p)
{
	struct host_ring *r = &p->rings[RX];

	while (p->at == p->end) {
		if (p->input)
			(void)host_port_add_buffer(r, p->input, BUFFER, true);
		do
			p->input = host_ring_take(r, &p->end);
		while (!p->input && host_ring_rearm(r));
		p->at = 0;
		if (!p->input) {
			p->end = 0;
			return false;
		}
		p->idle = 0;
	}
	return true;
}

/* The device tells that the other side has come before it gives what comes from there. */
size_t host_port_read(struct host_port *p, uint32_t connection, char *buf, size_t size)
{
	size_t done = 0;
	bool same;

	spin_lock(&p->lock);
	if (host_port_is_usable(p))
		host_port_take_messages(p);
	same = host_port_connection(p) == connection;
	while (same && host_port_is_usable(p) && p->id != NO_PORT && done < size && find_input(p)) {
		uint32_t n = (uint32_t)min_u64(size - done, p->end - p->at);

		memcpy(buf + done, p->input + p->at, n);
		p->at += n;
		done += n;
	}
	if (host_port_is_usable(p)) {
		publish(p);
		if (is_broken(p))
			work_queue(&p->work);
	}
	spin_unlock(&p->lock);
	if (!same)
		p->user->ready(p->user);
	return done;
}

/* A free buffer; NULL: there is none, and the device interrupts when it has taken one. With the lock. */
static uint8_t *find_room(struct host_port *p)
{
	unsigned int i;

	do
		reap_tx(p);
	while (!p->tx_free && host_ring_rearm(&p->rings[TX]));
	if (!p->tx_free)
		return NULL;
	i = bit_first(p->tx_free) % BUFFERS;
	p->tx_free &= ~(uint32_t)BIT(i);
	return p->memory->tx[i];
}

size_t host_port_write(struct host_port *p, const char *buf, size_t size)
{
	size_t done = 0;
	uint8_t *at;

	spin_lock(&p->lock);
	while (p->connected && done < size && (at = find_room(p)) != NULL) {
		uint32_t n = (uint32_t)min_u64(size - done, BUFFER);

		memcpy(at, buf + done, n);
		/* There are no more buffers than descriptors. */
		if (!host_port_add_buffer(&p->rings[TX], at, n, false))
			break;
		done += n;
	}
	if (host_port_is_usable(p)) {
		publish(p);
		if (is_broken(p))
			work_queue(&p->work);
	}
	spin_unlock(&p->lock);
	return done;
}

/* --- beginning ------------------------------------------------------------------------------------ */

/* No more buffers than the ring has descriptors: the bits of those that exist. */
static uint32_t free_buffers(const struct host_ring *r, unsigned int most)
{
	unsigned int nr = (unsigned int)min_u64(r->size, most);

	return nr >= 32 ? UINT32_MAX : (uint32_t)BIT(nr) - 1;
}

static void fill(struct host_port *p)
{
	struct memory *m = p->memory;

	p->input = NULL;
	p->at = p->end = 0;
	for (unsigned int i = 0; i < CONTROL_BUFFERS; i++)
		(void)host_port_add_buffer(&p->rings[CONTROL_RX], m->control_rx[i], CONTROL_BUFFER,
					   true);
	p->control_free = free_buffers(&p->rings[CONTROL_TX], CONTROL_BUFFERS);
	if (p->id != NO_PORT) {
		for (unsigned int i = 0; i < BUFFERS; i++)
			(void)host_port_add_buffer(&p->rings[RX], m->rx[i], BUFFER, true);
		p->tx_free = free_buffers(&p->rings[TX], BUFFERS);
	}
	/* For all ports (5.3.6.2). */
	host_port_answer(p, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
}

/* The device anew, with the queues of port @id. p->beginning is set, or no other hart knows of the port yet. */
static int begin(struct host_port *p, uint32_t id)
{
	int err = host_virtio_begin(p->dev, FEATURES);

	if (err == HV_OK && !(p->dev->features & VIRTIO_CONSOLE_F_MULTIPORT))
		err = HV_ENXIO; /* its ports have no names */
	p->id = id;
	p->named = p->open = false;
	memset(p->rings, 0, sizeof(p->rings));
	for (unsigned int i = 0; i < nr_queues(p) && err == HV_OK; i++) {
		struct queue_memory *q = &p->memory->queues[i];

		err = host_virtio_ring(p->dev, queue_of(p, i), &p->rings[i], &q->ring, q->chains);
	}
	if (err == HV_OK)
		fill(p);
	return err;
}

/* With the lock: the device may work, and is told of all buffers. */
static void set_to_work(struct host_port *p)
{
	p->beginning = false;
	host_virtio_ready(p->dev);
	publish(p);
}

/* The port with the name is another one than that of the queues. */
static void begin_anew(struct host_port *p)
{
	int err = HV_ENXIO;
	bool failed;

	if (++p->begins <= BEGINS_MAX)
		err = begin(p, p->wanted);
	spin_lock(&p->lock);
	failed = p->failed;
	if (err == HV_OK && !failed)
		set_to_work(p);
	spin_unlock(&p->lock);
	if (failed) /* another hart's reset may have come before the last register was written */
		(void)host_virtio_reset(p->dev);
	else if (err != HV_OK)
		give_up(p, p->begins > BEGINS_MAX ? "its ports change their names without end" :
						    "it refuses to be set up");
}

static void go_on(struct work *w)
{
	struct host_port *p = container_of(w, struct host_port, work);
	bool anew;

	spin_lock(&p->lock);
	anew = host_port_is_usable(p) && p->wanted != p->id && !p->named;
	if (anew) {
		p->beginning = true;
		host_port_update_connected(p);
	}
	spin_unlock(&p->lock);
	if (anew)
		begin_anew(p);
	look(p, false);
}

cold struct host_port *host_port_open(const char *name, void *memory, struct host_port_user *user,
				      bool *stopped)
{
	struct host_port *p = &the_port;
	uint32_t config[sizeof(struct virtio_console_config) / 4];
	int err;

	*stopped = true;
	*p = (struct host_port){ .memory = memory, .user = user, .name = name };
	p->id = p->wanted = NO_PORT;
	p->dev = host_virtio_find(VIRTIO_ID_CONSOLE);
	if (!p->dev)
		return NULL;
	p->dev->claimed = true;
	spin_init(&p->lock, LOCK_HOST_PORT);
	work_init(&p->work, go_on);
	fdtx_path(p->dev->fdt, p->dev->node, p->path, sizeof(p->path));
	err = begin(p, NO_PORT);
	if (err == HV_OK)
		err = host_irq_request(p->dev->fdt, p->dev->node, interrupted, p);
	if (err != HV_OK) {
		*stopped = host_virtio_reset(p->dev);
		if (p->dev->features & VIRTIO_CONSOLE_F_MULTIPORT)
			log_warn(
				"%s: the console device refuses to be set up, or has no interrupt%s",
				p->path, *stopped ? "" : ", and does not stop");
		return NULL;
	}
	*stopped = false;
	host_virtio_config(p->dev, 0, config, ARRAY_SIZE(config));
	p->nr_ports = config[offsetof(struct virtio_console_config, max_nr_ports) / 4];
	spin_lock(&p->lock);
	set_to_work(p);
	spin_unlock(&p->lock);
	return p;
}
