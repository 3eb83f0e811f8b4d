// SPDX-License-Identifier: BSD-2-Clause
/*
 * Class fair: earliest eligible virtual deadline first (Stoica and Abdel-Wahab, 1995).
 *
 * An entity's vtime advances by the time it ran over its weight. The queue's v is the mean of all
 * vtimes by weight, so it advances as fast as everybody would in an ideal division; v - vtime is an
 * entity's lag: what it is owed. Who is owed something (vtime <= v) is eligible; each asks for so many
 * ticks at a time, which are due at vdeadline = vtime + request / weight; of the eligible the one that
 * is due first runs. Lags stay within about one request, and sum up to nothing.
 *
 * Who waits is in a treap by vdeadline, each node of which knows the least vtime below it: the earliest
 * eligible one is found in one descent.
 */
#include "sched/runq.h"

/* So many slices are owed at most: to one that slept, and to one that waited on a slower queue. */
#define LAG_SLICES	   4
#define LAG_SLICES_MIGRATE 32

/* --- the tree --------------------------------------------------------------------------------------- */

static void tree_update(struct sched_entity *n)
{
	int64_t least = n->vtime;

	if (n->left && n->left->min_vtime < least)
		least = n->left->min_vtime;
	if (n->right && n->right->min_vtime < least)
		least = n->right->min_vtime;
	n->min_vtime = least;
}

static struct sched_entity **tree_link(struct fair *f, const struct sched_entity *n)
{
	if (!n->parent)
		return &f->root;
	return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

/* @n, the child of @p, takes its place; order from left to right stays. */
static void tree_rotate_up(struct fair *f, struct sched_entity *n)
{
	struct sched_entity *p = n->parent, *moved;

	*tree_link(f, p) = n;
	n->parent = p->parent;
	p->parent = n;
	if (p->left == n) {
		moved = n->right;
		n->right = p;
		p->left = moved;
	} else {
		moved = n->left;
		n->left = p;
		p->right = moved;
	}
	if (moved)
		moved->parent = p;
	tree_update(p);
	tree_update(n);
}

static uint64_t next_random(struct fair *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

void fair_insert(struct fair *f, struct sched_entity *se)
{
	struct sched_entity **link = &f->root, *parent = NULL;

	while (*link) {
		parent = *link;
		if (se->vtime < parent->min_vtime)
			parent->min_vtime = se->vtime;
		link = se->vdeadline < parent->vdeadline ? &parent->left : &parent->right;
		sched_step();
	}
	se->parent = parent;
	se->left = se->right = NULL;
	se->min_vtime = se->vtime;
	se->heap = next_random(f);
	*link = se;
	while (se->parent && se->parent->heap < se->heap) {
		tree_rotate_up(f, se);
		sched_step();
	}
}

void fair_remove(struct fair *f, struct sched_entity *se)
{
	struct sched_entity *child, *p;

	while (se->left && se->right) {
		tree_rotate_up(f, se->left->heap > se->right->heap ? se->left : se->right);
		sched_step();
	}
	child = se->left ? se->left : se->right;
	*tree_link(f, se) = child;
	if (child)
		child->parent = se->parent;
	for (p = se->parent; p; p = p->parent) {
		tree_update(p);
		sched_step();
	}
	se->parent = se->left = se->right = NULL;
}

struct sched_entity *fair_first(const struct fair *f)
{
	struct sched_entity *n = f->root;

	while (n) {
		sched_step();
		if (n->left && n->left->min_vtime <= f->v)
			n = n->left;
		else if (n->vtime <= f->v)
			return n;
		else
			n = n->right;
	}
	/* Nobody that waits is owed anything: the one that runs is, and it just gave way. */
	for (n = f->root; n && n->left; n = n->left)
		sched_step();
	return n;
}

/* --- virtual time ----------------------------------------------------------------------------------- */

static int64_t ticks_to_virtual(uint64_t ticks, const struct sched_entity *se)
{
	return (int64_t)((ticks << VTIME_SHIFT) / se->weight);
}

static int64_t lag_limit(const struct sched_entity *se)
{
	return LAG_SLICES * ticks_to_virtual(se->slice, se);
}

static int64_t lag_limit_migrate(const struct sched_entity *se)
{
	return LAG_SLICES_MIGRATE * ticks_to_virtual(se->slice, se);
}

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t clamp(int64_t x, int64_t limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

/* Bring rem back into [0, weight). */
static void normalise(struct fair *f)
{
	int64_t w = (int64_t)f->weight, steps;

	if (w == 0) {
		f->rem = 0;
		return;
	}
	if (f->rem >= 0 && f->rem < w)
		return;
	steps = f->rem / w;
	if (f->rem % w < 0)
		steps--;
	atomic_set(&f->v, f->v + steps);
	f->rem -= steps * w;
}

void fair_init(struct fair *f, uint64_t seed)
{
	*f = (struct fair){ .random = seed };
}

/* Longer than this nobody runs at a stretch with somebody else to be compared to; keeps products in 64
 * bits. */
#define DELTA_MAX (UINT64_C(1) << 44)

void fair_charge(struct fair *f, struct sched_entity *se, uint64_t delta)
{
	uint64_t scaled = (min_u64(delta, DELTA_MAX) << VTIME_SHIFT) + se->remainder;
	int64_t dv = (int64_t)(scaled / se->weight);

	se->remainder = scaled % se->weight;
	se->vtime += dv;
	f->rem += dv * (int64_t)se->weight;
	normalise(f);
}

/* How far behind this queue's time @se is when it comes here. */
static int64_t lag_here(struct fair *f, struct sched_entity *se)
{
	int64_t lag;

	if (f->weight == 0) {
		/* Time goes on from where it is, or from where it is elsewhere. */
		atomic_set(&f->offset, (se->migrates ? se->lag : balance_time_of_all()) - f->v);
		return 0;
	}
	if (se->migrates)
		return clamp(f->v + f->offset - se->lag, lag_limit_migrate(se));
	lag = clamp(se->lag, lag_limit(se));
	/* One that never asks for much pays its debt off while others get on and it sleeps. */
	if (lag < 0 && se->request <= se->slice / 8 && f->v + f->offset > se->left_at)
		lag = min_i64(lag + (f->v + f->offset - se->left_at), 0);
	/* Joining moves the mean towards it; so that its lag is as it was afterwards: */
	return lag + lag * (int64_t)se->weight / (int64_t)f->weight;
}

void fair_join(struct fair *f, struct sched_entity *se)
{
	int64_t lag = lag_here(f, se);

	se->migrates = false;
	se->vtime = f->v - lag;
	se->vdeadline = se->vtime + ticks_to_virtual(se->request, se);
	atomic_set(&f->weight, f->weight + se->weight);
	f->rem -= lag * (int64_t)se->weight;
	normalise(f);
}

void fair_leave(struct fair *f, struct sched_entity *se)
{
	se->lag = clamp(f->v - se->vtime, lag_limit(se));
	se->left_at = f->v + f->offset;
	f->rem -= (se->vtime - f->v) * (int64_t)se->weight;
	atomic_set(&f->weight, f->weight - se->weight);
	normalise(f);
}

void fair_migrate(struct fair *f, struct sched_entity *se)
{
	fair_leave(f, se);
	se->lag = se->vtime + f->offset;
	se->migrates = true;
}

bool fair_preempts(const struct fair *f, const struct sched_entity *se,
		   const struct sched_entity *running)
{
	return se->vtime <= f->v && se->vdeadline < running->vdeadline;
}

/* --- requests --------------------------------------------------------------------------------------- */

/*
 * Who sleeps a lot asks for little, which is due early: that is all that latency takes, and it changes
 * no share.
 */
void fair_woken(struct sched_entity *se)
{
	uint64_t least = se->slice / 32, ask = 2 * se->burst;

	se->this_burst = 0;
	se->request = ask < least ? least : min_u64(ask, se->slice);
}

void fair_blocks(struct sched_entity *se)
{
	se->burst = (3 * se->burst + min_u64(se->this_burst, se->slice)) / 4;
}

/* What is less than this is not worth a switch. */
static uint64_t grain(const struct sched_entity *se)
{
	return se->slice / 64 + 1;
}

uint64_t fair_left(const struct sched_entity *se)
{
	int64_t left = se->vdeadline - se->vtime;
	uint64_t ticks = left <= 0 ? 0 : ((uint64_t)left * se->weight) >> VTIME_SHIFT;

	return ticks < grain(se) ? grain(se) : ticks;
}

void fair_renew(struct sched_entity *se)
{
	int64_t left = se->vdeadline - se->vtime;

	if (left > ticks_to_virtual(grain(se), se))
		return;
	se->request = se->slice;
	se->vdeadline = se->vtime + ticks_to_virtual(se->request, se);
}

void fair_yielded(struct sched_entity *se)
{
	se->vdeadline = se->vtime + 2 * ticks_to_virtual(se->slice, se);
}

/* With other weights a claim of the same time is another one of virtual time. */
static int64_t reweigh(int64_t virtual, const struct sched_entity *from,
		       const struct sched_entity *to)
{
	if (from->weight == to->weight)
		return virtual;
	return virtual * (int64_t)from->weight / (int64_t)to->weight;
}

void fair_exchange(struct fair *f, struct sched_entity *a, struct sched_entity *b)
{
	int64_t lag_a = f->v - a->vtime, lag_b = f->v - b->vtime;
	int64_t left_a = a->vdeadline - a->vtime, left_b = b->vdeadline - b->vtime;
	int64_t v = f->v;

	fair_remove(f, b);
	f->rem += (lag_a * (int64_t)a->weight) + (lag_b * (int64_t)b->weight);
	a->vtime = v - reweigh(lag_b, b, a);
	b->vtime = v - reweigh(lag_a, a, b);
	f->rem -= (v - a->vtime) * (int64_t)a->weight + (v - b->vtime) * (int64_t)b->weight;
	a->vdeadline = a->vtime + reweigh(left_b, b, a);
	b->vdeadline = b->vtime + reweigh(left_a, a, b);
	normalise(f);
	fair_insert(f, b);
}
