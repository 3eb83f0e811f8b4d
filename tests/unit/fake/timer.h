/* SPDX-License-Identifier: BSD-2-Clause */
/* A clock of 10 MHz that the test moves, and one host timer. */
#ifndef FAKE_TIMER_H
#define FAKE_TIMER_H

#include "arch/timer.h"

#define FAKE_NS_PER_TICK 100

extern uint64_t fake_ticks;		     /* now */
extern struct timer *fake_armed;	     /* NULL: none */
extern struct timer *fake_known;	     /* the last that was made */
extern unsigned int fake_arms, fake_cancels; /* calls of timer_arm(), timer_cancel() */

/* fake_timer_setup - it is @ticks, and nothing is armed. */
void fake_timer_setup(uint64_t ticks);

/* fake_timer_pass - @ticks pass, and the timer fires when it is due, and again if it is armed again. */
void fake_timer_pass(uint64_t ticks);

#endif
