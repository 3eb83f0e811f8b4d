/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's timer and the host timer that stands in for it: a vcpu that arms its timer, sleeps (vcpu_block), is
 * woken by others now and then, and may run on another of two pcpus each time. The clock of pcpu 1 is a tick behind,
 * as the specification allows ("synchronized to within one tick").
 *
 * The host timer is on the queue of the pcpu that armed it last, under that queue's lock. This pcpu alone takes it off
 * and, in a step of its own, kicks the vcpu. What it says is lost if the vcpu does not sleep just then.
 *
 * Without SSTC the host timer is armed while the vcpu runs, too; with it the hart's own comparison tells the guest.
 *
 * Liveness: every end in which the vcpu sleeps over a deadline that is due is an invalid end state.
 *
 * Wake-ups: wfi: timer (Sstc), timer (host timer).
 *
 * Mutants: STAND_IN_BELIEVED (armed only where it is not yet), ARMED_ELSEWHERE (armed on another pcpu will do),
 * FIRED_BELIEVED (a deadline that was armed here will do), STAND_IN_NOT_ARMED, TIMER_FIRE_QUIET (it kicks no vcpu),
 * TIMER_KICK_UNCLAIMED (`blocked` is read and written instead of exchanged).
 */
#include "modes.h"
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef TIME_MAX
#define TIME_MAX 6
#endif
#define NEVER 255

byte time = 1;
byte deadline = NEVER; /* the guest's, which the vcpu's pcpu owns */

/* the host timer, under its queue's lock */
bool armed;
byte armed_at;	 /* the pcpu */
byte armed_for = NEVER;

bool blocked;
mtype = { SE_BLOCKED, SE_RUNNABLE, SE_RUNNING };
mtype state = SE_RUNNABLE;
byte wakeups;

byte rounds; /* deadlines that the guest has set */

inline apply(w, x)
{
	blocked = x
}
#include "buffer.h"
BUFFER(buf_0);
BUFFER(buf_1);

#define NOW(p) (time - (p))
#define DUE(p) (deadline != NEVER && NOW(p) >= deadline)
inline store_blocked(p, x)
{
	if
	:: p == 0 -> STORE(buf_0, 0, x)
	:: else -> STORE(buf_1, 0, x)
	fi
}

inline fence(p)
{
	if
	:: p == 0 -> FENCE(buf_0)
	:: else -> FENCE(buf_1)
	fi
}

inline sched_wake()
{
	atomic {
		if
		:: state == SE_BLOCKED -> state = SE_RUNNABLE
		:: state == SE_RUNNING -> wakeups++; assert(wakeups == 1)
		:: state == SE_RUNNABLE -> assert(false) /* blocked had been cleared twice for one set */
		fi
	}
}

/* vcpu_kick() of a vcpu that is in no guest: fence A, then `blocked`. */
inline kick()
{
#ifdef TIMER_KICK_UNCLAIMED
	if
	:: blocked -> blocked = 0; sched_wake()
	:: else
	fi
#else
	if
	:: atomic { blocked -> blocked = 0; claimed = 1 }
	:: !blocked
	fi;
	if
	:: claimed -> claimed = 0; sched_wake()
	:: else
	fi
#endif
}

/* timer_run() on pcpu p */
inline timer_fires(p)
{
	atomic { armed && armed_at == p && NOW(p) >= armed_for -> armed = 0 };
#ifndef TIMER_FIRE_QUIET
	fence(p);
	kick()
#else
	skip
#endif
}

/* vcpu_timer_arm_host() */
inline arm(p)
{
#ifdef STAND_IN_NOT_ARMED
	skip
#else
	atomic {
		if
		:: deadline == NEVER -> armed = 0
#ifdef STAND_IN_BELIEVED
		:: deadline != NEVER && armed
		:: deadline != NEVER && !armed ->
#elif defined ARMED_ELSEWHERE
		:: deadline != NEVER && armed && armed_for == deadline
		:: deadline != NEVER && !(armed && armed_for == deadline) ->
#elif defined FIRED_BELIEVED
		:: deadline != NEVER && armed_at == p && armed_for == deadline
		:: deadline != NEVER && !(armed_at == p && armed_for == deadline) ->
#else
		:: deadline != NEVER && armed && armed_at == p && armed_for == deadline
		:: deadline != NEVER && !(armed && armed_at == p && armed_for == deadline) ->
#endif
			armed = 1;
			armed_at = p;
			armed_for = deadline
		fi
	}
#endif
}

/* The vcpu runs: vcpu_timer_unblock(). A deadline that is due is a level; the host timer is of no use. */
inline unblock(p)
{
#ifdef SSTC
	armed = 0
#else
	if
	:: DUE(p) -> armed = 0
	:: else -> arm(p)
	fi
#endif
}

proctype pcpu(byte p)
{
	bool claimed, sleeps;

idle:
end:	do
	:: timer_fires(p)
	:: atomic { state == SE_RUNNABLE -> state = SE_RUNNING } -> break
	od;
	unblock(p);
guest:
	if
	:: DUE(p) -> deadline = NEVER
	:: else
	fi;
	if
	/* It leaves for an interrupt of the host's. */
	:: timer_fires(p); goto guest
	:: atomic { deadline == NEVER && rounds < ROUNDS -> rounds++; deadline = NOW(p) + 1 };
		if
		:: true -> deadline = deadline + 1
		:: true
		fi;
#ifndef SSTC
		unblock(p); /* vcpu_timer_set_host() */
#endif
		goto guest
	:: deadline != NEVER || rounds == ROUNDS
	fi;
	/* It sleeps: vcpu_block(). */
	arm(p);
	store_blocked(p, 1);
	fence(p);
	if
	:: DUE(p) ->
		if
		:: atomic { blocked -> blocked = 0 }; unblock(p); goto guest
		:: !blocked
		fi
	:: else
	fi;
	atomic {
		if
		:: wakeups -> state = SE_RUNNABLE
		:: else -> state = SE_BLOCKED
		fi;
		wakeups = 0
	};
	goto idle
}

/* Others wake it, for reasons of theirs. */
active proctype kicker()
{
	bool claimed;

	kick();
	kick()
}

active proctype clock()
{
	do
	:: time < TIME_MAX -> time++
	:: else -> break
	od
}

/* At the end, when nothing moves any more: no deadline that is due may be left. */
active proctype observer()
{
	timeout -> assert(deadline == NEVER || (time - 1) < deadline);
	assert(deadline == NEVER || state != SE_BLOCKED || armed)
}

init
{
	atomic {
		run drain(buf_0);
		run drain(buf_1);
		run pcpu(0);
		run pcpu(1)
	}
}
