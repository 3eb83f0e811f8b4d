/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Class fair, for the rest of the scheduler: see fair.c. What each switch comes by is inline here. All with
 * the queue's lock.
 *
 * Virtual time. Each queue has an axis of its own; fair.v is the mean of its entities' vtime by weight,
 * the one that runs included, and advances by time / weights. fair.v + fair.offset can be compared
 * between queues: balance.c keeps them in step by moving entities to the queue that is ahead.
 */
#ifndef SCHED_FAIR_H
#define SCHED_FAIR_H

#include "lib/atomic.h"
#include "sched/sched.h"

#define VTIME_SHIFT 16

/* So many slices are owed at most to one that slept. */
#define LAG_SLICES 4

/* No entity runs longer than this at a stretch while another one is there to be compared to; keeps products in 64
 * bits. */
#define DELTA_MAX (UINT64_C(1) << 44)

struct fair {
	struct sched_entity *root; /* waiting, by deadline */
	int64_t v;		   /* atomic for those without the lock */
	int64_t rem;		   /* sum of weight * (vtime - v): 0 <= rem < weight */
	uint64_t weight;	   /* of all, and of the one that runs; atomic */
	int64_t offset;		   /* atomic */
	uint64_t random;
};

void fair_init(struct fair *f, uint64_t seed);

/* fair_join - @se counts from now on; its lag becomes its place. fair_leave, below - and back. */
void fair_join(struct fair *f, struct sched_entity *se);
/* fair_migrate - leave, to join another queue with the same claim: same place in the common time. */
void fair_migrate(struct fair *f, struct sched_entity *se);
/* fair_insert, fair_remove, below, unless it is alone in the tree. */
void fair_insert_among(struct fair *f, struct sched_entity *se);
void fair_remove_from_among(struct fair *f, struct sched_entity *se);
/* fair_first - the next to run of those in the tree, or NULL. */
struct sched_entity *fair_first(const struct fair *f);
/* fair_yielded - it lets those go first whose deadline is before its next one. */
void fair_yielded(struct sched_entity *se);
/* fair_reweigh - @se, which has joined and is not in the tree, has @weight from now on: what it is owed, and what is left of its
 * request, stay the same time. */
void fair_reweigh(struct fair *f, struct sched_entity *se, uint32_t weight);
/* fair_exchange, below, when their weights differ. */
void fair_exchange_unequal(struct fair *f, struct sched_entity *a, struct sched_entity *b);

static inline int64_t ticks_to_virtual(uint64_t ticks, const struct sched_entity *se)
{
	return (int64_t)((ticks << VTIME_SHIFT) / se->weight);
}

static inline int64_t fair_clamp(int64_t x, int64_t limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

/* The debt or credit that a sleep keeps. */
static inline int64_t lag_limit(const struct sched_entity *se)
{
	return LAG_SLICES * ticks_to_virtual(se->slice, se);
}

static inline uint64_t fair_random(struct fair *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

/* Bring rem back into [0, weight). */
static inline void fair_normalise(struct fair *f)
{
	int64_t w = (int64_t)f->weight, steps;

	if ((uint64_t)f->rem < f->weight)
		return;
	if (w == 0) {
		f->rem = 0;
		return;
	}
	steps = f->rem / w;
	steps -= f->rem < steps * w; /* towards minus infinity */
	atomic_set(&f->v, f->v + steps);
	f->rem -= steps * w;
}

/* fair_insert, fair_remove - into and out of the tree of those that wait. It has joined. */
static inline void fair_insert(struct fair *f, struct sched_entity *se)
{
	if (f->root) {
		fair_insert_among(f, se);
		return;
	}
	f->root = se;
	se->fair.parent = se->fair.left = se->fair.right = NULL;
	se->fair.min_vtime = se->fair.vtime;
	se->fair.heap = fair_random(f);
}

static inline void fair_remove(struct fair *f, struct sched_entity *se)
{
	if (f->root != se || se->fair.left || se->fair.right)
		fair_remove_from_among(f, se);
	else
		f->root = NULL;
}

/* fair_charge - the one that runs ran for @delta ticks. */
static inline void fair_charge(struct fair *f, struct sched_entity *se, uint64_t delta)
{
	uint64_t scaled = (min_u64(delta, DELTA_MAX) << VTIME_SHIFT) + se->fair.remainder;
	int64_t dv = (int64_t)(scaled / se->weight);

	se->fair.remainder = scaled % se->weight;
	se->fair.vtime += dv;
	f->rem += dv * (int64_t)se->weight;
	fair_normalise(f);
}

/* fair_leave - @se counts no longer; its place becomes its lag. */
static inline void fair_leave(struct fair *f, struct sched_entity *se)
{
	int64_t lag = f->v - se->fair.vtime;

	se->fair.lag = fair_clamp(lag, lag_limit(se));
	se->fair.left_at = f->v + f->offset;
	f->rem += lag * (int64_t)se->weight;
	atomic_set(&f->weight, f->weight - se->weight);
	fair_normalise(f);
}

static inline void swap_i64(int64_t *a, int64_t *b)
{
	int64_t t = *a;

	*a = *b;
	*b = t;
}

/* fair_exchange - @a, which runs, and @b, which waits and is not in the tree, change places in time. */
static inline void fair_exchange(struct fair *f, struct sched_entity *a, struct sched_entity *b)
{
	if (a->weight == b->weight) {
		swap_i64(&a->fair.vtime, &b->fair.vtime);
		swap_i64(&a->fair.vdeadline, &b->fair.vdeadline);
	} else {
		fair_exchange_unequal(f, a, b);
	}
}

/* fair_preempts - does @se, which waits, come before @running? */
static inline bool fair_preempts(const struct fair *f, const struct sched_entity *se,
				 const struct sched_entity *running)
{
	return se->fair.vtime <= f->v && se->fair.vdeadline < running->fair.vdeadline;
}

/*
 * fair_woken - how much to ask for after a sleep. An entity that sleeps a lot asks for little, which is due early: that
 * is all that latency takes, and it changes no share. fair_blocks - what it used before it.
 */
static inline void fair_woken(struct sched_entity *se)
{
	uint64_t least = se->slice / 32, ask = 2 * se->fair.burst;

	se->fair.this_burst = 0;
	se->fair.request = ask < least ? least : min_u64(ask, se->slice);
}

static inline void fair_blocks(struct sched_entity *se)
{
	se->fair.burst = (3 * se->fair.burst + min_u64(se->fair.this_burst, se->slice)) / 4;
}

/* What is less than this is not worth a switch. */
static inline uint64_t fair_grain(const struct sched_entity *se)
{
	return se->slice / 64 + 1;
}

/* fair_left - ticks of its request that are left. */
static inline uint64_t fair_left(const struct sched_entity *se)
{
	int64_t left = se->fair.vdeadline - se->fair.vtime;
	uint64_t ticks = left <= 0 ? 0 : ((uint64_t)left * se->weight) >> VTIME_SHIFT;

	return max_u64(ticks, fair_grain(se));
}

/* fair_renew - if its request has been served it asks for the next. */
static inline void fair_renew(struct sched_entity *se)
{
	int64_t left = se->fair.vdeadline - se->fair.vtime;

	if (left > ticks_to_virtual(fair_grain(se), se))
		return;
	se->fair.request = se->slice;
	se->fair.vdeadline = se->fair.vtime + ticks_to_virtual(se->fair.request, se);
}

#endif
