/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of the hypervisor's own code. They are off, but in a coroutine (arch/coroutine.h). What it calls that takes a
 * lock or uses this_pcpu() is called between these two.
 */
#ifndef ARCH_INTERRUPTS_H
#define ARCH_INTERRUPTS_H

#include "arch/csr.h"
#include "lib/types.h"

/* arch_interrupts_off - returns what arch_interrupts_restore() takes. They nest. */
static inline uint64_t arch_interrupts_off(void)
{
	uint64_t was = csr_read(CSR_SSTATUS) & SSTATUS_SIE;

	csr_clear(CSR_SSTATUS, SSTATUS_SIE);
	return was;
}

static inline void arch_interrupts_restore(uint64_t was)
{
	csr_set(CSR_SSTATUS, was);
}

#endif
