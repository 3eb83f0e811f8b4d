/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's timer. With Sstc the guest owns vstimecmp while it runs and the hart raises VSTIP; while
 * the vcpu is off its hart a host timer with the same deadline stands in and wakes it. Without Sstc
 * the deadline comes by SBI, the host timer serves throughout, and VSTIP is a level recomputed at flush.
 */
#ifndef VCPU_VTIMER_H
#define VCPU_VTIMER_H

#include "arch/csr.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

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

/* vcpu_timer_pending - own pcpu: is the guest's timer interrupt due? */
bool vcpu_timer_pending(struct vcpu *v);

/* What these two leave to others. */
void vcpu_timer_arm_stand_in(struct vcpu *v);
void vcpu_timer_block_stand_in(struct vcpu *v);

/*
 * vcpu_timer_block / vcpu_timer_unblock - own pcpu: arm and take away the stand-in around a halt or a
 * time off the hart. Each may be called again without effect.
 *
 * With Sstc, vstimecmp must not stay armed while the vcpu does not run: an expired one would end every
 * WFI of the hart at once. Only a halted vcpu that an interrupt wakes needs the stand-in; a runnable
 * one is waiting for its turn anyway, and a paused one's clock stands still.
 */
static inline void vcpu_timer_block(struct vcpu *v)
{
	if (v->timer_off)
		return;
	v->timer_off = true;
	if (!timer_has_sstc()) {
		vcpu_timer_block_stand_in(v);
		return;
	}
	v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);
	csr_write(CSR_VSTIMECMP, TIMER_NEVER);
	if (v->halted && !v->kick_only && !atomic_read(&v->vm->paused) &&
	    v->vs.vstimecmp != TIMER_NEVER && (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)))
		vcpu_timer_arm_stand_in(v);
}

static inline void vcpu_timer_unblock(struct vcpu *v)
{
	if (!v->timer_off)
		return;
	v->timer_off = false;
	if (timer_has_sstc()) {
		csr_write(CSR_VSTIMECMP, v->vs.vstimecmp);
		/* Nobody else arms it: if it reads as not armed, it is not. */
		if (atomic_read(&v->timer.armed))
			timer_cancel(&v->timer);
	} else {
		vcpu_timer_set_stand_in(v, v->timer_deadline);
	}
}

/* vcpu_timer_reset - own pcpu, in RESET: no deadline. */
void vcpu_timer_reset(struct vcpu *v);

#endif
