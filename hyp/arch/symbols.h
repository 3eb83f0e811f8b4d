/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of hartvisor's own functions, for a panic. tools/mksyms.py packs them into a table from a
 * first link and the second link takes it in (hartvisor.lds: symbols_table); the first one's is empty.
 *
 * The table is SYMBOL_CODES pairs of bytes and then, for each function in the order of addresses: how
 * far behind the one before, in halfwords, seven bits a byte and the low ones first, with 0x80 where
 * more follow; and the name, in codes. Code c stands for the character pair[c][1] where pair[c][0] is 0,
 * else for code pair[c][0] followed by pair[c][1]. A name ends with character 0, be it within a code.
 */
#ifndef ARCH_SYMBOLS_H
#define ARCH_SYMBOLS_H

#include "lib/types.h"

#define SYMBOL_CODES	256
#define SYMBOL_DEPTH	16 /* codes that wait while one is unfolded */
#define SYMBOL_NAME_MAX 64 /* with the 0 */

/*
 * symbol_find - the function that lies @at bytes behind the image's start.
 *
 * Writes its name and how far in @at is; false: the table has none, or what it has is no name.
 * Context: any, a panic's first of all: reads the table alone, and no byte beyond it.
 */
bool symbol_find(const uint8_t *table, size_t size, uint64_t at, char name[SYMBOL_NAME_MAX],
		 uint64_t *offset);

#endif
