// SPDX-License-Identifier: BSD-2-Clause
/*
 * Directed yield, within a group. The two exchange their claims: the one that gets the hart has what
 * the other had, lag, deadline and the rest of the slice, and the other way round. The sum of the
 * group's claims is the same as before, and so is everything for other entities.
 */
#include "sched/runq.h"

static inline bool may_run_here(const struct sched_entity *se, const struct runq *me)
{
	return atomic_read(&se->state) == SCHED_RUNNABLE &&
	       (atomic_read(&se->pcpu) == me->index ||
		(runq_may_have(me, se) && !atomic_read_acquire(&se->on_cpu)));
}

/* @to waits on another queue: fetch it. False: it does not any more. */
static noinline bool fetch(struct runq *me, struct sched_entity *to, uint64_t now)
{
	struct runq *q;

	if (!may_run_here(to, me))
		return false;
	q = runq_lock_entity(to);
	if (q == me) {
		spin_unlock(&q->lock);
		return true;
	}
	/* Where nothing runs it is about to be picked: it was woken for an idle pcpu, say. */
	if (!to->queued || !may_run_here(to, me) || atomic_read(&q->urgency) == 0) {
		spin_unlock(&q->lock);
		return false;
	}
	runq_take(q, to);
	runq_change(q, to, me->index);
	spin_unlock(&q->lock);
	runq_lock(me);
	(void)runq_add(me, to, now);
	spin_unlock(&me->lock);
	return true;
}

/* In one piece, as sched_switch(). */
__attribute__((flatten)) bool sched_yield_to(struct sched_entity *from, struct sched_entity *to)
{
	struct runq *q = this_runq();
	uint64_t now;
	bool done = false;

	if (from == to || !from->group || from->group != to->group || !sched_waits(to))
		return false;
	now = timer_now();
	if (atomic_read(&to->pcpu) != q->index) {
		if (!fetch(q, to, now))
			return false;
		now = timer_now();
	}
	runq_lock(q);
	if (atomic_read_acquire(&to->pcpu) == q->index && to->queued) {
		runq_charge(q, now);
		runq_name_next(q, to);
		if (from->class == SCHED_CLASS_FAIR && to->class == SCHED_CLASS_FAIR)
			fair_exchange(&q->fair, from, to);
		/* Class fifo without slices has no end to give. */
		q->next_slice_end = from->slice_end != TIMER_NEVER ? from->slice_end :
								     now + sched_default_slice;
		/* An urgent one that waits for a fair one would else wait for ever. */
		q->next_first = from->class == SCHED_CLASS_FIFO;
		to->account.yields++;
		done = true;
	}
	spin_unlock(&q->lock);
	return done;
}

/* A sibling as a candidate of a spinner: the lower the better. */
struct choice {
	struct sched_entity *se;
	bool spins;
	uint64_t since;
	uint32_t order;
};

static bool before(const struct choice *a, const struct choice *b)
{
	if (!b->se || a->spins != b->spins)
		return !b->se || !a->spins;
	return a->spins ? (int32_t)(a->order - b->order) < 0 : a->since < b->since;
}

static struct sched_entity *preempted_sibling(const struct sched_entity *from, uint32_t round)
{
	const struct runq *me = this_runq();
	struct choice best = { 0 };

	for (struct sched_entity *s = from->group->members; s; s = s->next_member) {
		struct choice c = { .se = s };

		sched_step();
		if (s == from || !may_run_here(s, me) || atomic_read(&s->spin.tried) == round)
			continue;
		c.spins = atomic_read(&s->spin.on);
		c.since = atomic_read(&s->account.since);
		c.order = atomic_read(&s->spin.order);
		if (before(&c, &best))
			best = c;
	}
	return best.se;
}

bool sched_spin_yield(struct sched_entity *from)
{
	struct sched_group *g = from->group;
	struct sched_entity *to;
	uint32_t round;

	if (!g || g->nr_members < 2)
		return sched_others_wait();
	/* It got on since it span last, so others may have, too: each is worth a try again. */
	if (from->spin.renewed) {
		from->spin.renewed = false;
		atomic_set(&from->spin.order, atomic_fetch_add(&g->spins, 1));
		round = atomic_fetch_add(&g->rounds, 1) + 1;
	} else {
		round = atomic_read(&g->rounds);
	}
	to = preempted_sibling(from, round);
	if (!to) {
		(void)atomic_fetch_add(&g->rounds, 1);
		return sched_others_wait();
	}
	atomic_set(&to->spin.tried, round);
	return sched_yield_to(from, to) || sched_others_wait();
}
