// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk.h"

#include <inttypes.h>
#include <stdio.h>

/* The next chain has nothing to do with the one that the queue was at. */
static void disk_stopped(struct virtio_dev *d, struct virtq *q)
{
	blk_request_of(disk_of(d), q)->active = false;
}

static void disk_forget(struct virtio_dev *d)
{
	for (unsigned int i = 0; i < d->nr_queues; i++) {
		struct virtq *q = &d->queues[i];

		spin_lock(&q->lock);
		disk_stopped(d, q);
		spin_unlock(&q->lock);
	}
}

static const struct virtio_ops disk_ops = {
	.name = "disk",
	.id = VIRTIO_ID_BLOCK,
	.handle = blk_handle,
	.reset = disk_forget,
	.stopped = disk_stopped,
};

/* --- as a part of a VM ---------------------------------------------------------------------------- */

/* What an overlay takes if nothing is said; less if the whole image takes less. */
#define OVERLAY_DEFAULT MIB(64)

enum disk_access { DISK_READ_ONLY, DISK_OVERLAY };

struct disk_config {
	// cppcheck-suppress unusedStructMember
	struct virtio_config virtio; /* first: virtio_init() reads it */
	uint32_t queues;
	struct config_image image;
	unsigned int access;	 /* enum disk_access */
	uint64_t overlay_memory; /* 0: nothing is said */
};

static const char *const access_words[] = { "read-only", "overlay", NULL };

static void read_overlay_memory(struct config_node *n, const struct property *p, void *value)
{
	uint64_t bytes = 0;

	if (fdtx_prop_u64(n->fdt, n->node, p->name, &bytes) == HV_OK && bytes >= OVERLAY_MIN &&
	    is_aligned(bytes, PAGE_SIZE))
		*(uint64_t *)value = bytes;
	else
		config_error(n, p->name,
			     "must be bytes, one cell or two: a multiple of 4 KiB, at least 8 KiB");
}

static const struct property rows[] = {
	VIRTIO_PROPERTIES(struct disk_config),
	PROPERTY_IMAGE_REQUIRED("image", struct disk_config, image),
	PROPERTY_WORD("access", struct disk_config, access, access_words),
	PROPERTY("overlay-memory", read_overlay_memory, struct disk_config, overlay_memory),
	PROPERTY_U32("queues", struct disk_config, queues, 1, BLK_QUEUES),
};
static const struct disk_config initial = { .queues = 1 };

static_assert(BLK_QUEUES == 8, "docs/devices.md and the bindings say eight");

static void disk_check(struct config_node *n, const void *config)
{
	const struct disk_config *c = config;

	if (c->overlay_memory != 0 && c->access != DISK_OVERLAY)
		config_error(n, "overlay-memory",
			     "is for access = \"overlay\": must not be there without");
}

static void fill_layout(const struct disk *k)
{
	struct blk_layout *c = virtio_config(&k->dev);
	const uint64_t sectors = k->size / BLK_SECTOR;

	c->capacity = sectors;
	c->seg_max = BLK_SEG_MAX;
	c->blk_size = BLK_SECTOR;
	c->num_queues = (uint16_t)k->dev.nr_queues;
	if (!k->writable)
		return;
	/* Blocks of the overlay: a write of less copies the rest from the image. */
	c->physical_block_exp = 3;
	c->min_io_size = OVERLAY_BLOCK / BLK_SECTOR;
	c->max_discard_sectors = (uint32_t)min_u64(sectors, UINT32_MAX);
	c->max_discard_seg = BLK_RANGES;
	c->discard_sector_alignment = OVERLAY_BLOCK / BLK_SECTOR;
	c->max_write_zeroes_sectors = c->max_discard_sectors;
	c->max_write_zeroes_seg = BLK_RANGES;
	c->write_zeroes_may_unmap = 1;
}

static uint64_t features(const struct disk_config *c)
{
	return BLK_F_SEG_MAX | BLK_F_BLK_SIZE | (c->queues > 1 ? BLK_F_MQ : 0) |
	       (c->access == DISK_OVERLAY ?
			BLK_F_FLUSH | BLK_F_TOPOLOGY | BLK_F_DISCARD | BLK_F_WRITE_ZEROES :
			BLK_F_RO);
}

static int make_overlay(struct disk *k, struct vm *vm, const struct disk_config *c)
{
	uint64_t most = c->overlay_memory;

	if (c->access != DISK_OVERLAY)
		return HV_OK;
	if (most == 0)
		most = min_u64(OVERLAY_DEFAULT, overlay_size_for(k->image_size));
	k->writable = true;
	return overlay_init(&k->overlay, &vm->arena, k->image, k->image_size, most);
}

static int disk_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct disk_config *c = args->config;
	struct disk *k = arena_new(&vm->arena, struct disk);
	int err;

	if (!k)
		return HV_ENOMEM;
	*state = k;
	if (c->queues > vm->nr_vcpus) {
		config_error(args->node, "queues", "must be 1 to %u: the VM has no more vcpus",
			     vm->nr_vcpus);
		return HV_EINVAL;
	}
	k->image = c->image.data;
	k->image_size = c->image.size;
	k->size = align_up(k->image_size, BLK_SECTOR);
	snprintf(k->id, sizeof(k->id), "hartvisor-%x-%s", args->unit, c->image.name);
	err = make_overlay(k, vm, c);
	if (err == HV_OK)
		err = virtio_init(&k->dev, vm, args, &disk_ops, features(c), c->queues,
				  BLK_QUEUE_SIZE);
	if (err == HV_OK)
		fill_layout(k);
	return err;
}

/* The overlay stays: a disk keeps its data when the guest is reset. It goes with the VM's arena. */
static void disk_reset(void *state)
{
	virtio_reset(&((struct disk *)state)->dev);
}

VM_PART(disk) = {
	.name = "disk",
	.order = VM_PART_DEVICE,
	.child = "disk",
	VM_PART_CONFIG(rows, initial),
	.check = disk_check,
	.create = disk_create,
	.reset = disk_reset,
	.destroy = disk_reset,
};
