// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/virtio/ring.c hyp/lib/work.c
/* A network device of the machine, behind a transport of the test's: what comes, what goes, and devices that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

static void interrupt(uint32_t why)
{
	why_bits = why;
	irq_fn(irq_arg);
}

static uint16_t *word(uint8_t *part, uint64_t off)
{
	return (uint16_t *)(void *)(part + off);
}

static unsigned int waiting(unsigned int q)
{
	return (uint16_t)(*word(ring_memory[q]->avail, VIRTQ_AVAIL_IDX) - seen[q]);
}

static uint16_t next_head(unsigned int q)
{
	return *word(ring_memory[q]->avail, VIRTQ_AVAIL_RING + 2u * (seen[q]++ % ring_size));
}

static void use(unsigned int q, uint32_t id, uint32_t len)
{
	uint16_t *idx = word(ring_memory[q]->used, VIRTQ_USED_IDX);
	const struct virtq_used_elem e = { id, len };

	memcpy(ring_memory[q]->used + VIRTQ_USED_RING + 8ul * (*idx % ring_size), &e, sizeof(e));
	(*idx)++;
}

/* A frame of @len bytes comes, all of them @is. */
static void comes(uint32_t len, uint8_t is)
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
static uint32_t goes(uint8_t *to)
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

static void received(struct host_net_user *u, const struct net_header *h, const uint8_t *frame,
		     uint32_t len)
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

static void received_all(struct host_net_user *u)
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

static int open_net(void)
{
	const char *why;

	memset(memory, 0, sizeof(memory));
	return host_net_open(NULL, "/net", memory, &user, &net, &why);
}

static int setup(void **state)
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

/* --- tests ------------------------------------------------------------------------------------------ */

static void facts_and_the_link_are_the_device_s(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	assert_memory_equal(host_net_facts(net)->mac, layout.mac, 6);
	assert_int_equal(host_net_facts(net)->mtu, 1400);
	assert_true(host_net_facts(net)->csum && host_net_facts(net)->tso4);
	assert_int_equal(waiting(RX), RX_BUFFERS);
	assert_int_equal(notified[RX], 1);
	/* It need not interrupt for what it has sent. */
	assert_int_equal(*word(ring_memory[TX]->avail, VIRTQ_AVAIL_EVENT(256)), UINT16_MAX);
	assert_true(host_net_link(net));
	layout.status = 0;
	interrupt(VIRTIO_INT_CONFIG);
	assert_false(host_net_link(net));
	layout.status = NET_S_LINK_UP;
	interrupt(VIRTIO_INT_CONFIG);
	assert_true(host_net_link(net));
	/* A device that says nothing of these; and one that says too much. */
	offered = NET_F_HOST_TSO4;
	layout.status = 0;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(*word(ring_memory[TX]->avail, VIRTQ_AVAIL_FLAGS),
			 VIRTQ_AVAIL_NO_INTERRUPT);
	assert_true(host_net_link(net));
	assert_int_equal(host_net_facts(net)->mtu, 1500);
	assert_false(host_net_facts(net)->csum || host_net_facts(net)->tso4);
	offered = NET_F_MTU;
	layout.mtu = 65535;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(host_net_facts(net)->mtu, HOST_NET_MTU_MAX);
	layout.mtu = 67;
	assert_int_equal(open_net(), HV_OK);
	assert_int_equal(host_net_facts(net)->mtu, 1500);
	assert_int_equal(open_net(), HV_EOVERFLOW);
}

static void what_fails_while_it_is_opened_is_taken_back(void **state)
{
	int *const errors[] = { &begins, &rings, &irqs };

	(void)state;
	claims = HV_EBUSY;
	assert_int_equal(open_net(), HV_EBUSY);
	assert_int_equal(resets, 0);
	claims = 0;
	for (unsigned int i = 0; i < 3; i++) {
		*errors[i] = HV_ENXIO;
		assert_int_equal(open_net(), HV_ENXIO);
		assert_int_equal(resets, i + 1);
		*errors[i] = 0;
	}
	assert_int_equal(nr_nets, 0);
}

static void frames_come_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	comes(14, 1);
	comes(13, 9); /* no frame */
	comes(2000, 2);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(last_len, 2000);
	assert_int_equal(nr_steps, 1);
	/* All buffers are the device's again. */
	assert_int_equal(waiting(RX), RX_BUFFERS);
	for (unsigned int i = 0; i < 3 * RX_BUFFERS; i++) {
		comes(60, (uint8_t)i);
		interrupt(VIRTIO_INT_USED);
		assert_int_equal(last_byte, i);
	}
}

/* Guests have their turn between two steps. */
static void many_frames_are_given_in_steps(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < RX_BUFFERS; i++)
		comes(60, (uint8_t)i);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, STEP);
	while (work_run_one())
		;
	assert_int_equal(nr_received, RX_BUFFERS);
	for (unsigned int i = 0; i < RX_BUFFERS; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(waiting(RX), RX_BUFFERS);
}

/* One hart gives frames to the user. What comes meanwhile it looks for itself, even if another hart took the interrupt. */
static void two_harts_do_not_receive_at_once(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	interrupts_within = 3;
	comes(60, 1);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 4);
	assert_int_equal(last_byte, 99);
	comes(60, 2);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(last_byte, 2);
	/* This hart has seen that there is nothing more. */
	interrupts_late = 3;
	comes(60, 3);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 9);
	assert_int_equal(last_byte, 98);
	/* The step is full when the other hart asks. */
	for (unsigned int i = 0; i < STEP; i++)
		comes(60, 3);
	interrupts_within = 1;
	interrupt(VIRTIO_INT_USED);
	while (work_run_one())
		;
	assert_int_equal(nr_received, 9 + STEP + 1);
	comes(60, 4);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(last_byte, 4);
}

static bool put(uint32_t len, uint8_t is)
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

static void frames_go_whole(void **state)
{
	static const uint32_t lens[] = { 1, 60, 2035, 2036, 2037, 2036 + 2048, 2036 + 2049, 65549 };
	static uint8_t to[70000];

	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		assert_true(put(lens[i], 7));
		assert_int_equal(waiting(TX), 0);
		host_net_flush(net);
		assert_int_equal(notified[TX], i + 1);
		assert_int_equal(goes(to), lens[i] + 12);
		assert_int_equal(to[0], 7);
		for (uint32_t at = 0; at < lens[i]; at++)
			assert_int_equal(to[12 + at], (uint8_t)(7 + at / 1000));
		*word(ring_memory[TX]->used, VIRTQ_USED_EVENT(ring_size)) =
			*word(ring_memory[TX]->avail, VIRTQ_AVAIL_IDX);
	}
}

/* What does not fit goes nowhere, and what the device has sent leaves room. */
static void no_frame_waits(void **state)
{
	static uint8_t to[70000];
	struct host_net_frame f;

	(void)state;
	assert_int_equal(open_net(), HV_OK);
	assert_false(host_net_begin(net, 0, &f));
	for (unsigned int i = 0; i < TX_BUFFERS; i++)
		assert_true(put(60, (uint8_t)i));
	assert_false(put(60, 0));
	host_net_flush(net);
	(void)goes(to);
	(void)goes(to);
	assert_false(put(5000, 1)); /* three buffers */
	assert_true(put(2037, 1));
	assert_false(put(60, 0));
	/* One that is given up takes none. */
	(void)goes(to);
	assert_true(host_net_begin(net, 60, &f));
	host_net_cancel(net, &f);
	assert_true(put(60, 0));
	assert_false(put(60, 0));
	/* The device interrupts for what it has sent, though it need not. */
	host_net_flush(net);
	for (unsigned int i = 0; i < 2 * IDLE_MAX; i++) {
		(void)goes(to);
		interrupt(VIRTIO_INT_USED);
		assert_true(put(60, 0));
		host_net_flush(net);
	}
	while (waiting(TX) > 0) {
		(void)goes(to);
		interrupt(VIRTIO_INT_USED);
	}
	for (unsigned int i = 0; i < TX_BUFFERS; i++)
		assert_true(put(60, (uint8_t)i));
	assert_int_equal(fake_log_count, 0);
}

static void is_given_up(const char *why)
{
	struct host_net_frame f;

	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, why));
	assert_int_equal(resets, 1);
	assert_false(host_net_link(net));
	assert_false(host_net_begin(net, 60, &f));
	/* Whatever it does. */
	nr_received = 0;
	memset(ring_memory[RX]->used, 0x11, sizeof(ring_memory[RX]->used));
	memset(ring_memory[TX]->used, 0x11, sizeof(ring_memory[TX]->used));
	interrupt(VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
	while (work_run_one())
		;
	host_net_flush(net);
	assert_int_equal(nr_received, 0);
	assert_int_equal(fake_log_count, 1);
	(void)setup(NULL);
}

static void a_device_that_means_harm_is_given_up(void **state)
{
	static const uint32_t ids[] = { 256, 64, UINT32_MAX, 0x10000 };
	static uint8_t to[70000];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(open_net(), HV_OK);
		use(RX, ids[i], 100);
		interrupt(VIRTIO_INT_USED);
		is_given_up("what it was not asked");
		/* Seen when there is no room, though it does not interrupt. */
		assert_int_equal(open_net(), HV_OK);
		for (unsigned int n = 0; n < TX_BUFFERS; n++)
			assert_true(put(60, 0));
		use(TX, ids[i], 0);
		assert_false(put(60, 0));
		assert_int_equal(fake_log_count, 0);
		while (work_run_one())
			;
		is_given_up("what it was not asked");
	}
	/* A frame twice; and one that was never sent. */
	assert_int_equal(open_net(), HV_OK);
	comes(60, 1);
	use(RX, 0, 72);
	interrupt(VIRTIO_INT_USED);
	assert_true(nr_received <= 2);
	interrupt(VIRTIO_INT_USED);
	if (fake_log_count == 0) { /* it was in the ring again by then */
		use(RX, 200, 72);
		interrupt(VIRTIO_INT_USED);
	}
	is_given_up("what it was not asked");
	assert_int_equal(open_net(), HV_OK);
	assert_true(put(60, 0));
	host_net_flush(net);
	(void)goes(to);
	use(TX, 0, 0);
	interrupt(VIRTIO_INT_USED);
	is_given_up("what it was not asked");
	/* One that does not stop. */
	assert_int_equal(open_net(), HV_OK);
	stops = false;
	wants_reset = true;
	interrupt(VIRTIO_INT_CONFIG);
	is_given_up(
		"it asks for a reset: the network device is not used any more, and does not stop");
}

/* A length beyond the buffer is the buffer's. */
static void a_length_is_no_more_than_the_buffer(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	memset(memory, 0, (size_t)RX_BUFFERS * BUFFER);
	use(RX, next_head(RX), UINT32_MAX);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 1);
	assert_int_equal(last_len, BUFFER - 12);
	use(RX, next_head(RX), 0);
	interrupt(VIRTIO_INT_USED);
	assert_int_equal(nr_received, 1);
}

static void interrupts_for_nothing_are_borne_for_a_while(void **state)
{
	(void)state;
	assert_int_equal(open_net(), HV_OK);
	for (unsigned int i = 0; i < 3 * IDLE_MAX; i++) {
		if (i % 100 == 0)
			comes(60, 1);
		interrupt(VIRTIO_INT_USED);
	}
	assert_int_equal(fake_log_count, 0);
	for (unsigned int i = 0; i < IDLE_MAX; i++)
		interrupt(VIRTIO_INT_USED);
	assert_int_equal(irq_offs, 1);
	is_given_up("it interrupts without end");
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(facts_and_the_link_are_the_device_s),
		test(what_fails_while_it_is_opened_is_taken_back),
		test(frames_come_in_their_order),
		test(many_frames_are_given_in_steps),
		test(two_harts_do_not_receive_at_once),
		test(frames_go_whole),
		test(no_frame_waits),
		test(a_device_that_means_harm_is_given_up),
		test(a_length_is_no_more_than_the_buffer),
		test(interrupts_for_nothing_are_borne_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
