// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vtimer.h"

#include "arch/csr.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

/* Host time of guest time @when; TIMER_NEVER when it is beyond what host time can say. */
static uint64_t to_host_time(const struct vcpu *v, uint64_t when)
{
	uint64_t now = timer_now();
	uint64_t gnow = now + atomic_read(&v->vm->htimedelta);

	if (when <= gnow)
		return now;
	return when - gnow > TIMER_NEVER - now ? TIMER_NEVER : now + (when - gnow);
}

/* At once, since where the fast path goes on nothing else brings hvip up to date. */
static void show_timer(struct vcpu *v)
{
	uint64_t level = vcpu_irq_timer_level(v);

	csr_clear(CSR_HVIP, BIT(IRQ_VS_TIMER) & ~level);
	csr_set(CSR_HVIP, level);
	v->irq.hvip = (v->irq.hvip & ~BIT(IRQ_VS_TIMER)) | level;
}

void vcpu_timer_set_host(struct vcpu *v, uint64_t when)
{
	v->timer.deadline = when;
	if (vcpu_timer_pending(v))
		timer_cancel(&v->timer.host); /* the level below says it */
	else
		vcpu_timer_arm_host(v);
	show_timer(v);
}

noinline void vcpu_timer_arm_host(struct vcpu *v)
{
	uint64_t when = vcpu_timer_deadline(v), at;

	if (when == TIMER_NEVER) {
		timer_cancel(&v->timer.host);
		return;
	}
	at = to_host_time(v, when);
	/* Armed here already: this pcpu alone takes it off its queue, and does not while it is in here. */
	if (atomic_read(&v->timer.host.armed) &&
	    atomic_read(&v->timer.host.pcpu) == this_pcpu()->index && v->timer.host.deadline == at)
		return;
	timer_arm(&v->timer.host, at);
}

void vcpu_timer_reset(struct vcpu *v)
{
	timer_cancel(&v->timer.host);
	v->timer.deadline = TIMER_NEVER;
	v->vs.vstimecmp = TIMER_NEVER;
	if (timer_has_sstc())
		csr_write(CSR_VSTIMECMP, TIMER_NEVER);
}
