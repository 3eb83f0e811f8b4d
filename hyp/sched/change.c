// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an operator changes while entities run: weight and cap. Everything else that an entity was made with is fixed. One change at a
 * time.
 */
#include "sched/runq.h"

#include "arch/smp.h"

/* In class fair's sums: it runs or waits. On its way between two queues it is in neither's. */
static bool has_joined(const struct runq *q, const struct sched_entity *se)
{
	return se->queued || q->running == se;
}

void sched_set_weight(struct sched_entity *se, uint32_t weight)
{
	struct runq *q;
	bool in_tree;

	if (se->class != SCHED_CLASS_FAIR)
		return;
	q = runq_lock_entity(se);
	in_tree = se->queued && se->level == LEVEL_TREE && q->next != se;
	if (has_joined(q, se)) {
		runq_charge(q, timer_now());
		if (in_tree)
			fair_remove(&q->fair, se);
		fair_reweigh(&q->fair, se, weight);
		if (in_tree)
			fair_insert(&q->fair, se);
	} else {
		/* The time that it is owed stays the same; so does its place, if it migrates. */
		if (!se->migrates)
			se->fair.lag = se->fair.lag * (int64_t)se->weight / (int64_t)weight;
		se->fair.remainder = 0;
		atomic_set(&se->weight, weight);
	}
	spin_unlock(&q->lock);
}

/* No part of a pool is @se's: there is none. */
static void forget_part(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);

	atomic_set(&se->budget_end, TIMER_NEVER);
	spin_unlock(&q->lock);
}

/* If @se runs, its pcpu looks at once and takes a part: without a cap it need not have looked ever again. */
static void need_part(struct sched_entity *se)
{
	struct runq *q = runq_lock_entity(se);
	bool tell = q->running == se && se->budget_end == TIMER_NEVER;

	if (tell)
		atomic_set(&se->budget_end, timer_now());
	spin_unlock(&q->lock);
	if (tell)
		smp_resched(q->index);
}

static void for_all(struct sched_group *g, struct sched_entity *task,
		    void (*fn)(struct sched_entity *se))
{
	for (struct sched_entity *se = g->members; se; se = se->next_member)
		fn(se);
	if (task && !task->uncapped)
		fn(task);
}

void sched_group_set_cap(struct sched_group *g, uint32_t cap, struct sched_entity *task)
{
	bool begins = g->quota == 0 && cap != 0;

	if (begins)
		for_all(g, task, forget_part);
	cap_set(g, cap);
	if (begins)
		for_all(g, task, need_part);
}
