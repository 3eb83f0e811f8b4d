/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock that the explorer knows: a thread that wants it while it is held is no choice. */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include "lib/atomic.h"

struct spinlock {
	uint32_t next; /* held */
	uint32_t owner;
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

static inline void spin_lock(struct spinlock *l)
{
	explorer_lock(&l->next);
}

static inline bool spin_trylock(struct spinlock *l)
{
	return explorer_trylock(&l->next);
}

static inline void spin_unlock(struct spinlock *l)
{
	explorer_unlock(&l->next);
}

#endif
