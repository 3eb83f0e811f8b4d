/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking sets of bits. The base instruction set counts no zeros, and the compiler would call libgcc. */
#ifndef LIB_BITS_H
#define LIB_BITS_H

#include "lib/types.h"

/* bit_first()'s. Weak: of its copies in all the files that use it the linker keeps one. */
__attribute__((weak)) extern const uint8_t bit_shifts[64];
__attribute__((weak)) const uint8_t bit_shifts[64] = {
	0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
};

/*
 * bit_first - the number of the lowest bit of @x, which is not 0. The bit alone times a de Bruijn
 * sequence is that sequence shifted, whose upper six bits are different for each shift.
 */
static inline unsigned int bit_first(uint64_t x)
{
	return bit_shifts[((x & -x) * UINT64_C(0x03f79d71b4cb0a89)) >> 58];
}

#endif
