/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split virtqueue: the device, on one hart, and the driver, on another. Each sleeps only when the other is going to wake
 * it, by a notification or an interrupt. Two pairs of stores and loads must not pass each other (virtio 1.2, 2.7.7, 2.7.10):
 *
 *	driver: avail.idx, then avail_event (or used.flags)	device: avail_event (or used.flags), then avail.idx
 *	device: used.idx, then used_event			driver: used_event, then used.idx
 *
 * The device has one fence for both of its sides, in virtq_rearm(); in the middle of its work it publishes with a fence of
 * its own (virtq_publish). The driver has one fence for each. Indices count from 0 and do not go around: the differences
 * are the same, and tests/unit/dev/test_virtq_events.c goes around.
 *
 * With FLAGS the device says by one bit whether it wants notifications, and always interrupts.
 * With STEPS the device's work ends after each chain, and begins again when the driver's store is executed again.
 *
 * Liveness: every end in which one of the two sleeps and not all is used is an invalid end state.
 *
 * Mutants: REARM_NO_FENCE, PUBLISH_NO_FENCE, DRIVER_NO_FENCE (of the offer), DRIVER_LOOK_NO_FENCE (before its last look at
 * used.idx), NO_SECOND_LOOK (at avail.idx), LOOK_BEFORE_EVENT (avail.idx, then avail_event), EVENT_BEFORE_IDX (used_event,
 * then used.idx), QUIET_STAYS (used.flags are not cleared).
 */
#ifndef REQUESTS
#define REQUESTS 2
#endif

byte avail_idx, used_idx; /* in memory, as the other side sees them */
byte avail_event, used_event;
bool no_notify;

bool notified, interrupted; /* an exit, and a line; each is seen in one step */
byte done;		    /* of the driver: all that it has found used */

#define AVAIL_IDX   0
#define USED_EVENT  1
#define USED_IDX    2
#define AVAIL_EVENT 3
#define NO_NOTIFY   4

inline apply(w, x)
{
	if
	:: w == AVAIL_IDX -> avail_idx = x
	:: w == USED_EVENT -> used_event = x
	:: w == USED_IDX -> used_idx = x
	:: w == AVAIL_EVENT -> avail_event = x
	:: w == NO_NOTIFY -> no_notify = x
	fi
}
#include "buffer.h"
BUFFER(buf_driver);
BUFFER(buf_device);

/* Has the index passed @event on its way from @old to @new (2.7.10)? */
#define PASSED(event, old, new) (event >= (old) && event < (new))

/* --- the driver --- */

/* One more chain is available. */
inline offer()
{
	offered++;
	STORE(buf_driver, AVAIL_IDX, offered);
#ifndef DRIVER_NO_FENCE
	FENCE(buf_driver);
#endif
	if
#ifdef FLAGS
	:: !no_notify -> FENCE(buf_driver); notified = 1
	:: no_notify
#else
	:: PASSED(avail_event, offered - 1, offered) -> FENCE(buf_driver); notified = 1
	:: !PASSED(avail_event, offered - 1, offered)
#endif
	fi
}

active proctype driver()
{
	byte offered;

	do
	:: offered < REQUESTS -> offer()
	:: done < offered ->
		/* It wants an interrupt for the next one, and looks once more before it sleeps. */
		STORE(buf_driver, USED_EVENT, done);
#ifndef DRIVER_LOOK_NO_FENCE
		FENCE(buf_driver);
#endif
		if
		:: used_idx > done -> done = used_idx
		:: used_idx == done -> interrupted -> interrupted = 0
		fi
	:: done == REQUESTS -> break
	od
}

/* --- the device --- */

/* put_used_idx() */
inline put_used_idx()
{
	if
	:: published != used -> STORE(buf_device, USED_IDX, used); published = used
	:: else
	fi
}

/* think_of_interrupt() */
inline think_of_interrupt()
{
	if
	:: signalled == used
	:: signalled != used ->
#ifdef FLAGS
		wants = 1;
#else
		wants = PASSED(used_event, signalled, used);
#endif
		signalled = used;
		if
		:: wants -> FENCE(buf_device); interrupted = 1
		:: else
		fi
	fi
}

/* virtq_publish() */
inline publish()
{
	put_used_idx();
#ifndef PUBLISH_NO_FENCE
	FENCE(buf_device);
#endif
	think_of_interrupt()
}

/* virtq_quiet() */
inline quiet()
{
#ifdef FLAGS
	STORE(buf_device, NO_NOTIFY, 1)
#else
	skip
#endif
}

inline say_so()
{
#ifndef FLAGS
	STORE(buf_device, AVAIL_EVENT, taken)
#elif defined QUIET_STAYS
	skip
#else
	STORE(buf_device, NO_NOTIFY, 0)
#endif
}

/* virtq_rearm(): `seen` is what avail.idx was. */
inline rearm()
{
#ifdef EVENT_BEFORE_IDX
	think_of_interrupt();
#endif
	put_used_idx();
#ifdef LOOK_BEFORE_EVENT
	seen = avail_idx;
#endif
	say_so();
#ifndef REARM_NO_FENCE
	FENCE(buf_device);
#endif
#ifndef EVENT_BEFORE_IDX
	think_of_interrupt();
#endif
#if !defined LOOK_BEFORE_EVENT && !defined NO_SECOND_LOOK
	seen = avail_idx
#else
	skip
#endif
}

active proctype device()
{
	byte taken, seen, used, published, signalled;
	bool wants;

end:	do
	:: atomic { notified -> notified = 0 };
work:		quiet();
next:		if
		:: taken == seen -> seen = avail_idx
		:: else
		fi;
		if
		:: taken != seen ->
			taken++;
			used++;
#ifdef STEPS
			publish();
			goto work
#else
			goto next
#endif
		:: taken == seen -> rearm()
		fi;
		if
		:: taken != seen -> goto next
		:: else
		fi
	od
}

init
{
	atomic {
		run drain(buf_driver);
		run drain(buf_device)
	}
}
