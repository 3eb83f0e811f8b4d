/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomics as steps of the explorer: tests/unit/explorer/explorer.h. */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include "explorer/explorer.h"
#include "lib/types.h"

#define atomic_read(p)		 ((__typeof__(+*(p)))explorer_load((p), sizeof(*(p)), false))
#define atomic_read_acquire(p)	 ((__typeof__(+*(p)))explorer_load((p), sizeof(*(p)), true))
#define atomic_set(p, v)	 explorer_store((p), sizeof(*(p)), (uint64_t)(v), false)
#define atomic_set_release(p, v) explorer_store((p), sizeof(*(p)), (uint64_t)(v), true)

#define explorer_rmw_(p, op, v) \
	({ (__typeof__(+*(p)))explorer_rmw((p), sizeof(*(p)), (op), (uint64_t)(v)); })
#define atomic_fetch_or(p, v)  explorer_rmw_(p, EXPLORER_OR, v)
#define atomic_fetch_and(p, v) explorer_rmw_(p, EXPLORER_AND, v)
#define atomic_fetch_add(p, v) explorer_rmw_(p, EXPLORER_ADD, v)
#define atomic_fetch_sub(p, v) explorer_rmw_(p, EXPLORER_SUB, v)
#define atomic_exchange(p, v)  explorer_rmw_(p, EXPLORER_SWAP, v)

#define atomic_compare_exchange(p, old, val)                                          \
	({                                                                            \
		uint64_t old_ = *(old);                                               \
		bool done_ = explorer_cas((p), sizeof(*(p)), &old_, (uint64_t)(val)); \
		*(old) = (__typeof__(+*(p)))old_;                                     \
		done_;                                                                \
	})

static inline void fence_full(void)
{
	explorer_fence_full();
}

static inline void fence_acquire(void)
{
}

static inline void fence_release(void)
{
	explorer_fence_release();
}

#define counter_inc(p) atomic_set((p), *(p) + 1)
/* Nothing is decided by it, so it is no step of its own. */
#define counter_inc_shared(p) ((void)(*(p) += 1))

#endif
