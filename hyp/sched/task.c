// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tasks. A task waits, runs and pays as a vcpu of its group does. It differs in the function that runs it (run/task.c), and
 * no vcpu yields to it, because it holds nothing that a guest waits for.
 */
#include "sched/runq.h"

void sched_task_init(struct sched_entity *se, struct sched_group *g, const struct sched_params *p,
		     bool (*step)(struct sched_entity *se))
{
	runq_init_entity(se, g, p);
	se->step = step;
}

void sched_task_set_capped(struct sched_entity *se, bool capped)
{
	struct runq *q = this_runq();
	uint64_t now = timer_now();

	runq_lock(q);
	if (capped != !se->uncapped) {
		cap_give_back(se, now);
		se->uncapped = !capped;
		/* The cap holds from the next look on: nothing has been taken of the pool. */
		se->budget_end = capped && sched_is_capped(se) ? now : TIMER_NEVER;
	}
	spin_unlock(&q->lock);
}
