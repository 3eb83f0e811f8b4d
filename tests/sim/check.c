// SPDX-License-Identifier: BSD-2-Clause
/* sim_check(): the scheduler's invariants, as they hold between any two events. */
#include "sim/sim_internal.h"

#include <stdlib.h>
#include <string.h>

static unsigned int tree_count(const struct sched_entity *n, const struct sched_entity *parent,
			       int64_t *least)
{
	int64_t l = INT64_MAX, r = INT64_MAX;
	unsigned int count;

	if (!n) {
		*least = INT64_MAX;
		return 0;
	}
	if (n->fair.parent != parent || (parent && parent->fair.heap < n->fair.heap))
		abort();
	count = 1 + tree_count(n->fair.left, n, &l) + tree_count(n->fair.right, n, &r);
	*least = n->fair.vtime < l ? n->fair.vtime : l;
	*least = r < *least ? r : *least;
	if (*least != n->fair.min_vtime ||
	    (n->fair.left && n->fair.left->fair.vdeadline > n->fair.vdeadline) ||
	    (n->fair.right && n->fair.right->fair.vdeadline < n->fair.vdeadline))
		abort();
	return count;
}

static void check_loan(const struct runq *q, unsigned int listed)
{
	const struct sched_entity *lender = q->lender, *se = q->running;

	if (!se || se == lender || se->group != lender->group || se->weight != lender->weight)
		sim_fail("lent to another entity", q->index);
	if (lender->state != SCHED_RUNNABLE || lender->queued || lender->pcpu != q->index)
		sim_fail("a lender that does not wait here", q->index);
	if (listed != 0 || q->next || !q->lent)
		sim_fail("a loan among others", q->index);
}

static void check_queue(const struct runq *q)
{
	unsigned int listed = 0, fair = 0, fifo = 0;
	const struct sched_entity *counts;
	__int128 sum = 0;
	uint64_t weight = 0;
	int64_t least;

	list_for_each(n, &q->scan) {
		const struct sched_entity *se = list_entry(n, struct sched_entity, scan);

		if (!se->queued || se->state != SCHED_RUNNABLE || se->pcpu != q->index)
			sim_fail("on a list that it does not belong to", q->index);
		listed++;
		fifo += se->level != LEVEL_TREE;
		fair += se->level == LEVEL_TREE;
		if (se->class == SCHED_CLASS_FIFO)
			continue;
		weight += se->weight;
		sum += (__int128)se->weight * (se->fair.vtime - q->fair.v);
	}
	for (unsigned int i = 0; i <= LEVEL_EXPEDITED; i++)
		list_for_each(n, &q->fifo.level[i])
			fifo--;
	counts = q->lender ? q->lender : q->running;
	if (counts && counts->class == SCHED_CLASS_FAIR) {
		weight += counts->weight;
		sum += (__int128)counts->weight * (counts->fair.vtime - q->fair.v);
	}
	if (q->lender)
		check_loan(q, listed);
	if (listed + (q->lender != NULL) != q->nr_waiting || fifo != 0)
		sim_fail("queue length", q->index);
	/* The one that a directed yield names is not in it until it is picked. */
	if (q->next && q->next->level == LEVEL_TREE)
		fair--;
	if (tree_count(q->fair.root, NULL, &least) != fair)
		sim_fail("tree", q->index);
	if (weight != q->fair.weight || (weight && sum != q->fair.rem))
		sim_fail("sum of weights or lags", q->index);
	if (pcpu_set_has(&sched_loaded, q->index) != (q->nr_waiting != 0))
		sim_fail("loaded", q->index);
}

void sim_check(void)
{
	static unsigned int throttled[SIM_GROUPS_MAX], entities[MAX_PCPUS];
	unsigned int waiting = 0, queued = 0;

	memset(throttled, 0, sizeof(throttled));
	memset(entities, 0, sizeof(entities));
	for (unsigned int i = 0; i < sim_nr_harts; i++) {
		check_queue(&runqs[i]);
		queued += runqs[i].nr_waiting;
		if (sim_harts[i].running && (runqs[i].running != &sim_harts[i].running->se ||
					     sim_harts[i].running->se.state != SCHED_RUNNING))
			sim_fail("running", i);
		if (!sim_harts[i].running && runqs[i].running)
			sim_fail("running and not", i);
	}
	for (unsigned int i = 0; i < sim_nr_groups; i++)
		list_for_each(n, &sim_groups[i]->throttled) {
			const struct sched_entity *se = list_entry(n, struct sched_entity, node);

			if (se->queued || se->state != SCHED_RUNNABLE)
				sim_fail("throttled, and something else", i);
			throttled[container_of(se, struct sim_vcpu, se)->id]++;
		}
	for (unsigned int i = 0; i < sim_nr_vcpus; i++) {
		const struct sched_entity *se = &sim_vcpus[i].se;

		if (se->account.switches != sim_vcpus[i].stays)
			sim_fail("not as many switches as stays", i);
		entities[se->pcpu]++;
		waiting += se->state == SCHED_RUNNABLE && !throttled[i];
		if (se->state == SCHED_RUNNABLE &&
		    se->queued + throttled[i] + (runqs[se->pcpu].lender == se) != 1)
			sim_fail("runnable and nowhere", i);
		if (se->state == SCHED_RUNNING && sim_harts[se->pcpu].running != &sim_vcpus[i])
			sim_fail("lost while running", i);
	}
	for (unsigned int i = 0; i < sim_nr_harts; i++)
		if (runqs[i].nr_entities != entities[i])
			sim_fail("queue counts other entities than call it theirs", i);
	if (waiting != queued)
		sim_fail("waiting vcpus are not those on the queues", waiting);
}
