// SPDX-License-Identifier: BSD-2-Clause
#include "lib/lock_rank.h"

#ifdef LOCK_RANKS_CHECKED
#define LOCK_RANK_NAME(rank, name) [rank] = (name),

static const char *const names[NR_LOCK_RANKS] = { [LOCK_UNRANKED] = "a lock without a rank",
						  LOCK_RANKS(LOCK_RANK_NAME) };

/* A lock that was not initialised may hold anything. */
static enum lock_rank known(enum lock_rank rank)
{
	return rank < NR_LOCK_RANKS ? rank : LOCK_UNRANKED;
}

void lock_rank_take(enum lock_rank rank)
{
	enum lock_rank r = known(rank);
	uint32_t in_the_way = lock_rank_held()->ranks >> r; /* of this rank, or inner ones */

	if (r == LOCK_UNRANKED)
		lock_rank_wrong(names[r], NULL);
	else if (in_the_way)
		lock_rank_wrong(names[r], names[r + (unsigned int)__builtin_ctz(in_the_way)]);
	lock_rank_took(r);
}

void lock_rank_took(enum lock_rank rank)
{
	struct held_locks *h = lock_rank_held();
	enum lock_rank r = known(rank);

	h->ranks |= UINT32_C(1) << r;
	h->nr[r]++;
}

void lock_rank_leave(enum lock_rank rank)
{
	struct held_locks *h = lock_rank_held();
	enum lock_rank r = known(rank);

	if (--h->nr[r] == 0)
		h->ranks &= ~(UINT32_C(1) << r);
}
#endif
