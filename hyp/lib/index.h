/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indices and lengths that a guest chooses.
 *
 * A branch that tests a bound can be mispredicted, and then the hart goes on speculatively with the value
 * that was out of bounds: an array access that depends on it leaves traces in the caches that a guest can
 * measure (Spectre variant 1). Here the bound is kept by arithmetic. The result depends on the comparison as
 * data, so even a speculative access stays within bounds.
 *
 * Every subscript in the code that answers guests is a constant, a loop's variable, a value masked or reduced
 * by a constant on the spot, or goes through these helpers; tools/index-check.py (make lint) knows the rules.
 * For the same reason hartvisor is compiled with -fno-jump-tables: a switch is a chain of branches.
 */
#ifndef LIB_INDEX_H
#define LIB_INDEX_H

#include "lib/types.h"

/*
 * index_mask_below - all ones if @i < @n, else 0; without a branch. In assembler on RISC-V, since the compiler
 * may turn arithmetic on a comparison that it has just branched on into a constant.
 */
static always_inline uint64_t index_mask_below(uint64_t i, uint64_t n)
{
#ifdef __riscv
	uint64_t mask;

	__asm__("sltu %0, %1, %2\n\tneg %0, %0" : "=&r"(mask) : "r"(i), "r"(n));
	return mask;
#else
	return -(uint64_t)(i < n);
#endif
}

/* index_below - @i if it is below @n, else 0. The caller has tested that it is, by a branch. */
static always_inline uint64_t index_below(uint64_t i, uint64_t n)
{
	return i & index_mask_below(i, n);
}

/* index_limit - the lesser of @len and @max, for a length. */
static always_inline uint64_t index_limit(uint64_t len, uint64_t max)
{
	return max ^ ((len ^ max) & index_mask_below(len, max));
}

#endif
