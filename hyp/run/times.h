/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What harts do with their time: while an operator wants to know, and not otherwise, since it takes some 200 instructions an exit.
 *
 * A hart runs a guest, sleeps, or works for guests; the three add up to its time. What it works after an exit is that exit's, by its
 * cause, until its guest goes on, another vcpu is loaded or the hart sleeps. The cause is the counter that has moved meanwhile
 * (vcpu->stats.exits), so counts and times are of the same exits. An exit that moves no counter, because the guest is to meet its cause
 * again, is the hart's alone.
 *
 * Late is a guest's timer that was due before its vcpu came into the guest again: from its deadline, or from where the vcpu had left the
 * guest if that was later, to the entry. One that comes due in the guest is the hart's own to deliver, and is not counted (Sstc).
 *
 * Only the hart itself begins and ends: it is asked, interrupted, and follows, as for the timeline (arch/trace.h). It has a trap vector
 * of its own then (switch.S), which calls times_left() and times_enters(). Where something else is counted, trace_is_timed() is asked.
 */
#ifndef RUN_TIMES_H
#define RUN_TIMES_H

#include "arch/guest.h"
#include "arch/trace.h"

struct times {
	uint64_t guest, own, idle; /* ticks, since the beginning or times_zero() */
};

/*
 * times_make - what that takes; false: there is no memory. One caller at a time. times_want - times_make() has returned true, or @on is false: all harts are to measure from now on, or no more (vcpu_timed_is_wanted()). times_are_settled - have all followed? What is
 * measured of vcpus needs vcpu_timed_make() besides.
 */
bool times_make(void);
void times_want(bool on);
bool times_are_settled(void);

/*
 * times_read - of pcpu @index, a snapshot; false: it has measured nothing. times_are_known - is there something to be told of times: are they
 * wanted, or was something measured? times_zero - from now on. Any hart, no locks.
 */
bool times_read(unsigned int index, struct times *out);
bool times_are_known(void);
void times_zero(unsigned int index);

/* times_follow - own pcpu: begin or end, as is wanted. */
void times_follow(void);

/* switch.S, own pcpu: the guest of @r has left, and what it left by is in the CSRs; it is about to enter. */
void times_left(struct guest_regs *r);
void times_enters(struct guest_regs *r);

/*
 * Where trace_is_timed(), own pcpu. times_done - what is done from now on is not for the exit before. Before the vcpu that has left can be
 * loaded elsewhere, or go. times_sleep - the hart sleeps; or it does no more.
 */
void times_done(void);
void times_sleep(bool begins);

#endif
