// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/irq.h"

#include "arch/csr.h"
#include "arch/trace.h"
#include "vcpu/vtimer.h"

static void trace_inject(const struct vcpu *v, uint64_t irqs, uint64_t unused)
{
	(void)unused;
	trace_event(TRACE_INJECT, sched_label(&v->se), 0, irqs, 0);
}

bool vcpu_inject_claim(struct vcpu *v, uint64_t mask)
{
	if (trace_is_on())
		trace_call(trace_inject, v, mask, 0);
	(void)atomic_fetch_or(&v->irq.inject, mask);
	return vcpu_kick_claim(v);
}

void vcpu_inject(struct vcpu *v, uint64_t mask)
{
	if (trace_is_on())
		trace_call(trace_inject, v, mask, 0);
	(void)atomic_fetch_or(&v->irq.inject, mask);
	vcpu_kick(v);
}

void vcpu_set_level(struct vcpu *v, unsigned int irq, bool high)
{
	if (high) {
		if (trace_is_on())
			trace_call(trace_inject, v, BIT(irq), 0);
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
