// SPDX-License-Identifier: BSD-2-Clause
/*
 * An entity that sleeps on its hart while nothing else is there. It keeps its place in the queue's time,
 * which stands still; whatever comes meanwhile finds the hart free. So nothing has to be taken out and
 * put in again for a sleep that changes nothing for other entities.
 */
#include "sched/runq.h"

#include "arch/smp.h"

bool sched_rest_begin(struct sched_entity *se, uint64_t now)
{
	struct runq *q = this_runq();
	bool may;

	/* A cap's time that is not used goes back when it is put. */
	if (sched_is_capped(se))
		return false;
	runq_lock(q);
	may = !se->wakeups && q->nr_waiting == 0;
	if (may) {
		runq_charge(q, now);
		runq_account_put(se, now);
		if (se->class == SCHED_CLASS_FAIR)
			fair_blocks(se);
		atomic_set(&se->resting, 1);
		atomic_set(&q->urgency, 0);
		atomic_set(&q->group, 0);
		if (trace_is_on())
			trace_call(sched_trace_rest, se, true, 0);
	}
	spin_unlock(&q->lock);
	return may;
}

void sched_rest_end(struct sched_entity *se, uint64_t now)
{
	struct runq *q = this_runq();

	runq_lock(q);
	runq_charge(q, now);
	if (trace_is_timed())
		trace_call(sched_time_rested, se, now, 0);
	runq_account_wake(se, now);
	atomic_set(&se->resting, 0);
	atomic_set(&q->urgency, urgency_of(se));
	atomic_set(&q->group, (uintptr_t)se->group);
	if (trace_is_on())
		trace_call(sched_trace_rest, se, false, 0);
	spin_unlock(&q->lock);
}

void sched_take_wake(struct sched_entity *se)
{
	struct runq *q = this_runq();
	uint32_t came;

	do {
		runq_lock(q);
		came = se->wakeups;
		se->wakeups = 0;
		spin_unlock(&q->lock);
	} while (!came);
}
