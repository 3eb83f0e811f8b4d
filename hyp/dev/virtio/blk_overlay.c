// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk_overlay.h"

#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/copy.h"
#include "lib/errno.h"
#include "lib/index.h"
#include "mm/page.h"

/* Blocks without a page that one call of overlay_zero() marks, and what one step of the end looks at. */
#define ZERO_RUN  64
#define FREE_STEP 1024
#define FREE_PAGE 64 /* what a page counts there */

/* --- pages ---------------------------------------------------------------------------------------- */

static void *to_ptr(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* The pool holds no VM's data, neither in memory nor in caches (arch_clean_range()). */
static void free_page(void *page)
{
	arch_wipe_range(page, PAGE_SIZE);
	page_free(ptr_to_hpa(page), PAGE_SIZE);
}

static void *new_page(void)
{
	hpa_t a;

	return page_alloc(PAGE_SIZE, PAGE_SIZE, &a) ? hpa_to_ptr(a) : NULL;
}

/* @n pages of what the bound leaves. With the lock. */
static bool reserve(struct overlay *o, uint64_t n)
{
	if (o->max_pages - o->pages < n)
		return false;
	o->pages += n;
	return true;
}

static void unreserve(struct overlay *o, uint64_t n)
{
	spin_lock(&o->lock);
	o->pages -= n;
	spin_unlock(&o->lock);
}

/* --- tables; with the lock ------------------------------------------------------------------------ */

static uint64_t *leaf_of(const struct overlay *o, uint64_t block)
{
	return &o->leaves[index_below(block / OVERLAY_LEAF_BLOCKS, o->nr_leaves)];
}

/* The entry of @block; NULL: its leaf is a mark. */
static uint64_t *entry_of(const struct overlay *o, uint64_t block)
{
	const uint64_t leaf = *leaf_of(o, block);

	return leaf < OVERLAY_PAGE ? NULL : (uint64_t *)to_ptr(leaf) + block % OVERLAY_LEAF_BLOCKS;
}

static uint64_t state_of(const struct overlay *o, uint64_t block)
{
	const uint64_t *entry = entry_of(o, block);

	return entry ? *entry : *leaf_of(o, block);
}

/* The mark that the leaf of @block is becomes the table at @fresh, unless another user was faster. It stays one. */
static void put_leaf(struct overlay *o, uint64_t block, uint64_t *fresh)
{
	uint64_t *leaf = leaf_of(o, block);
	bool used;

	spin_lock(&o->lock);
	used = *leaf < OVERLAY_PAGE;
	if (used) {
		for (unsigned int i = 0; i < OVERLAY_LEAF_BLOCKS; i++)
			fresh[i] = *leaf;
		*leaf = (uint64_t)(uintptr_t)fresh;
	} else {
		o->pages--;
	}
	spin_unlock(&o->lock);
	if (!used)
		page_free(ptr_to_hpa(fresh), PAGE_SIZE);
}

static void set_busy(struct overlay *o, unsigned int user, uint64_t page)
{
	atomic_set(&o->busy[user % OVERLAY_USERS], page);
}

/* What has been read from or written to the page comes before. */
static void clear_busy(struct overlay *o, unsigned int user)
{
	atomic_set_release(&o->busy[user % OVERLAY_USERS], 0);
}

static bool is_busy(const struct overlay *o, uint64_t page)
{
	for (unsigned int i = 0; i < OVERLAY_USERS; i++)
		if (atomic_read_acquire(&o->busy[i]) == page)
			return true;
	return false;
}

/* --- reading -------------------------------------------------------------------------------------- */

enum overlay_kind overlay_read(struct overlay *o, unsigned int user, uint64_t block,
			       const uint8_t **page)
{
	uint64_t state;

	spin_lock(&o->lock);
	state = state_of(o, block);
	if (state >= OVERLAY_PAGE)
		set_busy(o, user, state);
	spin_unlock(&o->lock);
	if (state < OVERLAY_PAGE)
		return (enum overlay_kind)state;
	*page = to_ptr(state);
	return OVERLAY_PAGE;
}

void overlay_read_end(struct overlay *o, unsigned int user)
{
	clear_busy(o, user);
}

/* --- writing -------------------------------------------------------------------------------------- */

/* Bytes [from, to) of the page become what the block was. */
static void fill(const struct overlay *o, const struct overlay_write *w, uint64_t from, uint64_t to)
{
	const uint64_t at = w->block * OVERLAY_BLOCK + from;
	uint64_t n = 0;

	if (w->was == OVERLAY_IMAGE && at < o->image_size)
		n = min_u64(o->image_size - at, to - from);
	copy_bytes(w->page + from, o->image + at, n);
	memset(w->page + from + n, 0, to - from - n);
}

static void fill_around(const struct overlay *o, const struct overlay_write *w)
{
	fill(o, w, 0, w->from);
	fill(o, w, w->from + w->len, OVERLAY_BLOCK);
}

/* A page for the write, and a leaf if @nr is 2. They have been reserved. */
static int get_pages(struct overlay *o, struct overlay_write *w, uint64_t nr)
{
	uint64_t *leaf = nr > 1 ? new_page() : NULL;

	w->page = nr > 1 && !leaf ? NULL : new_page();
	if (!w->page) {
		if (leaf)
			page_free(ptr_to_hpa(leaf), PAGE_SIZE);
		unreserve(o, nr);
		return HV_ENOMEM;
	}
	if (leaf)
		put_leaf(o, w->block, leaf);
	return HV_OK;
}

int overlay_write(struct overlay *o, unsigned int user, uint64_t block, uint64_t from, uint64_t len,
		  struct overlay_write *w)
{
	uint64_t nr = 0;
	bool enough = true;

	*w = (struct overlay_write){ .block = block, .from = from, .len = len };
	spin_lock(&o->lock);
	w->was = state_of(o, block);
	if (w->was >= OVERLAY_PAGE) {
		set_busy(o, user, w->was);
	} else {
		nr = entry_of(o, block) ? 1 : 2;
		enough = reserve(o, nr);
	}
	spin_unlock(&o->lock);
	if (nr == 0) {
		w->page = to_ptr(w->was);
		return HV_OK;
	}
	if (!enough || get_pages(o, w, nr) != HV_OK)
		return HV_ENOMEM;
	w->fresh = true;
	fill_around(o, w);
	return HV_OK;
}

/* The page becomes the block, if that still is what the page was filled as. Returns what the block is then. */
static uint64_t put_page(struct overlay *o, unsigned int user, const struct overlay_write *w)
{
	uint64_t *entry, state;

	spin_lock(&o->lock);
	entry = entry_of(o, w->block);
	state = *entry;
	if (state == w->was)
		*entry = state = (uint64_t)(uintptr_t)w->page;
	else if (state >= OVERLAY_PAGE)
		set_busy(o, user, state);
	spin_unlock(&o->lock);
	return state;
}

static void drop(struct overlay *o, const struct overlay_write *w)
{
	free_page(w->page);
	unreserve(o, 1);
}

void overlay_write_end(struct overlay *o, unsigned int user, struct overlay_write *w, bool done)
{
	if (!w->fresh) {
		clear_busy(o, user);
		return;
	}
	while (done) {
		uint64_t state = put_page(o, user, w);

		if (state == (uint64_t)(uintptr_t)w->page)
			return;
		if (state >=
		    OVERLAY_PAGE) { /* another user has made one meanwhile, for other sectors */
			copy_bytes((uint8_t *)to_ptr(state) + w->from, w->page + w->from, w->len);
			clear_busy(o, user);
			break;
		}
		w->was = state;
		fill_around(o, w);
	}
	drop(o, w);
}

/* --- zeroes --------------------------------------------------------------------------------------- */

/* Blocks from @block on that have no page become zeroes. Returns how many; 0: @block has one, or its leaf is a mark. */
static uint64_t mark_run(struct overlay *o, uint64_t block, uint64_t max)
{
	uint64_t *entry = entry_of(o, block);

	max = min_u64(max, OVERLAY_LEAF_BLOCKS - block % OVERLAY_LEAF_BLOCKS);
	max = entry ? min_u64(max, ZERO_RUN) : 0;
	for (uint64_t n = 0; n < max; n++) {
		if (entry[n] >= OVERLAY_PAGE)
			return n;
		entry[n] = OVERLAY_ZERO;
	}
	return max;
}

/* The same for a whole leaf that is a mark, or the part of one that is zeroes already. */
static uint64_t mark_leaf(struct overlay *o, uint64_t block, uint64_t max)
{
	const uint64_t first = block % OVERLAY_LEAF_BLOCKS;
	const uint64_t n = min_u64(max, min_u64(OVERLAY_LEAF_BLOCKS - first, o->blocks - block));
	uint64_t *leaf = leaf_of(o, block);

	if (*leaf == OVERLAY_ZERO)
		return n;
	if (*leaf != OVERLAY_IMAGE || first != 0 ||
	    n < min_u64(OVERLAY_LEAF_BLOCKS, o->blocks - block))
		return 0;
	*leaf = OVERLAY_ZERO;
	return n;
}

/* @block has the page @page. With the lock, which is given up. */
static void zero_page(struct overlay *o, unsigned int user, uint64_t block, uint64_t page,
		      bool keep)
{
	if (keep || is_busy(o, page)) {
		set_busy(o, user, page);
		spin_unlock(&o->lock);
		memset(to_ptr(page), 0, PAGE_SIZE);
		clear_busy(o, user);
		return;
	}
	*entry_of(o, block) = OVERLAY_ZERO;
	spin_unlock(&o->lock);
	free_page(to_ptr(page));
	unreserve(o, 1);
}

static int new_leaf(struct overlay *o, uint64_t block)
{
	uint64_t *leaf;
	bool enough;

	spin_lock(&o->lock);
	enough = reserve(o, 1);
	spin_unlock(&o->lock);
	if (!enough)
		return HV_ENOMEM;
	leaf = new_page();
	if (!leaf) {
		unreserve(o, 1);
		return HV_ENOMEM;
	}
	put_leaf(o, block, leaf);
	return HV_OK;
}

cold int64_t overlay_zero(struct overlay *o, unsigned int user, uint64_t block, uint64_t max,
			  bool keep)
{
	int err = HV_OK;

	while (err == HV_OK) {
		uint64_t n, state;

		spin_lock(&o->lock);
		n = mark_leaf(o, block, max);
		if (n == 0)
			n = mark_run(o, block, max);
		state = state_of(o, block);
		if (n == 0 && state >= OVERLAY_PAGE) {
			zero_page(o, user, block, state, keep);
			return 1;
		}
		spin_unlock(&o->lock);
		if (n != 0)
			return (int64_t)n;
		err = new_leaf(o, block);
	}
	return err;
}

/* --- beginning and end ---------------------------------------------------------------------------- */

/* The VM goes: nothing else uses the overlay, and its lock is not needed. */
static bool free_step(struct arena_extra *e)
{
	struct overlay *o = container_of(e, struct overlay, at_end);

	for (unsigned int seen = 0; seen < FREE_STEP && o->freed < o->blocks; seen++) {
		uint64_t *leaf = leaf_of(o, o->freed), *entry = entry_of(o, o->freed);

		if (!entry) {
			o->freed += OVERLAY_LEAF_BLOCKS;
			continue;
		}
		if (*entry >= OVERLAY_PAGE) {
			free_page(to_ptr(*entry));
			seen += FREE_PAGE;
		}
		o->freed++;
		if (o->freed % OVERLAY_LEAF_BLOCKS == 0 || o->freed == o->blocks)
			free_page(to_ptr(*leaf));
	}
	return o->freed < o->blocks;
}

static uint64_t blocks_of(uint64_t bytes)
{
	return bytes / OVERLAY_BLOCK + (bytes % OVERLAY_BLOCK != 0);
}

uint64_t overlay_size_for(uint64_t size)
{
	const uint64_t blocks = blocks_of(size);

	return (blocks + (blocks + OVERLAY_LEAF_BLOCKS - 1) / OVERLAY_LEAF_BLOCKS) * PAGE_SIZE;
}

cold int overlay_init(struct overlay *o, struct arena *a, const uint8_t *image, uint64_t size,
		      uint64_t max_bytes)
{
	*o = (struct overlay){ .image = image, .image_size = size, .at_end = { NULL, free_step } };
	o->blocks = blocks_of(size);
	o->nr_leaves = (o->blocks + OVERLAY_LEAF_BLOCKS - 1) / OVERLAY_LEAF_BLOCKS;
	o->max_pages = max_bytes / PAGE_SIZE;
	spin_init(&o->lock, LOCK_OVERLAY);
	o->leaves = arena_alloc(a, o->nr_leaves * sizeof(*o->leaves), sizeof(*o->leaves));
	if (!o->leaves)
		return HV_ENOMEM;
	arena_add_extra(a, &o->at_end);
	return HV_OK;
}
