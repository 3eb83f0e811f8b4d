/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device of the machine behind a transport of the test's, and its user. Included by one source of a program. */
#ifndef FAKE_MACHINE_NET_H
#define FAKE_MACHINE_NET_H

#include "arch/memmap.h"
#include "fake/log.h"
#include "platform/virtio/net.c"

/* --- the device ------------------------------------------------------------------------------------ */

static struct host_virtio dev;
static uint64_t offered;
static int claims, begins, rings, irqs; /* errors */
static bool stops, wants_reset;
static uint32_t why_bits;
static unsigned int resets, notified[2], irq_offs;
static struct net_layout layout;
static struct host_ring_memory *ring_memory[2];
static uint16_t ring_size, seen[2];
static void (*irq_fn)(void *arg);
static void *irq_arg;

int host_virtio_claim(const void *fdt, const char *path, uint32_t id, struct host_virtio **out,
		      const char **why)
{
	(void)fdt, (void)path;
	assert_int_equal(id, VIRTIO_ID_NET);
	*why = "is claimed";
	*out = &dev;
	return claims;
}

int host_virtio_begin(struct host_virtio *d, uint64_t wanted)
{
	assert_int_equal(wanted & (NET_F_MRG_RXBUF | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6), 0);
	d->features = offered & wanted;
	return begins;
}

int host_virtio_ring(const struct host_virtio *d, unsigned int index, struct host_ring *r,
		     struct host_ring_memory *memory, struct host_ring_chain *chains)
{
	assert_true(index < 2);
	ring_memory[index] = memory;
	seen[index] = 0;
	host_ring_init(r, memory, chains, ring_size, (d->features & VIRTIO_F_EVENT_IDX) != 0);
	return index == TX ? rings : HV_OK;
}

void host_virtio_ready(const struct host_virtio *d)
{
	(void)d;
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
	(void)d;
	assert_true(off + 4ul * words <= sizeof(layout));
	memcpy(to, (const uint8_t *)&layout + off, 4ul * words);
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
	if (off == VIRTIO_MMIO_QUEUE_NOTIFY)
		notified[val % 2]++;
	else
		why_bits &= ~val;
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
	return strcpy(buf, "/net");
}

static inline void interrupt(uint32_t why)
{
	why_bits = why;
	irq_fn(irq_arg);
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
	return *word(ring_memory[q]->avail, VIRTQ_AVAIL_RING + 2u * (seen[q]++ % ring_size));
}

static inline void use(unsigned int q, uint32_t id, uint32_t len)
{
	uint16_t *idx = word(ring_memory[q]->used, VIRTQ_USED_IDX);
	const struct virtq_used_elem e = { id, len };

	memcpy(ring_memory[q]->used + VIRTQ_USED_RING + 8ul * (*idx % ring_size), &e, sizeof(e));
	(*idx)++;
}

/* A frame of @len bytes comes, all of them @is. */
static inline void comes(uint32_t len, uint8_t is)
{
	const struct net_header h = { .flags = is };
	const uint16_t head = next_head(RX);
	const struct virtq_desc *d = &ring_memory[RX]->desc[head];
	uint8_t *at = hpa_to_ptr(hpa(d->addr));

	assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
	assert_true(d->len >= len + sizeof(h));
	memcpy(at, &h, sizeof(h));
	memset(at + sizeof(h), is, len);
	use(RX, head, len + (uint32_t)sizeof(h));
}

/* The next frame that was sent, with its header; its length. */
static inline uint32_t goes(uint8_t *to)
{
	const uint16_t head = next_head(TX);
	const struct virtq_desc *d = &ring_memory[TX]->desc[head];
	uint32_t len = 0;

	for (;; d = &ring_memory[TX]->desc[d->next]) {
		assert_int_equal(d->flags & ~VIRTQ_DESC_NEXT, 0);
		memcpy(to + len, hpa_to_ptr(hpa(d->addr)), d->len);
		len += d->len;
		if (!(d->flags & VIRTQ_DESC_NEXT))
			break;
	}
	use(TX, head, 0);
	return len;
}

/* --- its user --------------------------------------------------------------------------------------- */

static unsigned int nr_received, nr_steps, interrupts_within, interrupts_late;
static uint8_t last_byte, order[256];
static uint32_t last_len;

static inline void received(struct host_net_user *u, const struct net_header *h,
			    const uint8_t *frame, uint32_t len)
{
	(void)u;
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(frame[i], h->flags);
	order[nr_received++ % 256] = h->flags;
	last_byte = h->flags;
	last_len = len;
	if (interrupts_within > 0) {
		interrupts_within--;
		comes(60, 99);
		interrupt(VIRTIO_INT_USED); /* on another hart */
		assert_int_equal(last_byte, h->flags);
	}
}

static inline void received_all(struct host_net_user *u)
{
	(void)u;
	nr_steps++;
	if (interrupts_late > 0) {
		interrupts_late--;
		comes(60, 98);
		interrupt(VIRTIO_INT_USED);
	}
}

static struct host_net_user user = { received, received_all };
static uint8_t memory[HOST_NET_MEMORY] __attribute__((aligned(4096)));
static struct host_net *net;

static inline int open_net(void)
{
	const char *why;

	memset(memory, 0, sizeof(memory));
	return host_net_open(NULL, "/net", memory, &user, &net, &why);
}

static inline int setup(void **state)
{
	static uint8_t regs[0x200];

	(void)state;
	fake_log_reset();
	dev = (struct host_virtio){ .regs = regs };
	offered = UINT64_MAX;
	claims = begins = rings = irqs = 0;
	stops = true;
	wants_reset = false;
	resets = irq_offs = 0;
	notified[RX] = notified[TX] = 0;
	layout = (struct net_layout){ { 2, 3, 4, 5, 6, 7 }, NET_S_LINK_UP, 1, 1400 };
	ring_size = 256;
	nr_received = nr_steps = interrupts_within = interrupts_late = 0;
	nr_nets = 0;
	while (work_run_one())
		;
	return 0;
}

/* A frame of @len bytes is sent. False: there is no room. */
static inline bool put(uint32_t len, uint8_t is)
{
	const struct net_header h = { .flags = is };
	struct host_net_frame f;
	uint32_t given = 0, room;

	if (!host_net_begin(net, len, &f))
		return false;
	while (given < len) {
		uint8_t *at = host_net_buffer(net, &f, &room);

		assert_true(room > 0 && given + room <= len);
		for (uint32_t i = 0; i < room; i++)
			at[i] = (uint8_t)(is + (given + i) / 1000);
		given += room;
	}
	host_net_send(net, &f, &h);
	return true;
}

#endif
