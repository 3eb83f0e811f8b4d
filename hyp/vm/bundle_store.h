/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundles that came while VMs ran (docs/operating.md calls them images). One has a name, until it is dropped, and memory of its own,
 * until no VM that was made of it is left: kernels, disks and persistent memory are read where they lie.
 *
 * Names are given and taken by the control channel's work item alone; VMs come and go on any hart.
 * Lock: one spinlock inside, LOCK_IMAGES.
 */
#ifndef VM_BUNDLE_STORE_H
#define VM_BUNDLE_STORE_H

#include "lib/list.h"
#include "lib/types.h"

#define BUNDLE_STORE_MAX 16 /* names */
#define BUNDLE_NAME_MAX	 31

struct stored_bundle {
	struct list node; /* of those that have a name */
	char name[BUNDLE_NAME_MAX + 1];
	uint8_t *data; /* direct map, a multiple of 2 MiB if it is that large: what has come of it, and the rest of its memory */
	uint64_t size, have; /* bytes that it will have, and that have come */
	uint64_t memory;     /* bytes of the block, which this structure ends */
	unsigned int users;  /* VMs, callers that look at it, and its name; guarded by the lock */
};

/*
 * bundle_store_begin - memory for @size bytes that are to come, as @name, into *@out. HV_EINVAL: the name is not of 1 to
 * BUNDLE_NAME_MAX letters, digits, '-', '_' and '.'; HV_EEXIST; HV_EOVERFLOW: there are BUNDLE_STORE_MAX; HV_ENOMEM: no free block is as large.
 */
int bundle_store_begin(const char *name, uint64_t size, struct stored_bundle **out);

/* bundle_store_find - with a reference; NULL: there is none of that name. */
struct stored_bundle *bundle_store_find(const char *name);

/* bundle_store_at - number @n of those that have a name, with a reference; NULL: there are fewer. */
struct stored_bundle *bundle_store_at(unsigned int n);

/* bundle_store_get - another reference. bundle_store_put - one less; the last one frees its memory. NULL: nothing. Any hart. */
void bundle_store_get(struct stored_bundle *b);
void bundle_store_put(struct stored_bundle *b);

/* bundle_store_users - VMs that were made of @b and are still there. The caller has a reference. */
unsigned int bundle_store_users(struct stored_bundle *b);

/* bundle_store_memory - bytes that all of them take, with a name or without. */
uint64_t bundle_store_memory(void);

/* bundle_store_drop - @b has no name any more. The caller has a reference besides. */
void bundle_store_drop(struct stored_bundle *b);

#endif
