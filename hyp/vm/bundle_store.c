// SPDX-License-Identifier: BSD-2-Clause
#include "vm/bundle_store.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/errno.h"
#include "lib/lock_rank.h"
#include "lib/spinlock.h"
#include "mm/page.h"

/* mkimage -E -B aligns images within a bundle, so that persistent memory needs no copy of them (dev/pmem.c). */
#define LARGE MIB(2)

static struct spinlock lock = SPINLOCK_INIT(LOCK_IMAGES); /* guards the list and the counts */
static struct list named = { &named, &named };
static unsigned int nr_named;
static uint64_t memory; /* atomic; of all */

static_assert(sizeof(struct stored_bundle) <= PAGE_SIZE, "its own page, behind the data");

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= BUNDLE_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       len;
}

/* With the lock. */
static struct stored_bundle *find(const char *name)
{
	list_for_each(at, &named) {
		struct stored_bundle *b = list_entry(at, struct stored_bundle, node);

		if (strcmp(b->name, name) == 0)
			return b;
	}
	return NULL;
}

int bundle_store_begin(const char *name, uint64_t size, struct stored_bundle **out)
{
	struct stored_bundle *b;
	uint64_t room;
	hpa_t at;

	if (!is_name(name))
		return HV_EINVAL;
	b = bundle_store_find(name);
	bundle_store_put(b);
	if (b)
		return HV_EEXIST;
	if (nr_named == BUNDLE_STORE_MAX)
		return HV_EOVERFLOW;
	if (size == 0 || size > page_total())
		return HV_ENOMEM;
	room = align_up(size, PAGE_SIZE);
	if (!page_alloc(room + PAGE_SIZE, size >= LARGE ? LARGE : PAGE_SIZE, &at))
		return HV_ENOMEM;
	b = (struct stored_bundle *)(void *)((uint8_t *)hpa_to_ptr(at) + room);
	*b = (struct stored_bundle){
		.data = hpa_to_ptr(at), .size = size, .memory = room + PAGE_SIZE, .users = 1
	};
	memcpy(b->name, name, strlen(name));
	spin_lock(&lock);
	list_push_back(&named, &b->node);
	nr_named++;
	atomic_set(&memory, memory + b->memory);
	spin_unlock(&lock);
	*out = b;
	return HV_OK;
}

struct stored_bundle *bundle_store_find(const char *name)
{
	struct stored_bundle *b;

	spin_lock(&lock);
	b = find(name);
	if (b)
		b->users++;
	spin_unlock(&lock);
	return b;
}

struct stored_bundle *bundle_store_at(unsigned int n)
{
	struct stored_bundle *b = NULL;

	spin_lock(&lock);
	list_for_each(at, &named) {
		if (n-- > 0)
			continue;
		b = list_entry(at, struct stored_bundle, node);
		b->users++;
		break;
	}
	spin_unlock(&lock);
	return b;
}

void bundle_store_get(struct stored_bundle *b)
{
	if (!b)
		return;
	spin_lock(&lock);
	b->users++;
	spin_unlock(&lock);
}

void bundle_store_put(struct stored_bundle *b)
{
	bool last;

	if (!b)
		return;
	spin_lock(&lock);
	last = --b->users == 0;
	if (last)
		atomic_set(&memory, memory - b->memory);
	spin_unlock(&lock);
	if (last)
		page_free(ptr_to_hpa(b->data), b->memory);
}

uint64_t bundle_store_memory(void)
{
	return atomic_read(&memory);
}

unsigned int bundle_store_users(struct stored_bundle *b)
{
	unsigned int users;

	spin_lock(&lock);
	users = b->users - 1; /* the caller's */
	if (!list_empty(&b->node))
		users--;
	spin_unlock(&lock);
	return users;
}

void bundle_store_drop(struct stored_bundle *b)
{
	bool had;

	spin_lock(&lock);
	had = !list_empty(&b->node);
	if (had) {
		list_remove(&b->node);
		list_init(&b->node);
		nr_named--;
	}
	spin_unlock(&lock);
	if (had)
		bundle_store_put(b);
}
