// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/irq.h"

#include "arch/csr.h"
#include "vcpu/vtimer.h"

bool vcpu_inject_claim(struct vcpu *v, uint64_t mask)
{
	(void)atomic_fetch_or(&v->irq.inject, mask);
	return vcpu_kick_claim(v);
}

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

void vcpu_irq_reset(struct vcpu *v)
{
	(void)atomic_exchange(&v->irq.inject, 0);
	v->irq.shadow = 0;
}
