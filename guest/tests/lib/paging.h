/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sv39 on request: gigapages map the low 256 GiB one to one, RWX and not for U-mode, and
 * paging_map() puts single pages anywhere above.
 */
#ifndef GUEST_PAGING_H
#define GUEST_PAGING_H

#define PTE_V 0x01UL
#define PTE_R 0x02UL
#define PTE_W 0x04UL
#define PTE_X 0x08UL
#define PTE_U 0x10UL
#define PTE_G 0x20UL
#define PTE_A 0x40UL
#define PTE_D 0x80UL

#define PTE_RWX (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)
#define PTE_RW	(PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)

#define PAGING_VA(n) (-(256UL << 30) + (n)*4096UL) /* page n of that */

/* The tables; the one root of all harts. */
extern unsigned long paging_root[512];

void paging_init(void);

/* paging_enable - on this hart, under @asid. */
void paging_enable(unsigned long asid);
void paging_disable(void);

/* paging_map - one page; no fence. Returns the entry, for later changes. */
volatile unsigned long *paging_map(unsigned long va, unsigned long pa, unsigned long flags);

static inline unsigned long pte_make(unsigned long pa, unsigned long flags)
{
	return pa >> 12 << 10 | flags;
}

#endif
