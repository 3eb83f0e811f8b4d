/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot tables' part that only entry.S and mm/hostmap.c see. */
#ifndef ARCH_BOOT_MAP_H
#define ARCH_BOOT_MAP_H

#include "arch/pte.h"

extern uint64_t boot_link_offset;

/*
 * boot_map - build the boot tables for an image loaded at @load_base; returns satp. Translation off.
 *
 * Powers the machine off, with a sentence, when @load_base is no multiple of 2 MiB.
 */
uint64_t boot_map(hpa_t load_base);

/* boot_refuse - say that the hart has no Sv39, and power the machine off. Translation off, on the boot stack. */
_Noreturn void boot_refuse(void);

/* mmu_device_root_entry - the root entry of the device window, shared by boot and final tables. */
pte_t mmu_device_root_entry(void);

#endif
