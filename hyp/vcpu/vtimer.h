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
 * (vcpu_timer_pending()), and each way into a sleep that the timer ends arms the stand-in anew.
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
		return v->timer_deadline;
	return v->timer_off ? v->vs.vstimecmp : csr_read(CSR_VSTIMECMP);
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
	return (v->halt_ends & WAKE_TIMER) && vm_may_run(v->vm) &&
	       (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER));
}

/* vcpu_timer_set_stand_in - what vcpu_timer_set() does without Sstc. */
void vcpu_timer_set_stand_in(struct vcpu *v, uint64_t when);

/* vcpu_timer_set - SBI set_timer: next interrupt at guest time @when; lowers a pending one that is
 * not due yet. Own pcpu. */
static inline void vcpu_timer_set(struct vcpu *v, uint64_t when)
{
	if (timer_has_sstc())
		csr_write(CSR_VSTIMECMP, when);
	else
		vcpu_timer_set_stand_in(v, when);
}

/* vcpu_timer_arm_stand_in - own pcpu: the stand-in is armed here for the deadline of now, or not at all
 * if there is none. */
void vcpu_timer_arm_stand_in(struct vcpu *v);

/*
 * vcpu_timer_block / vcpu_timer_unblock - own pcpu: around a sleep or a time off the hart. Each may be called
 * again without effect.
 *
 * With Sstc, vstimecmp must not stay armed while the vcpu does not run: an expired one would end every
 * WFI of the hart at once. Only a sleep that the timer ends needs the stand-in: a runnable vcpu is waiting
 * for its turn anyway, and a paused one's clock stands still.
 */
static inline void vcpu_timer_block(struct vcpu *v)
{
	if (v->timer_off)
		return;
	v->timer_off = true;
	if (timer_has_sstc()) {
		v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
		if (v->vs.vstimecmp != TIMER_NEVER && vcpu_timer_ends_sleep(v))
			vcpu_timer_arm_stand_in(v);
	} else if (vcpu_timer_ends_sleep(v)) {
		vcpu_timer_arm_stand_in(v);
	} else {
		timer_cancel(&v->timer);
	}
}

static inline void vcpu_timer_unblock(struct vcpu *v)
{
	if (!v->timer_off)
		return;
	v->timer_off = false;
	if (timer_has_sstc()) {
		csr_write(CSR_VSTIMECMP, v->vs.vstimecmp);
		/* No other hart arms it: if it reads as not armed, it is not. */
		if (atomic_read(&v->timer.armed))
			timer_cancel(&v->timer);
	} else {
		vcpu_timer_set_stand_in(v, v->timer_deadline);
	}
}

/* vcpu_timer_clock_moved - own pcpu, loaded: the guest's clock was put back by a pause. The hart sees that by
 * htimedelta; the stand-in, which counts host time, has to be told. */
static inline void vcpu_timer_clock_moved(struct vcpu *v)
{
	if (!timer_has_sstc() && !v->timer_off)
		vcpu_timer_set_stand_in(v, v->timer_deadline);
}

/* vcpu_timer_reset - own pcpu, in RESET: no deadline. */
void vcpu_timer_reset(struct vcpu *v);

#endif
