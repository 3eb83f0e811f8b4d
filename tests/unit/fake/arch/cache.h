/* SPDX-License-Identifier: BSD-2-Clause */
/* The build machine has no cbo.zero, and of what is written back only the bytes are counted. */
#ifndef FAKE_ARCH_CACHE_H
#define FAKE_ARCH_CACHE_H

#include <string.h>

#include "lib/types.h"

extern uint64_t fake_cleaned_bytes;
__attribute__((weak)) uint64_t fake_cleaned_bytes;

static inline void arch_clean_range(const void *p, uint64_t len)
{
	(void)p;
	(void)__atomic_fetch_add(&fake_cleaned_bytes, len, __ATOMIC_RELAXED);
}

static inline void arch_zero_range(void *p, uint64_t len)
{
	memset(p, 0, len);
}

static inline void arch_wipe_range(void *p, uint64_t len)
{
	arch_zero_range(p, len);
	arch_clean_range(p, len);
}

static inline uint64_t arch_wipe_step(void)
{
	return KIB(32);
}

#endif
