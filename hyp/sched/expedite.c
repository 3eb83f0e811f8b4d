// SPDX-License-Identifier: BSD-2-Clause
/* An entity that is to end comes before all others. Otherwise it would need a turn that it may never get. */
#include "sched/runq.h"

#include "arch/smp.h"

uint64_t expedite_take_turn(struct runq *q, uint64_t levels)
{
	uint64_t below = levels & ~BIT(LEVEL_EXPEDITED);

	q->expedited = !q->expedited || !below;
	return q->expedited ? levels : below;
}

/* @se, which waits on @q, is to wait at @level. */
static void move_to_level(struct runq *q, struct sched_entity *se, uint8_t level)
{
	if (q->next == se)
		runq_name_next(q, NULL);
	if (se->level == LEVEL_TREE)
		runq_remove_fair(q, se);
	else
		fifo_remove(&q->fifo, se);
	se->level = level;
	if (level == LEVEL_TREE)
		runq_insert_fair(q, se);
	else
		fifo_insert(&q->fifo, se, false);
	atomic_set(&q->preempt, 1);
}

/* The lock of its queue guards the level, and all that puts @se on a queue takes that lock. */
static void set_level(struct sched_entity *se, uint8_t level)
{
	struct runq *q = runq_lock_entity(se);
	uint32_t index = q->index;
	bool tell;

	tell = se->queued && se->level != level;
	if (tell)
		move_to_level(q, se, level);
	else
		se->level = level;
	spin_unlock(&q->lock);
	if (tell)
		smp_resched(index);
}

void sched_expedite(struct sched_entity *se)
{
	set_level(se, LEVEL_EXPEDITED);
}

void sched_expedite_end(struct sched_entity *se)
{
	set_level(se, runq_own_level(se));
}
