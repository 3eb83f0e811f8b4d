// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/text.h"

/* The next chain has nothing to do with the one that the queue was at. */
static void disk_stopped(struct virtio_dev *d, struct virtq *q)
{
	blk_request_of(disk_of(d), q)->active = false;
}

static const struct virtio_ops disk_ops = {
	.name = "disk",
	.id = VIRTIO_ID_BLOCK,
	.handle = blk_handle,
	.stopped = disk_stopped,
};

static int64_t host_disk_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	(void)budget; /* no byte is moved here */
	return blk_host_handle(&disk_of(d)->host, q);
}

static int host_disk_collect(struct virtio_dev *d, struct virtq *q)
{
	struct blk_host *h = &disk_of(d)->host;

	return blk_host_lane(h, q)->over ? blk_host_collect(h, q) : HV_OK;
}

static bool host_disk_busy(struct virtio_dev *d, const struct virtq *q)
{
	return blk_host_busy(&disk_of(d)->host, q);
}

static void host_disk_stopped(struct virtio_dev *d, struct virtq *q)
{
	blk_host_stopped(&disk_of(d)->host, q);
}

static const struct virtio_ops host_disk_ops = {
	.name = "disk",
	.id = VIRTIO_ID_BLOCK,
	.handle = host_disk_handle,
	.collect = host_disk_collect,
	.busy = host_disk_busy,
	.stopped = host_disk_stopped,
	.out_of_order = true,
};

/* --- as a part of a VM ---------------------------------------------------------------------------- */

/* What an overlay takes if nothing is said; less if the whole image takes less. */
#define OVERLAY_DEFAULT MIB(64)

enum disk_access { DISK_READ_ONLY, DISK_OVERLAY, DISK_READ_WRITE, DISK_ACCESS_UNSAID };

struct disk_config {
	// cppcheck-suppress unusedStructMember
	struct virtio_config virtio; /* first: virtio_init() reads it */
	uint32_t queues;
	struct config_image image; /* data NULL: it is a part of a disk of the machine */
	struct disk_source *source;
	unsigned int access;	 /* enum disk_access */
	uint64_t overlay_memory; /* 0: nothing is said */
};

static const char *const access_words[] = { "read-only", "overlay", "read-write", NULL };

static void read_source(struct config_node *n, const struct property *p, void *value)
{
	struct named *found = property_named(n, p, disk_sources, "disks");

	if (found)
		*(struct disk_source **)value = disk_source_of(found);
}

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
	PROPERTY_IMAGE("image", struct disk_config, image),
	PROPERTY("disk", read_source, struct disk_config, source),
	PROPERTY_WORD("access", struct disk_config, access, access_words),
	PROPERTY("overlay-memory", read_overlay_memory, struct disk_config, overlay_memory),
	PROPERTY_U32("queues", struct disk_config, queues, 1, BLK_QUEUES),
};
static const struct disk_config initial = { .queues = 1, .access = DISK_ACCESS_UNSAID };

static_assert(BLK_QUEUES == 8, "docs/devices.md and the bindings say eight");

static void disk_check(struct config_node *n, const void *config)
{
	const struct disk_config *c = config;

	if (!c->image.data && !c->source)
		config_error(n, "image",
			     "must be the name of an image below /images, or else disk that of a "
			     "node below the configuration's disks");
	if (c->image.data && c->source)
		config_error(n, "disk", "must not be there beside image");
	if (c->source && c->access == DISK_OVERLAY)
		config_error(n, "access",
			     "must be \"read-only\" or \"read-write\": an overlay is for an image");
	if (c->image.data && c->access == DISK_READ_WRITE)
		config_error(n, "access",
			     "must be \"read-only\" or \"overlay\": an image is never written");
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

static int create_on_image(struct disk *k, struct vm *vm, const struct vm_part_args *args)
{
	const struct disk_config *c = args->config;
	int err;

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

static int claim(const struct vm *vm, const struct vm_part_args *args, bool writes)
{
	const struct disk_config *c = args->config;
	const struct disk_source *other;

	if (disk_source_claim(c->source, vm->name, writes, &other) == HV_OK)
		return HV_OK;
	if (other->writer)
		config_error(
			args->node, "disk",
			"%s writes to %s, which has some of the same sectors: one disk of one VM "
			"alone must have what is written",
			other->writer, other->named.name);
	else
		config_error(
			args->node, "disk",
			"another VM reads %s, which has some of the same sectors: one disk of one "
			"VM alone must have what is written",
			other->named.name);
	return HV_EINVAL;
}

static int create_on_host(struct disk *k, struct vm *vm, const struct vm_part_args *args)
{
	const struct disk_config *c = args->config;
	const bool can = !host_disk_facts(c->source->disk)->read_only;
	const bool writes = can && c->access != DISK_READ_ONLY;
	int err;

	if (!can && c->access == DISK_READ_WRITE) {
		config_error(args->node, "access",
			     "must be \"read-only\": the machine's disk cannot be written");
		return HV_EINVAL;
	}
	err = claim(vm, args, writes);
	if (err != HV_OK)
		return err;
	snprintf(k->id, sizeof(k->id), "hartvisor-%x-%s", args->unit, c->source->named.name);
	err = virtio_init(&k->dev, vm, args, &host_disk_ops,
			  blk_host_features(c->source, writes, c->queues), c->queues,
			  BLK_QUEUE_SIZE);
	if (err == HV_OK)
		err = blk_host_init(&k->host, &k->dev, c->source, writes, k->id);
	if (err == HV_OK)
		blk_host_fill_layout(&k->host);
	else
		disk_source_release(c->source, writes);
	return err;
}

static int disk_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct disk_config *c = args->config;
	struct disk *k = arena_new(&vm->arena, struct disk);

	if (!k)
		return HV_ENOMEM;
	*state = k;
	if (c->queues > vm->nr_vcpus) {
		config_error(args->node, "queues", "must be 1 to %u: the VM has no more vcpus",
			     vm->nr_vcpus);
		return HV_EINVAL;
	}
	return c->source ? create_on_host(k, vm, args) : create_on_image(k, vm, args);
}

/* The overlay stays: a disk keeps its data when the guest is reset. It goes with the VM's arena. */
static void disk_reset(void *state)
{
	(void)virtio_reset(&((struct disk *)state)->dev);
}

static bool disk_settled(const void *state)
{
	const struct disk *k = state;
	bool busy = false;

	for (unsigned int i = 0; k->host.source && i < k->dev.nr_queues; i++) {
		struct virtq *q = &k->dev.queues[i];

		spin_lock(&q->lock);
		busy |= blk_host_busy(&k->host, q);
		spin_unlock(&q->lock);
	}
	return !busy;
}

/* What was over during the pause, and what waited for it. */
static void disk_resume(void *state)
{
	struct disk *k = state;

	for (unsigned int i = 0; k->host.source && i < k->dev.nr_queues; i++)
		virtio_serve_all(&k->dev, i);
}

/* Its last life has settled. */
static void disk_destroy(void *state)
{
	struct disk *k = state;

	disk_reset(k);
	if (k->host.source)
		blk_host_leave(&k->host);
}

VM_PART(disk) = {
	.name = "disk",
	.order = VM_PART_DEVICE,
	.child = "disk",
	VM_PART_CONFIG(rows, initial),
	.check = disk_check,
	.create = disk_create,
	.resume = disk_resume,
	.reset = disk_reset,
	.settled = disk_settled,
	.destroy = disk_destroy,
};
