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

noinline void vcpu_timer_arm_stand_in(struct vcpu *v)
{
	timer_arm(&v->timer, to_host_time(v, v->vs.vstimecmp));
}

/* A paused one's stand-in would have to stop, as its clock does. */
void vcpu_timer_block_stand_in(struct vcpu *v)
{
	if (!v->halted || atomic_read(&v->vm->paused))
		timer_cancel(&v->timer);
}

void vcpu_timer_reset(struct vcpu *v)
{
	timer_cancel(&v->timer);
	v->timer_deadline = TIMER_NEVER;
	v->vs.vstimecmp = TIMER_NEVER;
	if (timer_has_sstc())
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
}
