// SPDX-License-Identifier: BSD-2-Clause
#include "mm/pgtable.h"

#include <string.h>

#include "arch/memmap.h"
#include "lib/atomic.h"
#include "mm/page.h"

#define PROT_BITS (PTE_R | PTE_W | PTE_X | PTE_U | PTE_G | PTE_RAM)

/* Physical addresses have 56 bits (privileged specification, "Sv39"). */
#define HPA_LIMIT BIT(56)

/* Where a descent for one address ended: at a leaf or at a hole. */
struct cursor {
	pte_t *p;
	pte_t e; /* what was read there, once */
	unsigned int level;
};

/* --- addresses --- */

static unsigned int va_bits(const struct pgtable *pt)
{
	return PAGE_SHIFT + PT_INDEX_BITS * pt->levels + pt->root_bits;
}

/*
 * Can [va, va+size) be translated? G-stage addresses are zero-extended; others are canonical, that
 * is all bits from the highest translated one up are equal, and a range does not cross the gap.
 */
static bool va_range_ok(const struct pgtable *pt, uint64_t va, uint64_t size)
{
	uint64_t last = va + size - 1;
	unsigned int top = va_bits(pt) - (pt->root_bits ? 0 : 1);

	if (last < va || va >> top != last >> top)
		return false;
	return va >> top == 0 || (!pt->root_bits && va >> top == UINT64_MAX >> top);
}

static unsigned int pt_index(const struct pgtable *pt, uint64_t va, unsigned int level)
{
	unsigned int bits = PT_INDEX_BITS + (level == pt->levels - 1 ? pt->root_bits : 0);

	return (unsigned int)(va >> (PAGE_SHIFT + PT_INDEX_BITS * level)) & ((1u << bits) - 1);
}

/* --- tables --- */

static pte_t *pte_table(pte_t e)
{
	return hpa_to_ptr(pte_hpa(e));
}

static bool pte_is_table(pte_t e)
{
	return pte_is_valid(e) && !pte_is_leaf(e);
}

/*
 * A spare table is empty but for its first entry, which names the next spare one. A direct-map address of a
 * page is no valid entry, so a hart that still walks there finds nothing.
 */
static pte_t *spare_take(struct pgtable *pt)
{
	pte_t *t = pt->spare;

	if (t) {
		pt->spare = (pte_t *)(uintptr_t)t[0];
		t[0] = 0;
	}
	return t;
}

static pte_t *table_new(struct pgtable *pt)
{
	pte_t *t = spare_take(pt);

	if (!t)
		t = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	if (t)
		pt->tables += PAGE_SIZE;
	return t;
}

/* @t is unlinked, and empty unless all is being destroyed. */
static void table_free(struct pgtable *pt, pte_t *t, bool keep)
{
	pt->tables -= PAGE_SIZE;
	if (keep && pt->root_bits != 0) {
		atomic_set(&t[0], (pte_t)(uintptr_t)pt->spare);
		pt->spare = t;
	} else {
		page_free(ptr_to_hpa(t), PAGE_SIZE);
	}
}

static uint64_t root_size(const struct pgtable *pt)
{
	return PAGE_SIZE << pt->root_bits;
}

static unsigned int root_entries(const struct pgtable *pt)
{
	return PT_ENTRIES << pt->root_bits;
}

/* A lockless reader follows the entry only once it is there: the table below is written first. */
static void pte_publish(pte_t *p, pte_t e)
{
	atomic_set_release(p, e);
}

static struct cursor descend(const struct pgtable *pt, uint64_t va)
{
	pte_t *table = pt->root;

	for (unsigned int level = pt->levels - 1;; level--) {
		pte_t *p = &table[pt_index(pt, va, level)];
		pte_t e = atomic_read_acquire(p);

		if (level == 0 || !pte_is_table(e))
			return (struct cursor){ p, e, level };
		table = pte_table(e);
	}
}

/* Bytes from @va to the end of what @c's entry maps. */
static uint64_t cursor_left(const struct cursor *c, uint64_t va)
{
	uint64_t size = pte_level_size(c->level);

	return size - (va & (size - 1));
}

int pgtable_init(struct pgtable *pt, unsigned int levels, unsigned int root_bits)
{
	if (levels < 3 || levels > 5 || (root_bits != 0 && root_bits != 2))
		return HV_EINVAL;
	pt->levels = levels;
	pt->root_bits = root_bits;
	pt->tables = 0;
	pt->spare = NULL;
	pt->root = page_alloc_zeroed(root_size(pt), root_size(pt));
	if (!pt->root)
		return HV_ENOMEM;
	pt->tables = root_size(pt);
	return HV_OK;
}

/* --- map --- */

static bool range_is_hole(const struct pgtable *pt, uint64_t va, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		struct cursor c = descend(pt, va + done);

		if (pte_is_valid(c.e))
			return false;
		done += cursor_left(&c, va + done);
	}
	return true;
}

static unsigned int largest_leaf(const struct pgtable *pt, uint64_t va, hpa_t pa, uint64_t size)
{
	unsigned int level = pt->levels - 1;

	while (level > 0 &&
	       (size < pte_level_size(level) || !is_aligned(va | pa.hpa, pte_level_size(level))))
		level--;
	return level;
}

/*
 * Map one leaf at @va, in a hole. Where an empty table is in the way of a large leaf, a smaller one
 * goes into it: a lockless reader might be in there. Returns its bytes; 0: no memory.
 */
static uint64_t map_leaf(struct pgtable *pt, uint64_t va, hpa_t pa, uint64_t size, uint64_t prot)
{
	unsigned int largest = largest_leaf(pt, va, pa, size);
	pte_t *table = pt->root;

	for (unsigned int level = pt->levels - 1;; level--) {
		pte_t *p = &table[pt_index(pt, va, level)];

		if (pte_is_valid(*p)) {
			table = pte_table(*p);
		} else if (level <= largest) {
			pte_publish(p, pte_make_leaf(pa, prot));
			return pte_level_size(level);
		} else {
			table = table_new(pt);
			if (!table)
				return 0;
			pte_publish(p, pte_make_table(ptr_to_hpa(table)));
		}
	}
}

static bool prot_ok(uint64_t prot)
{
	/* W without R is reserved; neither R nor X would be a table. */
	return (prot & ~PROT_BITS) == 0 && (prot & (PTE_R | PTE_X)) != 0 &&
	       (prot & (PTE_R | PTE_W)) != PTE_W;
}

int pgtable_map(struct pgtable *pt, uint64_t va, hpa_t pa, uint64_t size, uint64_t prot)
{
	if (!is_aligned(va | pa.hpa | size, PAGE_SIZE) || !prot_ok(prot))
		return HV_EINVAL;
	if (size == 0)
		return HV_OK;
	if (!va_range_ok(pt, va, size) || pa.hpa >= HPA_LIMIT || size > HPA_LIMIT - pa.hpa)
		return HV_EINVAL;
	if (!range_is_hole(pt, va, size))
		return HV_EEXIST;

	for (uint64_t done = 0; done < size;) {
		uint64_t n = map_leaf(pt, va + done, hpa_add(pa, done), size - done, prot);

		if (n == 0) {
			/* Whole leaves of ours: nothing to split, so this cannot fail. */
			(void)pgtable_unmap(pt, va, done);
			return HV_ENOMEM;
		}
		done += n;
	}
	return HV_OK;
}

/* --- unmap --- */

static int split_leaf(struct pgtable *pt, const struct cursor *c)
{
	uint64_t step = pte_level_size(c->level - 1);
	pte_t *t = table_new(pt);

	if (!t)
		return HV_ENOMEM;
	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		t[i] = pte_make_leaf(hpa_add(pte_hpa(c->e), i * step), c->e & PROT_BITS);
	pte_publish(c->p, pte_make_table(ptr_to_hpa(t)));
	return HV_OK;
}

/* See to it that no leaf reaches across @va. */
static int split_at(struct pgtable *pt, uint64_t va)
{
	for (;;) {
		struct cursor c = descend(pt, va);
		int err;

		if (!pte_is_valid(c.e) || is_aligned(va, pte_level_size(c.level)))
			return HV_OK;
		err = split_leaf(pt, &c);
		if (err)
			return err;
	}
}

int pgtable_unmap(struct pgtable *pt, uint64_t va, uint64_t size)
{
	int err;

	if (!is_aligned(va | size, PAGE_SIZE))
		return HV_EINVAL;
	if (size == 0)
		return HV_OK;
	if (!va_range_ok(pt, va, size))
		return HV_EINVAL;

	/* Both edges first: what can fail does so before anything is gone. */
	err = split_at(pt, va);
	if (!err)
		err = split_at(pt, va + size);
	if (err)
		return err;

	for (uint64_t done = 0; done < size;) {
		struct cursor c = descend(pt, va + done);

		if (pte_is_valid(c.e))
			atomic_set(c.p, 0);
		done += cursor_left(&c, va + done);
	}
	return HV_OK;
}

/* --- freeing --- */

/*
 * Free the tables below @table that are empty (@all: every one); is @table itself empty now? The
 * recursion is as deep as the tables, five levels at most.
 */
static bool table_prune(struct pgtable *pt, pte_t *table, unsigned int entries, bool all)
{
	bool empty = true;

	for (unsigned int i = 0; i < entries; i++) {
		if (table[i] == 0) /* most are, and a VM that ends is one step of its task */
			continue;
		if (pte_is_table(table[i])) {
			pte_t *below = pte_table(table[i]);

			if (table_prune(pt, below, PT_ENTRIES, all) || all) {
				atomic_set(&table[i], 0);
				table_free(pt, below, !all);
			}
		}
		empty = empty && table[i] == 0;
	}
	return empty;
}

void pgtable_prune(struct pgtable *pt)
{
	table_prune(pt, pt->root, root_entries(pt), false);
}

static bool table_is_empty(const pte_t *table)
{
	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		if (table[i] != 0)
			return false;
	return true;
}

/* The entry of the last table on the way to @va; NULL: the root is the only one. */
static pte_t *last_table_entry(const struct pgtable *pt, uint64_t va)
{
	pte_t *table = pt->root, *found = NULL;

	for (unsigned int level = pt->levels - 1; level > 0; level--) {
		pte_t *p = &table[pt_index(pt, va, level)];

		if (!pte_is_table(*p))
			break;
		found = p;
		table = pte_table(*p);
	}
	return found;
}

void pgtable_prune_at(struct pgtable *pt, uint64_t va)
{
	pte_t *p;

	if (!va_range_ok(pt, va, 1))
		return;
	while ((p = last_table_entry(pt, va)) != NULL && table_is_empty(pte_table(*p))) {
		pte_t *table = pte_table(*p);

		atomic_set(p, 0);
		table_free(pt, table, true);
	}
}

void pgtable_destroy(struct pgtable *pt)
{
	if (!pt->root)
		return;
	table_prune(pt, pt->root, root_entries(pt), true);
	for (pte_t *t; (t = spare_take(pt)) != NULL;)
		page_free(ptr_to_hpa(t), PAGE_SIZE);
	page_free(ptr_to_hpa(pt->root), root_size(pt));
	pt->root = NULL;
	pt->tables = 0;
}

/* --- walk --- */

int pgtable_walk(const struct pgtable *pt, uint64_t va, struct pgtable_leaf *leaf)
{
	struct cursor c;
	uint64_t size;

	if (!va_range_ok(pt, va, 1))
		return HV_ENOENT;
	c = descend(pt, va);
	if (!pte_is_valid(c.e))
		return HV_ENOENT;
	size = pte_level_size(c.level);
	leaf->pa = hpa_add(pte_hpa(c.e), va & (size - 1));
	leaf->left = cursor_left(&c, va);
	leaf->prot = c.e & PROT_BITS;
	leaf->level = c.level;
	return HV_OK;
}
