/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock that the explorer knows: a thread that wants it while it is held is no choice. */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include "lib/atomic.h"
#include "lib/lock_rank.h"

struct spinlock {
	uint32_t next; /* held */
	uint32_t owner;
	enum lock_rank rank;
};

#define SPINLOCK_INIT(rank) \
	{                   \
		0, 0, rank  \
	}

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(rank);
}

static inline void spin_lock(struct spinlock *l)
{
	lock_rank_take(l->rank);
	explorer_lock(&l->next);
}

static inline bool spin_trylock(struct spinlock *l)
{
	if (!explorer_trylock(&l->next))
		return false;
	lock_rank_took(l->rank);
	return true;
}

static inline void spin_unlock(struct spinlock *l)
{
	lock_rank_leave(l->rank);
	explorer_unlock(&l->next);
}

#endif
