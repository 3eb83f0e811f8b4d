/* SPDX-License-Identifier: BSD-2-Clause */
/* A console device of the machine behind a transport of the test's, and the user of its port. Included by one source of a program. */
#ifndef FAKE_MACHINE_PORT_H
#define FAKE_MACHINE_PORT_H

#include "arch/memmap.h"
#include "fake/log.h"
#include "platform/virtio/console.c"

#define NAME "org.hartvisor.ctl"

/* --- the device ------------------------------------------------------------------------------------ */

/* Of port 0, of the control queues, of ports 1 to 3. */
#define DEVICE_QUEUES 10

static struct host_virtio dev;
static uint64_t offered;
static int begins, rings, irqs; /* errors */
static bool absent, stops, wants_reset, is_ready;
static uint32_t why_bits, max_ports;
static unsigned int resets, begun, notified[DEVICE_QUEUES], irq_offs;
static struct host_ring_memory *ring_memory[DEVICE_QUEUES];
static uint16_t ring_size, seen[DEVICE_QUEUES];
static void (*irq_fn)(void *arg);
static void *irq_arg;

struct host_virtio *host_virtio_find(uint32_t id)
{
	assert_int_equal(id, VIRTIO_ID_CONSOLE);
	return absent || dev.claimed ? NULL : &dev;
}

static void other_harts_use_it(void);

int host_virtio_begin(struct host_virtio *d, uint64_t wanted)
{
	assert_true(d->claimed);
	if (begun > 0)
		other_harts_use_it();
	d->features = offered & wanted;
	memset(ring_memory, 0, sizeof(ring_memory));
	is_ready = false;
	begun++;
	return begins;
}

int host_virtio_ring(const struct host_virtio *d, unsigned int index, struct host_ring *r,
		     struct host_ring_memory *memory, struct host_ring_chain *chains)
{
	assert_true(index < DEVICE_QUEUES);
	assert_false(is_ready);
	ring_memory[index] = memory;
	memset(memory, 0, sizeof(*memory));
	seen[index] = 0;
	host_ring_init(r, memory, chains, ring_size, (d->features & VIRTIO_F_EVENT_IDX) != 0);
	return rings;
}

void host_virtio_ready(const struct host_virtio *d)
{
	(void)d;
	is_ready = true;
}

bool host_virtio_reset(const struct host_virtio *d)
{
	(void)d;
	resets++;
	return stops;
}

bool host_virtio_failed(const struct host_virtio *d)
{
	(void)d;
	return wants_reset;
}

void host_virtio_config(const struct host_virtio *d, uint64_t off, uint32_t *to, unsigned int words)
{
	const struct virtio_console_config c = { .max_nr_ports = max_ports };

	(void)d;
	memcpy(to, (const uint8_t *)&c + off, 4ul * words);
}

uint32_t fake_io_read(const volatile void *at, unsigned int width)
{
	(void)at, (void)width;
	return why_bits;
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	uint64_t off = (uint64_t)((volatile uint8_t *)at - dev.regs);

	(void)width;
	if (off != VIRTIO_MMIO_QUEUE_NOTIFY) {
		why_bits &= ~val;
		return;
	}
	assert_true(is_ready && val < DEVICE_QUEUES && ring_memory[val]);
	notified[val]++;
}

int host_irq_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	(void)fdt, (void)node;
	irq_fn = fn;
	irq_arg = arg;
	return irqs;
}

void host_irq_off(const void *arg)
{
	assert_ptr_equal(arg, irq_arg);
	irq_offs++;
}

const char *fdtx_path(const void *fdt, int node, char *buf, size_t len)
{
	(void)fdt, (void)node, (void)len;
	return strcpy(buf, "/console");
}

static inline void interrupt(uint32_t why)
{
	why_bits = why;
	irq_fn(irq_arg);
	while (work_run_one())
		;
}

static inline uint16_t *word(uint8_t *part, uint64_t off)
{
	return (uint16_t *)(void *)(part + off);
}

static inline unsigned int waiting(unsigned int q)
{
	return (uint16_t)(*word(ring_memory[q]->avail, VIRTQ_AVAIL_IDX) - seen[q]);
}

static inline uint16_t next_head(unsigned int q)
{
	assert_true(waiting(q) > 0);
	return *word(ring_memory[q]->avail, VIRTQ_AVAIL_RING + 2u * (seen[q]++ % ring_size));
}

static inline void use(unsigned int q, uint32_t id, uint32_t len)
{
	uint16_t *idx = word(ring_memory[q]->used, VIRTQ_USED_IDX);
	const struct virtq_used_elem e = { id, len };

	memcpy(ring_memory[q]->used + VIRTQ_USED_RING + 8ul * (*idx % ring_size), &e, sizeof(e));
	(*idx)++;
}

/* What the device gives the driver by queue @q. */
static inline void give(unsigned int q, const void *what, uint32_t len)
{
	const uint16_t head = next_head(q);
	const struct virtq_desc *d = &ring_memory[q]->desc[head];

	assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
	assert_true(d->len >= len);
	memcpy(hpa_to_ptr(hpa(d->addr)), what, len);
	use(q, head, len);
}

/* A message of the device's, without an interrupt. @text is behind it, without its zero byte. */
static inline void tells(uint32_t id, uint16_t event, uint16_t value, const char *text)
{
	struct {
		struct virtio_console_control head;
		char text[56];
	} m = { { id, event, value }, "" };

	memcpy(m.text, text, strlen(text));
	give(VIRTIO_CONSOLE_CTRL_RX, &m, (uint32_t)(sizeof(m.head) + strlen(text)));
}

/* What the driver has sent by queue @q next: its length. */
static inline uint32_t takes(unsigned int q, void *to, uint32_t size)
{
	const uint16_t head = next_head(q);
	const struct virtq_desc *d = &ring_memory[q]->desc[head];

	assert_int_equal(d->flags, 0);
	assert_true(d->len <= size);
	memcpy(to, hpa_to_ptr(hpa(d->addr)), d->len);
	use(q, head, 0);
	return d->len;
}

static inline void assert_answer(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control c;

	assert_int_equal(takes(VIRTIO_CONSOLE_CTRL_TX, &c, sizeof(c)), sizeof(c));
	assert_int_equal(c.id, id);
	assert_int_equal(c.event, event);
	assert_int_equal(c.value, value);
}

/* --- its user --------------------------------------------------------------------------------------- */

static unsigned int nr_ready;

static inline void ready(struct host_port_user *u)
{
	(void)u;
	nr_ready++;
}

static struct host_port_user user = { ready };
static uint8_t memory[HOST_PORT_MEMORY] __attribute__((aligned(4096)));
static struct host_port *port;
static bool stopped;

static inline struct host_port *open_port(void)
{
	memset(memory, 0, sizeof(memory));
	begun = 0;
	dev.claimed = false;
	port = host_port_open(NAME, memory, &user, &stopped);
	return port;
}

/* While it is begun anew: nothing of it is there. */
static void other_harts_use_it(void)
{
	unsigned int answers = waiting(VIRTIO_CONSOLE_CTRL_TX);
	char c;

	is_ready = false;
	if (waiting(VIRTIO_CONSOLE_CTRL_RX) > 0)
		tells(2, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	why_bits = VIRTIO_INT_USED;
	irq_fn(irq_arg);
	assert_int_equal(host_port_read(port, host_port_connection(port), &c, 1), 0);
	assert_int_equal(host_port_write(port, "x", 1), 0);
	assert_int_equal(host_port_connection(port), 0);
	assert_int_equal(waiting(VIRTIO_CONSOLE_CTRL_TX), answers);
}

static inline int setup(void **state)
{
	static uint8_t regs[0x200];

	(void)state;
	fake_log_reset();
	dev = (struct host_virtio){ .regs = regs };
	offered = UINT64_MAX;
	begins = rings = irqs = 0;
	absent = wants_reset = false;
	stops = true;
	max_ports = 4;
	resets = begun = irq_offs = nr_ready = 0;
	memset(notified, 0, sizeof(notified));
	ring_size = 64;
	while (work_run_one())
		;
	return 0;
}

/* The device tells of port @id with its name, and the driver begins anew with its queues. */
static inline void find_port(uint32_t id)
{
	tells(id, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_answer(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_answer(id, VIRTIO_CONSOLE_PORT_READY, 1);
	tells(id, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	interrupt(VIRTIO_INT_USED);
}

/* Opened, found as port 1, and its other end is open. */
static inline void connect_port(void)
{
	assert_non_null(open_port());
	find_port(1);
	tells(1, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	tells(1, VIRTIO_CONSOLE_PORT_NAME, 1, NAME);
	tells(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	interrupt(VIRTIO_INT_USED);
	assert_answer(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_answer(1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_answer(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_not_equal(host_port_connection(port), 0);
}

#endif
