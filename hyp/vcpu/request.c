// SPDX-License-Identifier: BSD-2-Clause
/*
 * The requester's side of the protocol; the vcpu's side is run/vcpu_run.c (entry) and vcpu/vcpu.c
 * (blocking). Each pair of a store and a load that must not both miss has its fence named here:
 *
 *   make: store request;  fence A;  load mode/blocked  (kick)
 *   entry: store mode=IN; fence B;  load requests      (vcpu_run.c, vcpu_enter)
 *   block: store blocked; fence C;  load requests      (vcpu.c, vcpu_block)
 */
#include "vcpu/request.h"

#include "arch/smp.h"
#include "lib/atomic.h"
#include "lib/bits.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

static uint64_t request_bit(enum vcpu_request req)
{
	return BIT((unsigned int)req & REQUEST_MASK & 63);
}

bool vcpu_request_pending(const struct vcpu *v)
{
	return atomic_read(&v->requests) != 0;
}

bool vcpu_test_request(enum vcpu_request req, const struct vcpu *v)
{
	return (atomic_read(&v->requests) & request_bit(req)) != 0;
}

void vcpu_clear_request(enum vcpu_request req, struct vcpu *v)
{
	(void)atomic_fetch_and(&v->requests, ~request_bit(req));
}

bool vcpu_check_request(enum vcpu_request req, struct vcpu *v)
{
	if (!vcpu_test_request(req, v))
		return false;
	vcpu_clear_request(req, v);
	fence_full(); /* pairs with the release in vcpu_make_request */
	return true;
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	fence_release();
	(void)atomic_fetch_or(&v->requests, request_bit(req));
}

/* Wake @v if it is blocked; whoever clears `blocked` is the one that tells the scheduler. */
static bool wake(struct vcpu *v)
{
	if (!atomic_read(&v->blocked) || !atomic_exchange(&v->blocked, 0))
		return false;
	(void)atomic_fetch_add(&v->stats.wakeups, 1);
	(void)sched_wake(&v->se);
	return true;
}

/* IN -> EXITING: true for the one kicker that has to send the IPI. */
static bool claim_ipi(struct vcpu *v)
{
	uint32_t in = IN_GUEST_MODE;

	if (vcpu_mode(v) == IN_GUEST_MODE &&
	    atomic_compare_exchange(&v->mode, &in, EXITING_GUEST_MODE)) {
		(void)atomic_fetch_add(&v->stats.ipis_sent, 1);
		return true;
	}
	(void)atomic_fetch_add(&v->stats.ipis_saved, 1);
	return false;
}

void vcpu_kick(struct vcpu *v)
{
	fence_full(); /* A */
	(void)atomic_fetch_add(&v->stats.kicks_asked, 1);
	if (wake(v) || v == this_vcpu())
		return;
	/* last_pcpu was written before mode = IN; should @v have left and moved since, leaving was
	 * all that the kick was for. */
	if (claim_ipi(v))
		smp_kick(BIT(atomic_read(&v->last_pcpu)));
}

void vcpu_unhalt(struct vcpu *v)
{
	fence_release();
	atomic_set(&v->kicked, 1);
	fence_full(); /* A */
	(void)atomic_fetch_add(&v->stats.kicks_asked, 1);
	/* One that does not sleep looks at `kicked` on its way into the next halt (C): no IPI. */
	(void)wake(v);
}

struct waiting {
	uint64_t set; /* vcpu ids */
	uint64_t seq[VM_MAX_VCPUS];
};

/*
 * Look at one target's mode: does it need an IPI from us, and if we wait, is it to be waited for?
 * guest_seq is read before the mode, and written after it by who leaves: if the mode says IN, the count
 * belongs to that stay or to an earlier one, never to one that is still to come. When it changes, a stay
 * has ended that could miss the request; those that begin later do not.
 */
static bool target_needs_ipi(struct vcpu *v, enum vcpu_request req, struct waiting *w)
{
	uint64_t seq = atomic_read_acquire(&v->guest_seq);
	uint32_t mode = atomic_read_acquire(&v->mode);

	if (mode == OUTSIDE_GUEST_MODE) {
		(void)atomic_fetch_add(&v->stats.ipis_saved, 1);
		return false;
	}
	if (req & REQUEST_WAIT) {
		w->set |= BIT(v->id);
		w->seq[v->id] = seq;
	}
	/* A reader leaves by itself, its interrupts are off: nothing to send, only to wait for. */
	return mode != READING_SHADOW_PAGE_TABLES && claim_ipi(v);
}

static void wait_acknowledged(const struct vm *vm, const struct waiting *w)
{
	for (uint64_t s = w->set; s; s &= s - 1) {
		const struct vcpu *v = vm->vcpus[bit_first(s)];

		while (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE &&
		       atomic_read_acquire(&v->guest_seq) == w->seq[v->id])
			;
	}
	fence_full();
}

bool vcpus_make_request(struct vm *vm, uint64_t set, enum vcpu_request req)
{
	const struct vcpu *self = this_vcpu();
	struct waiting w;
	uint64_t ipis = 0;
	bool kicked = false;

	w.set = 0;
	if (!(req & REQUEST_NO_ACTION))
		for (uint64_t s = set; s; s &= s - 1)
			vcpu_make_request(req, vm->vcpus[bit_first(s)]);
	fence_full(); /* A */
	for (uint64_t s = set; s; s &= s - 1) {
		struct vcpu *v = vm->vcpus[bit_first(s)];

		(void)atomic_fetch_add(&v->stats.kicks_asked, 1);
		/* Ourselves, too: who is loaded here may be asleep, and we in another's service. */
		if (!(req & REQUEST_NO_WAKEUP) && wake(v)) {
			kicked = true;
			continue;
		}
		if (v == self)
			continue;
		if (target_needs_ipi(v, req, &w))
			ipis |= BIT(atomic_read(&v->last_pcpu));
	}
	if (ipis) {
		smp_kick(ipis);
		kicked = true;
	}
	wait_acknowledged(vm, &w);
	return kicked;
}

bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req)
{
	return vcpus_make_request(vm, vm_all_vcpus(vm), req);
}
