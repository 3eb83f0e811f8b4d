// SPDX-License-Identifier: BSD-2-Clause
/*
 * Caps. A group with one has a pool of time that is filled up each period. A member that runs takes a part of it
 * in advance, and gives back what it did not use, so that however many members run at once they cannot
 * use more than there is. When the pool is empty those that want to run leave their queues until a
 * timer begins the next period. What one used too much (it is looked at only when it leaves the guest)
 * is taken off the next period.
 */
#include "sched/runq.h"

#include "arch/smp.h"

/* With the group's lock: begin the period that @now is in. */
static void refill(struct sched_group *g, uint64_t now)
{
	uint64_t periods, debt;

	if (now < g->period_end || g->quota == 0)
		return;
	periods = (now - g->period_end) / g->period + 1;
	g->period_end += periods * g->period;
	/* Debts are paid, but time that was not used is not saved. */
	debt = g->pool < 0 ? (uint64_t)-g->pool : 0;
	g->pool = (int64_t)g->quota;
	if (periods <= debt / g->quota)
		g->pool = (int64_t)(periods * g->quota) - (int64_t)debt;
	else if (periods == debt / g->quota + 1)
		g->pool -= (int64_t)(debt % g->quota);
}

/* Take them off the list one by one: LOCK_SCHED_GROUP comes after LOCK_RUNQ. */
static struct sched_entity *pop_throttled(struct sched_group *g)
{
	struct sched_entity *se = NULL;

	spin_lock(&g->lock);
	if (!list_empty(&g->throttled)) {
		se = list_entry(g->throttled.next, struct sched_entity, node);
		list_remove(&se->node);
	}
	spin_unlock(&g->lock);
	return se;
}

static void release(struct sched_entity *se)
{
	/* RUNNABLE and on no queue: no other hart moves it. */
	struct runq *q = runq_lock_entity(se);
	bool tell = runq_add(q, se, timer_now());

	spin_unlock(&q->lock);
	if (tell)
		smp_resched(q->index);
	balance_call_idle(se);
}

static void next_period(struct timer *t)
{
	struct sched_group *g = container_of(t, struct sched_group, timer);
	unsigned int n = g->nr_members + 1; /* and the task */
	struct sched_entity *se;

	spin_lock(&g->lock);
	g->timer_armed = false;
	refill(g, timer_now());
	spin_unlock(&g->lock);
	/* Each at most once: one that is let go may be back before the loop ends. */
	while (n-- > 0 && (se = pop_throttled(g)) != NULL)
		release(se);
}

void sched_group_init(struct sched_group *g, uint32_t cap)
{
	*g = (struct sched_group){ .rounds = 1 };
	spin_init(&g->lock, LOCK_SCHED_GROUP);
	list_init(&g->throttled);
	timer_init(&g->timer, next_period);
	g->period = timer_ns_to_ticks(SCHED_CAP_PERIOD_NS);
	g->quota = g->period * cap / 100;
	g->pool = (int64_t)g->quota;
	g->period_end = timer_now() + g->period;
}

/* A change from one cap to another is one of what is left, too. Those that wait for the next period wait on. */
void cap_set(struct sched_group *g, uint32_t cap)
{
	const uint64_t quota = g->period * cap / 100;
	const uint64_t now = timer_now();

	spin_lock(&g->lock);
	refill(g, now);
	if (g->quota == 0) {
		g->pool = (int64_t)quota;
		g->period_end = now + g->period;
	} else {
		g->pool += (int64_t)quota - (int64_t)g->quota;
	}
	atomic_set(&g->quota, quota);
	spin_unlock(&g->lock);
}

/* A small pool in few parts, so that the last ones are not lost on one member alone. */
static uint64_t part_of(const struct sched_group *g)
{
	uint64_t part = (uint64_t)g->pool / (2 * (uint64_t)g->nr_members);
	uint64_t least = g->period / 512, most = g->period / 16;

	part = part < least ? least : min_u64(part, most);
	return min_u64(part, (uint64_t)g->pool);
}

bool cap_take_part(struct sched_entity *se, uint64_t now)
{
	struct sched_group *g = se->group;
	bool got = false;

	se->budget_end = now;
	spin_lock(&g->lock);
	refill(g, now);
	if (g->quota == 0) { /* the cap ended just now */
		se->budget_end = TIMER_NEVER;
		got = true;
	} else if (g->pool > 0) {
		uint64_t part = part_of(g);

		g->pool -= (int64_t)part;
		se->budget_end = now + part;
		got = true;
	}
	spin_unlock(&g->lock);
	return got;
}

void cap_return_part(struct sched_entity *se, uint64_t now)
{
	struct sched_group *g = se->group;

	/* It ran before there was a cap. */
	if (se->budget_end == TIMER_NEVER) {
		se->budget_end = now;
		return;
	}
	spin_lock(&g->lock);
	refill(g, now);
	g->pool += (int64_t)(se->budget_end - now); /* below zero: it ran too long */
	if (g->pool > (int64_t)g->quota)
		g->pool = (int64_t)g->quota;
	spin_unlock(&g->lock);
	se->budget_end = now;
}

void cap_throttle(struct sched_entity *se, uint64_t now)
{
	struct sched_group *g = se->group;

	spin_lock(&g->lock);
	list_push_back(&g->throttled, &se->node);
	if (!g->timer_armed) {
		g->timer_armed = true;
		timer_arm(&g->timer, g->period_end > now ? g->period_end : now);
	}
	spin_unlock(&g->lock);
}

bool cap_is_out(const struct sched_entity *se, uint64_t now)
{
	struct sched_group *g = se->group;
	bool out;

	if (!sched_is_capped(se))
		return false;
	spin_lock(&g->lock);
	out = g->pool <= 0 && now < g->period_end;
	spin_unlock(&g->lock);
	return out;
}
