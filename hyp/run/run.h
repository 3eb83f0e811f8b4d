/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of a trap, from top to bottom:
 *
 *   pcpu_loop.c  pcpu_loop      pick a vcpu; idle in WFI
 *   vcpu_run.c   vcpu_run       load a vcpu; requests; enter; leave; again; put it back; the next one
 *   switch.S     guest_switch   registers, sret ... trap_vector, registers, ret
 *   rest.c       vcpu_rest      a halt on a hart that nobody else wants
 *   exit.c       vcpu_handle_exit   by scause: interrupt, SBI call, virtual instruction, guest fault
 *
 * A handler changes the vcpu's registers, makes requests, halts it, or says whom it yields to (v->yield_to);
 * it never blocks. What it decided is looked at by vcpu_run() before the next entry.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "arch/csr.h"
#include "vcpu/vcpu.h"

/* vcpu_run - own pcpu: run @v, which was picked, and whoever is next after it, until nobody is, or there is
 * something else to do. */
void vcpu_run(struct vcpu *v);

enum exit_result {
	EXIT_GOES_ON,
	EXIT_SPINS,  /* WRS.NTO: it waits for something that did not happen */
	EXIT_YIELDS, /* to v->yield_to */
};

/* vcpu_handle_exit - what the trap asks for whose scause is @cause. */
enum exit_result vcpu_handle_exit(struct vcpu *v, uint64_t cause);

/*
 * vcpu_rest - own pcpu, when it must block: sleep right here, if the hart is not wanted for anything else.
 * True: something came; handle requests again. False: vcpu_block().
 */
bool vcpu_rest(struct vcpu *v);

/*
 * pcpu_sleep - WFI, unless somebody wants something of this hart; pcpu_poll_interrupts - afterwards. False:
 * something waits elsewhere that this hart could take (sched_pick()).
 */
bool pcpu_sleep(void);
void pcpu_poll_interrupts(void);

/* pcpu_interrupts_pending - what came while the hypervisor ran, with interrupts off; bits of sip. */
static inline uint64_t pcpu_interrupts_pending(void)
{
	return csr_read(CSR_SIP) & csr_read(CSR_SIE);
}

/* pcpu_loop - the life of a hart. Never returns. */
_Noreturn void pcpu_loop(void);

#endif
