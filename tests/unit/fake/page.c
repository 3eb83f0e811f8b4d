/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/page.h"

#include <stdlib.h>
#include <string.h>

#include "arch/memmap.h"
#include "mm/page.h"

#define MAX_HELD 4096

/* Kept for the next one of that size: to get as much again takes longer than most tests. */
static void *memory;
static uint64_t memory_size, memory_align;
static struct {
	hpa_t base;
	uint64_t size;
} held[MAX_HELD];
static unsigned int nr_held;

void fake_page_setup(uint64_t size, uint64_t align)
{
	if (size != memory_size || align != memory_align) {
		free(memory);
		memory = aligned_alloc(align, align_up(size, align));
	}
	if (!memory)
		abort();
	memory_size = size;
	memory_align = align;
	memset(memory, 0xa5, size);
	page_add(ptr_to_hpa(memory), size);
	/*
	 * The first allocation ends the boot phase of page.c: page_add and page_reserve then work
	 * on the list itself, which is what lets one program set up many times.
	 */
	(void)page_largest(PAGE_SIZE);
}

int fake_page_teardown(void)
{
	int all = page_free_bytes() == memory_size;

	page_reserve(hpa(0), UINT64_MAX);
	nr_held = 0;
	return all;
}

void fake_page_starve(uint64_t bytes)
{
	while (page_free_bytes() > bytes && nr_held < MAX_HELD) {
		uint64_t take = min_u64(page_largest(PAGE_SIZE), page_free_bytes() - bytes);

		if (!page_alloc(take, PAGE_SIZE, &held[nr_held].base))
			abort();
		held[nr_held++].size = take;
	}
}

void fake_page_feed(void)
{
	while (nr_held > 0) {
		nr_held--;
		page_free(held[nr_held].base, held[nr_held].size);
	}
}
