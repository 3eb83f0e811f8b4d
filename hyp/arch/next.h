/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes after a trap. Each handler says it, whether the fast path called it (run/fastpath.c) or vcpu_handle_exit();
 * the world switch and the run loop do it.
 */
#ifndef ARCH_NEXT_H
#define ARCH_NEXT_H

#include "lib/types.h"

struct vcpu;

enum next_why {
	NEXT_GUEST = 0, /* the guest goes on; the first three numbers are used by switch.S */
	NEXT_EXIT =
		1, /* nothing has been done: not for the fast path, but for vcpu_handle_exit() */
	NEXT_GUEST_ALL = 2, /* as GUEST, and any register may be changed; of fast_access() alone */
	NEXT_LOOK = 3,	    /* as GUEST, when the run loop has looked at what else there is */
	NEXT_SPIN = 4,	    /* the guest waits for something that did not happen: WRS.NTO */
	NEXT_YIELD = 5,	    /* the hart is for a sibling, if that waits for one */
	NEXT_WAKE =
		6, /* likewise; it was blocked, and is to be woken by what does the yield: nothing else will */
};

/* The sibling's address, and in its lowest bits why: one register, as two cost gcc a detour through memory. */
struct next {
	uintptr_t word;
};

#define NEXT_WHY 7

static inline struct next next_is(enum next_why why)
{
	return (struct next){ why };
}

/* next_yield - to @to, aligned to 8; @claimed: its wake is the caller's (vcpu_kick_claim()). */
static inline struct next next_yield(struct vcpu *to, bool claimed)
{
	return (struct next){ (uintptr_t)to | (claimed ? NEXT_WAKE : NEXT_YIELD) };
}

static inline enum next_why next_why(struct next next)
{
	return next.word & NEXT_WHY;
}

/* next_to - of YIELD and WAKE. */
static inline struct vcpu *next_to(struct next next)
{
	return (struct vcpu *)(next.word & ~(uintptr_t)NEXT_WHY);
}

#endif
