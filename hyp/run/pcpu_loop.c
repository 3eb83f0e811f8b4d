// SPDX-License-Identifier: BSD-2-Clause
#include "run/run.h"

#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/smp.h"
#include "lib/work.h"
#include "platform/driver.h"

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

void pcpu_poll_interrupts(void)
{
	uint64_t sip = pcpu_interrupts_pending();

	if (sip)
		take_interrupts(sip);
}

/*
 * Sleep, unless there is something to do. idle is visible before the queue and the work list are looked at
 * for the last time, and whoever fills them sends an IPI after that; a pending IPI ends the WFI at once.
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

void pcpu_loop(void)
{
	struct pcpu *p = this_pcpu();
	struct sched_entity *se = NULL;

	for (;;) {
		if (se)
			vcpu_run(container_of(se, struct vcpu, se));
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
