/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * WAIT between vcpus: NR vcpus, each alone on its hart, each of which makes WAIT requests of all the
 * others (remote fences, say) while the others do the same to it. A hart in the hypervisor has its
 * interrupts off and serves no request while it waits; still all of them return.
 *
 * Each vcpu's stay ends by an exit of its own ROUNDS times (the SBI call in which it then waits), and
 * otherwise by an IPI only. It may walk its tables (READING) before it waits, not while.
 *
 * Liveness as in protocol.pml: no cycle, and every end is a good one.
 * Safety: when a waiter returns, what it asked for is done or the target has not been in the guest since.
 *
 * Mutants: WAITER_IN_GUEST_MODE (the mode is not left before the exit is handled), WAITER_READING (waits
 * inside a READING bracket), SEQ_NOT_COUNTED, SEQ_BEFORE_MODE, FENCE_A, FENCE_B.
 */
#include "modes.h"
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef NR
#define NR 2
#endif

byte mode[NR];
byte requests[NR]; /* bit n: vcpu n's request */
byte seq[NR];
bool ipi[NR];

bool in_guest[NR];
byte waited[NR];   /* whose WAIT on it has returned */
byte nr_done;

#define MODE 0
#define SEQ 1
#define OR_REQUESTS 2 /* and the vcpu's number in the upper bits */

inline apply(w, x)
{
	if
	:: (w & 3) == MODE -> mode[w >> 2] = x
	:: (w & 3) == SEQ -> seq[w >> 2] = x
	:: (w & 3) == OR_REQUESTS -> requests[w >> 2] = requests[w >> 2] | x
	fi
}
#include "buffer.h"
BUFFER(buf_0);
BUFFER(buf_1);
#if NR > 2
BUFFER(buf_2);
#endif

#define OWN(w) ((id << 2) | w)

inline leave()
{
#ifdef SEQ_BEFORE_MODE
	atomic { count++; STORE(buf, OWN(SEQ), count) };
	STORE(buf, OWN(MODE), OUTSIDE)
#else
	STORE(buf, OWN(MODE), OUTSIDE);
#ifndef SEQ_NOT_COUNTED
	atomic { count++; STORE(buf, OWN(SEQ), count) }
#endif
#endif
}

inline claim_and_send(t)
{
	if
	:: atomic { mode[t] == IN -> mode[t] = EXITING }; ipi[t] = 1
	:: mode[t] != IN
	fi
}

/* vcpus_make_request() of a WAIT request of target t; several targets differ in nothing but order. */
inline make_and_wait(t)
{
	atomic { waited[t] = waited[t] & ~(1 << id); OR(buf, (t << 2) | OR_REQUESTS, 1 << id) };
#ifndef FENCE_A
	FENCE(buf);
#endif
	s = seq[t];
	m = mode[t];
	if
	:: m == OUTSIDE
	:: else ->
		if
		:: m != READING -> claim_and_send(t)
		:: else
		fi;
		if
		:: mode[t] == OUTSIDE
		:: seq[t] != s
		fi
	fi;
	atomic { s = 0; m = 0; waited[t] = waited[t] | (1 << id) }
}

proctype vcpu(byte id; chan buf)
{
	byte round, count, s, m, t;
	bool walked;

outside:
	requests[id] = 0;
	STORE(buf, OWN(MODE), IN);
#ifndef FENCE_B
	FENCE(buf);
#endif
	if
	:: requests[id] -> leave(); goto outside
	:: else
	fi;
	in_guest[id] = 1;
	if
	:: atomic { ipi[id] -> ipi[id] = 0; in_guest[id] = 0 }; leave(); goto outside
	:: atomic { !ipi[id] && round < ROUNDS -> round++; in_guest[id] = 0 }
	:: atomic { nr_done == NR && requests[id] == 0 -> goto good_end }
	fi;
#ifndef WAITER_IN_GUEST_MODE
	leave();
#endif
	if
	:: !walked ->
		walked = 1;
		STORE(buf, OWN(MODE), READING);
		FENCE(buf);
#ifndef WAITER_READING
		leave()
#endif
	:: true
	fi;
	t = 0;
	do
	:: t < NR && t != id -> make_and_wait(t); t++
	:: t == id -> t++
	:: t == NR -> break
	od;
	t = 0;
#ifdef WAITER_IN_GUEST_MODE
	leave();
#endif
#ifdef WAITER_READING
	leave();
#endif
	if
	:: round == ROUNDS -> nr_done++
	:: else
	fi;
	goto outside;
good_end:
	skip
}

active proctype observer()
{
end:
	if
	:: atomic { in_guest[0] && !ipi[0] && (requests[0] & waited[0]) -> assert(false) }
	:: atomic { in_guest[1] && !ipi[1] && (requests[1] & waited[1]) -> assert(false) }
	fi
}

init
{
	atomic {
		run drain(buf_0); run drain(buf_1);
		run vcpu(0, buf_0); run vcpu(1, buf_1)
#if NR > 2
		; run drain(buf_2); run vcpu(2, buf_2)
#endif
	}
}
