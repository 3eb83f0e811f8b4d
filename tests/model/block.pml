/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Halting, blocking and waking: one vcpu on its pcpu (pcpu_loop, vcpu_run, vcpu_block, sched_put), and
 * on other harts,
 * two of them at a time,
 *
 *   injector  vcpu_inject(): a piece of work for the guest and an IPI for it, ROUNDS times
 *   kicker    frees a lock that the guest waits for: vcpu_unhalt(), which sends no IPI; or makes a request
 *             with NO_WAKEUP; or both
 *   console   vm_pause() and vm_resume(); there, or as work on the vcpu's own pcpu, where the blocked
 *             vcpu is still loaded (this_vcpu())
 *
 * The guest takes its IPI, looks at its lock, and halts (WFI); nothing but the protocol wakes it.
 *
 * Safety: no vcpu is told to the scheduler twice, none is woken for a NO_WAKEUP request, none is in the
 * guest after vm_pause() has returned, or after vm_resume() with the clock of before.
 * Liveness: no cycle (pan -l); every run ends with all work done, the lock seen, the pause over. Every
 * other end, i.e. any lost wake-up, is an invalid end state.
 *
 * Wake-ups: wfi: IPI, kick; paused: request.
 *
 * Mutants: FENCE_A, FENCE_B, FENCE_C, WAKE_FORGOTTEN (sched_wake() finds it RUNNING, does not remember),
 * KICK_FORGOTTEN (`kicked` is cleared by the halt), KICK_NOT_LOOKED_AT (by vcpu_block), NO_WAKEUP_IGNORED,
 * WAKE_NOT_CLAIMED (read and write of `blocked` instead of the exchange), UNBLOCK_QUIETLY (vcpu_block
 * that changes its mind does not ask whether a waker was faster), SELF_BEFORE_WAKE (a vcpu that is loaded
 * here is not woken), RESUME_WAKES_EARLY (before `paused` falls), RESUME_CLOCK_LATE (no UPDATE_CLOCK before
 * `paused` falls).
 */
#include "modes.h"
#ifndef ROUNDS
#define ROUNDS 1
#endif

/* memory */
byte mode;
byte seq;
byte requests;
bool blocked;
bool inject;
bool kicked;
bool paused;
bool work;	 /* the guest's: queued before the inject */
bool lock_free;	 /* the guest's */
bool clock;	 /* htimedelta: what resume makes of it */
bool ipi;

/* the scheduler's, under its lock */
mtype = { SE_BLOCKED, SE_RUNNABLE, SE_RUNNING };
mtype state = SE_RUNNABLE;
byte wakeups;

/* the pcpu's list of work: the console's command */
byte command;
#define PAUSE 1
#define RESUME 2

/* ghosts */
bool in_guest;
bool is_paused;	 /* vm_pause() has returned, vm_resume() not been called */
bool got_lock;
byte got_work;
byte asked_work;
bool halted;
byte nr_done;

/* Two requesters at a time: WITH_INJECTOR, WITH_KICKER, WITH_CONSOLE. */
#ifdef WITH_INJECTOR
#define I 1
#else
#define I 0
#endif
#ifdef WITH_KICKER
#define K 1
#define LOCK_SEEN got_lock
#else
#define K 0
#define LOCK_SEEN true
#endif
#ifdef WITH_CONSOLE
#define C 1
#else
#define C 0
#endif
#define NR_DONE (I + K + C)

#define MODE 0
#define SEQ 1
#define OR_REQUESTS 2
#define BLOCKED 3
#define OR_INJECT 4
#define KICKED 5
#define PAUSED 6
#define WORK 7
#define LOCK 8
#define CLOCK 9

#define R_QUIET 1 /* a request with NO_WAKEUP */
#define R_SLEEP 2
#define R_UNBLOCK 4

inline apply(w, x)
{
	if
	:: w == MODE -> mode = x
	:: w == SEQ -> seq = x
	:: w == OR_REQUESTS -> requests = requests | x
	:: w == BLOCKED -> blocked = x
	:: w == OR_INJECT -> inject = 1
	:: w == KICKED -> kicked = x
	:: w == PAUSED -> paused = x
	:: w == WORK -> work = x
	:: w == LOCK -> lock_free = x
	:: w == CLOCK -> clock = x
	fi
}
#include "buffer.h"
BUFFER(buf_v);
BUFFER(buf_i);
BUFFER(buf_k);
BUFFER(buf_c);

/* --- the requester's side, by any hart ------------------------------------------------------------ */

inline sched_wake()
{
	atomic {
		if
		:: state == SE_BLOCKED -> state = SE_RUNNABLE
#ifndef WAKE_FORGOTTEN
		:: state == SE_RUNNING -> wakeups++; assert(wakeups == 1)
#else
		:: state == SE_RUNNING
#endif
		:: state == SE_RUNNABLE -> assert(false) /* blocked had been cleared twice for one set */
		fi
	}
}

inline wake(c, woke)
{
	if
	:: blocked ->
#ifdef WAKE_NOT_CLAIMED
		blocked = 0;
		woke = 1;
		sched_wake()
#else
		if
		:: atomic { empty(c) && blocked -> blocked = 0; woke = 1 }; sched_wake()
		:: atomic { empty(c) && !blocked }
		fi
#endif
	:: else
	fi
}

inline claim_and_send()
{
	if
	:: atomic { mode == IN -> mode = EXITING }; ipi = 1
	:: mode != IN
	fi
}

inline fence_a(c)
{
#ifndef FENCE_A
	FENCE(c)
#else
	skip
#endif
}

inline kick(c)
{
	fence_a(c);
	wake(c, woke);
	if
	:: !woke -> claim_and_send()
	:: else
	fi;
	woke = 0
}

/* vcpus_make_request(); self: the vcpu is loaded on this very pcpu. */
inline make_request(c, req, no_wakeup, is_self)
{
	OR(c, OR_REQUESTS, req);
	fence_a(c);
	if
#ifdef SELF_BEFORE_WAKE
	:: is_self -> skip
#endif
#ifdef NO_WAKEUP_IGNORED
	:: true ->
#else
	:: !no_wakeup ->
#endif
		wake(c, woke);
		assert(!(no_wakeup && woke))
#ifdef SELF_BEFORE_WAKE
	:: !is_self && no_wakeup
#else
	:: no_wakeup
#endif
	fi;
	if
	:: !woke && !is_self -> claim_and_send()
	:: else
	fi;
	woke = 0
}

inline pause(c, is_self)
{
	atomic { empty(c) -> paused = 1 };
	OR(c, OR_REQUESTS, R_SLEEP);
	FENCE(c);
	s = seq;
	if
	:: is_self
	:: !is_self && mode == OUTSIDE
	:: !is_self && mode != OUTSIDE ->
		claim_and_send();
		if
		:: mode == OUTSIDE
		:: seq != s
		fi
	fi;
	s = 0;
	is_paused = 1
}

inline resume(c, is_self)
{
	is_paused = 0;
	STORE(c, CLOCK, 1);
#ifndef RESUME_CLOCK_LATE
	OR(c, OR_REQUESTS, R_UNBLOCK);
#endif
#ifdef RESUME_WAKES_EARLY
	make_request(c, R_UNBLOCK, false, is_self);
	STORE(c, PAUSED, 0)
#else
	STORE(c, PAUSED, 0);
	make_request(c, R_UNBLOCK, false, is_self)
#endif
}

proctype injector()
{
	byte round;
	bool woke;

	do
	:: round < ROUNDS ->
		atomic { round++; asked_work++; STORE(buf_i, WORK, 1) };
		OR(buf_i, OR_INJECT, 1);
		kick(buf_i);
		/* the guest's queue is one deep */
		got_work == round
	:: else -> break
	od;
	nr_done++
}

proctype kicker()
{
	bool woke, quiet;

	if
	:: true -> make_request(buf_k, R_QUIET, true, false)
	:: true
	fi;
	STORE(buf_k, LOCK, 1);
	/* vcpu_unhalt() */
	STORE(buf_k, KICKED, 1);
	fence_a(buf_k);
	wake(buf_k, woke);
	woke = 0;
	if
	:: true -> make_request(buf_k, R_QUIET, true, false)
	:: true
	fi;
	nr_done++
}

proctype console()
{
	bool woke;
	byte s;

	if
	:: true -> pause(buf_c, false); resume(buf_c, false); nr_done++
	:: true -> pause(buf_c, false); atomic { command = RESUME; ipi = 1 }
	:: true -> atomic { command = PAUSE; ipi = 1 }; command == 0; resume(buf_c, false); nr_done++
	:: true -> atomic { command = PAUSE; ipi = 1 }; command == 0; atomic { command = RESUME; ipi = 1 }
	fi
}

/* --- the vcpu's side ------------------------------------------------------------------------------ */

inline leave()
{
	STORE(buf_v, MODE, OUTSIDE);
	atomic { STORE(buf_v, SEQ, count + 1); count++ }
}

proctype pcpu()
{
	byte count, s;
	bool vssip, woke, reason, sees_lock, taken_clock;

loop:	/* pcpu_loop(): interrupts, work, the next vcpu, or sleep */
	atomic {
		if
		:: command || state == SE_RUNNABLE -> ipi = 0
		:: !command && state == SE_BLOCKED && nr_done == NR_DONE && LOCK_SEEN &&
			got_work == asked_work && !paused && !(requests & ~R_QUIET) -> goto good_end
		fi
	};
	if
	:: command == PAUSE -> pause(buf_v, true); command = 0; goto loop
	:: command == RESUME -> resume(buf_v, true); atomic { command = 0; nr_done++ }; goto loop
	:: else
	fi;
	state = SE_RUNNING;

again:	/* vcpu_run(), vcpu_handle_requests() */
	atomic {
		if :: requests & R_UNBLOCK -> taken_clock = clock :: else fi;
		requests = 0
	}
	if
	:: paused -> goto block
	:: else
	fi;
	if
	:: !halted -> goto enter
	:: else
	fi;
	if
	:: vssip || inject
	:: !(vssip || inject) && kicked
	:: !(vssip || inject) && !kicked -> goto block
	fi;
	/* end_halt() */
	halted = 0;
	STORE(buf_v, KICKED, 0);

enter:
	STORE(buf_v, MODE, IN);
#ifndef FENCE_B
	FENCE(buf_v);
#endif
	if
	:: atomic { inject -> inject = 0; vssip = 1 }
	:: else
	fi;
	if
	:: requests -> leave(); goto again
	:: else
	fi;
	atomic { in_guest = 1; assert(taken_clock == clock) };
guest:
	if
	:: atomic { ipi -> ipi = 0; in_guest = 0 }; leave(); 
		if
		:: command -> atomic { assert(wakeups == 0); state = SE_RUNNABLE }; goto loop /* work_pending() */
		:: else -> goto again
		fi
	:: atomic { !ipi && vssip -> vssip = 0;
		if :: work -> work = 0; got_work++ :: else fi }; goto guest
	:: atomic { !ipi && !vssip -> sees_lock = lock_free }
	fi;
	if
	:: atomic { sees_lock && !got_lock -> got_lock = 1 }
	:: else
	fi;
	/* WFI */
	atomic { in_guest = 0; sees_lock = 0 };
	leave();
	halted = 1;
#ifdef KICK_FORGOTTEN
	STORE(buf_v, KICKED, 0);
#endif
	goto again;

block:
	STORE(buf_v, BLOCKED, 1);
#ifndef FENCE_C
	FENCE(buf_v);
#endif
	/* vcpu_sleep_is_over() */
	if
	:: requests -> reason = 1
	:: !requests ->
		if
		:: paused
		:: !paused ->
			if
			:: halted && (vssip || inject) -> reason = 1
#ifndef KICK_NOT_LOOKED_AT
			:: halted && !(vssip || inject) && kicked -> reason = 1
			:: halted && !(vssip || inject) && !kicked
#else
			:: halted && !(vssip || inject)
#endif
			:: !halted
			fi
		fi
	fi;
	if
	:: reason ->
		reason = 0;
#ifdef UNBLOCK_QUIETLY
		atomic { empty(buf_v) -> blocked = 0 };
		goto again
#else
		if
		:: atomic { empty(buf_v) && blocked -> blocked = 0 }; goto again
		:: atomic { empty(buf_v) && !blocked } /* the scheduler is told: go there */
		fi
#endif
	:: else
	fi;
	/* sched_put(SCHED_BLOCKS) */
	atomic {
		if
		:: wakeups -> state = SE_RUNNABLE
		:: else -> state = SE_BLOCKED
		fi;
		wakeups = 0
	};
	goto loop;

good_end:
	skip
}

active proctype observer()
{
end:
	atomic { in_guest && !ipi && is_paused -> assert(false) }
}

init
{
	atomic {
		run drain(buf_v);
		run pcpu()
#ifdef WITH_INJECTOR
		; run drain(buf_i); run injector()
#endif
#ifdef WITH_KICKER
		; run drain(buf_k); run kicker()
#endif
#ifdef WITH_CONSOLE
		; run drain(buf_c); run console()
#endif
	}
}
