// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long an entity waits between a wake and its run, while that is measured (run/times.h). A sibling that gets a hart on loan waits for
 * nothing. What sleeps on its hart (rest.c) waits from the wake by another hart on; an interrupt of its own ends the sleep, and says
 * nothing of when it came.
 */
#include "sched/runq.h"

static struct sched_waits *waits_of(const struct sched_entity *se)
{
	return (struct sched_waits *)atomic_read_acquire(&se->account.waits);
}

void sched_time_wake(struct sched_entity *se, uint64_t waited, uint32_t unused)
{
	struct sched_waits *w = waits_of(se);

	(void)unused;
	if (w)
		histogram_add(&w->woken, timer_ticks_to_ns(waited));
}

/* The first wake of a sleep counts. */
void sched_time_kick(struct sched_entity *se)
{
	struct sched_waits *w = waits_of(se);

	if (w && w->kicked_at < se->account.since)
		w->kicked_at = timer_now();
}

/* Before the sleep ends in the account. */
void sched_time_rested(struct sched_entity *se, uint64_t now, uint32_t unused)
{
	struct sched_waits *w = waits_of(se);

	if (w && w->kicked_at >= se->account.since && now >= w->kicked_at)
		sched_time_wake(se, now - w->kicked_at, unused);
}
