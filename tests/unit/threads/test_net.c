// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/virtio/virtio.c hyp/dev/virtio/virtq.c hyp/dev/virtio/registers.c hyp/vcpu/vm_mem.c hyp/vcpu/vm_part.c
// SOURCES: hyp/dev/virtio/net.c hyp/dev/virtio/net_receive.c hyp/dev/virtio/net_control.c
// SOURCES: hyp/net/switch.c hyp/net/forward.c hyp/net/checksum.c hyp/net/segment.c hyp/net/copy.c
// SOURCES: tests/unit/fake/pcpu.c tests/unit/threads/chaos.c tests/unit/fake/timer.c
// SANITIZE: thread
// INCLUDE: tests/unit/threads
/*
 * Two harts send to each other's network devices as fast as they can, and each resets its own device now and then, while the
 * other fills its buffers. A third port joins, changes what only a port that has left may change, and leaves. No packet is torn,
 * none comes twice, and TSan sees each use of a buffer ordered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio/net.h"
#include "dev/virtio/transport.h"
#include "fake/pcpu.h"
#include "lib/errno.h"
#include "vcpu/console.h"
#include "vcpu/vcpu.h"

#define ROUNDS	 6000
#define SIZE	 16
#define BUFFER	 256u
#define FRAME	 200u
#define FEATURES (VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | NET_F_MRG_RXBUF)

/* A driver, in RAM that it alone and its device use. Words that both use are atomic, as on a hart. */
struct driver {
	unsigned int number;
	uint64_t ring[2], buffers[2]; /* of the receive and the transmit queue */
	uint16_t offered[2], seen[2];
	uint32_t random, sent, last; /* numbers of packets: its own, and the newest that came */
	unsigned int got, resets;
};

/* Parts of a ring's page. */
#define AVAIL 1024u
#define USED  2048u

static struct driver drivers[2];
static uint32_t at_work; /* atomic: drivers that are not done */

static uint32_t below(struct driver *d, uint32_t n)
{
	d->random = d->random * 1664525 + 1013904223;
	return (d->random >> 8) % n;
}

static void *ram(uint64_t a)
{
	return (void *)(uintptr_t)a;
}

/* --- what the devices stand on: the VM's RAM is the host's ---------------------------------------- */

uint8_t *vm_mem_find_anew(const struct vm *vm, struct vm_mem_window *window, gpa_t a,
			  enum gstage_right right, uint64_t *len)
{
	(void)vm, (void)window, (void)right, (void)len;
	return ram(a.gpa);
}

bool gstage_is_hole(const struct gstage *gs, gpa_t a)
{
	(void)gs, (void)a;
	return false;
}

void *gstage_leaf(const struct gstage *gs, gpa_t a, enum gstage_right right, uint64_t *len)
{
	(void)gs, (void)right, (void)len;
	return ram(a.gpa);
}

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs, (void)len;
	return ram(a.gpa);
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	abort();
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs, (void)a, (void)buf, (void)len;
	abort();
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	(void)a, (void)align;
	return calloc(1, size);
}

void *arena_pages(struct arena *a, uint64_t size)
{
	(void)a;
	return calloc(1, size);
}

int virtio_slots_take(struct virtio_slots *s, struct virtio_dev *d, unsigned int wanted)
{
	(void)s, (void)wanted;
	d->slot = 0;
	return HV_OK;
}

void config_error(struct config_node *n, const char *prop, const char *fmt, ...)
{
	(void)n, (void)prop, (void)fmt;
	abort();
}

static void set_level(struct virqchip *c, unsigned int source, bool high)
{
	(void)c, (void)source, (void)high;
}

static struct virqchip chip = { .ops = &(const struct virqchip_ops){ .set_level = set_level } };

static struct vm vms[3]; /* of the third, no vcpu runs */
static struct vcpu vcpus[4];
static struct vnet nets[3];
static struct net_switch lan = { .named.name = "lan" };

static void make(unsigned int i)
{
	static const struct virtio_config config;
	const struct vm_part_args args = { .config = &config };
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) };
	const struct net_port *other;
	struct vnet *n = &nets[i];

	vms[i].irqchip = &chip;
	vms[i].mem_open = 1;
	n->max_pairs = 1;
	n->port.ops = &vnet_port_ops;
	n->port.mac = net_mac(mac);
	n->port.mtu = 1500;
	assert_int_equal(virtio_init(&n->dev, &vms[i], &args, &vnet_ops, FEATURES, 3, SIZE), HV_OK);
	vnet_init(n);
	assert_int_equal(net_port_join(&n->port, &lan, &other), HV_OK);
}

/* --- registers ------------------------------------------------------------------------------------ */

static void set_register(const struct driver *d, uint64_t reg, uint32_t val)
{
	do {
		virtio_write_register(&nets[d->number].dev, reg, 4, val);
	} while (vcpu_tries_again(this_vcpu()));
}

static void set_address(const struct driver *d, uint64_t reg, uint64_t a)
{
	set_register(d, reg, (uint32_t)a);
	set_register(d, reg + 4, (uint32_t)(a >> 32));
}

/* --- rings ---------------------------------------------------------------------------------------- */

static void put_desc(const struct driver *d, unsigned int q, uint16_t i, uint32_t len)
{
	uint64_t *words = ram(d->ring[q] + 16u * i);

	atomic_set(&words[0], d->buffers[q] + BUFFER * i);
	atomic_set(&words[1], len | (uint64_t)(q == 0 ? VIRTQ_DESC_WRITE : 0) << 32);
}

static void offer(struct driver *d, unsigned int q, uint16_t i)
{
	const uint64_t avail = d->ring[q] + AVAIL;

	atomic_set((uint16_t *)ram(avail + VIRTQ_AVAIL_RING + 2u * (d->offered[q] % SIZE)), i);
	d->offered[q]++;
	atomic_set_release((uint16_t *)ram(avail + VIRTQ_AVAIL_IDX), d->offered[q]);
}

static bool used(struct driver *d, unsigned int q, uint32_t *id)
{
	const uint64_t at = d->ring[q] + USED;

	if (atomic_read_acquire((uint16_t *)ram(at + VIRTQ_USED_IDX)) == d->seen[q])
		return false;
	*id = atomic_read((uint32_t *)ram(at + VIRTQ_USED_RING + 8u * (d->seen[q] % SIZE)));
	d->seen[q]++;
	return true;
}

static void begin_queue(struct driver *d, unsigned int q)
{
	/* The device has been reset, so it does not look at them. */
	memset(ram(d->ring[q]), 0, PAGE_SIZE);
	memset(ram(d->buffers[q]), 0, BUFFER * SIZE);
	d->offered[q] = d->seen[q] = 0;
	set_register(d, VIRTIO_MMIO_QUEUE_SEL, q);
	set_register(d, VIRTIO_MMIO_QUEUE_SIZE, SIZE);
	set_address(d, VIRTIO_MMIO_QUEUE_DESC_LOW, d->ring[q]);
	set_address(d, VIRTIO_MMIO_QUEUE_DRIVER_LOW, d->ring[q] + AVAIL);
	set_address(d, VIRTIO_MMIO_QUEUE_DEVICE_LOW, d->ring[q] + USED);
	set_register(d, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void begin(struct driver *d)
{
	const uint32_t status = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER;

	set_register(d, VIRTIO_MMIO_STATUS, 0);
	set_register(d, VIRTIO_MMIO_STATUS, status);
	set_register(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set_register(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)FEATURES);
	set_register(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set_register(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(FEATURES >> 32));
	set_register(d, VIRTIO_MMIO_STATUS, status | VIRTIO_FEATURES_OK);
	begin_queue(d, 0);
	begin_queue(d, 1);
	set_register(d, VIRTIO_MMIO_STATUS, status | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
	for (uint16_t i = 0; i < SIZE; i++) {
		put_desc(d, 0, i, BUFFER);
		offer(d, 0, i);
	}
}

/* --- packets -------------------------------------------------------------------------------------- */

/* A number, and bytes that follow from it. */
static void send(struct driver *d)
{
	const uint16_t i = d->offered[1] % SIZE;
	uint8_t *p = ram(d->buffers[1] + BUFFER * i);
	const bool all = below(d, 8) == 0;
	uint32_t id;

	atomic_set(&d->sent, d->sent + 1);
	memset(p, 0, sizeof(struct net_header));
	p += sizeof(struct net_header);
	memset(p, 0, 16);
	p[0] = p[6] = 2;
	p[5] = (uint8_t)(2 - d->number);
	p[11] = (uint8_t)(d->number + 1);
	if (all)
		memset(p, 0xff, 6);
	memcpy(p + 16, &d->sent, sizeof(d->sent));
	memset(p + 20, (int)(d->sent % 251), FRAME - 20);
	put_desc(d, 1, i, sizeof(struct net_header) + FRAME);
	offer(d, 1, i);
	set_register(d, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	assert_true(used(d, 1, &id));
	assert_int_equal(id, i);
}

static void receive(struct driver *d)
{
	uint32_t id, number;

	while (used(d, 0, &id)) {
		const uint8_t *p =
			(uint8_t *)ram(d->buffers[0] + BUFFER * id) + sizeof(struct net_header);

		memcpy(&number, p + 16, sizeof(number));
		assert_true(number > d->last);
		for (unsigned int i = 20; i < FRAME; i++)
			assert_int_equal(p[i], number % 251);
		d->last = number;
		d->got++;
		memset(ram(d->buffers[0] + BUFFER * id), 0, BUFFER);
		offer(d, 0, (uint16_t)id);
	}
}

static void become(unsigned int pcpu)
{
	fake_pcpu_become(pcpu);
	this_pcpu()->current = &vcpus[pcpu];
}

/* Neither runs away while the other has no processor: its packets would find no buffers. */
static void keep_together(const struct driver *d)
{
	const struct driver *other = &drivers[1 - d->number];

	while (atomic_read(&at_work) == 2 && d->sent > atomic_read(&other->sent) + SIZE / 2)
		sched_yield();
}

static void *drive(void *driver)
{
	struct driver *d = driver;

	become(1 + d->number);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (below(d, 100) == 0) {
			begin(d);
			d->resets++;
		}
		send(d);
		receive(d);
		keep_together(d);
		assert_false(atomic_read(&nets[d->number].dev.status) & VIRTIO_NEEDS_RESET);
	}
	(void)atomic_fetch_sub(&at_work, 1);
	return NULL;
}

/* A port that has left is used by no sender, so its memory may be written, and go. */
static void *come_and_go(void *unused)
{
	struct vnet *n = &nets[2];
	unsigned int rounds = 0;

	(void)unused;
	become(3);
	/* Some of them even if it has begun when the drivers were done. */
	for (; atomic_read(&at_work) != 0 || rounds < 10; rounds++) {
		struct net_switch *s = n->port.of;
		const struct net_port *other;

		net_port_leave(&n->port);
		n->port.mtu = 100 + rounds % 1000;
		n->port.ops = NULL;
		n->port.ops = &vnet_port_ops;
		assert_int_equal(net_port_join(&n->port, s, &other), HV_OK);
	}
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(4);
	become(0);
	net_switch_add(&lan);
	for (unsigned int i = 0; i < 3; i++)
		make(i);
	return 0;
}

static void two_that_send_to_each_other_and_are_reset(void **state)
{
	pthread_t threads[3];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		drivers[i] = (struct driver){ .number = i, .random = i + 1 };
		for (unsigned int q = 0; q < 2; q++) {
			drivers[i].ring[q] = (uintptr_t)aligned_alloc(PAGE_SIZE, PAGE_SIZE);
			drivers[i].buffers[q] = (uintptr_t)aligned_alloc(PAGE_SIZE, BUFFER * SIZE);
		}
		begin(&drivers[i]);
	}
	at_work = 2;
	for (unsigned int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, drive, &drivers[i]);
	pthread_create(&threads[2], NULL, come_and_go, NULL);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < 2; i++) {
		print_message("device %u: %u packets, %u resets\n", i, drivers[i].got,
			      drivers[i].resets);
		assert_true(drivers[i].got > ROUNDS / 20);
		assert_true(drivers[i].resets > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_that_send_to_each_other_and_are_reset, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
