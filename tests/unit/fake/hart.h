/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harts for the programs that run the vcpu protocol whole: per pcpu a set of CSRs with the aliases
 * that matter (hie shows vsie, vsip shows hvip), and an IPI that stays pending in sip until it is
 * cleared. hyp/arch/smp.c and guest.c run on top as they are.
 */
#ifndef FAKE_HART_H
#define FAKE_HART_H

#include "arch/fence.h"
#include "arch/pcpu.h"
#include "vcpu/vcpu.h"

#define HARTS_MAX 12

/* harts_setup - pcpus [0, nr), all CSRs zero, no IPI pending; the caller is pcpu 0. */
void harts_setup(unsigned int nr);

bool hart_ipi_pending(unsigned int index);
void hart_clear_ipi(unsigned int index);

/* hart_csr - another hart's, for a look at it when it sleeps. */
uint64_t hart_csr(unsigned int index, unsigned int csr);

/* hart_wfi_ends - has it a reason not to sleep: an IPI, its timer, or an interrupt of the guest's that is
 * loaded there? */
bool hart_wfi_ends(unsigned int index);

/* hart_time_of - the time CSR of a pcpu, by the program. hart_time - the one here. */
uint64_t hart_time_of(unsigned int index);

static inline uint64_t hart_time(void)
{
	return hart_time_of(this_pcpu()->index);
}

/* hart_trap - what the guest on this hart left by. */
void hart_trap(uint64_t cause, uint64_t tval);

/* --- by the program ------------------------------------------------------------------------------- */

enum hart_fence {
	HART_FENCE_I,
	HART_FENCE_VVMA, /* all of the VMID's, or so little that a test asks for no more */
	HART_FENCE_GVMA,
	NR_HART_FENCES,
};

/* hart_fenced - this pcpu has executed such a fence. */
void hart_fenced(enum hart_fence kind);

/* hart_ipi - this pcpu is about to send an IPI to the pcpus in @set (bit = index). */
void hart_ipi(uint64_t set);

/* hart_ipi_to_no_hart - an IPI to a hart that does not exist. */
void hart_ipi_to_no_hart(void);

#endif
