/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/diskvm.h"

#include <stdlib.h>
#include <string.h>

#include "fake/tree.h"
#include "lib/errno.h"
#include "lib/text.h"
#include "vcpu/vm_part.h"

#define MAX_BUFS 128

uint8_t disk_image[IMAGE_SIZE];
struct vring disk_ring;
uint64_t disk_out, disk_in;
uint32_t disk_cut, disk_written;
bool disk_cuts_vary, disk_indirect;

static uint8_t copy[IMAGE_SIZE];
static uint64_t tree[256];
static uint32_t seed;
static void *disk;

uint32_t disk_random(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static int find(const struct config_images *from, const char *name, struct config_image *out,
		struct text *why)
{
	(void)from;
	if (strcmp(name, "root") != 0) {
		text_add(why, "must be an image");
		return HV_ENOENT;
	}
	*out = (struct config_image){ "root", disk_image, IMAGE_SIZE };
	return HV_OK;
}

static const struct config_images images = { .find = find };

void disk_vm_setup(enum fake_leaves leaves)
{
	fake_guest_setup(DISK_VCPUS, leaves, MIB(2));
	seed = 2463534242;
	for (size_t i = 0; i < IMAGE_SIZE; i++)
		copy[i] = disk_image[i] = (uint8_t)(1 + i / 512 + i % 253);
	disk_cut = 0;
	disk_cuts_vary = disk_indirect = false;
	disk_out = fake_ram_alloc(sizeof(uint64_t) * 2 + DISK_DATA, 8);
	disk_in = fake_ram_alloc(DISK_DATA + 1, 8);
	disk = NULL;
}

bool disk_vm_teardown(void)
{
	if (disk)
		fake_part_named("disk")->destroy(disk);
	return fake_guest_teardown() && memcmp(copy, disk_image, IMAGE_SIZE) == 0;
}

int disk_make(struct disk_says says, unsigned int unit)
{
	struct config_node n = { .fdt = tree, .path = "/vm/disk@0", .images = &images };
	void *state = NULL;
	int err;

	tree_begin(tree, sizeof(tree));
	if (says.image)
		tree_string(tree, "image", says.image);
	if (says.access)
		tree_string(tree, "access", says.access);
	if (says.overlay_memory)
		tree_cells(tree, "overlay-memory", 2, (uint32_t)(says.overlay_memory >> 32),
			   (uint32_t)says.overlay_memory);
	if (says.queues)
		tree_cells(tree, "queues", 1, says.queues);
	(void)tree_finish(tree);
	err = fake_virtio_make("disk", &n, unit, &state);
	if (err == HV_OK)
		disk = state;
	return err;
}

void *disk_state(void)
{
	return disk;
}

void disk_begin(uint64_t features)
{
	if (!(driver_begin(DISK, features) & VIRTIO_FEATURES_OK))
		abort();
	vring_begin(&disk_ring, DISK, 0, 128, features);
	if (driver_ok(DISK) != 1)
		abort();
}

void disk_end_life(void)
{
	fake_part_named("disk")->reset(disk);
}

/* @len bytes at @at as buffers. Returns how many there are. */
static unsigned int cut(struct vbuf *bufs, unsigned int max, uint64_t at, uint32_t len, bool in)
{
	unsigned int nr = 0;

	while (len > 0) {
		uint32_t n = disk_cuts_vary ? 1 + disk_random(disk_cut) : disk_cut;

		if (n > len || nr + 1 == max)
			n = len;
		bufs[nr++] = (struct vbuf){ at, n, in };
		at += n;
		len -= n;
	}
	return nr;
}

uint16_t disk_offer(struct vring *r, uint32_t type, uint64_t sector, const void *data, uint32_t out,
		    uint32_t in)
{
	const uint64_t header[2] = { type, sector };
	struct vbuf bufs[MAX_BUFS];
	unsigned int nr = 0;

	fake_ram_write(disk_out, header, sizeof(header));
	if (out)
		fake_ram_write(disk_out + sizeof(header), data, out);
	*(uint8_t *)fake_ram_at(disk_in + in) = 0xff;
	if (disk_cut != 0) {
		nr = cut(bufs, MAX_BUFS / 2, disk_out, (uint32_t)sizeof(header) + out, false);
		nr += cut(bufs + nr, MAX_BUFS / 2, disk_in, in + 1, true);
	} else {
		bufs[nr++] = (struct vbuf){ disk_out, sizeof(header), false };
		if (out)
			bufs[nr++] = (struct vbuf){ disk_out + sizeof(header), out, false };
		if (in)
			bufs[nr++] = (struct vbuf){ disk_in, in, true };
		bufs[nr++] = (struct vbuf){ disk_in + in, 1, true };
	}
	return disk_indirect ? vring_add_indirect(r, bufs, nr) : vring_add(r, bufs, nr);
}

int disk_result(struct vring *r, uint16_t head, uint32_t in)
{
	uint32_t id;

	if (!vring_used(r, &id, &disk_written))
		return -1;
	if (id != head)
		abort();
	return *(uint8_t *)fake_ram_at(disk_in + in);
}

int disk_request(struct vring *r, uint32_t type, uint64_t sector, const void *data, uint32_t out,
		 uint32_t in)
{
	uint16_t head = disk_offer(r, type, sector, data, out, in);

	(void)vring_kick(r);
	return disk_result(r, head, in);
}

int disk_read(uint64_t sector, void *to, uint32_t len)
{
	int status = disk_request(&disk_ring, IN, sector, NULL, 0, len);

	fake_ram_read(disk_in, to, len);
	return status;
}

int disk_write(uint64_t sector, const void *from, uint32_t len)
{
	return disk_request(&disk_ring, OUT, sector, from, len, 0);
}

int disk_zero(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} range = { sector, sectors, flags };

	return disk_request(&disk_ring, type, 0, &range, sizeof(range), 0);
}

bool disk_needs_reset(void)
{
	return vdev_get(DISK, VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET;
}
