/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hartvisor's final address space: W^X, without the image in the direct map, and stacks between
 * guard pages. Built once by the boot hart when the page allocator is up.
 */
#ifndef MM_HOSTMAP_H
#define MM_HOSTMAP_H

#include "lib/errno.h"
#include "lib/types.h"

/* hostmap_build - make the final tables. HV_ENOMEM. Afterwards hostmap_satp() is valid. */
int hostmap_build(void);
uint64_t hostmap_satp(void);

/* hostmap_load - the boot hart uses the final tables from now on. */
void hostmap_load(void);

/*
 * hostmap_add_ram - direct-map [base, base+size) in the final tables; parts above DIRECT_MAP_SIZE or in
 * hartvisor's image are left out. Ranges come in ascending order. Between hostmap_build's parts: see main.c.
 */
int hostmap_add_ram(hpa_t base, uint64_t size);

/* hostmap_new_stack - a stack of HOST_STACK_SIZE bytes below an unmapped page; its end, or 0. Any hart, no locks. */
#define HOST_STACK_SIZE KIB(16)
uint64_t hostmap_new_stack(void);

/* hostmap_free_stack - nothing runs any more on the stack that ends at @top. It is erased, and is the next one that
 * hostmap_new_stack() gives. It stays mapped, so that no hart has to forget a translation. Any hart, no locks. */
void hostmap_free_stack(uint64_t top);

#endif
