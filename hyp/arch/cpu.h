/* SPDX-License-Identifier: BSD-2-Clause */
/* The instructions of a hart that waits. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

/*
 * cpu_wait_for_interrupt - sleep until an interrupt that sie enables is pending, even with
 * sstatus.SIE = 0; one that is pending already ends it at once. It may end for no reason at all.
 */
static inline void cpu_wait_for_interrupt(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

#endif
