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
#ifndef VCPU_STEAL_H
#define VCPU_STEAL_H

#include <hartvisor/pv.h>

#include "vcpu/vcpu.h"

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

#define STEAL_OFF UINT64_MAX

/* vcpu_steal_set - SBI set_shmem: the structure is at @a from now on, its 64 bytes cleared; STEAL_OFF:
 * none. HV_EINVAL: not aligned to 64. HV_EFAULT: not RAM. Own pcpu. */
int vcpu_steal_set(struct vcpu *v, uint64_t a);

/* vcpu_pv_lock_set - SBI PV_LOCK_PREEMPTED: the PV-lock structure is at @a, aligned to 64, from now on.
 * HV_EFAULT: not RAM. Own pcpu. */
int vcpu_pv_lock_set(struct vcpu *v, uint64_t a);

/* vcpu_steal_reset - own pcpu, in RESET: no structures. */
void vcpu_steal_reset(struct vcpu *v);

/* vcpu_steal_unmapped - own pcpu, for TLB_FLUSH: the VM may have given the structure's RAM back. */
static inline void vcpu_steal_unmapped(struct vcpu *v)
{
	v->steal_ptr = NULL;
	v->lock_ptr = NULL;
}

void vcpu_steal_mark(struct vcpu *v);

/* vcpu_steal_preempted - own pcpu: @v leaves its hart while runnable. */
static inline void vcpu_steal_preempted(struct vcpu *v)
{
	bool watched = v->steal_at != STEAL_OFF || v->lock_at != STEAL_OFF || v->magic;

	if (watched && !v->steal_marked)
		vcpu_steal_mark(v);
}

/* vcpu_steal_update - own pcpu, for STEAL_UPDATE: write the account, and that it runs. */
void vcpu_steal_update(struct vcpu *v);

/* vcpu_steal_resumes - own pcpu, before its run: make STEAL_UPDATE if there is news to write. */
static inline void vcpu_steal_resumes(struct vcpu *v)
{
	if (v->steal_marked ||
	    (v->steal_at != STEAL_OFF && atomic_read(&v->se.wait_ticks) != v->steal_written))
		vcpu_make_request(REQUEST_STEAL_UPDATE, v);
}

#endif
