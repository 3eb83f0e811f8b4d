// SPDX-License-Identifier: BSD-2-Clause
/*
 * Resting: a halt on a hart for which nothing else waits. The vcpu stays loaded and the scheduler's choice,
 * with its own timer armed in vstimecmp, and the hart sleeps for it: an interrupt of the guest's ends the
 * WFI here, and the guest is entered again without the scheduler. For kickers it is blocked all the
 * same, and for code that looks for an idle hart this one is idle.
 */
#include "arch/smp.h"
#include "lib/work.h"
#include "run/run.h"
#include "vcpu/vm.h"
#include "vcpu/wake.h"

static bool is_wanted(void)
{
	return atomic_read(&this_pcpu()->need_resched) || sched_others_wait() || work_pending();
}

/* hvip first: a bit in it that is no longer meant would end each WFI at once. */
static bool may_sleep(struct vcpu *v)
{
	vcpu_irq_flush(v);
	return !vcpu_sleep_is_over(v) && vm_may_run(v->vm);
}

static noinline bool rest(struct vcpu *v)
{
	bool again = false;

	vcpu_block_begin(v);
	if (may_sleep(v) && sched_rest_begin(&v->se, timer_now())) {
		again = pcpu_sleep();
		sched_rest_end(&v->se, timer_now());
	}
	/* The hart that clears `blocked` wakes the vcpu. If that was another one its sched_wake() has come, or is
	 * on its way and must not find the vcpu in another sleep, or dead. */
	if (!vcpu_block_end(v)) {
		sched_take_wake(&v->se);
		again = true;
	}
	pcpu_poll_interrupts();
	return again;
}

bool vcpu_rest(struct vcpu *v)
{
	/* Without Sstc its timer is the host timer, which serves those that are off their hart; and an
	 * interrupt that must not end a halt would end the WFI. */
	if (!(vcpu_halt_ends(v) & WAKE_IRQ) || !timer_has_sstc() || is_wanted())
		return false;
	return rest(v);
}
