// SPDX-License-Identifier: BSD-2-Clause
/*
 * The requester's side of the protocol; the vcpu's side is run/entry.h (entry) and vcpu/vcpu.c
 * (blocking). Each pair of a store and a load that must not both miss has its fence named here:
 *
 *   make: store request;  fence A;  load mode/blocked  (kick)
 *   entry: store mode=IN; fence B;  load requests      (run/entry.h, may_enter)
 *   block: store blocked; fence C;  load requests      (vcpu.c, vcpu_block)
 */
#include "vcpu/request.h"

#include "arch/smp.h"
#include "arch/trace.h"
#include "lib/atomic.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

bool vcpu_test_request(enum vcpu_request req, const struct vcpu *v)
{
	return request_test(req, v);
}

void vcpu_clear_request(enum vcpu_request req, struct vcpu *v)
{
	request_clear(req, v);
}

bool vcpu_check_request(enum vcpu_request req, struct vcpu *v)
{
	return request_check(req, v);
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	request_make(req, v);
}

/* The kick of @v was done as @how says; with an interrupt to @hart. For the timeline. */
static void trace_kick(const struct vcpu *v, enum trace_kick how, uint64_t hart)
{
	trace_event(TRACE_KICK, sched_label(&v->se), how, hart, 0);
}

/* Is @v blocked? Then the caller has cleared `blocked`, and it is for the caller to tell the scheduler, once. */
static always_inline bool claim_wake(struct vcpu *v)
{
	if (!atomic_read(&v->halt.blocked) || !atomic_exchange(&v->halt.blocked, 0))
		return false;
	counter_inc_shared(&v->stats.wakeups);
	if (trace_is_on())
		trace_call(trace_kick, v, TRACE_KICK_WAKE, TRACE_NO_HART);
	return true;
}

static bool wake(struct vcpu *v)
{
	if (!claim_wake(v))
		return false;
	(void)sched_wake(&v->se);
	return true;
}

/* IN -> EXITING: true for the one kicker that has to send the IPI. */
static always_inline bool claim_ipi(struct vcpu *v)
{
	uint32_t in = IN_GUEST_MODE;

	if (vcpu_mode(v) == IN_GUEST_MODE &&
	    atomic_compare_exchange(&v->mode, &in, EXITING_GUEST_MODE)) {
		counter_inc_shared(&v->stats.ipis_sent);
		return true;
	}
	counter_inc_shared(&v->stats.ipis_saved);
	return false;
}

/* @v, which does not sleep, has been made a request. */
static void kick_awake(struct vcpu *v)
{
	uint32_t pcpu;

	if (v == this_vcpu())
		return;
	if (!claim_ipi(v))
		return;
	/* last_pcpu was written before mode = IN. If @v has left and moved since, leaving was all
	 * that the kick was for. */
	pcpu = atomic_read(&v->place.pcpu);
	if (trace_is_on())
		trace_call(trace_kick, v, TRACE_KICK_IPI, pcpu);
	smp_kick(pcpu_set_of(pcpu));
}

static always_inline bool kick_claim(struct vcpu *v)
{
	fence_full(); /* A */
	counter_inc_shared(&v->stats.kicks_asked);
	if (claim_wake(v))
		return true;
	kick_awake(v);
	return false;
}

bool vcpu_kick_claim(struct vcpu *v)
{
	return kick_claim(v);
}

void vcpu_kick(struct vcpu *v)
{
	if (kick_claim(v))
		(void)sched_wake(&v->se);
}

static always_inline bool unhalt_claim(struct vcpu *v)
{
	fence_release();
	atomic_set(&v->halt.kicked, 1);
	fence_full(); /* A */
	counter_inc_shared(&v->stats.kicks_asked);
	/* One that does not sleep looks at `kicked` on its way into the next halt (C): no IPI. */
	return claim_wake(v);
}

bool vcpu_unhalt_claim(struct vcpu *v)
{
	return unhalt_claim(v);
}

void vcpu_unhalt(struct vcpu *v)
{
	if (unhalt_claim(v))
		(void)sched_wake(&v->se);
}

struct waiting {
	struct vcpu_set set;
	uint64_t seq[VM_MAX_VCPUS];
};

/*
 * Look at one target's mode: does it need an IPI from us, and if we wait, is it to be waited for?
 * guest_seq is read before the mode, and a vcpu that leaves writes it after the mode: if the mode says IN, the count
 * belongs to that stay or to an earlier one, never to one that is still to come. When it changes, a stay
 * has ended that could miss the request; those that begin later do not.
 */
static bool target_needs_ipi(struct vcpu *v, enum vcpu_request req, struct waiting *w)
{
	uint64_t seq = atomic_read_acquire(&v->guest_seq);
	uint32_t mode = atomic_read_acquire(&v->mode);

	if (mode == OUTSIDE_GUEST_MODE) {
		counter_inc_shared(&v->stats.ipis_saved);
		return false;
	}
	if (req & REQUEST_WAIT) {
		vcpu_set_add(&w->set, v->id);
		w->seq[v->id] = seq;
	}
	/* A reader leaves by itself, its interrupts are off: nothing to send, only to wait for. */
	return mode != READING_SHADOW_PAGE_TABLES && claim_ipi(v);
}

static void wait_acknowledged(const struct vm *vm, const struct waiting *w)
{
	const struct vcpu *v;

	vm_for_each_vcpu(v, vm, w->set)
		while (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE &&
		       atomic_read_acquire(&v->guest_seq) == w->seq[v->id])
			;
}

/* Wake the blocked vcpus in @set and return the others. The vcpu loaded here may be one of them, when this pcpu runs
 * work for another VM. */
static noinline struct vcpu_set wake_sleepers(struct vm *vm, struct vcpu_set set)
{
	struct vcpu *v;

	vm_for_each_vcpu(v, vm, set) {
		if (wake(v)) {
			counter_inc_shared(&v->stats.kicks_asked);
			vcpu_set_remove(&set, v->id);
		}
	}
	return set;
}

/* On the fast path (run/fastpath.c) the caller is in guest mode still. A vcpu that waits must not be waited for. */
static noinline void leave_to_wait(void)
{
	struct vcpu *self = this_vcpu();

	if (self && vcpu_mode(self) != OUTSIDE_GUEST_MODE)
		vcpu_leave(self);
}

static void trace_request(const struct vm *vm, uint64_t vcpus, enum vcpu_request req)
{
	trace_event(TRACE_REQUEST, trace_label(vm->id, TRACE_NO_VCPU), req & REQUEST_MASK, vcpus,
		    0);
}

/* Those of @set were in guest mode: get them out, and wait for it if @req says so. True: an IPI was sent. */
static noinline bool force_exit(const struct vm *vm, struct vcpu_set set, enum vcpu_request req)
{
	struct pcpu_set ipis = pcpu_set_none();
	struct waiting w;
	struct vcpu *v;

	if (trace_is_on())
		trace_call(trace_request, vm, set.bits, req);
	w.set = vcpu_set_none();
	vm_for_each_vcpu(v, vm, set)
		if (target_needs_ipi(v, req, &w))
			pcpu_set_add(&ipis, atomic_read(&v->place.pcpu));
	if (!pcpu_set_empty(&ipis))
		smp_kick(ipis);
	if (!vcpu_set_empty(w.set)) {
		leave_to_wait();
		wait_acknowledged(vm, &w);
	}
	fence_full(); /* whatever mode was found, what follows comes after it */
	return !pcpu_set_empty(&ipis);
}

/* Which vcpus of @set are in guest mode? Mostly none, and then nothing is left to be done. */
static always_inline struct vcpu_set vcpus_in_guest(const struct vm *vm, struct vcpu_set set)
{
	const struct vcpu *self = this_vcpu();
	struct vcpu_set inside = vcpu_set_none();

	vcpu_set_for_each_left(left, set) {
		struct vcpu *v = vm_lowest_vcpu(vm, left);

		counter_inc_shared(&v->stats.kicks_asked);
		if (v == self)
			continue;
		/* Acquire: what is found outside has done all that it did inside. */
		if (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE)
			inside = vcpu_set_or(inside, vcpu_set_head(left));
		else
			counter_inc_shared(&v->stats.ipis_saved);
	}
	return inside;
}

static noinline bool wake_or_force_exit(struct vm *vm, struct vcpu_set set, enum vcpu_request req)
{
	struct vcpu_set awake = wake_sleepers(vm, set), inside = vcpus_in_guest(vm, awake);

	return (!vcpu_set_empty(inside) && force_exit(vm, inside, req)) ||
	       !vcpu_set_equal(awake, set);
}

bool vcpus_make_request(struct vm *vm, struct vcpu_set set, enum vcpu_request req)
{
	struct vcpu_set inside;
	struct vcpu *v;

	if (!(req & REQUEST_NO_ACTION))
		vm_for_each_vcpu(v, vm, set)
			request_make(req, v);
	fence_full(); /* A */
	if (!(req & REQUEST_NO_WAKEUP))
		return wake_or_force_exit(vm, set, req);
	inside = vcpus_in_guest(vm, set);
	return !vcpu_set_empty(inside) && force_exit(vm, inside, req);
}

bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req)
{
	return vcpus_make_request(vm, vm_all_vcpus(vm), req);
}
