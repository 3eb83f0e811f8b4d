/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real atomics, and now and then another thread goes first: on a machine with fewer processors
 * than threads little else would ever come between two steps. Spinning loops give way by it, too.
 */
#ifndef FAKE_LIB_ATOMIC_H
#define FAKE_LIB_ATOMIC_H

/* gcc: fences are not part of what TSan follows; the code under test does not rely on them alone. */
#pragma GCC diagnostic ignored "-Wtsan"

#include "../../../../hyp/lib/atomic.h"

void chaos(void);

#undef atomic_read
#undef atomic_read_acquire
#undef atomic_set
#undef atomic_set_release
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_exchange
#undef atomic_compare_exchange

#define chaos_(op)       \
	({               \
		chaos(); \
		op;      \
	})
#define atomic_read(p)		 chaos_(__atomic_load_n((p), __ATOMIC_RELAXED))
#define atomic_read_acquire(p)	 chaos_(__atomic_load_n((p), __ATOMIC_ACQUIRE))
#define atomic_set(p, v)	 chaos_(__atomic_store_n((p), (v), __ATOMIC_RELAXED))
#define atomic_set_release(p, v) chaos_(__atomic_store_n((p), (v), __ATOMIC_RELEASE))
#define atomic_fetch_or(p, v)	 chaos_(__atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST))
#define atomic_fetch_and(p, v)	 chaos_(__atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST))
#define atomic_fetch_add(p, v)	 chaos_(__atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST))
#define atomic_fetch_sub(p, v)	 chaos_(__atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST))
#define atomic_exchange(p, v)	 chaos_(__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define atomic_compare_exchange(p, old, val)                                           \
	chaos_(__atomic_compare_exchange_n((p), (old), (val), false, __ATOMIC_SEQ_CST, \
					   __ATOMIC_SEQ_CST))

#define counter_inc(p) atomic_set((p), *(p) + 1)

#endif
