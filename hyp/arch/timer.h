/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host time and timers. Time is the `time` CSR, in ticks of the device tree's timebase-frequency.
 * Each pcpu has a queue of timers ordered by deadline, and arms its one hart timer (stimecmp, or SBI
 * TIME without Sstc) for the earliest. A timer is bound to the pcpu that armed it last; any hart may
 * cancel it. Timer functions run on that pcpu, without locks, in timer_run().
 */
#ifndef ARCH_TIMER_H
#define ARCH_TIMER_H

#include "arch/csr.h"
#include "lib/types.h"

#define TIMER_NEVER UINT64_MAX

struct timer {
	uint64_t deadline;
	struct timer *child, *next, *prev; /* pairing heap; prev: parent or left sibling */
	void (*fn)(struct timer *t);
	uint32_t pcpu;
	bool armed; /* guarded by the lock of pcpu's queue; timer_arm() reads it without */
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));

/* timer_arm - (again) at @deadline on this pcpu. timer_cancel - from any hart; when it returns the
 * function may still be running on its pcpu. */
void timer_arm(struct timer *t, uint64_t deadline);
void timer_cancel(struct timer *t);

/*
 * timer_run - this pcpu's timer interrupt is pending: run what is due, arm the hart timer for the next;
 * before its time, take the interrupt back. A slice that ended sets this pcpu's need_resched and is forgotten.
 */
void timer_run(void);

/* timer_set_slice - this pcpu: also interrupt at @deadline (end of a slice); TIMER_NEVER: none. */
void timer_set_slice(uint64_t deadline);

void timer_setup(uint64_t ticks_per_second, bool sstc);

/*
 * timer_init_pcpu - each pcpu once, after timer_setup(): its hart timer holds the earliest of the timers that
 * are armed here, and nothing of what the firmware left.
 */
void timer_init_pcpu(void);

uint64_t timer_frequency(void);
uint64_t timer_ns_to_ticks(uint64_t ns);
uint64_t timer_ticks_to_ns(uint64_t ticks);

/* timer_now - the time. */
#ifdef __riscv
static inline uint64_t timer_now(void)
{
	return csr_read(CSR_TIME);
}
#else /* unit tests have clocks of their own */
uint64_t timer_now(void);
#endif

extern bool timer_sstc; /* written by timer_setup() alone */

static inline bool timer_has_sstc(void)
{
	return timer_sstc;
}

#endif
