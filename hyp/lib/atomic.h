/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic access to shared words, by the compiler's builtins, so that the same code runs on the build
 * machine under ThreadSanitizer. The names say the order; a full fence between a store and a later
 * load (Dekker's pattern) is fence_full().
 */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include "lib/types.h"

#define atomic_read(p)	       __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_read_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#ifdef __riscv
/* An aligned store is all that it takes (unprivileged specification, "Atomicity Axiom"); gcc 12 emits an
 * AMO for its builtin. */
#define atomic_set(p, v) (*(volatile __typeof__(*(p)) *)(p) = (v))
#define atomic_set_release(p, v)                         \
	do {                                             \
		__atomic_thread_fence(__ATOMIC_RELEASE); \
		atomic_set((p), (v));                    \
	} while (0)
#else
#define atomic_set(p, v)	 __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_set_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#endif

/* A count that its owner alone writes and others read: no tearing, and no more than a load and a store. */
#define counter_inc(p) atomic_set((p), *(p) + 1)

/* The same for a count of several writers, which orders nothing. */
#define counter_inc_shared(p) ((void)__atomic_fetch_add((p), 1, __ATOMIC_RELAXED))

/* All return the value before. */
#define atomic_fetch_or(p, v)  __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define atomic_exchange(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

/* True when *p was old and now is val; else old takes what was found. */
#define atomic_compare_exchange(p, old, val) \
	__atomic_compare_exchange_n((p), (old), (val), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

#endif
