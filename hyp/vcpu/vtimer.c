// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vtimer.h"

#include "arch/csr.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

static uint64_t guest_now(const struct vcpu *v)
{
	return timer_now() + atomic_read(&v->vm->htimedelta);
}

/* Host time of guest time @when; TIMER_NEVER when it is beyond what host time can say. */
static uint64_t to_host_time(const struct vcpu *v, uint64_t when)
{
	uint64_t now = timer_now();
	uint64_t gnow = now + atomic_read(&v->vm->htimedelta);

	if (when <= gnow)
		return now;
	return when - gnow > TIMER_NEVER - now ? TIMER_NEVER : now + (when - gnow);
}

static bool due(const struct vcpu *v, uint64_t when)
{
	return when != TIMER_NEVER && guest_now(v) >= when;
}

/* At once, since after a light exit nobody else brings hvip up to date. */
static void show_timer(struct vcpu *v)
{
	uint64_t level = vcpu_irq_timer_level(v);

	csr_clear(CSR_HVIP, BIT(IRQ_VS_TIMER) & ~level);
	csr_set(CSR_HVIP, level);
	v->irq.hvip = (v->irq.hvip & ~BIT(IRQ_VS_TIMER)) | level;
}

void vcpu_timer_set_stand_in(struct vcpu *v, uint64_t when)
{
	v->timer_deadline = when;
	timer_cancel(&v->timer);
	if (when != TIMER_NEVER && !due(v, when))
		timer_arm(&v->timer, to_host_time(v, when));
	show_timer(v);
}

bool vcpu_timer_pending(struct vcpu *v)
{
	return due(v, timer_has_sstc() ? csr_read(CSR_VSTIMECMP) : v->timer_deadline);
}

static noinline void arm_stand_in(struct vcpu *v)
{
	timer_arm(&v->timer, to_host_time(v, v->vs.vstimecmp));
}

/*
 * With Sstc, vstimecmp must not stay armed while the vcpu does not run: an expired one would end every
 * WFI of the hart at once. Only a halted vcpu that an interrupt wakes needs the stand-in; a runnable
 * one is waiting for its turn anyway, and a paused one's clock stands still.
 */
void vcpu_timer_block(struct vcpu *v)
{
	if (v->timer_off)
		return;
	v->timer_off = true;
	if (timer_has_sstc()) {
		v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
		if (v->halted && !v->kick_only && !atomic_read(&v->vm->paused) &&
		    v->vs.vstimecmp != TIMER_NEVER && (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)))
			arm_stand_in(v);
	} else if (!v->halted || atomic_read(&v->vm->paused)) {
		timer_cancel(&v->timer);
	}
}

void vcpu_timer_unblock(struct vcpu *v)
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
		vcpu_timer_set(v, v->timer_deadline);
	}
}

void vcpu_timer_reset(struct vcpu *v)
{
	timer_cancel(&v->timer);
	v->timer_deadline = TIMER_NEVER;
	v->vs.vstimecmp = TIMER_NEVER;
	if (timer_has_sstc())
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
}
