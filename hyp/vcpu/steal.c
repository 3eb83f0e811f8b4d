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
	v->steal_ptr = NULL;
	v->steal_sequence = 0;
	v->steal_written = 0;
	vcpu_make_request(REQUEST_STEAL_UPDATE, v);
	return HV_OK;
}

/*
 * The addresses were RAM when they were set; should the VM have given it back, there is nowhere to write.
 * Code that takes RAM away makes TLB_FLUSH and then waits for readers of the tables, so within the
 * bracket a pointer is good if it was found earlier and no TLB_FLUSH is pending.
 */
static void begin(struct vcpu *v)
{
	const struct gstage *gs = &v->vm->gstage;

	vcpu_reading_begin(v);
	if (vcpu_test_request(REQUEST_TLB_FLUSH, v))
		vcpu_steal_unmapped(v);
	if (v->steal_at != STEAL_OFF && !v->steal_ptr) {
		v->steal_ptr = gstage_write_ptr(gs, gpa(v->steal_at), sizeof(struct sta_struct));
		if (!v->steal_ptr)
			v->steal_at = STEAL_OFF;
	}
	if (v->lock_at != STEAL_OFF && !v->lock_ptr) {
		v->lock_ptr = gstage_write_ptr(gs, gpa(v->lock_at), HARTVISOR_PV_LOCK_SIZE);
		if (!v->lock_ptr)
			v->lock_at = STEAL_OFF;
	}
}

/* Each by one aligned store. */
static void mark(struct vcpu *v, bool preempted)
{
	if (v->steal_at != STEAL_OFF)
		atomic_set(&v->steal_ptr->preempted, preempted);
	if (v->lock_at != STEAL_OFF)
		atomic_set(&v->lock_ptr->preempted, preempted);
	if (v->magic)
		vcpu_magic_write(v, preempted ? HARTVISOR_MAGIC_PREEMPTED : HARTVISOR_MAGIC_RUNS);
	v->steal_marked = preempted;
}

int vcpu_pv_lock_set(struct vcpu *v, uint64_t a)
{
	static const struct hartvisor_pv_lock zero;

	if (vcpu_write_guest(v, gpa(a), &zero, sizeof(zero.preempted)) != HV_OK)
		return HV_EFAULT;
	v->lock_at = a;
	v->lock_ptr = NULL;
	return HV_OK;
}

void vcpu_steal_reset(struct vcpu *v)
{
	if (v->steal_marked) {
		begin(v);
		mark(v, false);
		vcpu_reading_end(v);
	}
	v->steal_at = STEAL_OFF;
	v->lock_at = STEAL_OFF;
}

void vcpu_steal_mark(struct vcpu *v)
{
	begin(v);
	mark(v, true);
	vcpu_reading_end(v);
}

/* Other harts of the guest may be reading: odd, value, even, each before the next. The sequence is ours,
 * too, whatever the guest has written there. */
static void write_steal(struct vcpu *v, uint64_t ticks)
{
	uint64_t ns = timer_ticks_to_ns(ticks - v->steal_base);
	struct sta_struct *s = v->steal_ptr;

	atomic_set(&s->sequence, v->steal_sequence + 1);
	fence_full();
	atomic_set(&s->steal, ns);
	fence_full();
	v->steal_sequence += 2;
	atomic_set(&s->sequence, v->steal_sequence);
	v->steal_written = ticks;
}

void vcpu_steal_update(struct vcpu *v)
{
	uint64_t ticks = atomic_read(&v->se.wait_ticks);

	if (v->steal_at == STEAL_OFF && !v->steal_marked)
		return;
	begin(v);
	if (v->steal_at != STEAL_OFF && ticks != v->steal_written)
		write_steal(v, ticks);
	if (v->steal_marked)
		mark(v, false);
	vcpu_reading_end(v);
}
