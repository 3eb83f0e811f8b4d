// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/steal.h"

#include "lib/errno.h"
#include "vcpu/guest_mem.h"
#include "vcpu/magic.h"
#include "vcpu/vm.h"

int vcpu_steal_set(struct vcpu *v, uint64_t a)
{
	static const struct sta_struct zero;

	if (a == STEAL_OFF) {
		v->steal_at = STEAL_OFF;
		return HV_OK;
	}
	if (!is_aligned(a, sizeof(struct sta_struct)))
		return HV_EINVAL;
	if (vcpu_write_guest(v, gpa(a), &zero, sizeof(zero)) != HV_OK)
		return HV_EFAULT;
	v->steal_at = a;
	v->steal_sequence = 0;
	v->steal_written = 0;
	vcpu_make_request(REQUEST_STEAL_UPDATE, v);
	return HV_OK;
}

/* The address was RAM when it was set; should the VM have given it back, there is nowhere to write. */
static void write_at(struct vcpu *v, uint64_t offset, const void *val, uint64_t len)
{
	if (vcpu_write_guest(v, gpa(v->steal_at + offset), val, len) != HV_OK)
		v->steal_at = STEAL_OFF;
}

/* Each by one aligned store. */
static void mark(struct vcpu *v, uint8_t preempted)
{
	if (v->steal_at != STEAL_OFF)
		write_at(v, offsetof(struct sta_struct, preempted), &preempted, sizeof(preempted));
	if (v->lock_at != STEAL_OFF && vcpu_store_guest_u64(v, gpa(v->lock_at), preempted) != HV_OK)
		v->lock_at = STEAL_OFF;
	if (v->magic)
		vcpu_magic_write(v, preempted ? HARTVISOR_MAGIC_PREEMPTED : HARTVISOR_MAGIC_RUNS);
	v->steal_marked = preempted != 0;
}

int vcpu_steal_lock_set(struct vcpu *v, uint64_t a)
{
	if (vcpu_store_guest_u64(v, gpa(a), 0) != HV_OK)
		return HV_EFAULT;
	v->lock_at = a;
	return HV_OK;
}

void vcpu_steal_reset(struct vcpu *v)
{
	if (v->steal_marked)
		mark(v, 0);
	v->steal_at = STEAL_OFF;
	v->lock_at = STEAL_OFF;
}

void vcpu_steal_preempted(struct vcpu *v)
{
	bool watched = v->steal_at != STEAL_OFF || v->lock_at != STEAL_OFF || v->magic;

	if (watched && !v->steal_marked)
		mark(v, 1);
}

static void write_sequence(struct vcpu *v)
{
	v->steal_sequence++;
	write_at(v, offsetof(struct sta_struct, sequence), &v->steal_sequence,
		 sizeof(v->steal_sequence));
}

void vcpu_steal_update(struct vcpu *v)
{
	uint64_t ticks = atomic_read(&v->se.wait_ticks);
	uint64_t ns = timer_ticks_to_ns(ticks - v->steal_base);

	if (v->steal_at != STEAL_OFF && ticks != v->steal_written) {
		/* Other harts of the guest may be reading: odd, value, even, each before the next. */
		write_sequence(v);
		fence_full();
		write_at(v, offsetof(struct sta_struct, steal), &ns, sizeof(ns));
		fence_full();
		write_sequence(v);
		v->steal_written = ticks;
	}
	if (v->steal_marked)
		mark(v, 0);
}

void vcpu_steal_resumes(struct vcpu *v)
{
	if (v->steal_marked ||
	    (v->steal_at != STEAL_OFF && atomic_read(&v->se.wait_ticks) != v->steal_written))
		vcpu_make_request(REQUEST_STEAL_UPDATE, v);
}
