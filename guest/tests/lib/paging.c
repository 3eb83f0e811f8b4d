// SPDX-License-Identifier: BSD-2-Clause

#include "csr.h"
#include "paging.h"
#include "test.h"

#define TABLES 16

unsigned long paging_root[512] __attribute__((aligned(4096)));
static unsigned long tables[TABLES][512] __attribute__((aligned(4096)));
static unsigned int tables_used;

void paging_init(void)
{
	for (unsigned long i = 0; i < 256; i++)
		paging_root[i] = pte_make(i << 30, PTE_RWX);
}

void paging_enable(unsigned long asid)
{
	csr_write(satp, SATP_SV39 | asid << 44 | (unsigned long)paging_root >> 12);
	sfence_vma();
}

void paging_disable(void)
{
	csr_write(satp, 0);
	sfence_vma();
}

static unsigned long *next_table(unsigned long *entry)
{
	if (!(*entry & PTE_V)) {
		CHECK(tables_used < TABLES);
		*entry = pte_make((unsigned long)tables[tables_used++], PTE_V);
	}
	return (unsigned long *)(*entry >> 10 << 12);
}

volatile unsigned long *paging_map(unsigned long va, unsigned long pa, unsigned long flags)
{
	unsigned long *table = next_table(&paging_root[va >> 30 & 511]);
	volatile unsigned long *entry;

	table = next_table(&table[va >> 21 & 511]);
	entry = &table[va >> 12 & 511];
	*entry = pte_make(pa, flags);
	return entry;
}
