// SPDX-License-Identifier: BSD-2-Clause
#include "run/entry.h"
#include "run/run.h"
#include "run/times.h"

#include <hartvisor/sbi.h>

#include "arch/checked.h"
#include "arch/csr.h"
#include "arch/guest_state.h"
#include "arch/smp.h"
#include "lib/work.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/load.h"
#include "pv/magic.h"
#include "vcpu/poll.h"
#include "pv/steal.h"
#include "vcpu/vm.h"

/*
 * Must @v give up its hart? need_resched says when to look: it is set by the timer at the end of a slice or of
 * a budget, and when an entity begins to wait here.
 */
static bool slice_is_over(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	return pcpu_work_is_due(p) ||
	       (atomic_read(&p->need_resched) && pcpu_must_switch(&v->se, p));
}

/*
 * A vcpu that comes out of WRS.NTO, looks again and executes the next one has retired a dozen
 * instructions, and a few for the way in and out. One that got what it waited for has done more.
 */
#define SPIN_INSTRUCTIONS 256

static always_inline struct next enter_spinner(struct guest_regs **r)
{
	uint64_t before = hart_features.instret ? csr_read(CSR_INSTRET) : 0;
	struct next next = guest_enter(r);

	if (!hart_features.instret || csr_read(CSR_INSTRET) - before > SPIN_INSTRUCTIONS)
		sched_spin_renew(&container_of(*r, struct vcpu, regs)->se);
	return next;
}

/* One stay in the guest. The vcpu comes back by the world switch, which keeps no register but that. */
static always_inline struct next enter(struct vcpu **vp)
{
	struct vcpu *v = *vp;
	struct guest_regs *regs = &v->regs;
	struct next next;
	uint64_t cause;

	if (!may_enter(v)) {
		vcpu_leave(v);
		counter_inc(&v->stats.aborted_entries);
		return next_is(NEXT_GUEST);
	}
	stretch_end();
	next = sched_spins(&v->se) ? enter_spinner(&regs) : guest_enter(&regs);
	*vp = v = container_of(regs, struct vcpu, regs);
	stretch_begin();
	cause = csr_read(CSR_SCAUSE);
	vcpu_leave(v);
	vcpu_irq_sync(v);
	if (next_why(next) == NEXT_EXIT)
		next = vcpu_handle_exit(v, cause);
	sched_set_spins(&v->se, next_why(next) == NEXT_SPIN);
	return next;
}

enum run_result {
	RUN_GOES_ON,
	RUN_PREEMPTED, /* its slice is over, or work waits */
	RUN_YIELDED,   /* another one is to have the rest of its slice */
	RUN_SWITCHED,  /* and runs here already, as far as the scheduler is concerned */
	RUN_BLOCKED,   /* halted or stopped; a kick wakes it */
	RUN_DEAD,      /* its VM ends; it never runs again in this life */
};

/* @v spins, or yields: does it give its hart to a sibling? */
static always_inline enum run_result yields(struct vcpu *v, struct next next)
{
	if (next_why(next) == NEXT_SPIN)
		return sched_spin_yield(&v->se) ? RUN_YIELDED : RUN_GOES_ON;
	switch (sched_switch_to(&v->se, &next_to(next)->se, next_why(next) == NEXT_WAKE)) {
	case SCHED_SWITCHED:
		return RUN_SWITCHED;
	case SCHED_PUT_ME:
		return RUN_YIELDED;
	case SCHED_GO_ON:
	default:
		return RUN_GOES_ON;
	}
}

/* vcpu_handle_requests() would find nothing: the case to be quick in. */
static inline bool may_just_run(struct vcpu *v)
{
	return !vcpu_request_pending(v) && !vcpu_is_halted(v) && vm_may_run(v->vm) &&
	       vcpu_hsm_is_started(v);
}

/* Run the loaded @v until there is a reason to stop. */
static always_inline enum run_result run(struct vcpu *v)
{
	enum run_result r;

	for (;;) {
		switch (may_just_run(v) ? VCPU_MAY_RUN : vcpu_handle_requests(v)) {
		case VCPU_IS_DEAD:
			return RUN_DEAD;
		case VCPU_MUST_BLOCK:
			if (!(v->vm->halt_poll_max && vcpu_poll(v)) && !vcpu_rest(v) &&
			    vcpu_block(v))
				return RUN_BLOCKED;
			continue;
		case VCPU_MAY_RUN:
			vcpu_poll_end(v);
			break;
		}
		/* As long as nothing changes what handle_requests() looked at it would say the same. */
		do {
			struct next next;

			if (slice_is_over(v))
				return RUN_PREEMPTED;
			pv_magic_update(v, HARTVISOR_MAGIC_RUNS);
			next = enter(&v);
			if (next_why(next) >= NEXT_SPIN && (r = yields(v, next)) != RUN_GOES_ON)
				return r;
		} while (!vcpu_request_pending(v) && !vcpu_is_halted(v));
		/* Others want the hart, so there is no choice of where to sleep; block() itself looks
		 * whether to. */
		if (vcpu_is_halted(v) && !vcpu_is_kicked(v) && sched_others_wait() && vcpu_block(v))
			return RUN_BLOCKED;
	}
}

/*
 * Load @v instead of what is loaded here. The former vcpu may be moved only when hgatp is @v's: until then
 * this hart may walk the former one's tables, and they are freed when the last vcpu of a VM has ended
 * elsewhere.
 */
static always_inline void switch_to(struct vcpu *v, struct pcpu *p)
{
	struct vcpu *former = p->current;

	if (former) {
		if (trace_is_timed())
			times_done();
		vcpu_put(former, p);
	}
	vcpu_load(v, p);
	if (former)
		sched_unloaded(&former->se);
}

/* The last vcpu that is gone hands its VM to the life cycle; its state is saved, it is on no queue. */
static noinline void run_dead(struct vcpu *v)
{
	struct vm *vm = v->vm;

	if (trace_is_timed())
		times_done();
	vcpu_put_for_good(v, this_pcpu());
	sched_put(&v->se, SCHED_BLOCKS, timer_now());
	sched_unloaded(&v->se);
	if (atomic_fetch_sub(&vm->active, 1) == 1)
		(void)sched_wake(&vm->task);
}

static enum sched_reason reason_of(enum run_result r)
{
	return r == RUN_PREEMPTED ? SCHED_PREEMPTED :
	       r == RUN_YIELDED	  ? SCHED_YIELDED :
				    SCHED_BLOCKS;
}

/* Run @v and put it. Returns the next entity; NULL: look for it when interrupts and work have been seen to. */
static always_inline struct sched_entity *run_one(struct pcpu *p, struct vcpu *v)
{
	struct sched_entity *next;
	enum run_result r;
	uint64_t now;

	if (p->current != v) {
		switch_to(v, p);
	} else {
		vcpu_timer_unblock(v);
	}
	if (p->work_at)
		pcpu_set_slice(&v->se, p);
	else
		timer_set_slice(sched_next_look(&v->se));
	pv_resumes(v);
	r = run(v);
	v = p->current; /* what was loaded still is; no register remembers */
	if (r <= RUN_SWITCHED)
		pv_preempted(v);
	else
		pv_magic_update(v, HARTVISOR_MAGIC_HALTED);
	if (r == RUN_DEAD) {
		run_dead(v);
		return NULL;
	}
	if (r == RUN_SWITCHED)
		return sched_running();
	/* From here on, once blocked, it may be woken; it stays loaded until another needs the hart. */
	if (pcpu_interrupts_pending() || pcpu_work_is_due(p)) {
		sched_put(&v->se, reason_of(r), timer_now());
		return NULL;
	}
	/* Clearing is safe: earlier setters have queued their entity, and later ones set the flag again. */
	atomic_set(&p->need_resched, 0);
	now = timer_now();
	if (r == RUN_BLOCKED && (next = sched_hand_back(&v->se, now)) != NULL)
		return next;
	return sched_switch(&v->se, reason_of(r), now);
}

struct sched_entity *vcpu_run(struct vcpu *v)
{
	struct sched_entity *se = &v->se;

	do {
		se = run_one(this_pcpu(), container_of(se, struct vcpu, se));
	} while (se && !sched_is_task(se));
	return se;
}
