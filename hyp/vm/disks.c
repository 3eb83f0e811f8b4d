// SPDX-License-Identifier: BSD-2-Clause
#include "vm/disks.h"

#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "dev/virtio/blk_source.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "platform/partition.h"
#include "vm/config.h"
#include "vm/config_children.h"

#define SOURCES_MAX 32

struct source_config {
	const char *host;
	uint32_t partition;    /* 0: none */
	uint64_t offset, size; /* bytes; 0: from the beginning, up to the end */
};

static void read_bytes(struct config_node *n, const struct property *p, void *value)
{
	uint64_t bytes = 0;

	if (fdtx_prop_u64(n->fdt, n->node, p->name, &bytes) == HV_OK &&
	    is_aligned(bytes, BLK_SECTOR))
		*(uint64_t *)value = bytes;
	else
		config_error(n, p->name, "must be bytes, one cell or two: a multiple of 512");
}

static const struct property rows[] = {
	PROPERTY_NAME("compatible"),
	PROPERTY_NAME("description"),
	PROPERTY_NAME("status"),
	PROPERTY_STRING("host", struct source_config, host, FDTX_PATH_MAX - 1),
	PROPERTY_U32("partition", struct source_config, partition, 1, PARTITION_MAX),
	PROPERTY("offset", read_bytes, struct source_config, offset),
	PROPERTY("size", read_bytes, struct source_config, size),
};

const struct property_table disk_source_properties = PROPERTY_TABLE(rows);

/* The machine's disks that are open: several nodes may name parts of one. */
static struct opened {
	struct host_disk *disk;
	int node; /* of the machine's tree */
} opened[HOST_DISK_MAX];
static unsigned int nr_opened;

static struct disk_source made[SOURCES_MAX];
static unsigned int nr_made;

static struct host_disk *open_anew(struct config_node *n, const char *host)
{
	void *memory = page_alloc_zeroed(HOST_DISK_MEMORY, PAGE_SIZE);
	struct host_disk *disk;
	const char *why;

	if (!memory) {
		config_error(n, NULL, "no memory is left for the disk's queue");
		return NULL;
	}
	if (host_disk_open(machine.fdt, host, memory, &disk, &why) != HV_OK) {
		page_free(ptr_to_hpa(memory), HOST_DISK_MEMORY);
		config_error(n, "host", "%s", why);
		return NULL;
	}
	log_info("disk %s: %" PRIu64 " MiB%s", host,
		 host_disk_facts(disk)->sectors / (MIB(1) / BLK_SECTOR),
		 host_disk_facts(disk)->read_only ? ", read-only" : "");
	return disk;
}

static struct host_disk *open_disk(struct config_node *n, const char *host)
{
	int node = fdt_path_offset(machine.fdt, host);
	struct host_disk *disk;

	for (unsigned int i = 0; node >= 0 && i < nr_opened; i++)
		if (opened[i].node == node)
			return opened[i].disk;
	disk = open_anew(n, host);
	if (disk)
		opened[nr_opened++ % HOST_DISK_MAX] = (struct opened){ disk, node };
	return disk;
}

static int read_sectors(void *arg, uint64_t sector, void *to, unsigned int nr)
{
	return host_disk_read_now(arg, sector, to, nr);
}

/* The partition, or the whole disk. */
static bool find_whole(struct config_node *n, struct host_disk *disk, unsigned int number,
		       struct partition *out)
{
	const struct host_disk_facts *f = host_disk_facts(disk);
	struct partition_disk d = {
		.sectors = f->sectors,
		.block_bytes = f->block_bytes <= PARTITION_BUFFER &&
					       (f->block_bytes & (f->block_bytes - 1)) == 0 ?
				       f->block_bytes :
				       BLK_SECTOR,
		.read = read_sectors,
		.arg = disk,
	};
	const char *why;
	int err;

	*out = (struct partition){ 0, f->sectors };
	if (number == 0)
		return true;
	d.buffer = page_alloc_zeroed(PARTITION_BUFFER, PAGE_SIZE);
	if (!d.buffer) {
		config_error(n, NULL, "no memory is left to look for the partition");
		return false;
	}
	err = partition_find(&d, number, out, &why);
	page_free(ptr_to_hpa(d.buffer), PARTITION_BUFFER);
	if (err != HV_OK)
		config_error(n, "partition", "%s", why);
	return err == HV_OK;
}

/* What offset and size leave of it. */
static bool cut(struct config_node *n, const struct source_config *c, struct partition *p)
{
	const uint64_t offset = c->offset / BLK_SECTOR;
	const uint64_t size = c->size / BLK_SECTOR;

	if (offset >= p->sectors) {
		config_error(n, c->offset != 0 ? "offset" : "host",
			     "must lie within the %" PRIu64 " bytes that there are",
			     p->sectors * BLK_SECTOR);
		return false;
	}
	p->sector += offset;
	p->sectors -= offset;
	if (size > p->sectors) {
		config_error(n, "size",
			     "must be at most %" PRIu64
			     ", which is all that there is from the offset on",
			     p->sectors * BLK_SECTOR);
		return false;
	}
	if (size != 0)
		p->sectors = size;
	return true;
}

static void parse_one(struct config_node *n)
{
	struct source_config c = { 0 };
	struct host_disk *disk = NULL;
	struct partition p;

	if (!fdtx_is_compatible(n->fdt, n->node, "hartvisor,disk"))
		config_error(n, "compatible", "must be \"hartvisor,disk\"");
	property_check_names(n, &disk_source_properties, 1);
	property_read_all(n, &disk_source_properties, &c);
	if (!c.host && !n->failed)
		config_error(n, "host",
			     "must be the path or the alias of a disk in the machine's tree "
			     "(\"/soc/virtio_mmio@10008000\")");
	if (!n->failed && config_child_is_new(n, disk_sources, SOURCES_MAX, "disks"))
		disk = open_disk(n, c.host);
	if (!disk || !find_whole(n, disk, c.partition, &p) || !cut(n, &c, &p))
		return;
	made[nr_made] = (struct disk_source){
		.named.name = fdtx_name(n->fdt, n->node),
		.disk = disk,
		.sector = p.sector,
		.sectors = p.sectors,
	};
	named_add(&disk_sources, &made[nr_made++].named);
}

void disks_parse(const void *fdt, int node, const char *path)
{
	config_children(fdt, node, path, parse_one);
}
