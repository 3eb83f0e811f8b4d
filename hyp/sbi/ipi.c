// SPDX-License-Identifier: BSD-2-Clause
/* sPI: interrupts between a guest's harts (riscv-sbi-doc, "IPI Extension"). */
#include "arch/csr.h"
#include "lib/bits.h"
#include "sbi/sbi.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

void sbi_send_ipi(struct vm *vm, uint64_t set)
{
	for (; set; set &= set - 1)
		vcpu_inject(vm->vcpus[bit_first(set)], BIT(IRQ_VS_SOFT));
}

/*
 * A sibling that sleeps on the sender's own hart is to answer at once: the sender may well wait for what
 * it asks for, as for a lock that it gave up for the other one, and would keep the hart until its slice is
 * over. One on another hart is that hart's business.
 */
static inline bool sleeps_here(const struct vcpu *v, const struct vcpu *to)
{
	return atomic_read(&to->blocked) && atomic_read(&to->se.pcpu) == atomic_read(&v->se.pcpu);
}

static void send_to_one(struct vcpu *v, struct vcpu *to)
{
	if (to == v) {
		vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
		return;
	}
	if (sleeps_here(v, to))
		v->yield_to = to;
	vcpu_inject(to, BIT(IRQ_VS_SOFT));
}

static noinline void send_to_many(struct vcpu *v, uint64_t set)
{
	if (set & BIT(v->id))
		vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
	sbi_send_ipi(v->vm, set & ~BIT(v->id));
}

static always_inline struct sbi_ret send(struct vcpu *v, const uint64_t a[6])
{
	uint64_t set;
	int64_t err = sbi_hart_set(v->vm, a[0], a[1], &set);

	if (err)
		return sbi_err(err);
	if (set & (set - 1))
		send_to_many(v, set);
	else if (set != 0)
		send_to_one(v, v->vm->vcpus[bit_first(set)]);
	return sbi_ok(0);
}

static struct sbi_ret ipi_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	(void)eid;
	return fid == SBI_IPI_SEND_IPI ? send(v, a) : sbi_err(SBI_ERR_NOT_SUPPORTED);
}

/* A function of its own, so that an IPI to itself does not pay for what this one saves on the stack. */
static noinline struct light_end send_to_others(struct vcpu *v, sbi_after_fn *after)
{
	return sbi_light_end(v, send(v, &v->regs.x[REG_A0]), after);
}

static struct light_end send_quickly(struct vcpu *v, sbi_after_fn *after)
{
	if (!sbi_names_self(v, v->regs.x[REG_A0], v->regs.x[REG_A1]))
		return send_to_others(v, after);
	vcpu_inject_self(v, BIT(IRQ_VS_SOFT));
	return sbi_quick_ok(v, 0);
}

static sbi_quick_fn *const quick[SBI_FIRST_FUNCTIONS] = {
	[SBI_IPI_SEND_IPI] = send_quickly,
};

const struct sbi_extension sbi_ext_ipi = {
	.name = "IPI",
	.eid_first = SBI_EXT_IPI,
	.eid_last = SBI_EXT_IPI,
	.handle = ipi_handle,
	.light = BIT(SBI_IPI_SEND_IPI),
	.quick = &quick,
	.nr_quick = SBI_IPI_SEND_IPI + 1,
};
