/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of either stage: map, unmap, walk.
 *
 * struct pgtable says which kind it is: the number of levels (3 for Sv39 and Sv39x4, 4, 5) and how
 * many bits wider the root is (2 for the x4 formats, whose roots are 16 KiB). Mapping takes the
 * largest leaf that size and both addresses allow. Tables come from page_alloc(). Nothing here
 * fences: the caller knows which harts may hold a translation (hyp/mm/vmid.h).
 *
 * Writers of one pgtable are serialised by the caller (vm->lock, or boot). Readers that take no lock
 * (pgtable_walk) see each entry whole: entries are written by one aligned store, after the table
 * below them.
 */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include "arch/pte.h"
#include "lib/errno.h"

struct pgtable {
	pte_t *root;		/* in the direct map */
	unsigned int levels;	/* 3, 4 or 5 */
	unsigned int root_bits; /* extra index bits of the root: 0, or 2 for the x4 formats */
	uint64_t tables;	/* bytes of tables in use, the root included */
	pte_t *spare;		/* pruned ones of an x4 format, for the next map */
};

/* pgtable_init - allocate an empty root (aligned to its size). HV_ENOMEM. */
int pgtable_init(struct pgtable *pt, unsigned int levels, unsigned int root_bits);

/* pgtable_destroy - free all tables; what the leaves map is not ours and stays. */
void pgtable_destroy(struct pgtable *pt);

/*
 * pgtable_map - map [va, va+size) to [pa, pa+size) with @prot (PTE_R.. | PTE_U | PTE_G | PTE_RAM).
 * All three are page multiples. HV_EEXIST when any part is mapped already (nothing is changed then),
 * HV_EINVAL for misaligned or out-of-range addresses, HV_ENOMEM (the part mapped so far is undone).
 */
int pgtable_map(struct pgtable *pt, uint64_t va, hpa_t pa, uint64_t size, uint64_t prot);

/*
 * pgtable_unmap - remove [va, va+size); a leaf that is larger than the range is split first
 * (HV_ENOMEM). Holes are fine. Tables that become empty are kept until pgtable_prune().
 */
int pgtable_unmap(struct pgtable *pt, uint64_t va, uint64_t size);

/*
 * pgtable_prune - take out the empty tables. Those of an x4 format
 * are kept for the next map and freed by pgtable_destroy(): a hart that has the VM's hgatp loaded may still
 * walk them, even outside the guest, because it caches how a walk begins until a fence, and a fence is made
 * only before the next entry. Until then no other data may come there. A lockless reader may be inside, too, and finds
 * nothing there. The caller flushes both before the next map, which uses such a table elsewhere.
 * Others are freed at once: there no reader may be inside.
 */
void pgtable_prune(struct pgtable *pt);

/* pgtable_prune_at - the same, of the tables on the way to @va alone. */
void pgtable_prune_at(struct pgtable *pt, uint64_t va);

struct pgtable_leaf {
	hpa_t pa;      /* of the address asked for, not of the leaf's start */
	uint64_t left; /* bytes from there to the leaf's end */
	uint64_t prot; /* R W X U G as mapped */
	unsigned int level;
};

/* pgtable_walk - find the leaf that maps @va; HV_ENOENT. Lockless. */
int pgtable_walk(const struct pgtable *pt, uint64_t va, struct pgtable_leaf *leaf);

#endif
