// SPDX-License-Identifier: BSD-2-Clause
/*
 * What became of an entity's time, and that nothing is stolen from a group which is stopped: then its
 * members' clocks stand still, and being on a queue is no waiting.
 */
#include "sched/runq.h"

void sched_group_stop(struct sched_group *g, uint64_t now)
{
	atomic_set(&g->stopped_at, now);
}

void sched_group_go(struct sched_group *g, uint64_t now)
{
	if (!atomic_read(&g->stopped_at))
		return;
	for (struct sched_entity *se = g->members; se; se = se->next_member) {
		struct runq *q = runq_lock_entity(se);

		/* What it had waited before counts; a pcpu that picks it before the end finds no more. */
		if (se->state == SCHED_RUNNABLE) {
			atomic_set(&se->account.wait, se->account.wait + sched_waited(se, now));
			atomic_set(&se->account.since, now);
		}
		spin_unlock(&q->lock);
	}
	atomic_set(&g->stopped_at, 0);
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t now)
{
	uint32_t state = atomic_read(&se->state);
	uint64_t since = atomic_read(&se->account.since);
	uint64_t lasts = now > since ? now - since : 0;

	if (atomic_read(&se->resting))
		state = SCHED_BLOCKED;
	return (struct sched_times){
		.run = atomic_read(&se->account.run) + (state == SCHED_RUNNING ? lasts : 0),
		.wait = atomic_read(&se->account.wait) +
			(state == SCHED_RUNNABLE ? sched_waited(se, now) : 0),
		.block = atomic_read(&se->account.block) + (state == SCHED_BLOCKED ? lasts : 0),
	};
}

unsigned int sched_queue_length(unsigned int p)
{
	return atomic_read(&runqs[p].nr_waiting);
}
