/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of hartvisor's own functions, for a panic. tools/mksyms.py makes the table from a first link
 * and the second link takes it in; the first one has the weak, empty table of symbols.c.
 */
#ifndef ARCH_SYMBOLS_H
#define ARCH_SYMBOLS_H

#include "lib/types.h"

/* symbol_find - the function that @addr lies in, and how far in; NULL: none. */
const char *symbol_find(uint64_t addr, uint64_t *offset);

#endif
