// SPDX-License-Identifier: BSD-2-Clause
#include "run/run.h"

#include "arch/csr.h"
#include "lib/work.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

/*
 * The last steps before the guest. Interrupts are off; the sret in guest_enter() turns them on and
 * enters in one step, so an IPI sent to us from mode = IN_GUEST_MODE on takes us out at once.
 *
 * mode must be visible before requests and inject are read (fence B; its partners A are in
 * vcpu/request.c): a requester either sees IN_GUEST_MODE and sends the IPI, or we see its bit here.
 * The flush takes the posted interrupts and so is their last look.
 */
static bool may_enter(struct vcpu *v)
{
	atomic_set(&v->mode, IN_GUEST_MODE);
	fence_full(); /* B */
	vcpu_irq_flush(v);
	return !vcpu_request_pending(v) && !atomic_read(&this_pcpu()->need_resched);
}

static void leave(struct vcpu *v)
{
	/*
	 * The count last: who finds it counted finds no IN of this stay any more. The other way round
	 * a waiter could take the new count for that of the stay that it sees, and would wait for the
	 * next one to end, which nobody interrupts for it.
	 */
	atomic_set_release(&v->mode, OUTSIDE_GUEST_MODE);
	atomic_set_release(&v->guest_seq, v->guest_seq + 1);
}

/* One stay in the guest. True: the vcpu yields. */
static bool enter(struct vcpu *v)
{
	struct vcpu_trap t;

	if (!may_enter(v)) {
		leave(v);
		counter_inc(&v->stats.aborted_entries);
		return false;
	}
	guest_enter(&v->regs);
	t.cause = csr_read(CSR_SCAUSE);
	t.tval = csr_read(CSR_STVAL);
	t.htval = csr_read(CSR_HTVAL);
	t.htinst = csr_read(CSR_HTINST);
	leave(v);
	vcpu_irq_sync(v);
	return vcpu_handle_exit(v, &t);
}

/*
 * Must @v give up its hart? Somebody who begins to wait behind a vcpu that ran without a slice timer
 * asks by need_resched; from then on the timer ends the slice.
 */
static bool slice_is_over(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (atomic_read(&p->need_resched)) {
		atomic_set(&p->need_resched, 0);
		fence_full();
		if (sched_others_wait())
			timer_set_slice(v->se.slice_end);
	}
	return work_pending() || (sched_others_wait() && timer_now() >= v->se.slice_end);
}

enum run_result vcpu_run(struct vcpu *v)
{
	for (;;) {
		switch (vcpu_handle_requests(v)) {
		case VCPU_IS_DEAD:
			return RUN_DEAD;
		case VCPU_MUST_BLOCK:
			if (vcpu_block(v))
				return RUN_BLOCKED;
			continue;
		case VCPU_MAY_RUN:
			break;
		}
		if (slice_is_over(v))
			return RUN_PREEMPTED;
		if (enter(v) && sched_others_wait())
			return RUN_YIELDED;
	}
}
