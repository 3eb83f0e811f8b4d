// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/transport.h"

#include "arch/memmap.h"
#include "dev/mmio.h"
#include "dev/virtio/look.h"
#include "lib/index.h"
#include "vcpu/layout.h"

static_assert(VIRTIO_SLOTS * PAGE_SIZE == VVIRTIO_SIZE, "a page for each slot");

static gpa_t slot_base(unsigned int slot)
{
	return gpa(VVIRTIO_BASE + slot * PAGE_SIZE);
}

/* --- registers ------------------------------------------------------------------------------------ */

static struct virtio_dev *dev_at(const struct virtio_slots *s, uint64_t off)
{
	return s->dev[off / PAGE_SIZE % VIRTIO_SLOTS];
}

static uint64_t empty_slot(uint64_t off, unsigned int len)
{
	if (len != 4)
		return 0;
	switch (off % PAGE_SIZE) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return VIRTIO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VIRTIO_MMIO_VERSION_2;
	case VIRTIO_MMIO_VENDOR_ID:
		return VIRTIO_VENDOR;
	default:
		return 0;
	}
}

/* The page of a device is mapped, so its guest comes here only when it has no memory for the tables, or its hart none. */
static uint64_t slots_read(void *dev, uint64_t off, unsigned int len)
{
	const struct virtio_dev *d = dev_at(dev, off);
	const uint8_t *p;

	if (!d)
		return empty_slot(off, len);
	p = d->page + off % PAGE_SIZE;
	switch (len) {
	case 1:
		return atomic_read(p);
	case 2:
		return atomic_read((const uint16_t *)(const void *)p);
	case 4:
		return atomic_read((const uint32_t *)(const void *)p);
	default:
		return atomic_read((const uint64_t *)(const void *)p);
	}
}

/* No register of 8 bytes is all ones, but for one that no driver reads. */
static uint64_t slots_peek(void *dev, uint64_t off, unsigned int len)
{
	return slots_read(dev, off, len);
}

static void slots_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct virtio_dev *d = dev_at(dev, off);

	if (d)
		virtio_write_register(d, off % PAGE_SIZE, len, val);
}

static const struct mmio_ops slots_ops = { slots_read, slots_write, slots_peek };

/* --- as an operator sees them ---------------------------------------------------------------------- */

static const size_t words = sizeof(struct virtq_counts) / sizeof(uint64_t);

static struct virtq *queue_at(const struct vm *vm, unsigned int slot, unsigned int queue,
			      const struct virtio_dev **d)
{
	*d = vm->virtio && slot < VIRTIO_SLOTS ? vm->virtio->dev[index_below(slot, VIRTIO_SLOTS)] :
						 NULL;
	return *d && queue < (*d)->nr_queues ? &(*d)->queues[index_below(queue, (*d)->nr_queues)] :
					       NULL;
}

bool virtio_look(const struct vm *vm, unsigned int slot, unsigned int queue,
		 struct virtio_look *out)
{
	const struct virtio_dev *d;
	const struct virtq *q = queue_at(vm, slot, queue, &d);

	if (!q)
		return false;
	out->device = d->ops->name;
	for (size_t i = 0; i < words; i++) {
		uint64_t now = atomic_read((const uint64_t *)&q->counts + i);

		((uint64_t *)&out->counts)[i] =
			now - min_u64(now, atomic_read((const uint64_t *)&q->counted + i));
	}
	return true;
}

void virtio_zero(const struct vm *vm)
{
	const struct virtio_dev *d;
	struct virtq *q;

	for (unsigned int slot = 0; slot < VIRTIO_SLOTS; slot++)
		for (unsigned int i = 0; (q = queue_at(vm, slot, i, &d)) != NULL; i++)
			for (size_t w = 0; w < words; w++)
				atomic_set((uint64_t *)&q->counted + w,
					   atomic_read((uint64_t *)&q->counts + w));
}

/* --- as a part of a VM ---------------------------------------------------------------------------- */

int virtio_slots_take(struct virtio_slots *s, struct virtio_dev *d, unsigned int wanted)
{
	unsigned int slot = 0;

	if (wanted)
		slot = wanted - 1;
	else
		while (slot < VIRTIO_SLOTS && s->dev[slot % VIRTIO_SLOTS])
			slot++;
	if (slot >= VIRTIO_SLOTS)
		return HV_ENOMEM;
	if (s->dev[index_below(slot, VIRTIO_SLOTS)])
		return HV_EEXIST;
	s->dev[index_below(slot, VIRTIO_SLOTS)] = d;
	d->slot = slot;
	return HV_OK;
}

static int slots_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct virtio_slots *s = arena_new(&vm->arena, struct virtio_slots);

	(void)args;
	if (!s)
		return HV_ENOMEM;
	*state = vm->virtio = s;
	return mmio_add(vm->bus, gpa(VVIRTIO_BASE), VVIRTIO_SIZE, &slots_ops, s, "virtio");
}

static int slots_map(void *state, struct vm *vm)
{
	const struct virtio_slots *s = state;

	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++) {
		int err = s->dev[i] ? gstage_map_page(&vm->gstage, slot_base(i),
						      ptr_to_hpa(s->dev[i]->page)) :
				      HV_OK;

		if (err != HV_OK)
			return err;
	}
	return HV_OK;
}

#define LABEL_DIGIT (sizeof("virtio_mmio") - 1)

/* Kernels name disks and consoles in the order of their nodes. */
static void slots_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	const struct virtio_slots *s = state;

	if (place != VM_PLACE_SOC)
		return;
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++) {
		const struct virtio_dev *d = s->dev[i];
		char label[] = "virtio_mmio0";

		if (!d)
			continue;
		label[LABEL_DIGIT] = (char)('0' + i);
		fdtw_begin_device(w, "virtio_mmio", label, d->phandle, slot_base(i).gpa, PAGE_SIZE);
		fdtw_string(w, "compatible", "virtio,mmio");
		virq_describe(d->irq, w);
		fdtw_end(w);
	}
}

VM_PART(virtio_slots) = {
	.name = "virtio slots",
	.order = VM_PART_BUS,
	.create = slots_create,
	.map = slots_map,
	.describe = slots_describe,
};
