/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of a few pages, and the page allocator of it. A page that is freed is the next one that is given out, so
 * that whatever still leads there soon leads to other data.
 *
 * Every page has a count of its lives: odd while it is allocated. What remembers a page remembers the life, too.
 */
#ifndef TLB_MEMORY_H
#define TLB_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/types.h"

#define TLB_PAGES   96
#define TLB_NOWHERE 0xff

struct tlb_page {
	uint8_t page, life;
};

/* tlb_memory_setup - all pages are free. */
void tlb_memory_setup(void);

/* The owner of pages that are allocated from now on. */
extern unsigned int tlb_owner;

/* tlb_page - what lies at @a now. tlb_page_lives - does the same page have the same life still? */
struct tlb_page tlb_page(hpa_t a);
bool tlb_page_lives(struct tlb_page p);
unsigned int tlb_page_owner(struct tlb_page p);

/* tlb_words - what is in page @page. tlb_hpa - where it is. */
uint64_t *tlb_words(unsigned int page);
hpa_t tlb_hpa(unsigned int page);

/* tlb_memory_fails - the next allocations but @n fail. */
void tlb_memory_fails(unsigned int n);

#endif
