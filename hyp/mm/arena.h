/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bump allocator whose memory goes away as a whole: all that belongs to one VM (vcpus, devices,
 * configuration strings) comes from the VM's arena and is freed with it. Not locked; used while a VM
 * is made.
 */
#ifndef MM_ARENA_H
#define MM_ARENA_H

#include "lib/types.h"

struct arena_block;

/* Memory besides the arena's own that goes with it. In the structure of the code that has it. */
struct arena_extra {
	struct arena_extra *next;
	/* free_step - erase and free some of it, in well under a millisecond. False: there is none left. */
	bool (*free_step)(struct arena_extra *e);
};

struct arena {
	struct arena_block *blocks; /* the newest first */
	struct arena_extra *extras;
	uint64_t bytes; /* host memory held, in whole pages */
};

void arena_init(struct arena *a);

/* arena_alloc - @size zeroed bytes aligned to @align (a power of two <= PAGE_SIZE); NULL: no memory. */
void *arena_alloc(struct arena *a, uint64_t size, uint64_t align);

/* arena_strdup - a copy of at most @max bytes of @s, terminated; NULL: no memory. */
char *arena_strdup(struct arena *a, const char *s, uint64_t max);

/* arena_add_extra - @e, which lies in the arena, is asked to free what it has before the arena's own memory goes. */
static inline void arena_add_extra(struct arena *a, struct arena_extra *e)
{
	e->next = a->extras;
	a->extras = e;
}

/* arena_pages - @size zeroed bytes, whole pages, which lie by themselves: what guests see, or large. NULL: no memory. */
void *arena_pages(struct arena *a, uint64_t size);

/* arena_destroy_step - erases and frees one step of an extra, or one block, of 16 KiB or the largest object. False: there is
 * none left. */
bool arena_destroy_step(struct arena *a);
void arena_destroy(struct arena *a);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))

#endif
