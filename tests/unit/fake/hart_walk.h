/* SPDX-License-Identifier: BSD-2-Clause */
/* A page table, and what a hart would find in it. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/mm/pgtable.c hyp/mm/page.c tests/unit/fake/page.c
 */
#ifndef FAKE_HART_WALK_H
#define FAKE_HART_WALK_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/page.h"
#include "mm/page.h"
#include "mm/pgtable.h"

static struct pgtable pt;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(16), MIB(16));
	memset(&pt, 0, sizeof(pt));
	return 0;
}

/* Whatever a test did: after pgtable_destroy() every page is back. */
static int teardown(void **state)
{
	(void)state;
	fake_page_feed();
	pgtable_destroy(&pt);
	return fake_page_teardown() && fake_log_count == 0 && pt.tables == 0 ? 0 : -1;
}

/*
 * What the hardware would find for @va: its own arithmetic, from the privileged specification's
 * "Virtual Address Translation Process", with the root's index as wide as the x4 formats have it.
 */
static bool hardware_walk(uint64_t va, uint64_t *pa, uint64_t *prot, unsigned int *level)
{
	uint64_t table = (uint64_t)(uintptr_t)pt.root;

	for (int i = (int)pt.levels - 1; i >= 0; i--) {
		uint64_t vpn = va >> (12 + 9 * i);
		uint64_t pte, low;

		vpn &= i == (int)pt.levels - 1 && pt.root_bits ? 0x7ff : 0x1ff;
		pte = ((const uint64_t *)(uintptr_t)table)[vpn];
		if (!(pte & 1))
			return false;
		assert_int_equal(pte >> 54, 0);
		assert_false((pte & 4) && !(pte & 2));
		table = (pte >> 10 & 0xfffffffffff) << 12;
		if (!(pte & 10)) {
			assert_int_equal(pte & 0xff, 1); /* D, A, U are reserved in a pointer */
			continue;
		}
		low = (UINT64_C(1) << (12 + 9 * i)) - 1;
		assert_int_equal(table & low, 0); /* else: misaligned superpage */
		assert_int_equal(pte & 0xc0, 0xc0);
		*pa = table | (va & low);
		*prot = pte & 0x3e;
		*level = (unsigned int)i;
		return true;
	}
	fail();
	return false;
}

static void check_mapped(uint64_t va, uint64_t pa, uint64_t prot)
{
	struct pgtable_leaf leaf;
	uint64_t hw_pa, hw_prot;
	unsigned int hw_level;

	assert_true(hardware_walk(va, &hw_pa, &hw_prot, &hw_level));
	assert_int_equal(hw_pa, pa);
	assert_int_equal(hw_prot, prot);
	assert_int_equal(pgtable_walk(&pt, va, &leaf), HV_OK);
	assert_int_equal(leaf.pa.hpa, pa);
	assert_int_equal(leaf.prot, prot);
	assert_int_equal(leaf.level, hw_level);
	assert_int_equal(leaf.left,
			 (PAGE_SIZE << 9 * hw_level) - (va & ((PAGE_SIZE << 9 * hw_level) - 1)));
}

static void check_hole(uint64_t va)
{
	struct pgtable_leaf leaf;
	uint64_t pa, prot;
	unsigned int level;

	assert_false(hardware_walk(va, &pa, &prot, &level));
	assert_int_equal(pgtable_walk(&pt, va, &leaf), HV_ENOENT);
}

static const uint64_t prots[] = {
	PTE_R, PTE_X, PTE_R | PTE_W | PTE_G, PTE_R | PTE_X, PTE_R | PTE_W | PTE_X | PTE_U,
};

/* What an x4 format keeps of pruned tables for its next map. */
static uint64_t spare_bytes(const struct pgtable *t)
{
	uint64_t n = 0;

	for (const pte_t *s = t->spare; s; s = (const pte_t *)(uintptr_t)s[0]) {
		assert_false(pte_is_valid(s[0])); /* a hart that still walks there finds nothing */
		for (unsigned int i = 1; i < PT_ENTRIES; i++)
			assert_int_equal(s[i], 0);
		n += PAGE_SIZE;
	}
	return n;
}

#endif
