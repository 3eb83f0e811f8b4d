/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts to a vcpu: posted bits and level lines on the way in, hvip at the end (design,
 * "Interrupts: one kind of writer for each word").
 */
#ifndef VCPU_IRQ_H
#define VCPU_IRQ_H

#include "arch/csr.h"
#include "vcpu/vcpu.h"
#include "vcpu/vtimer.h"

#define GUEST_IRQS (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT))

/*
 * vcpu_inject - post the latched interrupts @mask (BIT(IRQ_VS_SOFT)) to @v and kick it. The bits play
 * the part of a request: set, full fence, look at the mode.
 * Context: any hart, any locks of ranks before LOCK_RUNQ.
 * vcpu_inject_claim - likewise, by vcpu_kick_claim().
 */
bool vcpu_inject_claim(struct vcpu *v, uint64_t mask);
void vcpu_inject(struct vcpu *v, uint64_t mask);

/*
 * vcpu_inject_self - own pcpu, loaded, handling its call: there is nothing to kick, and nothing else writes hvip, so there
 * it goes. On the fast path that is all, as the sync reads hvip when the vcpu leaves guest mode.
 */
static inline void vcpu_inject_self(struct vcpu *v, uint64_t mask)
{
	csr_set(CSR_HVIP, mask);
	if (vcpu_mode(v) != OUTSIDE_GUEST_MODE)
		return;
	v->irq.shadow |= mask;
	v->irq.hvip |= mask;
}

/*
 * vcpu_set_level - line @irq (IRQ_VS_EXT) of @v is now @high. Rising kicks; falling is seen at the
 * next entry, since lowering a line from another hart may race with its taking on real hardware
 * too (PLIC: a claim then returns 0). The caller's lock orders the changes of one line.
 */
void vcpu_set_level(struct vcpu *v, unsigned int irq, bool high);

/* With Sstc the hart compares vstimecmp itself and hvip.VSTIP is not used. */
static inline uint64_t vcpu_irq_timer_level(struct vcpu *v)
{
	return !timer_has_sstc() && vcpu_timer_pending(v) ? BIT(IRQ_VS_TIMER) : 0;
}

/* vcpu_irq_flush - own pcpu, before entry, interrupts off: bring hvip up to date. */
static inline void vcpu_irq_flush(struct vcpu *v)
{
	uint64_t hvip;

	if (atomic_read(&v->irq.inject))
		v->irq.shadow |= atomic_exchange(&v->irq.inject, 0);
	hvip = v->irq.shadow | atomic_read(&v->irq.levels) | vcpu_irq_timer_level(v);
	if (hvip != v->irq.hvip) {
		csr_write(CSR_HVIP, hvip);
		v->irq.hvip = hvip;
	}
}

/*
 * vcpu_irq_hide - own pcpu, loaded, will sleep: what is pending stays in the words of struct vcpu_irq, but
 * out of hvip, where it would end each WFI of the hart even if it must not wake the vcpu (PV_WAIT, a
 * pause, a stopped hart).
 */
static inline void vcpu_irq_hide(struct vcpu *v)
{
	csr_write(CSR_HVIP, 0);
	v->irq.hvip = 0;
}

/* vcpu_irq_sync - own pcpu, after exit: take back what the guest can change itself (VSSIP). */
static inline void vcpu_irq_sync(struct vcpu *v)
{
	v->irq.hvip = csr_read(CSR_HVIP);
	v->irq.shadow = v->irq.hvip & BIT(IRQ_VS_SOFT);
}

/*
 * vcpu_irq_posted - own pcpu, loaded: an interrupt other than the timer's is pending and enabled in vsie.
 * (hie's VS bits are vsie, in the positions of hip and hvip.)
 */
static inline bool vcpu_irq_posted(const struct vcpu *v)
{
	uint64_t posted = v->irq.shadow | atomic_read(&v->irq.inject) | atomic_read(&v->irq.levels);

	return (posted & csr_read(CSR_HIE) & GUEST_IRQS) != 0;
}

/* vcpu_irq_level_moved - own pcpu, loaded: is its external line other than what hvip has? */
static inline bool vcpu_irq_level_moved(const struct vcpu *v)
{
	return ((v->irq.hvip ^ atomic_read(&v->irq.levels)) & BIT(IRQ_VS_EXT)) != 0;
}

/* vcpu_irq_take_soft - own pcpu, between vcpu_irq_sync() and vcpu_irq_flush(): clear VSSIP; was it pending? Both words are this
 * pcpu's to take from. */
static inline bool vcpu_irq_take_soft(struct vcpu *v)
{
	uint64_t soft = BIT(IRQ_VS_SOFT);
	uint64_t pending = (atomic_fetch_and(&v->irq.inject, ~soft) | v->irq.shadow) & soft;

	v->irq.shadow &= ~soft;
	return pending != 0;
}

/* vcpu_irq_reset - own pcpu, in RESET: nothing posted, nothing latched. Level lines stay. */
void vcpu_irq_reset(struct vcpu *v);

#endif
