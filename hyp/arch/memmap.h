/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are in hartvisor's own address space (Sv39, upper half), and the direct map.
 *
 *   0xffffffc0_00000000  direct map: host-physical address 0 upwards, 248 GiB, RW, RAM only
 *   0xfffffffe_00000000  per-pcpu stacks, each between two unmapped pages, RW
 *   0xffffffff_00000000  device registers (pgtable_map_device), RW
 *   0xffffffff_80000000  hartvisor's image: text RX, rodata R, data RW
 */
#ifndef ARCH_MEMMAP_H
#define ARCH_MEMMAP_H

#define DIRECT_MAP_BASE 0xffffffc000000000
#define DIRECT_MAP_SIZE 0x3e00000000
#define STACK_MAP_BASE	0xfffffffe00000000
#define DEVICE_MAP_BASE 0xffffffff00000000
#define DEVICE_MAP_SIZE 0x40000000
#define IMAGE_BASE	0xffffffff80000000

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* hpa_to_ptr - the direct map's address of @a. @a must lie in RAM below DIRECT_MAP_SIZE. */
static inline void *hpa_to_ptr(hpa_t a)
{
	return (void *)(uintptr_t)(a.hpa + DIRECT_MAP_BASE);
}

/* ptr_to_hpa - back from an address of the direct map (not of the image). */
static inline hpa_t ptr_to_hpa(const void *p)
{
	return hpa((uint64_t)(uintptr_t)p - DIRECT_MAP_BASE);
}
#endif

#endif
