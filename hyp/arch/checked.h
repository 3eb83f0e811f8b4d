/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What build/hartvisor-checked.bin has and build/hartvisor.bin has not.
 *
 * It panics when a lock is taken or this_pcpu() used with interrupts on, which a coroutine must not do
 * (arch/coroutine.h), and when a hart takes a lock out of order (lib/lock_rank.h). And it measures stretches: the time for
 * which a hart looks at no interrupt, from leaving a guest, a coroutine or a poll until the next one. Each that is longer
 * than all before it is a line of the log, with the locks that were taken meanwhile as a trail.
 */
#ifndef ARCH_CHECKED_H
#define ARCH_CHECKED_H

#ifdef HARTVISOR_CHECKED
/* checked_interrupts_off - panic if they are on. */
void checked_interrupts_off(void);

/* checked_lock - the same, and the caller's caller is in the trail. */
void checked_lock(void);

/* stretch_end - interrupts are looked at, or on, from here on; until stretch_begin(). Own hart. */
void stretch_end(void);
void stretch_begin(void);

/* stretch_tell - write the longest one into the log, if it is new. No locks. */
void stretch_tell(void);
#else
static inline void stretch_end(void)
{
}

static inline void stretch_begin(void)
{
}

static inline void stretch_tell(void)
{
}
#endif

#endif
