// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where an entity may be: the pcpu that it begins on, and where it goes when an operator changes its affinity.
 *
 * An entity is misplaced on a pcpu that is not in its affinity any more. No misplaced entity is ever picked: when its queue chooses it, it is
 * taken out and sent to a pcpu that may have it (take_first()). That alone is enough. The rest makes it soon. An entity that waits or sleeps is
 * moved when its affinity changes. If its context is loaded then, it is moved when the context leaves the hart (sched_unloaded()). Of an
 * entity that runs the pcpu is asked to look.
 */
#include "sched/runq.h"

#include "arch/smp.h"

static unsigned int siblings_on(const struct sched_group *g, uint32_t pcpu)
{
	unsigned int n = 0;

	for (const struct sched_entity *s = g ? g->members : NULL; s; s = s->next_member)
		n += atomic_read(&s->pcpu) == pcpu;
	return n;
}

/* Spread siblings before they are stacked; then entities. */
uint32_t place_first(const struct sched_entity *se)
{
	uint64_t fewest = UINT64_MAX;
	uint32_t best = 0;

	for (uint32_t i = 0; i < nr_runqs; i++) {
		uint64_t n;

		if (!pcpu_set_has(&se->affinity, i))
			continue;
		n = ((uint64_t)siblings_on(se->group, i) << 32) |
		    atomic_read(&runqs[i].nr_entities);
		if (n < fewest) {
			fewest = n;
			best = i;
		}
	}
	return best;
}

/* --- misplaced entities ---------------------------------------------------------------------------- */

/* An idle pcpu of its affinity, if it waits for one; else the one with the fewest entities. The lock of its queue is held. */
static uint32_t place_for(const struct sched_entity *se)
{
	uint32_t best = pcpu_set_next_common(&sched_idle, &se->affinity, se->pcpu);
	uint32_t fewest = UINT32_MAX;

	if (se->state == SCHED_RUNNABLE && best != PCPU_NONE &&
	    pcpu_set_atomic_clear(&sched_idle, best))
		return best;
	best = se->pcpu;
	for (uint32_t i = 0; i < nr_runqs; i++) {
		uint32_t n = atomic_read(&runqs[i].nr_entities);

		if (!pcpu_set_has(&se->affinity, i) || n >= fewest)
			continue;
		fewest = n;
		best = i;
	}
	return best;
}

/* @se, RUNNABLE and on no list, waits on the queue that it belongs to. */
static void wait_on(struct sched_entity *se, uint32_t to)
{
	struct runq *q = &runqs[to];
	bool tell;

	runq_lock(q);
	tell = runq_add(q, se, timer_now());
	spin_unlock(&q->lock);
	if (tell)
		smp_resched(to);
	balance_call_idle(se);
}

/* The lock of @q, to which @se belongs, is held, and is given up. */
static void settle(struct runq *q, struct sched_entity *se)
{
	bool misplaced = !runq_may_have(q, se), waits = se->state == SCHED_RUNNABLE && se->queued;
	/* Acquired: where it goes must see what was saved where it leaves (sched_unloaded()). */
	bool moves = misplaced && !atomic_read_acquire(&se->on_cpu) &&
		     (waits || se->state == SCHED_BLOCKED);
	uint32_t from = q->index, to = from;

	if (moves) {
		to = place_for(se);
		if (waits)
			runq_take(q, se);
		runq_change(q, se, to);
	}
	spin_unlock(&q->lock);
	if (moves && waits)
		wait_on(se, to);
	else if (misplaced && !moves)
		smp_resched(from);
}

void sched_set_affinity(struct sched_entity *se, const struct pcpu_set *set)
{
	struct runq *q = runq_lock_entity(se);

	for (unsigned int i = 0; i < PCPU_SET_WORDS; i++)
		atomic_set(&se->affinity.word[i], set->word[i]);
	settle(q, se);
}

void place_unloaded(struct sched_entity *se)
{
	settle(runq_lock_entity(se), se);
}

void place_put_away(struct runq *q, struct sched_entity *se)
{
	runq_take(q, se);
	list_push_back(&q->away, &se->node);
}

noinline void place_send(struct runq *q)
{
	struct list *at = q->away.next, *next;

	for (; at != &q->away; at = next) {
		struct sched_entity *se = list_entry(at, struct sched_entity, node);
		uint32_t to;

		next = at->next;
		if (atomic_read(&se->on_cpu))
			continue; /* until its context has left */
		runq_lock(q);
		list_remove(&se->node);
		to = place_for(se);
		if (to != q->index)
			runq_change(q, se, to);
		spin_unlock(&q->lock);
		wait_on(se, to);
	}
}

bool sched_must_unload(const struct sched_entity *se)
{
	const struct runq *q = this_runq();

	return !list_empty(&q->away) || !runq_may_have(q, se);
}
