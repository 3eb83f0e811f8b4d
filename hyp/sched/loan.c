// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handing over: an entity wakes a sibling that sleeps on its hart, and yields to it. Often that is a question:
 * the answer comes soon, and the hart goes back to the entity that asked. So the sibling gets it on loan: it runs on
 * what the lender has of its slice, the lender will be charged for it, and for class fair the sibling still
 * sleeps. If the borrower blocks before any other event on this queue, no accounting changes. Any other event
 * settles first: the sibling joins with the claim that it went to sleep with, and the two exchange, as
 * sched_wake() and sched_yield_to() would have had it.
 *
 * The lender waits, and is counted as waiting, but is on no list until then: what finds it counted takes the
 * lock by runq_lock(), which settles. Only this file takes it otherwise.
 */
#include "sched/runq.h"

noinline void loan_settle(struct runq *q, uint64_t now)
{
	struct sched_entity *lender = q->lender, *se = q->running;

	q->lender = NULL;
	runq_charge_to(q, lender, now);
	fair_woken(se);
	fair_join(&q->fair, se);
	fair_exchange(&q->fair, lender, se);
	fair_renew(lender);
	runq_dec_waiting(q);
	runq_wait_on(q, lender, false);
}

/* Can @to have the place of @from in class fair? */
static inline bool are_peers(const struct runq *q, const struct sched_entity *from,
			     const struct sched_entity *to)
{
	return from != to && from->group == to->group && from->class == SCHED_CLASS_FAIR &&
	       to->class == SCHED_CLASS_FAIR && from->weight == to->weight &&
	       !sched_is_capped(to) && atomic_read(&to->pcpu) == q->index;
}

/* As runq_begin(), where one of @se's kind ran: urgency, group and the end of the slice stay. */
static inline void begin(struct runq *q, struct sched_entity *se)
{
	atomic_set(&se->state, SCHED_RUNNING);
	atomic_set(&se->on_cpu, 1);
	q->running = se;
	q->loaded = se;
	atomic_set(&se->account.switches, se->account.switches + 1);
}

/* @to, BLOCKED, runs instead of @from. */
static inline void lend(struct runq *q, struct sched_entity *from, struct sched_entity *to,
			uint64_t now)
{
	runq_account_put(from, now);
	from->wakeups = 0;
	atomic_set(&from->state, SCHED_RUNNABLE);
	runq_account_sleep(to, now);
	to->fair.this_burst = 0;
	to->account.yields++;
	atomic_set(&to->slice_end, from->slice_end);
	q->lender = from;
	q->lent = true;
	runq_inc_waiting(q);
	begin(q, to);
	if (trace_is_timed())
		trace_call(sched_time_wake, to, 0, 0);
	if (trace_is_on()) {
		trace_call(sched_trace_put, from, TRACE_LENDS, 0);
		trace_call(sched_trace_run, to, TRACE_ON_LOAN, 0);
	}
}

/* @from, alone here, has used up its slice: it lends of the next one. */
static noinline void begin_slice(struct runq *q, struct sched_entity *from, uint64_t now)
{
	runq_charge(q, now);
	runq_begin_slices(from, now);
}

/* The lock is held, and is given up. */
static noinline bool begin_among_others(struct runq *q, struct sched_entity *from,
					struct sched_entity *to, uint64_t now)
{
	/* It may have gone elsewhere until we had the lock. An idle hart is better than this one. */
	bool may = atomic_read_acquire(&to->pcpu) == q->index && to->state == SCHED_BLOCKED &&
		   !q->fifo.used && !q->next && balance_place(to) == q->index;

	if (may) {
		if (q->lender) /* what has its hart on loan does not lend it */
			loan_settle(q, now);
		if (q->nr_waiting == 0 && now >= from->slice_end)
			begin_slice(q, from, now);
		lend(q, from, to, now);
		if (q->nr_waiting > 1)
			loan_settle(q, now);
	}
	spin_unlock(&q->lock);
	return may;
}

bool loan_begin(struct sched_entity *from, struct sched_entity *to)
{
	struct runq *q = this_runq();
	uint64_t now;

	if (!are_peers(q, from, to))
		return false;
	spin_lock(&q->lock);
	now = timer_now();
	/* Alone here: the case to be quick in. */
	if (q->nr_waiting != 0 || to->state != SCHED_BLOCKED || nr_runqs > 1)
		return begin_among_others(q, from, to, now);
	if (now >= from->slice_end)
		begin_slice(q, from, now);
	lend(q, from, to, now);
	spin_unlock(&q->lock);
	return true;
}

enum sched_switched sched_switch_to(struct sched_entity *from, struct sched_entity *to, bool asleep)
{
	if (asleep) {
		if (loan_begin(from, to))
			return SCHED_SWITCHED;
		(void)sched_wake(to);
	}
	return sched_yield_to(from, to) ? SCHED_PUT_ME : SCHED_GO_ON;
}

struct sched_entity *sched_hand_back(struct sched_entity *se, uint64_t now)
{
	struct runq *q = this_runq();
	struct sched_entity *lender;

	if (!q->lent)
		return NULL;
	q->lent = false;
	spin_lock(&q->lock);
	lender = q->lender;
	/* A wake of @se would have settled the loan. */
	if (lender && now < se->slice_end) {
		q->lender = NULL;
		runq_account_put(se, now);
		fair_blocks(se);
		atomic_set(&se->state, SCHED_BLOCKED);
		runq_dec_waiting(q);
		(void)runq_account_wait(lender, now);
		begin(q, lender);
		if (trace_is_on()) {
			trace_call(sched_trace_put, se, 0, 0);
			trace_call(sched_trace_run, lender, TRACE_HANDED_BACK, 0);
		}
	} else {
		lender = NULL;
	}
	spin_unlock(&q->lock);
	return lender;
}
