/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the machine's disks that guests may have: what /configurations/NAME/disks describes (vm/disks.h). Of what overlaps,
 * one disk of a guest at most may be written, and then no other may be read.
 */
#ifndef DEV_VIRTIO_BLK_SOURCE_H
#define DEV_VIRTIO_BLK_SOURCE_H

#include "lib/list.h"
#include "lib/named.h"
#include "platform/disk.h"

struct vm;

struct disk_source {
	struct named named;
	struct host_disk *disk;
	uint64_t sector, sectors;
	/* Guarded by blk_source.c's lock. */
	unsigned int readers;
	const char *writer; /* the name of a VM; NULL: none */
};

extern struct named *disk_sources;

/* disk_source_of - the source that has the name @n; NULL of NULL. */
static inline struct disk_source *disk_source_of(struct named *n)
{
	return n ? container_of(n, struct disk_source, named) : NULL;
}

/*
 * disk_source_claim - VM @vm is to read @s, or to read and write it. HV_EBUSY: not beside what another disk of a guest does;
 * *@other is that one's source. disk_source_release - it does no longer.
 */
int disk_source_claim(struct disk_source *s, const char *vm, bool writes,
		      const struct disk_source **other);
void disk_source_release(struct disk_source *s, bool writes);

#endif
