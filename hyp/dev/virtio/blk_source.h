/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the machine's disks that guests may have: what /configurations/NAME/disks describes (vm/disks.h). Of what overlaps,
 * one disk of a guest at most may be written, and then no other may be read.
 */
#ifndef DEV_VIRTIO_BLK_SOURCE_H
#define DEV_VIRTIO_BLK_SOURCE_H

#include "lib/list.h"
#include "platform/disk.h"

struct vm;

struct disk_source {
	struct disk_source *next; /* all there are; fixed once the VMs are made */
	const char *name;	  /* of its node */
	struct host_disk *disk;
	uint64_t sector, sectors;
	/* Guarded by blk_source.c's lock. */
	unsigned int readers;
	const char *writer; /* the name of a VM; NULL: none */
};

/* disk_source_add - @s becomes one of those that there are. Boot hart. */
void disk_source_add(struct disk_source *s);

/* disk_source_find - by name; NULL: there is none. disk_source_next - the one behind @s, or the first (NULL). */
struct disk_source *disk_source_find(const char *name);
struct disk_source *disk_source_next(const struct disk_source *s);

/*
 * disk_source_claim - VM @vm is to read @s, or to read and write it. HV_EBUSY: not beside what another disk of a guest does;
 * *@other is that one's source. disk_source_release - it does no longer.
 */
int disk_source_claim(struct disk_source *s, const char *vm, bool writes,
		      const struct disk_source **other);
void disk_source_release(struct disk_source *s, bool writes);

#endif
