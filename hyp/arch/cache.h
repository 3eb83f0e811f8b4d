/* SPDX-License-Identifier: BSD-2-Clause */
/* Clearing memory by whole cache blocks, and writing them back (CMO specification, Zicboz and Zicbom). */
#ifndef ARCH_CACHE_H
#define ARCH_CACHE_H

#include "lib/types.h"

/*
 * arch_set_cboz_block - every hart has cbo.zero with blocks of @bytes (the device tree's
 * riscv,cboz-block-size, the same on all); 0, as at first: not all have it. What is no power of two
 * between 8 and PAGE_SIZE counts as 0. Boot hart, before the others run.
 *
 * menvcfg.CBZE is the firmware's to set; OpenSBI does when the extension is in the device tree.
 */
void arch_set_cboz_block(unsigned int bytes);

/*
 * arch_set_cbom_block - the same for Zicbom (riscv,cbom-block-size; menvcfg.CBCFE); 0, as at first: no guest can
 * look past the caches, and arch_clean_range() does nothing.
 */
void arch_set_cbom_block(unsigned int bytes);

/*
 * arch_clean_range - what was written to [@p, @p+@len) is in memory, not in caches alone. For memory that a
 * guest gets: with Svpbmt it may map that as NC or IO and then, where caches are not coherent with such
 * accesses, see what memory held before the caches are written back, which is a former owner's data.
 */
void arch_clean_range(const void *p, uint64_t len);

/* arch_zero_range - clear @len bytes at @p: the whole blocks by cbo.zero, the edges by stores. */
void arch_zero_range(void *p, uint64_t len);

/* arch_wipe_range - arch_zero_range() and arch_clean_range(), in one pass where blocks are alike. */
void arch_wipe_range(void *p, uint64_t len);

/* arch_wipe_step - bytes that it wipes by some 2,500 instructions with cbo.zero, by some 6,000 without. */
uint64_t arch_wipe_step(void);

#endif
