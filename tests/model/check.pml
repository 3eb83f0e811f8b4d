/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make and check: what a requester wrote before vcpu_make_request() is seen by the hart that vcpu_check_request()
 * told of the request; and a request that is made again while it is being served is served again.
 *
 * Here the order of two loads and of two stores matters, which a FIFO of stores does not disturb. So it
 * is said outright: without its barrier the check may have read the data EARLY, before the bit; without
 * its barrier make may set the bit before the data is there. A check that clears after it has read the
 * data (CLEAR_LATE) would lose what was made in between.
 *
 * Mutants: CHECK_NO_BARRIER, MAKE_NO_BARRIER, CLEAR_LATE.
 */
#ifndef ROUNDS
#define ROUNDS 4
#endif

byte data;    /* the number of the round */
bool request;
bool done;

active proctype requester()
{
	byte round;

	do
	:: round < ROUNDS ->
		round++;
#ifdef MAKE_NO_BARRIER
		if
		:: true -> data = round; request = 1
		:: true -> request = 1; data = round
		fi
#else
		data = round;
		request = 1
#endif
	:: else -> break
	od;
	done = 1
}

active proctype vcpu()
{
	byte early, seen;

	do
	:: true ->
#ifdef CHECK_NO_BARRIER
		early = data;
#endif
		if
		:: request ->
#ifdef CLEAR_LATE
			early = data;
			request = 0;
#else
			request = 0;
#ifndef CHECK_NO_BARRIER
			early = data;
#endif
#endif
			assert(early >= seen);
			seen = early
		:: done && !request -> break
		fi
	od;
	assert(seen == ROUNDS)
}
