// SPDX-License-Identifier: BSD-2-Clause
#include "mm/page.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/log.h"
#include "lib/spinlock.h"

/* A free piece of memory; lies in that memory's first bytes. */
struct extent {
	uint64_t size;
	struct extent *next; /* at a higher address, and not adjacent */
};

/*
 * What is free while the boot code still adds and reserves. Its pages must not be touched before
 * all reservations are known: the firmware's are closed to us by PMP, and a node there would be a
 * fault.
 */
#define BOOT_RANGES 128

struct range {
	uint64_t start, end;
};

static struct spinlock page_lock = SPINLOCK_INIT(LOCK_PAGES); /* guards all below */
static struct extent *extents;
static uint64_t bytes_total;
static uint64_t bytes_free;
static struct range boot_ranges[BOOT_RANGES]; /* ordered, neither overlapping nor adjacent */
static unsigned int nr_boot_ranges;
static bool booted; /* the ranges have become extents */

/* --- extents --- */

static uint64_t extent_start(const struct extent *e)
{
	return ptr_to_hpa(e).hpa;
}

static uint64_t extent_end(const struct extent *e)
{
	return extent_start(e) + e->size;
}

/* Where @size bytes aligned to @align fit into @e, as high as possible. */
static bool extent_fits(const struct extent *e, uint64_t size, uint64_t align, uint64_t *start)
{
	if (e->size < size)
		return false;
	*start = align_down(extent_end(e) - size, align);
	return *start >= extent_start(e);
}

/* Take [start, end) out of the extent that @link points to and that holds all of it. */
static void extent_carve(struct extent **link, uint64_t start, uint64_t end)
{
	struct extent *e = *link;

	if (end < extent_end(e)) {
		struct extent *behind = hpa_to_ptr(hpa(end));

		behind->size = extent_end(e) - end;
		behind->next = e->next;
		e->next = behind;
	}
	if (start > extent_start(e))
		e->size = start - extent_start(e);
	else
		*link = e->next;
	bytes_free -= end - start;
}

/* Add [start, end), merged with its neighbours; false, and nothing done, when any of it is free. */
static bool extent_insert(uint64_t start, uint64_t end)
{
	struct extent *prev = NULL, *next = extents, *e;

	while (next && extent_start(next) < start) {
		prev = next;
		next = next->next;
	}
	if ((prev && extent_end(prev) > start) || (next && extent_start(next) < end))
		return false;

	bytes_free += end - start;
	if (next && extent_start(next) == end) {
		end = extent_end(next);
		next = next->next;
	}
	if (prev && extent_end(prev) == start) {
		prev->size = end - extent_start(prev);
		prev->next = next;
		return true;
	}
	e = hpa_to_ptr(hpa(start));
	e->size = end - start;
	e->next = next;
	if (prev)
		prev->next = e;
	else
		extents = e;
	return true;
}

/* --- boot: ranges, until the first allocation --- */

static void range_remove(unsigned int i)
{
	nr_boot_ranges--;
	memmove(&boot_ranges[i], &boot_ranges[i + 1],
		(nr_boot_ranges - i) * sizeof(boot_ranges[0]));
}

static bool range_insert(unsigned int i, uint64_t start, uint64_t end)
{
	if (nr_boot_ranges == BOOT_RANGES) {
		log_warn("memory in more than %u pieces: 0x%llx bytes at 0x%llx stay unused",
			 BOOT_RANGES, (unsigned long long)(end - start), (unsigned long long)start);
		return false;
	}
	memmove(&boot_ranges[i + 1], &boot_ranges[i],
		(nr_boot_ranges - i) * sizeof(boot_ranges[0]));
	boot_ranges[i] = (struct range){ start, end };
	nr_boot_ranges++;
	return true;
}

static void ranges_add(uint64_t start, uint64_t end)
{
	unsigned int i = 0;

	while (i < nr_boot_ranges && boot_ranges[i].end < start)
		i++;
	while (i < nr_boot_ranges && boot_ranges[i].start <= end) {
		start = min_u64(start, boot_ranges[i].start);
		end = max_u64(end, boot_ranges[i].end);
		range_remove(i);
	}
	range_insert(i, start, end);
}

static void ranges_reserve(uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < nr_boot_ranges;) {
		struct range *r = &boot_ranges[i];
		uint64_t old_end = r->end;

		if (r->end <= start || r->start >= end) {
			i++;
			continue;
		}
		if (r->start >= start && r->end <= end) {
			range_remove(i);
			continue;
		}
		if (r->start < start) {
			r->end = start;
			/* Without room for the part behind it is lost: less memory, but right. */
			if (old_end > end)
				range_insert(i + 1, end, old_end);
		} else {
			r->start = end;
		}
		i++;
	}
}

/* Turn the ranges into extents: from now on memory is written to. */
static void boot_finish(void)
{
	if (booted)
		return;
	booted = true;
	for (unsigned int i = 0; i < nr_boot_ranges; i++)
		extent_insert(boot_ranges[i].start, boot_ranges[i].end);
	bytes_total = bytes_free;
	nr_boot_ranges = 0;
}

static uint64_t ranges_bytes(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < nr_boot_ranges; i++)
		sum += boot_ranges[i].end - boot_ranges[i].start;
	return sum;
}

/* --- the contract --- */

/* @base + @size, or the last page's start where that overflows: both come from a device tree. */
static uint64_t range_end(hpa_t base, uint64_t size)
{
	return base.hpa + size < base.hpa ? align_down(UINT64_MAX, PAGE_SIZE) : base.hpa + size;
}

void page_add(hpa_t base, uint64_t size)
{
	uint64_t end = align_down(min_u64(range_end(base, size), DIRECT_MAP_SIZE), PAGE_SIZE);
	uint64_t start = base.hpa;

	if (start > end || align_up(start, PAGE_SIZE) >= end)
		return;
	start = align_up(start, PAGE_SIZE);

	spin_lock(&page_lock);
	if (!booted)
		ranges_add(start, end);
	else if (extent_insert(start, end))
		bytes_total += end - start;
	spin_unlock(&page_lock);
}

/* The same once extents exist: take out whatever of them lies in [start, end). */
static void extents_reserve(uint64_t start, uint64_t end)
{
	struct extent **link = &extents;

	while (*link && extent_start(*link) < end) {
		uint64_t from = max_u64(start, extent_start(*link));
		uint64_t to = min_u64(end, extent_end(*link));
		struct extent *e = *link;

		if (from < to) {
			extent_carve(link, from, to);
			bytes_total -= to - from;
		}
		if (*link == e) /* still there: go on behind it */
			link = &e->next;
	}
}

void page_reserve(hpa_t base, uint64_t size)
{
	uint64_t start = align_down(base.hpa, PAGE_SIZE);
	uint64_t last = range_end(base, size);
	uint64_t end = last > align_down(UINT64_MAX, PAGE_SIZE) ? last : align_up(last, PAGE_SIZE);

	if (size == 0)
		return;
	spin_lock(&page_lock);
	if (!booted)
		ranges_reserve(start, end);
	else
		extents_reserve(start, end);
	spin_unlock(&page_lock);
}

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	struct extent **best = NULL;
	uint64_t start = 0, at;

	if (size == 0 || !is_aligned(size, PAGE_SIZE))
		return false;
	align = max_u64(align, PAGE_SIZE);

	spin_lock(&page_lock);
	boot_finish();
	for (struct extent **link = &extents; *link; link = &(*link)->next) {
		if (!extent_fits(*link, size, align, &at))
			continue;
		if (!best || (*link)->size < (*best)->size) {
			best = link;
			start = at;
		}
	}
	if (best)
		extent_carve(best, start, start + size);
	spin_unlock(&page_lock);

	if (best)
		*out = hpa(start);
	return best != NULL;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	hpa_t a;

	if (!page_alloc(size, align, &a))
		return NULL;
	return memset(hpa_to_ptr(a), 0, size);
}

void page_free(hpa_t base, uint64_t size)
{
	bool ok = size != 0 && is_aligned(base.hpa | size, PAGE_SIZE) && base.hpa + size > base.hpa;

	spin_lock(&page_lock);
	boot_finish();
	ok = ok && extent_insert(base.hpa, base.hpa + size);
	spin_unlock(&page_lock);

	/* Pages that are lost do no harm; pages with two owners would. */
	if (!ok)
		log_error("page_free: 0x%llx bytes at 0x%llx were not allocated",
			  (unsigned long long)size, (unsigned long long)base.hpa);
}

uint64_t page_largest(uint64_t align)
{
	uint64_t largest = 0;

	align = max_u64(align, PAGE_SIZE);
	spin_lock(&page_lock);
	boot_finish();
	for (const struct extent *e = extents; e; e = e->next) {
		uint64_t start = align_up(extent_start(e), align);

		if (start < extent_end(e))
			largest = max_u64(largest, extent_end(e) - start);
	}
	spin_unlock(&page_lock);
	return largest;
}

uint64_t page_total(void)
{
	uint64_t n;

	spin_lock(&page_lock);
	n = booted ? bytes_total : ranges_bytes();
	spin_unlock(&page_lock);
	return n;
}

uint64_t page_free_bytes(void)
{
	uint64_t n;

	spin_lock(&page_lock);
	n = booted ? bytes_free : ranges_bytes();
	spin_unlock(&page_lock);
	return n;
}
