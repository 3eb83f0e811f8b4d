// SPDX-License-Identifier: BSD-2-Clause
/* IPI: interrupts between a guest's harts (riscv-sbi-doc, "IPI Extension"). */
#include "arch/csr.h"
#include "sbi/calls.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

void sbi_send_ipi_set(struct vm *vm, struct vcpu_set set)
{
	struct vcpu *v;

	vm_for_each_vcpu(v, vm, set)
		vcpu_inject(v, BIT(IRQ_VS_SOFT));
}

/*
 * A sibling that sleeps on the sender's own hart is to answer at once: the sender may well wait for what
 * it asks for, as for a lock that it gave up for the other one, and would keep the hart until its slice is
 * over. One on another hart is that hart's business.
 */
static inline bool sleeps_here(const struct vcpu *v, const struct vcpu *to)
{
	return vcpu_is_blocked(to) && sched_pcpu(&to->se) == sched_pcpu(&v->se);
}

static struct next send_to_other(struct vcpu *v, struct vcpu *to)
{
	(void)sbi_ok(v, 0);
	if (sleeps_here(v, to))
		return next_yield(to, vcpu_inject_claim(to, BIT(IRQ_VS_SOFT)));
	vcpu_inject(to, BIT(IRQ_VS_SOFT));
	return next_is(NEXT_GUEST);
}

static noinline struct next send_to_many(struct vcpu *v, struct vcpu_set set)
{
	if (vcpu_set_has(set, v->id))
		vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
	sbi_send_ipi_set(v->vm, vcpu_set_without(set, vcpu_set_of(v->id)));
	return sbi_ok(v, 0);
}

static noinline struct next send_to_set(struct vcpu *v)
{
	struct vcpu_set set;
	int64_t err = sbi_hart_set(v->vm, sbi_arg(v, 0), sbi_arg(v, 1), &set);

	if (err || vcpu_set_empty(set))
		return sbi_err(v, err);
	if (vcpu_set_has_many(set))
		return send_to_many(v, set);
	return vcpu_set_has(set, v->id) ? sbi_ipi_self(v) :
					  send_to_other(v, vm_lowest_vcpu(v->vm, set));
}

struct next sbi_send_ipi(struct vcpu *v)
{
	struct vcpu *to = sbi_one_hart(v);

	return to && to != v ? send_to_other(v, to) : send_to_set(v);
}

static struct next ipi_handle(struct vcpu *v, uint64_t fid)
{
	return fid == SBI_IPI_SEND_IPI ? sbi_send_ipi(v) : sbi_err(v, SBI_ERR_NOT_SUPPORTED);
}

const struct sbi_extension sbi_ext_ipi = {
	.name = "IPI",
	.eid_first = SBI_EXT_IPI,
	.eid_last = SBI_EXT_IPI,
	.handle = ipi_handle,
};
