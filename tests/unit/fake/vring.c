/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/vring.h"

#include <stdlib.h>
#include <string.h>

#include "dev/virtio/transport.h"
#include "irqchip/virqchip.h"
#include "vcpu/console.h"
#include "vcpu/vcpu.h"

/* No work that a test gives a device takes as many steps. */
#define MAX_STEPS 1000000

#define CONFIG_WORDS (VM_PART_CONFIG_MAX / sizeof(uint64_t))

extern const struct vm_part *const parts_start[] __asm__("__start_vm_parts");
extern const struct vm_part *const parts_stop[] __asm__("__stop_vm_parts");

unsigned int fake_interrupts;

static bool levels[VIRTIO_SLOTS];

/* Told only when the level changes. */
static void set_level(struct virqchip *chip, unsigned int source, bool high)
{
	const unsigned int slot = source - VVIRTIO_IRQ;

	(void)chip;
	if (slot >= VIRTIO_SLOTS || levels[slot] == high)
		abort();
	levels[slot] = high;
	fake_interrupts += high;
}

static struct virqchip chip = { .ops = &(const struct virqchip_ops){ .set_level = set_level } };

const struct vm_part *fake_part_named(const char *name)
{
	for (const struct vm_part *const *p = parts_start; p < parts_stop; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	abort();
}

int fake_virtio_make(const char *name, struct config_node *n, unsigned int unit, void **state)
{
	const struct vm_part *part = fake_part_named(name);
	struct config_node empty = { .path = name };
	uint64_t config[CONFIG_WORDS] = { 0 };
	struct vm_part_args args = { .config = config, .node = n ? n : &empty, .unit = unit };

	if (part->config_size != 0)
		memcpy(config, part->config_default, part->config_size);
	if (n)
		property_read_all(n, &part->properties, config);
	if (n && !n->failed && part->check)
		part->check(n, config);
	if (n && n->failed)
		return HV_EINVAL;
	return part->create(&fake_vm, &args, state);
}

void fake_guest_setup(unsigned int vcpus, enum fake_leaves leaves, uint64_t host)
{
	void *slots;

	fake_vm_setup(vcpus);
	fake_ram_setup(leaves, host);
	fake_vm.irqchip = &chip;
	memset(levels, 0, sizeof(levels));
	fake_interrupts = 0;
	this_pcpu()->current = fake_vm.vcpus[0];
	if (fake_virtio_make("virtio slots", NULL, 0, &slots) != HV_OK)
		abort();
}

bool fake_guest_teardown(void)
{
	bool all;

	/* What arena_destroy_step() does first. */
	for (struct arena_extra *e = fake_vm.arena.extras; e; e = e->next)
		while (e->free_step(e))
			;
	all = fake_ram_teardown();
	this_pcpu()->current = NULL;
	fake_vm_teardown();
	return all;
}

/* --- registers and interrupts --------------------------------------------------------------------- */

uint32_t vdev_get(uint64_t dev, uint64_t reg)
{
	return (uint32_t)guest_read(dev + reg, 4);
}

void vdev_set(uint64_t dev, uint64_t reg, uint32_t val)
{
	guest_write(dev + reg, 4, val);
}

uint64_t vdev_config64(uint64_t dev, uint64_t off)
{
	return vdev_get(dev, VIRTIO_MMIO_CONFIG + off) |
	       (uint64_t)vdev_get(dev, VIRTIO_MMIO_CONFIG + off + 4) << 32;
}

uint64_t vdev_features(uint64_t dev)
{
	uint64_t low;

	vdev_set(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = vdev_get(dev, VIRTIO_MMIO_DEVICE_FEATURES);
	vdev_set(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	return (uint64_t)vdev_get(dev, VIRTIO_MMIO_DEVICE_FEATURES) << 32 | low;
}

bool vdev_line(uint64_t dev)
{
	return levels[(dev - VVIRTIO_BASE) / PAGE_SIZE % VIRTIO_SLOTS];
}

uint32_t vdev_acknowledge(uint64_t dev)
{
	uint32_t status = vdev_get(dev, VIRTIO_MMIO_INTERRUPT_STATUS);

	vdev_set(dev, VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status;
}

uint32_t driver_begin(uint64_t dev, uint64_t features)
{
	const uint32_t status = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER;

	vdev_set(dev, VIRTIO_MMIO_STATUS, 0);
	vdev_set(dev, VIRTIO_MMIO_STATUS, VIRTIO_ACKNOWLEDGE);
	vdev_set(dev, VIRTIO_MMIO_STATUS, status);
	vdev_set(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	vdev_set(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	vdev_set(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	vdev_set(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	vdev_set(dev, VIRTIO_MMIO_STATUS, status | VIRTIO_FEATURES_OK);
	return vdev_get(dev, VIRTIO_MMIO_STATUS);
}

/* A store of the guest's until the device is done with it. */
static unsigned int store(uint64_t a, uint32_t val)
{
	unsigned int n = 0;

	do {
		if (++n > MAX_STEPS)
			abort();
		guest_write(a, 4, val);
	} while (vcpu_tries_again(this_vcpu()));
	return n;
}

unsigned int driver_ok(uint64_t dev)
{
	return store(dev + VIRTIO_MMIO_STATUS,
		     VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* --- rings ---------------------------------------------------------------------------------------- */

static void set_address(const struct vring *r, uint64_t low, uint64_t a)
{
	vdev_set(r->dev, low, (uint32_t)a);
	vdev_set(r->dev, low + 4, (uint32_t)(a >> 32));
}

void vring_set_addresses(const struct vring *r)
{
	vdev_set(r->dev, VIRTIO_MMIO_QUEUE_SEL, r->index);
	vdev_set(r->dev, VIRTIO_MMIO_QUEUE_SIZE, r->size);
	set_address(r, VIRTIO_MMIO_QUEUE_DESC_LOW, r->desc);
	set_address(r, VIRTIO_MMIO_QUEUE_DRIVER_LOW, r->avail);
	set_address(r, VIRTIO_MMIO_QUEUE_DEVICE_LOW, r->used);
}

/* Zeroes, as a driver has them there. */
static uint64_t fresh(uint64_t len, uint64_t align)
{
	const uint64_t a = fake_ram_alloc(len, align);

	for (uint64_t i = 0; i < len; i++)
		*(uint8_t *)fake_ram_at(a + i) = 0;
	return a;
}

void vring_begin(struct vring *r, uint64_t dev, unsigned int index, uint16_t size,
		 uint64_t features)
{
	*r = (struct vring){ .dev = dev, .index = index, .size = size };
	r->event_idx = features & VIRTIO_F_EVENT_IDX;
	r->desc = fresh(sizeof(struct virtq_desc) * size, 16);
	r->avail = fresh(VIRTQ_AVAIL_BYTES(size), 2);
	r->used = fresh(VIRTQ_USED_BYTES(size), 4);
	vring_set_addresses(r);
	vdev_set(dev, VIRTIO_MMIO_QUEUE_READY, 1);
}

void vring_put_desc(uint64_t table, uint16_t i, struct virtq_desc d)
{
	fake_ram_write(table + sizeof(d) * i, &d, sizeof(d));
}

void vring_offer(struct vring *r, uint16_t head)
{
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_RING + 2u * (r->offered % r->size), head);
	r->offered++;
}

static struct virtq_desc desc_of(const struct vbuf *b, bool more, uint16_t next)
{
	return (struct virtq_desc){
		.addr = b->at,
		.len = b->len,
		.flags = (uint16_t)((more ? VIRTQ_DESC_NEXT : 0) | (b->in ? VIRTQ_DESC_WRITE : 0)),
		.next = more ? next : 0xbeef,
	};
}

uint16_t vring_add(struct vring *r, const struct vbuf *bufs, unsigned int nr)
{
	const uint16_t head = r->next;

	for (unsigned int i = 0; i < nr; i++) {
		const uint16_t at = r->next;

		r->next = (uint16_t)((at + 1) % r->size);
		vring_put_desc(r->desc, at, desc_of(&bufs[i], i + 1 < nr, r->next));
	}
	vring_offer(r, head);
	return head;
}

uint64_t vring_table(const struct vbuf *bufs, unsigned int nr)
{
	const uint64_t table = fake_ram_alloc(sizeof(struct virtq_desc) * nr, 16);

	for (unsigned int i = 0; i < nr; i++)
		vring_put_desc(table, (uint16_t)i,
			       desc_of(&bufs[i], i + 1 < nr, (uint16_t)(i + 1)));
	return table;
}

uint16_t vring_add_indirect(struct vring *r, const struct vbuf *bufs, unsigned int nr)
{
	const uint16_t head = r->next;

	r->next = (uint16_t)((head + 1) % r->size);
	vring_put_desc(r->desc, head,
		       (struct virtq_desc){ .addr = vring_table(bufs, nr),
					    .len = (uint32_t)sizeof(struct virtq_desc) * nr,
					    .flags = VIRTQ_DESC_INDIRECT });
	vring_offer(r, head);
	return head;
}

bool vring_publish(struct vring *r)
{
	const uint16_t old = r->published;

	r->published = r->offered;
	fake_ram_set_u16(r->avail + VIRTQ_AVAIL_IDX, r->published);
	if (r->event_idx)
		return (uint16_t)(r->published - fake_ram_u16(r->used + VIRTQ_USED_EVENT(r->size)) -
				  1) < (uint16_t)(r->published - old);
	return !(fake_ram_u16(r->used + VIRTQ_USED_FLAGS) & VIRTQ_USED_NO_NOTIFY);
}

unsigned int vring_notify(const struct vring *r)
{
	return store(r->dev + VIRTIO_MMIO_QUEUE_NOTIFY, r->index);
}

bool vring_notify_once(const struct vring *r)
{
	guest_write(r->dev + VIRTIO_MMIO_QUEUE_NOTIFY, 4, r->index);
	return vcpu_tries_again(this_vcpu());
}

unsigned int vring_kick(struct vring *r)
{
	return vring_publish(r) ? vring_notify(r) : 0;
}

bool vring_used(struct vring *r, uint32_t *id, uint32_t *len)
{
	const uint64_t at =
		r->used + VIRTQ_USED_RING + sizeof(struct virtq_used_elem) * (r->seen % r->size);

	if (fake_ram_u16(r->used + VIRTQ_USED_IDX) == r->seen)
		return false;
	*id = fake_ram_u32(at);
	*len = fake_ram_u32(at + 4);
	r->seen++;
	if (r->event_idx)
		fake_ram_set_u16(r->avail + VIRTQ_AVAIL_EVENT(r->size), r->seen);
	return true;
}
