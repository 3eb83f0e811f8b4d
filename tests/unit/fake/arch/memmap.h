/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from aligned_alloc() is "physical". As a rule the direct map is the identity. A program of hartvisor's own tables
 * has other addresses (CFLAGS):
 *
 *	-DFAKE_REAL_DIRECT_MAP		the direct map where hartvisor has it, though no pointer leads there
 *	-DFAKE_STACK_MAP_BASE=ADDRESS	stacks and the image
 *	-DFAKE_IMAGE_BASE=ADDRESS	where a process can have them
 */
#ifndef FAKE_ARCH_MEMMAP_H
#define FAKE_ARCH_MEMMAP_H

#include "../../../../hyp/arch/memmap.h"

#ifndef FAKE_REAL_DIRECT_MAP
#undef DIRECT_MAP_BASE
#undef DIRECT_MAP_SIZE
#define DIRECT_MAP_BASE 0UL
#define DIRECT_MAP_SIZE (1UL << 47)
#endif

#ifdef FAKE_STACK_MAP_BASE
#undef STACK_MAP_BASE
#define STACK_MAP_BASE FAKE_STACK_MAP_BASE
#endif

#ifdef FAKE_IMAGE_BASE
#undef IMAGE_BASE
#define IMAGE_BASE FAKE_IMAGE_BASE
#endif

#define hpa_to_ptr fake_hpa_to_ptr
#define ptr_to_hpa fake_ptr_to_hpa

/* Where host-physical address 0 would be on the build machine. */
extern uint64_t fake_hpa_0;
__attribute__((weak)) uint64_t fake_hpa_0;

static inline void *fake_hpa_to_ptr(hpa_t a)
{
	return (void *)(uintptr_t)(a.hpa + fake_hpa_0);
}

static inline hpa_t fake_ptr_to_hpa(const void *p)
{
	return hpa((uint64_t)(uintptr_t)p - fake_hpa_0);
}

#endif
