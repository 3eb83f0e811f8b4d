// SPDX-License-Identifier: BSD-2-Clause
#include "pv/steal.h"

#include "lib/errno.h"
#include "pv/magic.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hooks.h"
#include "vcpu/vm.h"

int pv_steal_set(struct vcpu *v, gpa_t a)
{
	static const struct sta_struct zero;

	if (!pv_is_on(a)) {
		v->pv.steal.at = PV_OFF;
		return HV_OK;
	}
	if (!is_aligned(a.gpa, sizeof(struct sta_struct)))
		return HV_EINVAL;
	if (vcpu_write_guest(v, a, &zero, sizeof(zero)) != HV_OK)
		return HV_EFAULT;
	v->pv.steal.at = a;
	v->pv.steal.ptr = NULL;
	v->pv.steal.sequence = 0;
	v->pv.steal.written = 0;
	vcpu_make_request(REQUEST_STEAL_UPDATE, v);
	return HV_OK;
}

int pv_lock_set(struct vcpu *v, gpa_t a)
{
	static const struct hartvisor_pv_lock zero;

	if (vcpu_write_guest(v, a, &zero, sizeof(zero.preempted)) != HV_OK)
		return HV_EFAULT;
	v->pv.lock.at = a;
	v->pv.lock.ptr = NULL;
	return HV_OK;
}

static void pv_unmapped(struct vcpu *v)
{
	v->pv.steal.ptr = NULL;
	v->pv.lock.ptr = NULL;
}

/*
 * The addresses were RAM when they were set. If the VM has given it back, there is nowhere to write.
 * Code that takes RAM away makes TLB_FLUSH and then waits for readers of the tables, so within the
 * bracket a pointer is good if it was found earlier and no TLB_FLUSH is pending.
 */
static void begin(struct vcpu *v)
{
	const struct gstage *gs = &v->vm->gstage;

	vcpu_reading_begin(v);
	if (vcpu_test_request(REQUEST_TLB_FLUSH, v))
		pv_unmapped(v);
	if (pv_is_on(v->pv.steal.at) && !v->pv.steal.ptr) {
		v->pv.steal.ptr = gstage_write_ptr(gs, v->pv.steal.at, sizeof(struct sta_struct));
		if (!v->pv.steal.ptr)
			v->pv.steal.at = PV_OFF;
	}
	if (pv_is_on(v->pv.lock.at) && !v->pv.lock.ptr) {
		v->pv.lock.ptr = gstage_write_ptr(gs, v->pv.lock.at, HARTVISOR_PV_LOCK_SIZE);
		if (!v->pv.lock.ptr)
			v->pv.lock.at = PV_OFF;
	}
}

/* Each by one aligned store. */
static void mark(struct vcpu *v, bool preempted)
{
	if (pv_is_on(v->pv.steal.at))
		atomic_set(&v->pv.steal.ptr->preempted, preempted);
	if (pv_is_on(v->pv.lock.at))
		atomic_set(&v->pv.lock.ptr->preempted, preempted);
	if (v->pv.magic.mapped)
		pv_magic_write(v, preempted ? HARTVISOR_MAGIC_PREEMPTED : HARTVISOR_MAGIC_RUNS);
	v->pv.marked = preempted;
}

/* The hart begins, or stops: it has no structures. */
static void pv_reset(struct vcpu *v)
{
	if (v->pv.marked) {
		begin(v);
		mark(v, false);
		vcpu_reading_end(v);
	}
	v->pv.steal.at = PV_OFF;
	v->pv.lock.at = PV_OFF;
}

void pv_mark_preempted(struct vcpu *v)
{
	begin(v);
	mark(v, true);
	vcpu_reading_end(v);
}

/* Other harts of the guest may be reading: odd, value, even, each before the next. The sequence is ours,
 * too, whatever the guest has written there. */
static void write_steal(struct vcpu *v, uint64_t ticks)
{
	uint64_t ns = timer_ticks_to_ns(ticks - v->pv.steal.base);
	struct sta_struct *s = v->pv.steal.ptr;

	atomic_set(&s->sequence, v->pv.steal.sequence + 1);
	fence_full();
	atomic_set(&s->steal, ns);
	fence_full();
	v->pv.steal.sequence += 2;
	atomic_set(&s->sequence, v->pv.steal.sequence);
	v->pv.steal.written = ticks;
}

void pv_update(struct vcpu *v)
{
	uint64_t ticks = sched_waited_ticks(&v->se);

	if (!pv_is_on(v->pv.steal.at) && !v->pv.marked)
		return;
	begin(v);
	if (pv_is_on(v->pv.steal.at) && ticks != v->pv.steal.written)
		write_steal(v, ticks);
	if (v->pv.marked)
		mark(v, false);
	vcpu_reading_end(v);
}

/* A life before the first start: vcpu_power_on(). */
static void pv_power_on(struct vcpu *v)
{
	v->pv.steal.at = PV_OFF;
	v->pv.lock.at = PV_OFF;
	v->pv.marked = false;
	v->pv.steal.base = sched_waited_ticks(&v->se);
}

VCPU_HOOKS(pv) = {
	.power_on = pv_power_on,
	.reset = pv_reset,
	.unmapped = pv_unmapped,
	.update = pv_update,
};
