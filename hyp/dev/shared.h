/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions of memory that VMs share: what /configurations/NAME/shared-memory describes (vm/shared_memory.h). The memory is the
 * region's, and stays as it is for as long as some VM names it, through resets of its VMs. The last one that is destroyed leaves it
 * behind; the next one finds it cleared.
 */
#ifndef DEV_SHARED_H
#define DEV_SHARED_H

#include <hartvisor/shared.h>

#include "lib/named.h"
#include "lib/spinlock.h"
#include "lib/types.h"

#define SHARED_REGIONS_MAX 16
#define SHARED_UNIT	   MIB(2) /* its memory begins at a multiple of it, if it has as much */

struct shared_peer;

struct shared_region {
	struct named named;
	uint64_t size;
	hpa_t at;

	struct spinlock
		lock; /* LOCK_SHARED; guards what follows, and what peers change of each other */
	unsigned int nr_peers;
	struct shared_peer *peers[HARTVISOR_SHARED_PEERS]; /* NULL: free */
};

/* shared_add - @r, with a name, a size and memory, becomes one of those that there are. Boot hart. */
void shared_add(struct shared_region *r);

extern struct named *shared_regions;

#endif
