// SPDX-License-Identifier: BSD-2-Clause
#include "run/run.h"

#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/smp.h"
#include "lib/work.h"
#include "platform/driver.h"
#include "vcpu/magic.h"
#include "vcpu/steal.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

static noinline void take_interrupts(uint64_t sip)
{
	if (sip & BIT(IRQ_S_SOFT)) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		this_pcpu()->ipis_taken++;
	}
	if (sip & BIT(IRQ_S_TIMER))
		timer_run();
	if (sip & BIT(IRQ_S_EXT))
		host_irq_handle();
}

/* What interrupted a WFI or came while the hypervisor ran: interrupts are off, so look for it. */
static uint64_t pending_interrupts(void)
{
	return csr_read(CSR_SIP) & csr_read(CSR_SIE);
}

void pcpu_poll_interrupts(void)
{
	uint64_t sip = pending_interrupts();

	if (sip)
		take_interrupts(sip);
}

/*
 * Sleep, unless there is something to do. idle is visible before the queue and the work list are looked at for the last time,
 * and whoever fills them sends an IPI after that; a pending IPI ends the WFI at once.
 */
bool pcpu_sleep(void)
{
	struct pcpu *p = this_pcpu();
	bool idle;

	atomic_set(&p->idle, 1);
	fence_full();
	idle = sched_idle_begin();
	if (idle && !atomic_read(&p->need_resched) && !work_pending())
		cpu_wait_for_interrupt();
	sched_idle_end();
	atomic_set(&p->idle, 0);
	return idle;
}

/* Put what is loaded away, so that it may move to other harts. */
static void unload(struct pcpu *p)
{
	struct vcpu *v = p->current;

	if (!v)
		return;
	vcpu_put(v);
	sched_unloaded(&v->se);
}

/* The last vcpu that is gone hands its VM to the life cycle; its state is saved, it is on no queue. */
static void bury(struct vcpu *v)
{
	struct vm *vm = v->vm;

	if (atomic_fetch_sub(&vm->active, 1) == 1) {
		work_queue(&vm->life);
		(void)smp_wake_one_idle();
	}
}

static void run_dead(struct vcpu *v)
{
	vcpu_put(v);
	sched_put(&v->se, SCHED_BLOCKS, timer_now());
	sched_unloaded(&v->se);
	bury(v);
}

static enum sched_reason reason_of(enum run_result r)
{
	return r == RUN_PREEMPTED ? SCHED_PREEMPTED :
	       r == RUN_YIELDED	  ? SCHED_YIELDED :
				    SCHED_BLOCKS;
}

/* Run @v and put it. Returns who is next; NULL: look for it when the rest has been seen to. */
static struct sched_entity *run_one(struct pcpu *p, struct vcpu *v)
{
	enum run_result r;

	if (p->current != v) {
		unload(p);
		vcpu_load(v);
	} else {
		vcpu_timer_unblock(v);
	}
	timer_set_slice(sched_next_look(&v->se));
	vcpu_steal_resumes(v);
	r = vcpu_run(v);
	if (r == RUN_PREEMPTED || r == RUN_YIELDED)
		vcpu_steal_preempted(v);
	else if (v->magic)
		vcpu_magic_write(v, HARTVISOR_MAGIC_HALTED);
	if (r == RUN_DEAD) {
		run_dead(v);
		return NULL;
	}
	/* From here on, once blocked, it may be woken; it stays loaded until another needs the hart. */
	if (pending_interrupts() || work_pending()) {
		sched_put(&v->se, reason_of(r), timer_now());
		return NULL;
	}
	/* Who set it so far is on the queue, and is seen under its lock; who comes later sets it again. */
	atomic_set(&p->need_resched, 0);
	return sched_switch(&v->se, reason_of(r), timer_now());
}

void pcpu_loop(void)
{
	struct pcpu *p = this_pcpu();
	struct sched_entity *se = NULL;

	for (;;) {
		while (se)
			se = run_one(p, container_of(se, struct vcpu, se));
		pcpu_poll_interrupts();
		(void)work_run_one();
		atomic_set(&p->need_resched, 0); /* as in run_one() */
		se = sched_pick(timer_now());
		if (!se && !work_pending()) {
			timer_set_slice(TIMER_NEVER);
			(void)pcpu_sleep();
		}
	}
}
