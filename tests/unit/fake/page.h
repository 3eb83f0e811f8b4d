/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for the real hyp/mm/page.c (and arch/memmap.h's identity map): link both.
 */
#ifndef FAKE_PAGE_H
#define FAKE_PAGE_H

#include <stdint.h>

/*
 * fake_page_setup - the allocator has @size fresh bytes, aligned to @align, and nothing else.
 * Filled with 0xa5, since what is allocated holds what was there before.
 */
void fake_page_setup(uint64_t size, uint64_t align);

/* fake_page_teardown - take it away again; whether all had been given back. */
int fake_page_teardown(void);

/* fake_page_starve - leave all but @bytes of it in use; fake_page_feed - give them back. */
void fake_page_starve(uint64_t bytes);
void fake_page_feed(void);

#endif
