/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harts' own interrupt controllers ("riscv,cpu-intc", a child of each cpu's node), as devices name them
 * in `interrupts-extended`: a list of pairs, the phandle of a hart's controller and the interrupt that is
 * raised there (a bit number of sip or mip). An entry's place in the list is the hart's place in the device.
 */
#ifndef PLATFORM_HART_INTC_H
#define PLATFORM_HART_INTC_H

#include "lib/errno.h"
#include "lib/types.h"

/* hart_intc_exists - is @phandle the interrupt controller of a hart in /cpus? */
bool hart_intc_exists(const void *fdt, uint32_t phandle);

/*
 * hart_intc_entry - the index of hart @hartid's interrupt @irq (IRQ_S_*) among @node's interrupts-extended.
 * HV_ENOENT: it is not there, or the hart has no controller.
 */
int hart_intc_entry(const void *fdt, int node, uint64_t hartid, uint32_t irq);

#endif
