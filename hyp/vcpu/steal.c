// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/steal.h"

#include "lib/errno.h"
#include "vcpu/guest_mem.h"
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
	v->steal_marked = false;
	vcpu_make_request(REQUEST_STEAL_UPDATE, v);
	return HV_OK;
}

void vcpu_steal_reset(struct vcpu *v)
{
	v->steal_at = STEAL_OFF;
}

/*
 * The address was RAM when it was set; should the VM have given it back, there is nowhere to write.
 * Whoever takes RAM away makes TLB_FLUSH and then waits for those who read the tables, so within the
 * bracket a pointer is good if it was found earlier and no TLB_FLUSH is pending.
 */
static struct sta_struct *begin(struct vcpu *v)
{
	vcpu_reading_begin(v);
	if (!v->steal_ptr || vcpu_test_request(REQUEST_TLB_FLUSH, v))
		v->steal_ptr = gstage_write_ptr(&v->vm->gstage, gpa(v->steal_at),
						sizeof(struct sta_struct));
	if (!v->steal_ptr)
		v->steal_at = STEAL_OFF;
	return v->steal_ptr;
}

static void mark(struct vcpu *v, struct sta_struct *s, bool preempted)
{
	atomic_set(&s->preempted, preempted);
	v->steal_marked = preempted;
}

void vcpu_steal_preempted(struct vcpu *v)
{
	struct sta_struct *s;

	if (v->steal_at == STEAL_OFF || v->steal_marked)
		return;
	s = begin(v);
	if (s)
		mark(v, s, true);
	vcpu_reading_end(v);
}

/* Other harts of the guest may be reading: odd, value, even, each before the next. The sequence is ours,
 * too, whatever the guest has written there. */
static void write_steal(struct vcpu *v, struct sta_struct *s, uint64_t ticks)
{
	uint64_t ns = timer_ticks_to_ns(ticks - v->steal_base);

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
	struct sta_struct *s;

	if (v->steal_at == STEAL_OFF)
		return;
	s = begin(v);
	if (s && ticks != v->steal_written)
		write_steal(v, s, ticks);
	if (s && v->steal_marked)
		mark(v, s, false);
	vcpu_reading_end(v);
}

void vcpu_steal_resumes(struct vcpu *v)
{
	if (v->steal_at != STEAL_OFF &&
	    (v->steal_marked || atomic_read(&v->se.wait_ticks) != v->steal_written))
		vcpu_make_request(REQUEST_STEAL_UPDATE, v);
}
