/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fair spinlock (tickets). The hypervisor runs with interrupts off throughout, so there is one form
 * of it, and no holder is ever interrupted. The order in which locks are taken is lib/lock_rank.h's.
 */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include "lib/atomic.h"
#include "lib/lock_rank.h"

struct spinlock {
	uint32_t next;	/* the ticket that the next comer draws */
	uint32_t owner; /* the ticket that may pass */
#ifdef LOCK_RANKS_CHECKED
	enum lock_rank rank;
#endif
};

#ifdef LOCK_RANKS_CHECKED
#define SPINLOCK_INIT(rank) \
	{                   \
		0, 0, rank  \
	}
#else
#define SPINLOCK_INIT(rank) \
	{                   \
		0, 0        \
	}
#endif

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(rank);
	(void)rank;
}

#ifdef HARTVISOR_CHECKED
void checked_lock(void); /* arch/checked.h */
#else
#define checked_lock() ((void)0)
#endif

static inline void spin_lock(struct spinlock *l)
{
	checked_lock();
	lock_rank_take(l->rank);
	uint32_t mine = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != mine)
		;
}

static inline bool spin_trylock(struct spinlock *l)
{
	/* Acquire: the last holder's release is on owner; next orders nothing of what it did. */
	uint32_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);

	if (!__atomic_compare_exchange_n(&l->next, &owner, owner + 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	lock_rank_took(l->rank);
	return true;
}

static inline void spin_unlock(struct spinlock *l)
{
	lock_rank_leave(l->rank);
	atomic_set_release(&l->owner, l->owner + 1);
}

#endif
