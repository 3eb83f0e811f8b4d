/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hartvisor's own addresses as they are, for tests of its own page tables, in which they stand as numbers. Memory from
 * aligned_alloc() is "physical" all the same, at addresses that the direct map has.
 */
#ifndef FAKE_ARCH_MEMMAP_H
#define FAKE_ARCH_MEMMAP_H

#include "../../../../hyp/arch/memmap.h"

#define hpa_to_ptr fake_hpa_to_ptr
#define ptr_to_hpa fake_ptr_to_hpa

extern uint64_t
	fake_hpa_0; /* the program's: where host-physical address 0 would be on the build machine */

static inline void *fake_hpa_to_ptr(hpa_t a)
{
	return (void *)(uintptr_t)(a.hpa + fake_hpa_0);
}

static inline hpa_t fake_ptr_to_hpa(const void *p)
{
	return hpa((uint64_t)(uintptr_t)p - fake_hpa_0);
}

#endif
