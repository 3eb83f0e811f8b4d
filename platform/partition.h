/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions of a disk: those of a GPT (UEFI specification, section 5.3), or of an MBR with its logical ones. What stands on
 * the disk is not trusted: nothing here goes beyond the disk, or reads more than a bounded part of it.
 */
#ifndef PLATFORM_PARTITION_H
#define PLATFORM_PARTITION_H

#include "lib/errno.h"
#include "lib/types.h"

/* Bytes that are read at once. */
#define PARTITION_BUFFER KIB(4)

#define PARTITION_MAX 128 /* the highest number that is looked for */

struct partition_disk {
	uint64_t sectors;     /* of 512 bytes */
	uint32_t block_bytes; /* in which a GPT counts: a power of two from 512 to PARTITION_BUFFER */
	uint8_t *buffer;      /* PARTITION_BUFFER bytes */
	/* read - @sectors from @sector on, which the disk has, into @to. HV_EIO. */
	int (*read)(void *arg, uint64_t sector, void *to, unsigned int sectors);
	void *arg;
};

struct partition {
	uint64_t sector, sectors;
};

/*
 * partition_find - partition @number, from 1, as Linux numbers them. On errors HV_E*, and *@why is what is wrong, in words that
 * follow the value of a property.
 */
int partition_find(const struct partition_disk *d, unsigned int number, struct partition *out,
		   const char **why);

#endif
