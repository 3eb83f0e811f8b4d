/* SPDX-License-Identifier: BSD-2-Clause */
/* The build machine has no cbo.zero. */
#ifndef FAKE_ARCH_CACHE_H
#define FAKE_ARCH_CACHE_H

#include <string.h>

#include "lib/types.h"

static inline void arch_zero_range(void *p, uint64_t len)
{
	memset(p, 0, len);
}

#endif
