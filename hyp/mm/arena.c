// SPDX-License-Identifier: BSD-2-Clause
#include "mm/arena.h"

#include <string.h>

#include "arch/memmap.h"
#include "mm/page.h"

/* The header of a block of pages; what is allocated follows it. */
struct arena_block {
	struct arena_block *next;
	uint64_t size; /* with this header */
	uint64_t used; /* from the block's start */
};

#define ARENA_BLOCK_SIZE (4 * PAGE_SIZE)

void arena_init(struct arena *a)
{
	a->blocks = NULL;
	a->extras = NULL;
	a->bytes = 0;
}

/* Blocks are page aligned, so an offset is as aligned as its address. NULL: does not fit. */
static void *block_take(struct arena_block *b, uint64_t size, uint64_t align)
{
	uint64_t at = align_up(b->used, align);

	if (at > b->size || b->size - at < size)
		return NULL;
	b->used = at + size;
	return (char *)b + at;
}

static struct arena_block *block_new(struct arena *a, uint64_t size)
{
	struct arena_block *b = page_alloc_zeroed(size, PAGE_SIZE);

	if (!b)
		return NULL;
	b->size = size;
	b->used = sizeof(*b);
	a->bytes += size;
	return b;
}

void *arena_alloc(struct arena *a, uint64_t size, uint64_t align)
{
	struct arena_block *b = a->blocks;
	uint64_t need;
	void *p;

	if (align == 0 || align > PAGE_SIZE || size > UINT64_MAX / 2)
		return NULL;
	p = b ? block_take(b, size, align) : NULL;
	if (p)
		return p;

	need = align_up(align_up(sizeof(*b), align) + size, PAGE_SIZE);
	b = block_new(a, max_u64(need, ARENA_BLOCK_SIZE));
	if (!b)
		return NULL;
	if (a->blocks && need > ARENA_BLOCK_SIZE) {
		/* It is full at once: what the newest has left stays in use. */
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return block_take(b, size, align);
}

/* Pages that lie by themselves. */
struct arena_of_pages {
	struct arena_extra extra;
	struct arena *arena;
	void *pages;
	uint64_t size;
};

static bool free_pages(struct arena_extra *e)
{
	struct arena_of_pages *p = container_of(e, struct arena_of_pages, extra);

	p->arena->bytes -= p->size;
	memset(p->pages, 0, p->size);
	page_free(ptr_to_hpa(p->pages), p->size);
	return false;
}

void *arena_pages(struct arena *a, uint64_t size)
{
	struct arena_of_pages *p = arena_new(a, struct arena_of_pages);

	if (!p)
		return NULL;
	p->pages = page_alloc_zeroed(size, PAGE_SIZE);
	if (!p->pages)
		return NULL;
	p->size = size;
	p->arena = a;
	p->extra.free_step = free_pages;
	a->bytes += size;
	arena_add_extra(a, &p->extra);
	return p->pages;
}

char *arena_strdup(struct arena *a, const char *s, uint64_t max)
{
	uint64_t len = strnlen(s, max);
	char *copy = arena_alloc(a, len + 1, 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

bool arena_destroy_step(struct arena *a)
{
	struct arena_block *b = a->blocks;
	uint64_t size;

	if (a->extras) {
		if (!a->extras->free_step(a->extras))
			a->extras = a->extras->next;
		return true;
	}
	if (!b)
		return false;
	size = b->size;
	a->blocks = b->next;
	a->bytes -= size;
	memset(b, 0, size); /* registers of vcpus, typed input */
	page_free(ptr_to_hpa(b), size);
	return true;
}

void arena_destroy(struct arena *a)
{
	while (arena_destroy_step(a))
		;
}
