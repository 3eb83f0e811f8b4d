// SPDX-License-Identifier: BSD-2-Clause
#include "run/run.h"

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "lib/work.h"
#include "vcpu/irq.h"
#include "vcpu/magic.h"
#include "vcpu/poll.h"
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

/*
 * A vcpu that comes out of WRS.NTO, looks again and executes the next one has retired a dozen
 * instructions, and a few for the way in and out. One that got what it waited for has done more.
 */
#define SPIN_INSTRUCTIONS 256

static void enter_spinner(struct vcpu *v)
{
	uint64_t before = hart_features.instret ? csr_read(CSR_INSTRET) : 0;

	guest_enter(&v->regs);
	if (!hart_features.instret || csr_read(CSR_INSTRET) - before > SPIN_INSTRUCTIONS)
		v->se.spin_renewed = true;
}

/* One stay in the guest. */
static enum exit_result enter(struct vcpu *v)
{
	struct vcpu_trap t;
	enum exit_result r;

	if (!may_enter(v)) {
		leave(v);
		counter_inc(&v->stats.aborted_entries);
		return EXIT_GOES_ON;
	}
	if (v->se.spinning)
		enter_spinner(v);
	else
		guest_enter(&v->regs);
	t.cause = csr_read(CSR_SCAUSE);
	t.tval = csr_read(CSR_STVAL);
	t.htval = csr_read(CSR_HTVAL);
	t.htinst = csr_read(CSR_HTINST);
	leave(v);
	vcpu_irq_sync(v);
	r = vcpu_handle_exit(v, &t);
	if (r != EXIT_SPINS)
		v->se.spin_renewed = true;
	atomic_set(&v->se.spinning, r == EXIT_SPINS);
	return r;
}

/* Does @v, which spins or names somebody, give its hart to a sibling? */
static bool yields(struct vcpu *v, enum exit_result how)
{
	struct vcpu *to = v->yield_to;

	if (how == EXIT_SPINS)
		return sched_spin_yield(&v->se);
	v->yield_to = NULL;
	return sched_yield_to(&v->se, &to->se);
}

/*
 * Must @v give up its hart? Whoever changes what is to be looked at, and when, asks for it by
 * need_resched: a slice begins to count when somebody begins to wait.
 */
static bool slice_is_over(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();
	bool asked = atomic_read(&p->need_resched);

	if (asked) {
		atomic_set(&p->need_resched, 0);
		fence_full();
	}
	if (work_pending() || sched_should_switch(&v->se))
		return true;
	if (asked)
		timer_set_slice(sched_next_look(&v->se));
	return false;
}

enum run_result vcpu_run(struct vcpu *v)
{
	for (;;) {
		enum exit_result how;

		switch (vcpu_handle_requests(v)) {
		case VCPU_IS_DEAD:
			return RUN_DEAD;
		case VCPU_MUST_BLOCK:
			if (!vcpu_poll(v) && vcpu_block(v))
				return RUN_BLOCKED;
			continue;
		case VCPU_MAY_RUN:
			if (v->halted_at)
				vcpu_poll_adapt(v);
			break;
		}
		if (slice_is_over(v))
			return RUN_PREEMPTED;
		if (v->magic)
			vcpu_magic_write(v, HARTVISOR_MAGIC_RUNS);
		how = enter(v);
		if (how != EXIT_GOES_ON && yields(v, how))
			return RUN_YIELDED;
	}
}
