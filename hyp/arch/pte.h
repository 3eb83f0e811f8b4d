/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of both stages (privileged specification, "Sv39" and "Two-Stage Address
 * Translation"): the format is one and the same; a G-stage root is four times as large and every
 * G-stage leaf is a user page (U=1), because the G-stage looks at accesses as if made from U-mode.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include "lib/types.h"

typedef uint64_t pte_t;

#define PTE_V BIT(0)
#define PTE_R BIT(1)
#define PTE_W BIT(2)
#define PTE_X BIT(3)
#define PTE_U BIT(4)
#define PTE_G BIT(5)
#define PTE_A BIT(6)
#define PTE_D BIT(7)

/* RSW: for software. In a G-stage: the page is the VM's RAM, and so in the direct map. */
#define PTE_RAM BIT(8)

#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK  ((UINT64_C(1) << 44) - 1)

#define PT_INDEX_BITS 9
#define PT_ENTRIES    512

static inline bool pte_is_valid(pte_t e)
{
	return e & PTE_V;
}

/* A leaf has R or X; V alone points to the next level. */
static inline bool pte_is_leaf(pte_t e)
{
	return e & (PTE_R | PTE_X);
}

static inline hpa_t pte_hpa(pte_t e)
{
	return hpa(((e >> PTE_PPN_SHIFT) & PTE_PPN_MASK) << PAGE_SHIFT);
}

/* pte_make_leaf - A and D are set: hartvisor never asks the hardware to track them. */
static inline pte_t pte_make_leaf(hpa_t a, uint64_t prot)
{
	return ((a.hpa >> PAGE_SHIFT) << PTE_PPN_SHIFT) | prot | PTE_V | PTE_A | PTE_D;
}

static inline pte_t pte_make_table(hpa_t a)
{
	return ((a.hpa >> PAGE_SHIFT) << PTE_PPN_SHIFT) | PTE_V;
}

/* Bytes that one entry of level @level maps; level 0 is the leaf level of 4 KiB pages. */
static inline uint64_t pte_level_size(unsigned int level)
{
	return PAGE_SIZE << (PT_INDEX_BITS * level);
}

#endif
