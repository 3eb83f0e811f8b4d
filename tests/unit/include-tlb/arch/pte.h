/* SPDX-License-Identifier: BSD-2-Clause */
/* The real entries in tables of four, so that a whole address space is a few pages. */
#ifndef FAKE_ARCH_PTE_H
#define FAKE_ARCH_PTE_H

#define pte_level_size pte_level_size_of_512

#include "../../../../hyp/arch/pte.h"

#undef pte_level_size
#undef PT_INDEX_BITS
#undef PT_ENTRIES
#define PT_INDEX_BITS 2
#define PT_ENTRIES    4

static inline uint64_t pte_level_size(unsigned int level)
{
	return PAGE_SIZE << (PT_INDEX_BITS * level);
}

#endif
