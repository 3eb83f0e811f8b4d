/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last look before a sleep, and the look that ends a halt: is there a reason for the vcpu to run?
 * What ends which sleep is the table's to say (vcpu/sleep.h).
 */
#ifndef VCPU_WAKE_H
#define VCPU_WAKE_H

#include "vcpu/irq.h"
#include "vcpu/sleep.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

/* vcpu_sleep_ends - what ends the sleep that @v is on its way into: WAKE_REQUEST does in any case. */
static always_inline unsigned int vcpu_sleep_ends(const struct vcpu *v)
{
	return !vm_may_run(v->vm) ? sleep_ends(SLEEP_PAUSED) :
	       vcpu_is_halted(v)  ? v->halt.ends :
				    sleep_ends(SLEEP_STOPPED);
}

/* vcpu_has_reason - own pcpu, loaded: does one of @reasons hold now? Requests apart. Reads only. */
static always_inline bool vcpu_has_reason(struct vcpu *v, unsigned int reasons)
{
	return ((reasons & WAKE_KICK) && atomic_read(&v->halt.kicked)) ||
	       ((reasons & WAKE_IRQ) && vcpu_irq_posted(v)) ||
	       ((reasons & WAKE_TIMER) && vcpu_timer_wakes(v));
}

/* vcpu_halt_is_over - own pcpu, loaded and halted: is there a reason to go on? Reads only. */
static inline bool vcpu_halt_is_over(struct vcpu *v)
{
	return vcpu_has_reason(v, v->halt.ends);
}

/*
 * vcpu_sleep_is_over - own pcpu, loaded, on its way into a sleep: must it stay awake? Reads only, so that
 * asking changes nothing. After fence C (vcpu/request.c) it misses no reason: what comes later finds
 * `blocked` set and wakes the vcpu.
 *
 * A pause is looked at after the requests. vm_resume() makes UPDATE_CLOCK and looks for blocked vcpus after
 * the VM is RUNNING, so a state that is read too early is followed by a wake-up.
 */
static inline bool vcpu_sleep_is_over(struct vcpu *v)
{
	return vcpu_request_pending(v) || vcpu_has_reason(v, vcpu_sleep_ends(v));
}

#endif
