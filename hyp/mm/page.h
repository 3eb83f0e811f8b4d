/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host memory: which pages are in use, and for what.
 *
 * Free memory is a list of extents ordered by address; the node of each extent lies in its own first
 * bytes, so the allocator has no memory of its own and costs nothing per page. Neighbouring extents
 * merge when they are freed. Allocations are rare (making and ending a VM), large and aligned; single
 * pages for tables are taken from the tail of the smallest extent that serves, so that the large ones
 * stay whole.
 *
 * At first there is nothing; the boot code adds every range of /memory by page_add() and
 * takes the reserved ones out by page_reserve(), both before the first allocation.
 * Lock: one spinlock inside, LOCK_PAGES.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "lib/types.h"

/* page_add - give [base, base+size) to the allocator; trimmed inwards to whole pages. */
void page_add(hpa_t base, uint64_t size);

/* page_reserve - take out whatever of [base, base+size) is free; trimmed outwards to whole pages. */
void page_reserve(hpa_t base, uint64_t size);

/*
 * page_alloc - @size bytes (a multiple of PAGE_SIZE), physically contiguous, aligned to @align (a
 * power of two >= PAGE_SIZE). Returns false when there is none. The content is what was there before.
 */
bool page_alloc(uint64_t size, uint64_t align, hpa_t *out);

/* page_alloc_zeroed - as above, cleared; NULL when there is none. Through the direct map. */
void *page_alloc_zeroed(uint64_t size, uint64_t align);

/* page_free - return what page_alloc() gave, whole or in page-multiple parts. */
void page_free(hpa_t base, uint64_t size);

/* page_largest - base alignment @align: size of the largest block that page_alloc could give now. */
uint64_t page_largest(uint64_t align);

/* Bytes given by page_add() minus reserved, and bytes free now. */
uint64_t page_total(void);
uint64_t page_free_bytes(void);

#endif
