/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fair spinlock (tickets). The hypervisor runs with interrupts off throughout, so there is one form
 * of it, and no holder is ever interrupted. Every lock states its place in the lock order where it is
 * declared; the whole order, outermost first:
 *
 *   vm->lock (life cycle) > vm->transition > vuart.lock and the other devices' > the interrupt controller's >
 *   runq.lock > page allocator, random pool > log > term lock > timer queue lock, work list
 */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include "lib/atomic.h"

struct spinlock {
	uint32_t next;	/* the ticket that the next comer draws */
	uint32_t owner; /* the ticket that may pass */
};

#define SPINLOCK_INIT \
	{             \
		0, 0  \
	}

static inline void spin_init(struct spinlock *l)
{
	l->next = 0;
	l->owner = 0;
}

#ifdef HARTVISOR_CHECKED
void checked_lock(void); /* arch/checked.h */
#else
#define checked_lock() ((void)0)
#endif

static inline void spin_lock(struct spinlock *l)
{
	checked_lock();
	uint32_t mine = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != mine)
		;
}

static inline bool spin_trylock(struct spinlock *l)
{
	/* Acquire: the last holder's release is on owner; next orders nothing of what it did. */
	uint32_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);

	return __atomic_compare_exchange_n(&l->next, &owner, owner + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void spin_unlock(struct spinlock *l)
{
	atomic_set_release(&l->owner, l->owner + 1);
}

#endif
