/* SPDX-License-Identifier: BSD-2-Clause */
/* The real ticket lock, but a thread that waits for it gives way. */
#ifndef FAKE_LIB_SPINLOCK_H
#define FAKE_LIB_SPINLOCK_H

#include <sched.h>

#define spin_lock real_spin_lock
#include "../../../../hyp/lib/spinlock.h"
#undef spin_lock

static inline void spin_lock(struct spinlock *l)
{
	lock_rank_take(l->rank);
	uint32_t mine = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != mine)
		sched_yield();
}

#endif
