/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of a trap, from top to bottom:
 *
 *   pcpu_loop.c  pcpu_loop      pick a vcpu; idle in WFI
 *   vcpu_run.c   vcpu_run       load a vcpu; requests; enter; leave; again; put it back; the next one
 *   switch.S     guest_switch   registers, sret ... trap_vector, registers, ret
 *   fastpath.c   fast_ecall, fast_insn, fast_access   what is answered without leaving guest_switch
 *   rest.c       vcpu_rest      a halt on a hart for which nothing else waits
 *   task.c       task_run       no vcpu, but a step of what is done for a VM, and the next
 *   trace.c      pcpu_follow_trace   the timeline begins or ends on this hart, and so does:
 *   times.c      times_left, times_enters   what the hart does with its time
 *   exit.c       vcpu_handle_exit   by scause: interrupt, SBI call, virtual instruction, guest fault
 *
 * A handler changes the vcpu's registers, makes requests or halts it; it never blocks. It returns what comes next
 * (arch/next.h); vcpu_run() looks at that, at requests and at halts before the next entry.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "arch/csr.h"
#include "arch/next.h"
#include "lib/work.h"
#include "vcpu/vcpu.h"

/*
 * vcpu_run - own pcpu: run @v, which was picked, and the vcpus that are next after it, until there is none or something
 * else to do. Returns a task that was picked, or NULL.
 */
struct sched_entity *vcpu_run(struct vcpu *v);

/* task_run - own pcpu: run the task @se, which was picked, until it has no more to do or something else is to run. */
void task_run(struct sched_entity *se);

/* vcpu_handle_exit - do what a trap with scause @cause asks for. Returns GUEST, SPIN, YIELD or WAKE. */
struct next vcpu_handle_exit(struct vcpu *v, uint64_t cause);

/*
 * vcpu_rest - own pcpu, when it must block: sleep right here, if the hart is not wanted for anything else.
 * True: something came; handle requests again. False: vcpu_block().
 */
bool vcpu_rest(struct vcpu *v);

/*
 * pcpu_sleep - WFI, unless something is to be done on this hart; pcpu_poll_interrupts - afterwards. False:
 * something waits elsewhere that this hart could take (sched_pick()).
 */
bool pcpu_sleep(void);
void pcpu_poll_interrupts(void);

/* pcpu_unload - own pcpu: the vcpu that is loaded here, if there is one, leaves it, and may be moved. It does not run. */
void pcpu_unload(struct pcpu *p);

/* pcpu_follow_trace - this hart writes to the timeline from now on, or no more, as it was asked (arch/trace.h). */
void pcpu_follow_trace(void);

/*
 * Work items take turns with what is scheduled: after one of them, what was picked has the hart for some 100 us, so that
 * even class fifo does not wait for a second one.
 *
 * pcpu_work_is_due - may a work item run here now? pcpu_set_slice - @se runs here from now on: arm the timer for the next
 * look. pcpu_must_switch - need_resched was set, because something wants the hart that @se has, or the time of the next
 * look has come: true when @se must be put.
 */
static inline bool pcpu_work_is_due(const struct pcpu *p)
{
	return work_pending() && (!p->work_at || timer_now() >= p->work_at);
}

void pcpu_set_slice(const struct sched_entity *se, struct pcpu *p);
bool pcpu_must_switch(struct sched_entity *se, struct pcpu *p);

/* pcpu_interrupts_pending - what came while the hypervisor ran, with interrupts off; bits of sip. */
static inline uint64_t pcpu_interrupts_pending(void)
{
	return csr_read(CSR_SIP) & csr_read(CSR_SIE);
}

/* pcpu_loop - the life of a hart. Never returns. */
_Noreturn void pcpu_loop(void);

#endif
