// SPDX-License-Identifier: BSD-2-Clause
#include "run/run.h"
#include "run/times.h"

#include "arch/checked.h"
#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/smp.h"
#include "arch/trace.h"
#include "lib/work.h"
#include "platform/driver.h"

static noinline void take_interrupts(uint64_t sip)
{
	if (sip & BIT(IRQ_S_SOFT)) {
		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));
		smp_ipi_taken();
		if (trace_is_asked())
			pcpu_follow_trace();
	}
	if (sip & BIT(IRQ_S_TIMER))
		timer_run();
	if (sip & BIT(IRQ_S_EXT))
		host_irq_handle();
}

void pcpu_poll_interrupts(void)
{
	uint64_t sip = pcpu_interrupts_pending();

	stretch_end();
	stretch_begin();
	if (sip)
		take_interrupts(sip);
}

/* What is scheduled has the hart so long between two work items. */
#define WORK_PAUSE_NS 100000

void pcpu_set_slice(const struct sched_entity *se, struct pcpu *p)
{
	uint64_t at = sched_next_look(se);

	/* An item that is queued meanwhile is not due before either, so it needs no other look. */
	if (p->work_at && timer_now() >= p->work_at)
		p->work_at = 0;
	if (p->work_at)
		at = min_u64(at, p->work_at);
	timer_set_slice(at);
}

static void run_work(struct pcpu *p)
{
	if (!pcpu_work_is_due(p))
		return;
	if (trace_is_timed())
		times_done();
	if (work_run_one())
		p->work_at = timer_now() + timer_ns_to_ticks(WORK_PAUSE_NS);
}

bool pcpu_must_switch(struct sched_entity *se, struct pcpu *p)
{
	atomic_set(&p->need_resched, 0);
	fence_full();
	if (sched_should_switch(se))
		return true;
	pcpu_set_slice(se, p);
	return false;
}

static inline void wait_for_interrupt(void)
{
	if (trace_is_timed())
		times_sleep(true);
	stretch_end();
	cpu_wait_for_interrupt();
	stretch_begin();
	if (trace_is_timed())
		times_sleep(false);
}

/*
 * Sleep, unless there is something to do. idle is visible before the queue and the work list are looked at
 * for the last time, and code that fills them sends an IPI after that; a pending IPI ends the WFI at once.
 */
bool pcpu_sleep(void)
{
	struct pcpu *p = this_pcpu();
	bool idle;

	atomic_set(&p->idle, 1);
	fence_full();
	idle = sched_idle_begin();
	if (idle && !atomic_read(&p->need_resched) && !work_pending())
		wait_for_interrupt();
	sched_idle_end();
	atomic_set(&p->idle, 0);
	return idle;
}

void pcpu_loop(void)
{
	struct pcpu *p = this_pcpu();
	struct sched_entity *se = NULL;

	for (;;) {
		if (se && sched_is_task(se)) {
			task_run(se);
		} else if (se) {
			se = vcpu_run(container_of(se, struct vcpu, se));
			if (se)
				continue;
		}
		pcpu_poll_interrupts();
		stretch_tell();
		run_work(p);
		atomic_set(&p->need_resched, 0); /* as in run_one() */
		se = sched_pick(timer_now());
		if (se)
			continue;
		p->work_at = 0; /* nothing else wants the hart */
		if (p->current && sched_must_unload(&p->current->se)) {
			pcpu_unload(p);
			continue;
		}
		if (!work_pending()) {
			timer_set_slice(TIMER_NEVER);
			(void)pcpu_sleep();
		}
	}
}
