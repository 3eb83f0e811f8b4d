/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steal time (riscv-sbi-doc, "Steal-time Accounting Extension"): a structure in guest memory that says
 * how long a vcpu was runnable and did not run, and whether it is preempted right now.
 *
 * The figure comes from the scheduler's account (se.wait_ticks), never from guest memory, so what a guest
 * scribbles there does no harm. It is written by the vcpu's own pcpu: at the STEAL_UPDATE request that
 * vcpu_run makes when the vcpu comes back to a hart, before it enters. `preempted` is set when it leaves
 * its hart while runnable (not when it blocks: an idle hart is not preempted), and is 0 before it runs.
 * The PV-lock structure (hartvisor/pv.h) has a `preempted` that is set and cleared at the same places.
 */
#ifndef PV_STEAL_H
#define PV_STEAL_H

#include "pv/pv.h"

/* The specification's structure; little endian. */
struct sta_struct {
	uint32_t sequence; /* odd while steal is written */
	uint32_t flags;
	uint64_t steal; /* ns */
	uint8_t preempted;
	uint8_t pad[47];
};

static_assert(sizeof(struct sta_struct) == 64, "SBI STA");
static_assert(offsetof(struct sta_struct, steal) == 8, "SBI STA");
static_assert(offsetof(struct sta_struct, preempted) == 16, "SBI STA");

static_assert(sizeof(struct hartvisor_pv_lock) == HARTVISOR_PV_LOCK_SIZE, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_pv_lock, preempted) == 0, "hartvisor/pv.h");

/* pv_steal_set - SBI set_shmem: the structure is at @a from now on, its 64 bytes cleared; PV_OFF:
 * none. HV_EINVAL: not aligned to 64. HV_EFAULT: not RAM. Own pcpu. */
int pv_steal_set(struct vcpu *v, gpa_t a);

/* pv_mark_preempted - what pv_preempted() does when a structure is to be written. */
void pv_mark_preempted(struct vcpu *v);

/* pv_preempted - own pcpu: @v leaves its hart while runnable. */
static inline void pv_preempted(struct vcpu *v)
{
	bool watched = pv_is_on(v->pv.steal.at) || pv_is_on(v->pv.lock.at) || v->pv.magic.mapped;

	if (watched && !v->pv.marked)
		pv_mark_preempted(v);
}

/* pv_update - own pcpu, for STEAL_UPDATE: write the account, and that it runs. */
void pv_update(struct vcpu *v);

/* pv_resumes - own pcpu, before its run: make STEAL_UPDATE if there is news to write. */
static inline void pv_resumes(struct vcpu *v)
{
	if (v->pv.marked ||
	    (pv_is_on(v->pv.steal.at) && sched_waited_ticks(&v->se) != v->pv.steal.written))
		vcpu_make_request(REQUEST_STEAL_UPDATE, v);
}

#endif
