/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real entries. With -DFAKE_PT_INDEX_BITS=n (CFLAGS) they are in tables of 2^n, so that a whole address space is a few
 * pages.
 */
#ifndef FAKE_ARCH_PTE_H
#define FAKE_ARCH_PTE_H

#ifdef FAKE_PT_INDEX_BITS
#define pte_level_size pte_level_size_of_512
#endif

#include "../../../../hyp/arch/pte.h"

#ifdef FAKE_PT_INDEX_BITS
#undef pte_level_size
#undef PT_INDEX_BITS
#undef PT_ENTRIES
#define PT_INDEX_BITS FAKE_PT_INDEX_BITS
#define PT_ENTRIES    (1 << FAKE_PT_INDEX_BITS)

static inline uint64_t pte_level_size(unsigned int level)
{
	return PAGE_SIZE << (PT_INDEX_BITS * level);
}
#endif

#endif
