/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasing secrets. The compiler may leave out a memset() of memory that is not read again; it cannot leave
 * out erase().
 */
#ifndef LIB_ERASE_H
#define LIB_ERASE_H

#include <string.h>

#include "lib/types.h"

/* erase - set @len bytes at @p to 0, although nothing reads them afterwards. */
static inline void erase(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
