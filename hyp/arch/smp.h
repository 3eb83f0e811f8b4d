/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harts: starting them through SBI HSM, and IPIs between them.
 *
 * A hart that does not come is named and left out. "Come" is decided by its HSM state, not by a fixed
 * time: boot waits as long as the firmware says START_PENDING or STARTED (bounded by a number of
 * status calls, so that even a lying firmware cannot hang it).
 */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "arch/pcpu.h"
#include "arch/pcpu_set.h"
#include "lib/errno.h"

extern struct pcpu boot_pcpu; /* index 0; in bss because it is needed before there is memory */

/*
 * smp_start - start hart @p->hartid, whose stacks are set. It runs @check, which says in what it differs from the
 * boot hart, and then @main. HV_EIO: it did not come, or it differs; a line has said so. Boot hart only.
 */
int smp_start(struct pcpu *p, uint64_t satp, struct hart_misfit (*check)(void), void (*main)(void));

/*
 * smp_set_kick_register - @p is kicked by writing 1 to @reg from now on (ACLINT specification, "Supervisor
 * Software Interrupt Device": SETSSIP), and no more by SBI. Boot hart, before the others start.
 */
void smp_set_kick_register(struct pcpu *p, volatile uint32_t *reg);

/*
 * smp_kick - a supervisor software interrupt to every pcpu in @set: by one store to each
 * that has a kick register, and one SBI IPI call (one per 64 hart ids) to all others. The hart that takes it
 * sees what this hart has written to memory before.
 */
void smp_kick(struct pcpu_set set);

/* smp_resched - ask pcpu @index to look at its queue; an IPI unless it was asked already or is us. */
void smp_resched(unsigned int index);

/*
 * A grace period: when it is over, each pcpu has been in its loop since it began. What a pcpu did at the beginning is
 * over by then, its accesses to memory, too; it holds no pointer but to what it runs.
 * smp_grace_begin - sends an interrupt to each pcpu. smp_grace_is_over - have all taken it? Not to be waited for in a
 * loop: this pcpu has to take it, too.
 */
struct smp_grace {
	uint64_t taken[MAX_PCPUS];
};

void smp_grace_begin(struct smp_grace *g);
bool smp_grace_is_over(const struct smp_grace *g);

/* smp_ipi_taken - this pcpu, in its loop or between two steps: it has taken a software interrupt. */
void smp_ipi_taken(void);

/* smp_wake_one_idle - an IPI to some idle pcpu, for work that any pcpu may do. False: none is idle. */
bool smp_wake_one_idle(void);

#endif
