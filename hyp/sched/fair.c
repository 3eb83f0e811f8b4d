// SPDX-License-Identifier: BSD-2-Clause
/*
 * Class fair: earliest eligible virtual deadline first (Stoica and Abdel-Wahab, 1995).
 *
 * An entity's vtime advances by the time it ran over its weight. The queue's v is the mean of all
 * vtimes by weight, so it advances as fast as each entity would in an ideal division; v - vtime is an
 * entity's lag: what it is owed. An entity that is owed something (vtime <= v) is eligible; each asks for so many
 * ticks at a time, which are due at vdeadline = vtime + request / weight; of the eligible the one that
 * is due first runs. Lags stay within about one request, and sum up to nothing.
 *
 * Waiting entities are in a treap by vdeadline, each node of which knows the least vtime below it: the earliest
 * eligible one is found in one descent.
 */
#include "sched/runq.h"

/* So many slices are owed at most to one that waited on a slower queue. */
#define LAG_SLICES_MIGRATE 32

/* --- the tree --------------------------------------------------------------------------------------- */

static void tree_update(struct sched_entity *n)
{
	int64_t least = n->fair.vtime;

	if (n->fair.left && n->fair.left->fair.min_vtime < least)
		least = n->fair.left->fair.min_vtime;
	if (n->fair.right && n->fair.right->fair.min_vtime < least)
		least = n->fair.right->fair.min_vtime;
	n->fair.min_vtime = least;
}

static struct sched_entity **tree_link(struct fair *f, const struct sched_entity *n)
{
	if (!n->fair.parent)
		return &f->root;
	return n->fair.parent->fair.left == n ? &n->fair.parent->fair.left :
						&n->fair.parent->fair.right;
}

/* @n, the child of @p, takes its place; order from left to right stays. */
static void tree_rotate_up(struct fair *f, struct sched_entity *n)
{
	struct sched_entity *p = n->fair.parent, *moved;

	*tree_link(f, p) = n;
	n->fair.parent = p->fair.parent;
	p->fair.parent = n;
	if (p->fair.left == n) {
		moved = n->fair.right;
		n->fair.right = p;
		p->fair.left = moved;
	} else {
		moved = n->fair.left;
		n->fair.left = p;
		p->fair.right = moved;
	}
	if (moved)
		moved->fair.parent = p;
	tree_update(p);
	tree_update(n);
}

void fair_insert_among(struct fair *f, struct sched_entity *se)
{
	struct sched_entity **link = &f->root, *parent = NULL;

	while (*link) {
		parent = *link;
		if (se->fair.vtime < parent->fair.min_vtime)
			parent->fair.min_vtime = se->fair.vtime;
		link = se->fair.vdeadline < parent->fair.vdeadline ? &parent->fair.left :
								     &parent->fair.right;
		sched_step();
	}
	se->fair.parent = parent;
	se->fair.left = se->fair.right = NULL;
	se->fair.min_vtime = se->fair.vtime;
	se->fair.heap = fair_random(f);
	*link = se;
	while (se->fair.parent && se->fair.parent->fair.heap < se->fair.heap) {
		tree_rotate_up(f, se);
		sched_step();
	}
}

void fair_remove_from_among(struct fair *f, struct sched_entity *se)
{
	struct sched_entity *child, *p;

	while (se->fair.left && se->fair.right) {
		tree_rotate_up(f, se->fair.left->fair.heap > se->fair.right->fair.heap ?
					  se->fair.left :
					  se->fair.right);
		sched_step();
	}
	child = se->fair.left ? se->fair.left : se->fair.right;
	*tree_link(f, se) = child;
	if (child)
		child->fair.parent = se->fair.parent;
	for (p = se->fair.parent; p; p = p->fair.parent) {
		tree_update(p);
		sched_step();
	}
	se->fair.parent = se->fair.left = se->fair.right = NULL;
}

struct sched_entity *fair_first(const struct fair *f)
{
	struct sched_entity *n = f->root;

	while (n) {
		sched_step();
		if (n->fair.left && n->fair.left->fair.min_vtime <= f->v)
			n = n->fair.left;
		else if (n->fair.vtime <= f->v)
			return n;
		else
			n = n->fair.right;
	}
	/* No waiting entity is owed anything: the one that ran is, and it just gave way. */
	for (n = f->root; n && n->fair.left; n = n->fair.left)
		sched_step();
	return n;
}

/* --- virtual time ----------------------------------------------------------------------------------- */

static int64_t lag_limit_migrate(const struct sched_entity *se)
{
	return LAG_SLICES_MIGRATE * ticks_to_virtual(se->slice, se);
}

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void fair_init(struct fair *f, uint64_t seed)
{
	*f = (struct fair){ .random = seed };
}

/* How far behind this queue's time @se is when it comes here. */
static int64_t lag_here(struct fair *f, struct sched_entity *se)
{
	int64_t lag;

	if (f->weight == 0) {
		/* Time goes on from where it is, or from where it is elsewhere. */
		atomic_set(&f->offset,
			   (se->migrates ? se->fair.lag : atomic_read(&sched_time_of_all)) - f->v);
		return 0;
	}
	if (se->migrates)
		return fair_clamp(f->v + f->offset - se->fair.lag, lag_limit_migrate(se));
	lag = fair_clamp(se->fair.lag, lag_limit(se));
	/* One that never asks for much pays its debt off while others get on and it sleeps. */
	if (lag < 0 && se->fair.request <= se->slice / 8 && f->v + f->offset > se->fair.left_at)
		lag = min_i64(lag + (f->v + f->offset - se->fair.left_at), 0);
	/* Joining moves the mean towards it; so that its lag is as it was afterwards: */
	return lag + lag * (int64_t)se->weight / (int64_t)f->weight;
}

void fair_join(struct fair *f, struct sched_entity *se)
{
	int64_t lag = lag_here(f, se);

	se->migrates = false;
	se->fair.vtime = f->v - lag;
	se->fair.vdeadline = se->fair.vtime + ticks_to_virtual(se->fair.request, se);
	atomic_set(&f->weight, f->weight + se->weight);
	f->rem -= lag * (int64_t)se->weight;
	fair_normalise(f);
}

void fair_migrate(struct fair *f, struct sched_entity *se)
{
	fair_leave(f, se);
	se->fair.lag = se->fair.vtime + f->offset;
	se->migrates = true;
}

void fair_yielded(struct sched_entity *se)
{
	se->fair.vdeadline = se->fair.vtime + 2 * ticks_to_virtual(se->slice, se);
}

/* With other weights a claim of the same time is another one of virtual time. */
static int64_t reweigh(int64_t virtual, const struct sched_entity *from,
		       const struct sched_entity *to)
{
	return virtual * (int64_t)from->weight / (int64_t)to->weight;
}

void fair_reweigh(struct fair *f, struct sched_entity *se, uint32_t weight)
{
	const int64_t old = (int64_t)se->weight, new = (int64_t)weight;
	int64_t lag = f->v - se->fair.vtime, left = se->fair.vdeadline - se->fair.vtime;
	int64_t its = lag * old / new;

	atomic_set(&f->weight, f->weight - se->weight + weight);
	f->rem += lag * old - its * new;
	se->fair.vtime = f->v - its;
	se->fair.vdeadline = se->fair.vtime + left * old / new;
	se->fair.remainder = 0;
	atomic_set(&se->weight, weight);
	fair_normalise(f);
}

void fair_exchange_unequal(struct fair *f, struct sched_entity *a, struct sched_entity *b)
{
	int64_t lag_a = f->v - a->fair.vtime, lag_b = f->v - b->fair.vtime;
	int64_t left_a = a->fair.vdeadline - a->fair.vtime,
		left_b = b->fair.vdeadline - b->fair.vtime;
	int64_t v = f->v;

	f->rem += (lag_a * (int64_t)a->weight) + (lag_b * (int64_t)b->weight);
	a->fair.vtime = v - reweigh(lag_b, b, a);
	b->fair.vtime = v - reweigh(lag_a, a, b);
	f->rem -=
		(v - a->fair.vtime) * (int64_t)a->weight + (v - b->fair.vtime) * (int64_t)b->weight;
	a->fair.vdeadline = a->fair.vtime + reweigh(left_b, b, a);
	b->fair.vdeadline = b->fair.vtime + reweigh(left_a, a, b);
	fair_normalise(f);
}
