/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's timer: one deadline, in guest time.
 *
 * With Sstc it is vstimecmp, which the guest owns while it runs and from which the hart raises VSTIP.
 * Without, it comes by SBI TIME, is kept in v->timer_deadline, and VSTIP is a level made of it at flush.
 *
 * A host timer stands in for the hart where the hart does not look at the deadline: while the vcpu is off its
 * hart or asleep, and without Sstc throughout. It only gets the vcpu to look: it kicks, once, and what it says
 * is forgotten if the vcpu runs. So whether the timer is due is always asked of the deadline itself
 * (vcpu_timer_pending()), and each way into a sleep that the timer ends arms the host timer anew.
 */
#ifndef VCPU_VTIMER_H
#define VCPU_VTIMER_H

#include "arch/csr.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* vcpu_timer_deadline - own pcpu, loaded: guest time of the next timer interrupt; TIMER_NEVER: none. */
static inline uint64_t vcpu_timer_deadline(const struct vcpu *v)
{
	if (!timer_has_sstc())
		return v->timer.deadline;
	return v->timer.off ? v->vs.vstimecmp : csr_read(CSR_VSTIMECMP);
}

/* vcpu_timer_pending - own pcpu, loaded: is the guest's timer interrupt due? */
static inline bool vcpu_timer_pending(const struct vcpu *v)
{
	uint64_t when = vcpu_timer_deadline(v);

	return when != TIMER_NEVER && timer_now() + atomic_read(&v->vm->htimedelta) >= when;
}

/* vcpu_timer_wakes - the same, and vsie enables it. (hie's VS bits are vsie.) */
static inline bool vcpu_timer_wakes(const struct vcpu *v)
{
	return (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)) && vcpu_timer_pending(v);
}

/* vcpu_timer_ends_sleep - own pcpu, loaded: will the deadline, if there is one, end the sleep that begins? */
static inline bool vcpu_timer_ends_sleep(const struct vcpu *v)
{
	return (v->halt.ends & WAKE_TIMER) && vm_may_run(v->vm) &&
	       (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER));
}

/* vcpu_timer_set_host - what vcpu_timer_set() does without Sstc. */
void vcpu_timer_set_host(struct vcpu *v, uint64_t when);

/* vcpu_timer_set - SBI set_timer: next interrupt at guest time @when; lowers a pending one that is
 * not due yet. Own pcpu. */
static inline void vcpu_timer_set(struct vcpu *v, uint64_t when)
{
	if (timer_has_sstc())
		csr_write(CSR_VSTIMECMP, when);
	else
		vcpu_timer_set_host(v, when);
}

/* vcpu_timer_arm_host - own pcpu: the host timer is armed here for the deadline of now, or not at all
 * if there is none. */
void vcpu_timer_arm_host(struct vcpu *v);

/*
 * vcpu_timer_block / vcpu_timer_unblock - own pcpu: around a sleep or a time off the hart. Each may be called
 * again without effect.
 *
 * With Sstc, vstimecmp must not stay armed while the vcpu does not run: an expired one would end every
 * WFI of the hart at once. Only a sleep that the timer ends needs the host timer: a runnable vcpu is waiting
 * for its turn anyway, and a paused one's clock stands still.
 */
static inline void vcpu_timer_block(struct vcpu *v)
{
	if (v->timer.off)
		return;
	v->timer.off = true;
	if (timer_has_sstc()) {
		v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
		if (v->vs.vstimecmp != TIMER_NEVER && vcpu_timer_ends_sleep(v))
			vcpu_timer_arm_host(v);
	} else if (vcpu_timer_ends_sleep(v)) {
		vcpu_timer_arm_host(v);
	} else {
		timer_cancel(&v->timer.host);
	}
}

static inline void vcpu_timer_unblock(struct vcpu *v)
{
	if (!v->timer.off)
		return;
	v->timer.off = false;
	if (timer_has_sstc()) {
		csr_write(CSR_VSTIMECMP, v->vs.vstimecmp);
		/* No other hart arms it: if it reads as not armed, it is not. */
		if (atomic_read(&v->timer.host.armed))
			timer_cancel(&v->timer.host);
	} else {
		vcpu_timer_set_host(v, v->timer.deadline);
	}
}

/* vcpu_timer_clock_moved - own pcpu, loaded: the guest's clock was put back by a pause. The hart sees that by
 * htimedelta; the host timer, which counts host time, has to be told. */
static inline void vcpu_timer_clock_moved(struct vcpu *v)
{
	if (!timer_has_sstc() && !v->timer.off)
		vcpu_timer_set_host(v, v->timer.deadline);
}

/* vcpu_timer_cancel - @v's VM goes: its host timer fires no more. No vcpu of it runs. */
static inline void vcpu_timer_cancel(struct vcpu *v)
{
	timer_cancel(&v->timer.host);
}

/* vcpu_timer_reset - own pcpu, in RESET: no deadline. */
void vcpu_timer_reset(struct vcpu *v);

#endif
