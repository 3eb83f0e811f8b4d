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
	NEXT_GUEST = 0,	    /* the guest goes on */
	NEXT_EXIT = 1,	    /* nothing has been done: vcpu_handle_exit() is to do it */
	NEXT_GUEST_ALL = 2, /* as GUEST, and any register may be changed; fast_access() alone */
	NEXT_LOOK = 3,	    /* as GUEST, after the run loop has looked at requests and halts */
	NEXT_SPIN = 4,	    /* WRS.NTO: the guest waits for something that did not happen */
	NEXT_YIELD = 5,	    /* the hart is for a sibling, if that waits for one */
	NEXT_WAKE = 6,	    /* likewise; the sibling is blocked, and the yield wakes it */
};

static_assert(NEXT_GUEST == 0, "switch.S compares with zero");

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
