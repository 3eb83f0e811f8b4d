/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The request protocol: one vcpu and two requesters, each of which makes ROUNDS requests of any kind:
 *
 *   KICK  vcpu_make_request(); vcpu_kick()
 *   WAIT  vcpus_make_request() of a WAIT request
 *   OUTSIDE_GUEST_MODE  the same without an action
 *   FREE  takes a table out of the G-stage, TLB_FLUSH with WAIT, frees it (the first requester, once)
 *
 * The vcpu is vcpu_run(): handle requests, maybe walk the tables (READING), enter, run, leave. It exits
 * by itself EXITS times and then by an IPI only: nothing but the protocol gets it out.
 *
 * Safety (assertions):
 *   - no guest instruction with an unserved request whose kick returned, unless another's IPI for this
 *     very stay is claimed and on its way; after WAIT returned: without that exception;
 *   - after OUTSIDE_GUEST_MODE returned the stay that it met is over;
 *   - no use of the freed table, by the walk or by the guest's TLB;
 *   - at most one IPI per stay.
 * Liveness: there is no cycle (pan -l), so every run ends; and it ends only with all requesters returned
 * and all requests handled, for every other end is an invalid end state.
 *
 * Mutants: FENCE_A, FENCE_B, FENCE_READING (dropped), MODE_LATE, KICK_EARLY, EXITING_IGNORED,
 * WAIT_IN_ONLY, SEQ_NOT_COUNTED, SEQ_BEFORE_MODE, SEQ_READ_LATE, NO_RECHECK.
 */
#include "modes.h"
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef EXITS
#define EXITS 1
#endif
#ifndef WALKS
#define WALKS 1
#endif
/* which kinds of requests are made */
#ifndef KICKS
#define KICKS 1
#endif
#ifndef WAITS
#define WAITS 1
#endif
#ifndef OUTS
#define OUTS 1
#endif
#ifndef FREES
#define FREES 1
#endif

/* memory */
byte mode;
byte requests;
byte seq;
bool linked = 1;  /* the table is in the G-stage */
bool ipi;	  /* pending at the vcpu's hart */

/* ghosts */
bool freed;
bool tlb;	  /* the guest's TLB has the table */
bool in_guest;
byte met;	  /* requesters that met a stay which is not over yet */
byte sent;	  /* IPIs claimed for this stay */
bool due;	  /* claimed, not sent yet */
byte unserved;	  /* requests asked for and not yet taken by the vcpu */
byte returned;	  /* whose kick has returned */
byte waited;	  /* ... and had WAIT */
byte nr_done;

#define MODE 0
#define SEQ 1
#define OR_REQUESTS 2
#define LINKED 3

#define FLUSH 4 /* requester i's own request is bit i; TLB_FLUSH is this */

inline apply(w, x)
{
	if
	:: w == MODE -> mode = x; if :: x == IN -> sent = 0 :: else fi
	:: w == SEQ -> seq = x
	:: w == OR_REQUESTS -> requests = requests | x
	:: w == LINKED -> linked = x
	fi
}
#include "buffer.h"

BUFFER(buf_v);
BUFFER(buf_0);
BUFFER(buf_1);

/*
 * vcpu_handle_requests(): all that is there is served. What comes between the looks at two bits comes as
 * if after both, or before.
 */
inline handle_requests()
{
	d_step {
		if :: requests & FLUSH -> tlb = 0 :: else fi;
		unserved = unserved & ~requests;
		requests = 0
	}
}

/* The count after the mode: a waiter that reads the new count must not still read the old stay's IN. */
inline leave()
{
#ifdef SEQ_BEFORE_MODE
	atomic { STORE(buf_v, SEQ, count + 1); count++ };
	STORE(buf_v, MODE, OUTSIDE)
#else
	STORE(buf_v, MODE, OUTSIDE);
#ifndef SEQ_NOT_COUNTED
	atomic { STORE(buf_v, SEQ, count + 1); count++ }
#endif
#endif
}

proctype vcpu()
{
	byte exits = EXITS, walks = WALKS, count;
	bool present;

outside:
	handle_requests();
	if
	:: walks > 0 ->
		walks--;
		STORE(buf_v, MODE, READING);
#ifndef FENCE_READING
		FENCE(buf_v);
#endif
		present = linked;
		if
		:: present -> assert(!freed); assert(!freed); present = 0
		:: else
		fi;
		leave()
	:: true
	fi;
#ifdef MODE_LATE
	if
	:: requests -> goto outside
	:: else
	fi;
	STORE(buf_v, MODE, IN);
	FENCE(buf_v);
#else
	STORE(buf_v, MODE, IN);
#ifndef FENCE_B
	FENCE(buf_v);
#endif
#ifndef NO_RECHECK
	if
	:: requests -> leave(); goto outside
	:: else
	fi;
#endif
#endif
	atomic { in_guest = 1; tlb = tlb || linked };
	if
	:: atomic { ipi -> ipi = 0; in_guest = 0; met = 0 }
	:: atomic { !ipi && exits > 0 -> exits--; in_guest = 0; met = 0 }
	:: atomic { !ipi && nr_done == 2 && requests == 0 && unserved == 0 -> goto good_end }
	fi;
	leave();
	goto outside;
good_end:
	skip
}

/* Each line can be executed when a guest instruction could be that must not be. */
active proctype observer()
{
end:
	if
	:: atomic { in_guest && !ipi && ((unserved | requests) & returned) && !due -> assert(false) }
	:: atomic { in_guest && !ipi && ((unserved | requests) & waited) -> assert(false) }
	:: atomic { in_guest && !ipi && tlb && freed -> assert(false) }
	fi
}

/* claim_ipi() and, for the process that gets it, smp_kick(). */
inline claim_and_send()
{
	if
	:: mode == IN ->
#ifndef EXITING_IGNORED
		if
		:: atomic { mode == IN -> mode = EXITING; sent++; due = 1; assert(sent <= 1) };
			atomic { ipi = 1; due = 0 }
		:: else
		fi
	:: else
#else
		atomic { sent++; assert(sent <= 1); ipi = 1 }
	:: mode == EXITING -> atomic { sent++; assert(sent <= 1); ipi = 1 }
	:: else
#endif
	fi
}

/* target_needs_ipi() and wait_acknowledged(). */
inline send_and_wait()
{
#ifdef SEQ_READ_LATE
	m = mode;
	s = seq;
#else
	s = seq;
	m = mode;
#endif
	if
	:: m == OUTSIDE
	:: else ->
		if
		:: m != READING -> claim_and_send()
		:: else
		fi;
#ifdef WAIT_IN_ONLY
		if
		:: m == IN ->
#endif
		if /* the spin: guest_seq does not go back, so to miss an OUTSIDE is no harm */
		:: mode == OUTSIDE
		:: seq != s
		fi
#ifdef WAIT_IN_ONLY
		:: else
		fi
#endif
	fi;
	atomic { s = 0; m = 0 }
}

#define OWN (1 << i)

inline make(c, what)
{
	atomic { unserved = unserved | what; OR(c, OR_REQUESTS, what) }
}

inline fence_a(c)
{
#ifndef FENCE_A
	FENCE(c)
#else
	skip
#endif
}

inline requester_step(c)
{
	atomic { round++; returned = returned & ~OWN; waited = waited & ~OWN };
	if
	:: KICKS -> /* KICK */
#ifdef KICK_EARLY
		fence_a(c);
		claim_and_send();
		make(c, OWN);
#else
		make(c, OWN);
		fence_a(c);
		claim_and_send();
#endif
		returned = returned | OWN
	:: WAITS -> /* WAIT */
#ifdef KICK_EARLY
		fence_a(c);
		send_and_wait();
		make(c, OWN);
#else
		make(c, OWN);
		fence_a(c);
		send_and_wait();
#endif
		waited = waited | OWN
	:: OUTS -> /* OUTSIDE_GUEST_MODE */
		atomic { if :: in_guest -> met = met | OWN :: else fi };
		fence_a(c);
		send_and_wait();
		assert(!(met & OWN))
	:: FREES && i == 0 && round == ROUNDS -> /* FREE */
		STORE(c, LINKED, 0);
		atomic { unserved = unserved | FLUSH; OR(c, OR_REQUESTS, FLUSH) };
		fence_a(c);
		send_and_wait();
		atomic { freed = 1; waited = waited | FLUSH }
	fi
}

proctype requester_0()
{
	byte i = 0, round, s, m;
	do
	:: round < ROUNDS -> requester_step(buf_0)
	:: else -> break
	od;
	nr_done++
}

proctype requester_1()
{
	byte i = 1, round, s, m;
	do
	:: round < ROUNDS -> requester_step(buf_1)
	:: else -> break
	od;
	nr_done++
}

init
{
	atomic {
		run drain(buf_v); run drain(buf_0); run drain(buf_1);
		run vcpu(); run requester_0(); run requester_1()
	}
}
