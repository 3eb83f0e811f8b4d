/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hartvisor's own translation: Sv39, W^X, made in two steps. The assembler entry maps the image alone
 * with three static tables, at whatever 2 MiB-aligned address it was loaded; hostmap_build()
 * (mm/hostmap.h) then makes the final tables with the direct map, stacks with guard pages, and device
 * windows.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include "arch/memmap.h"
#include "lib/types.h"

/* Where the image was loaded; set by the entry code. */
extern hpa_t image_load_base;

/* image_hpa - host-physical address of a symbol of the image (text, rodata, data, bss). */
hpa_t image_hpa(const void *sym);

/*
 * mmu_early_map - boot hart only, before hostmap_build(): make [base, base+size) readable at its
 * direct-map address (1 GiB pages of the boot tables), for the FDT and RAM.
 */
void mmu_early_map(hpa_t base, uint64_t size);

/* device_map - a window onto device registers, RW; NULL when the address space or memory is used up. */
void *device_map(hpa_t base, uint64_t size);

/* device_try_write32 - @val to @reg of a window; false: the access faulted (nothing there, or firmware has
 * closed it). For probes: it orders nothing. */
bool device_try_write32(volatile uint32_t *reg, uint32_t val);

#endif
