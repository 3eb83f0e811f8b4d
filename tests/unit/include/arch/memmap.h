/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On the build machine the direct map is the identity: memory from aligned_alloc() is "physical".
 */
#ifndef FAKE_ARCH_MEMMAP_H
#define FAKE_ARCH_MEMMAP_H

#include "../../../../hyp/arch/memmap.h"

#undef DIRECT_MAP_BASE
#undef DIRECT_MAP_SIZE
#define DIRECT_MAP_BASE 0UL
#define DIRECT_MAP_SIZE (1UL << 47)

#define hpa_to_ptr fake_hpa_to_ptr
#define ptr_to_hpa fake_ptr_to_hpa

static inline void *fake_hpa_to_ptr(hpa_t a)
{
	return (void *)(uintptr_t)a.hpa;
}

static inline hpa_t fake_ptr_to_hpa(const void *p)
{
	return hpa((uint64_t)(uintptr_t)p);
}

#endif
