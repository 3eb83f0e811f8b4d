/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is measured of a vcpu while an operator wants it (run/times.h): how long its exits take, and how late it runs. Its memory is there
 * from when that is wanted first until the VM goes, and is written by one hart at a time, without a lock. The counters only grow, as those of
 * stats.h.
 */
#ifndef VCPU_TIMED_H
#define VCPU_TIMED_H

#include "sched/sched.h"
#include "vcpu/stats.h"

struct vcpu;
struct vm;

/* Nothing but words. */
struct vcpu_timed_counts {
	uint64_t exits
		[NR_VCPU_EXITS]; /* those that were measured, by cause; and what they took, in ticks */
	uint64_t ticks[NR_VCPU_EXITS];
	struct histogram late;	/* of the guest's timer: from its deadline to the entry */
	struct histogram woken; /* from a wake until it ran */
};

/* Written by the hart that the vcpu runs on (run/times.c), but for `waits` and what says atomic. */
struct vcpu_timed {
	uint64_t exits[NR_VCPU_EXITS], ticks[NR_VCPU_EXITS];
	struct histogram late;
	uint64_t worst[NR_VCPU_EXITS]; /* ticks, of one exit; atomic: zeroed by others */
	uint64_t left_at;	       /* host time when it left the guest last */
	uint64_t told; /* guest time: the deadline of which the guest was told last */
	struct sched_waits waits;
	struct vcpu_timed_counts counted; /* atomic: before what vcpu_timed_read() tells */
};

/* vcpu_timed_want - it is wanted from now on, or no more. vcpu_timed_is_wanted - is it? */
void vcpu_timed_want(bool on);
bool vcpu_timed_is_wanted(void);

/*
 * vcpu_timed_make - if it is wanted: the memory of @vm's vcpus. False: there is none. The VM is being made, or the caller has a reference
 * to it; one caller at a time. vcpu_timed_free - @vm goes. No vcpu of it runs.
 */
bool vcpu_timed_make(struct vm *vm);
void vcpu_timed_free(struct vm *vm);

/* vcpu_timed_read - of @v, a snapshot; false: there is no memory for it. vcpu_timed_worst - ticks, the longest exit by cause @i; if there is. */
bool vcpu_timed_read(const struct vcpu *v, struct vcpu_timed_counts *out);
uint64_t vcpu_timed_worst(const struct vcpu *v, unsigned int i);

/* vcpu_timed_zero - count from now on. All three: any hart, no locks; the caller has a reference to the VM. */
void vcpu_timed_zero(struct vcpu *v);

#endif
