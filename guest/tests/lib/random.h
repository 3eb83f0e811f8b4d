/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that look random, the same ones in each run with the same seed. */
#ifndef GUEST_RANDOM_H
#define GUEST_RANDOM_H

#include "csr.h"

/* random_next - xorshift64; *@state is not 0. */
static inline unsigned long random_next(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* random_delay - fewer than @most turns of an empty loop, few more often than many. */
static inline void random_delay(unsigned long *state, unsigned long most)
{
	unsigned long turns = random_next(state) % most;

	for (turns &= random_next(state) % most; turns; turns--)
		__asm__ volatile("");
}

#endif
