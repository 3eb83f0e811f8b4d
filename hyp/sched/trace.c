// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of an entity, for the timeline (arch/trace.h). All with the lock of its queue, so nothing comes between; an event has the
 * time that the account has (se->account.since), and what has been counted until then. So the two say the same.
 *
 * A hart reads the clock once for what it does, and another event may come between, as when a vcpu is moved. On a machine that takes
 * the hart's own time away there, it is much later. Events of a hart are in their order, so this one is late, too; what will be, or has
 * been, counted meanwhile is added to what it says.
 */
#include "arch/trace.h"
#include "sched/runq.h"

static void tell(enum trace_event id, const struct sched_entity *se, unsigned int n)
{
	const uint64_t since = se->account.since, at = trace_time(since);

	trace_event_at(at, id, se->label, n, se->account.run + (at - since), se->account.wait);
}

void sched_trace_put(const struct sched_entity *se, unsigned int why, uint32_t unused)
{
	(void)unused;
	if (atomic_read(&se->state) == SCHED_BLOCKED)
		tell(TRACE_HALT, se, 0);
	else
		tell(TRACE_READY, se, why);
}

void sched_trace_run(const struct sched_entity *se, unsigned int how, uint32_t unused)
{
	(void)unused;
	tell(TRACE_RUN, se, how);
	trace_runs(se->label);
}

void sched_trace_wake(const struct sched_entity *se, uint32_t to, uint32_t unused)
{
	(void)unused;
	trace_event_at(se->account.since, TRACE_WAKE, se->label, to, 0, 0);
}

void sched_trace_rest(const struct sched_entity *se, bool begins, uint32_t unused)
{
	(void)unused;
	if (begins)
		tell(TRACE_HALT, se, 1);
	else
		tell(TRACE_RUN, se, TRACE_RESTED);
}

void sched_trace_migrate(const struct sched_entity *se, uint32_t to, uint32_t from)
{
	trace_event(TRACE_MIGRATE, se->label, to, from, 0);
}

void sched_trace_steal(const struct sched_entity *se, uint32_t from, uint32_t unused)
{
	(void)unused;
	trace_event(TRACE_STEAL, se->label, from, 0, 0);
}

/* --- what was so before the trace began ------------------------------------------------------------ */

void sched_trace_begin(void)
{
	struct runq *q = this_runq();

	spin_lock(&q->lock);
	if (q->running) {
		const struct sched_entity *se = q->running;
		uint64_t now = timer_now();
		uint64_t ran = now > se->account.since ? now - se->account.since : 0;

		/* While it rests it has not run since then. */
		if (se->resting)
			ran = 0;
		trace_event_at(now, TRACE_RUN, se->label, TRACE_PICKED, se->account.run + ran,
			       se->account.wait);
		trace_runs(se->label);
		if (se->resting)
			tell(TRACE_HALT, se, 1);
	}
	spin_unlock(&q->lock);
}

void sched_trace_state(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);

	trace_event(TRACE_STATE, se->label, se->resting ? SCHED_BLOCKED : se->state,
		    se->account.run, se->account.wait);
	spin_unlock(&q->lock);
}
