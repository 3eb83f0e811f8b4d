/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlb/memory.h"

#include <stdlib.h>
#include <string.h>

#include "arch/memmap.h"
#include "mm/page.h"
#include "tlb/hart.h"

/* What a free page holds: no valid entry. */
#define POISON	     UINT64_C(0xdeaddeaddeaddea0)
#define POISON_WORDS 8

static uint64_t memory[TLB_PAGES][PAGE_SIZE / 8] __attribute__((aligned(16 * PAGE_SIZE)));
static uint8_t lives[TLB_PAGES];
static unsigned int owners[TLB_PAGES];
static unsigned int freed_at[TLB_PAGES], frees;
static unsigned int allocations_left;

unsigned int tlb_owner;

void tlb_memory_setup(void)
{
	memset(lives, 0, sizeof(lives));
	memset(freed_at, 0, sizeof(freed_at));
	frees = 0;
	allocations_left = UINT32_MAX;
	for (unsigned int i = 0; i < TLB_PAGES; i++)
		for (unsigned int w = 0; w < POISON_WORDS; w++)
			memory[i][w] = POISON;
}

void tlb_memory_fails(unsigned int n)
{
	allocations_left = n;
}

uint64_t *tlb_words(unsigned int page)
{
	return memory[page];
}

hpa_t tlb_hpa(unsigned int page)
{
	return ptr_to_hpa(memory[page]);
}

struct tlb_page tlb_page(hpa_t a)
{
	uint64_t n = (a.hpa - tlb_hpa(0).hpa) / PAGE_SIZE;

	if (n >= TLB_PAGES)
		return (struct tlb_page){ TLB_NOWHERE, 0 };
	return (struct tlb_page){ (uint8_t)n, lives[n] };
}

bool tlb_page_lives(struct tlb_page p)
{
	return p.page < TLB_PAGES && lives[p.page] == p.life && (p.life & 1);
}

unsigned int tlb_page_owner(struct tlb_page p)
{
	return owners[p.page];
}

static bool is_free(unsigned int first, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		if (lives[first + i] & 1)
			return false;
	return true;
}

/* The place that was freed last. */
static int find(uint64_t pages, uint64_t align)
{
	int found = -1;

	for (unsigned int i = 0; i + pages <= TLB_PAGES; i++) {
		if (i % align == 0 && is_free(i, pages) &&
		    (found < 0 || freed_at[i] > freed_at[found]))
			found = (int)i;
	}
	return found;
}

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	uint64_t pages = size / PAGE_SIZE;
	/* As large leaves want it. */
	int at = find(pages, pages >= 4 ? 4 : align / PAGE_SIZE);

	tlb_step();
	if (allocations_left == 0 || at < 0)
		return false;
	allocations_left--;
	for (unsigned int i = (unsigned int)at; i < (unsigned int)at + pages; i++) {
		for (unsigned int w = 0; w < POISON_WORDS; w++)
			if (memory[i][w] != POISON)
				tlb_fail("a page was written to after it was freed");
		lives[i]++;
		owners[i] = tlb_owner;
	}
	*out = tlb_hpa((unsigned int)at);
	tlb_step();
	return true;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	hpa_t a;

	if (!page_alloc(size, align, &a))
		return NULL;
	return memset(hpa_to_ptr(a), 0, size);
}

uint64_t page_largest(uint64_t align)
{
	for (uint64_t pages = 8; pages > 0; pages /= 2)
		if (find(pages, align / PAGE_SIZE) >= 0)
			return pages * PAGE_SIZE;
	return 0;
}

void page_free(hpa_t base, uint64_t size)
{
	unsigned int first = tlb_page(base).page;

	tlb_step();
	for (unsigned int i = first; i < first + size / PAGE_SIZE; i++) {
		if (!(lives[i]++ & 1))
			abort();
		freed_at[i] = ++frees;
		for (unsigned int w = 0; w < POISON_WORDS; w++)
			memory[i][w] = POISON;
	}
	tlb_step();
}
