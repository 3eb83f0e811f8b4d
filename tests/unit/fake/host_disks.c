// SPDX-License-Identifier: BSD-2-Clause
#include "fake/host_disks.h"

#include <stdlib.h>
#include <string.h>

/* The sources themselves: each test begins without disks. */
#include "dev/virtio/blk_source.c"
#include "vm/disks.c"

__attribute__((weak)) struct machine machine;

uint8_t fake_host_disk[FAKE_HOST_DISK_BYTES];
bool fake_host_disk_read_only;

struct host_disk {
	struct host_disk_facts facts;
	void *memory;
};

static struct host_disk disks[HOST_DISK_MAX];
static unsigned int nr_disks;

void fake_host_disks_forget(void)
{
	for (unsigned int i = 0; i < nr_disks; i++)
		page_free(ptr_to_hpa(disks[i].memory), HOST_DISK_MEMORY);
	nr_disks = nr_opened = nr_made = 0;
	disk_sources = NULL;
}

int host_disk_open(const void *fdt, const char *path, void *memory, struct host_disk **out,
		   const char **why)
{
	struct host_disk *d;

	(void)fdt;
	*why = "must be a disk";
	if (strncmp(path, "/disk", 5) != 0)
		return HV_ENOENT;
	*why = "must be at most 8";
	if (nr_disks == HOST_DISK_MAX)
		return HV_EOVERFLOW;
	d = &disks[nr_disks++];
	d->memory = memory;
	d->facts = (struct host_disk_facts){
		.sectors = FAKE_HOST_DISK_BYTES / BLK_SECTOR,
		.read_only = fake_host_disk_read_only,
		.pieces = HOST_DISK_PIECES,
		.piece_bytes = UINT32_MAX,
		.block_bytes = BLK_SECTOR,
	};
	*out = d;
	return HV_OK;
}

const struct host_disk_facts *host_disk_facts(const struct host_disk *d)
{
	return &d->facts;
}

int host_disk_read_now(struct host_disk *d, uint64_t sector, void *to, unsigned int sectors)
{
	if (sectors > d->facts.sectors || sector > d->facts.sectors - sectors)
		abort();
	memcpy(to, fake_host_disk + sector * BLK_SECTOR, (size_t)sectors * BLK_SECTOR);
	return HV_OK;
}
