/* SPDX-License-Identifier: BSD-2-Clause */
/* The way into the guest, in line: for the run loop, and for what the fast path has done and goes on with. */
#ifndef RUN_ENTRY_H
#define RUN_ENTRY_H

#include "arch/guest.h"
#include "arch/pcpu.h"
#include "vcpu/irq.h"
#include "vcpu/vcpu.h"

/*
 * The last steps before the guest. Interrupts are off; the sret in guest_enter() turns them on and
 * enters in one step, so an IPI sent to us from mode = IN_GUEST_MODE on takes us out at once.
 *
 * mode must be visible before requests and inject are read (fence B; its partners A are in
 * vcpu/request.c): a requester either sees IN_GUEST_MODE and sends the IPI, or we see its bit here.
 * The flush takes the posted interrupts and so is their last look.
 */
static always_inline bool may_enter(struct vcpu *v)
{
	atomic_set(&v->mode, IN_GUEST_MODE);
	fence_full(); /* B */
	vcpu_irq_flush(v);
	return !vcpu_request_pending(v) && !atomic_read(&this_pcpu()->need_resched);
}

#endif
