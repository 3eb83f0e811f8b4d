/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long something took, and how often: a count for each power of two. One writer at a time, without a lock; others read each word
 * for itself.
 */
#ifndef LIB_HISTOGRAM_H
#define LIB_HISTOGRAM_H

#include "lib/atomic.h"

#define HISTOGRAM_BUCKETS 24
#define HISTOGRAM_SHIFT	  10 /* the first bucket is up to 2^10 ns */

/* Nothing but words: vcpu/stats.c subtracts one from another. */
struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS]; /* of the last one: all that took longer */
	uint64_t sum;			   /* ns */
};

/* histogram_limit - the most nanoseconds that bucket @i has; UINT64_MAX: any. */
static inline uint64_t histogram_limit(unsigned int i)
{
	return i < HISTOGRAM_BUCKETS - 1 ? UINT64_C(1) << (HISTOGRAM_SHIFT + i) : UINT64_MAX;
}

/* histogram_add - something took @ns. */
static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	unsigned int i = 0;

	while (i < HISTOGRAM_BUCKETS - 1 && ns > histogram_limit(i))
		i++;
	counter_inc(&h->count[i]);
	atomic_set(&h->sum, h->sum + ns);
}

#endif
