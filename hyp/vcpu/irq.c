// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/irq.h"

#include "arch/csr.h"
#include "vcpu/vtimer.h"

#define GUEST_IRQS (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT))

void vcpu_inject(struct vcpu *v, uint64_t mask)
{
	(void)atomic_fetch_or(&v->irq.inject, mask);
	vcpu_kick(v);
}

void vcpu_set_level(struct vcpu *v, unsigned int irq, bool high)
{
	if (high) {
		(void)atomic_fetch_or(&v->irq.levels, BIT(irq));
		vcpu_kick(v);
	} else {
		(void)atomic_fetch_and(&v->irq.levels, ~BIT(irq));
	}
}

void vcpu_irq_take_posted(struct vcpu *v)
{
	v->irq.shadow |= atomic_exchange(&v->irq.inject, 0);
}

void vcpu_irq_hide(struct vcpu *v)
{
	csr_write(CSR_HVIP, 0);
	v->irq.hvip = 0;
}

/* hie's VS bits are vsie, in the positions of hip and hvip. */
bool vcpu_irq_posted(const struct vcpu *v)
{
	uint64_t posted = v->irq.shadow | atomic_read(&v->irq.inject) | atomic_read(&v->irq.levels);

	return (posted & csr_read(CSR_HIE) & GUEST_IRQS) != 0;
}

bool vcpu_irq_pending(struct vcpu *v)
{
	return vcpu_irq_posted(v) ||
	       ((csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)) && vcpu_timer_pending(v));
}

void vcpu_irq_reset(struct vcpu *v)
{
	(void)atomic_exchange(&v->irq.inject, 0);
	v->irq.shadow = 0;
}
