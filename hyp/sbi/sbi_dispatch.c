// SPDX-License-Identifier: BSD-2-Clause
#include "sbi/dispatch.h"

#include "vcpu/console.h"

struct sbi_ids sbi_ids;

const struct sbi_extension *const sbi_extensions[32] = {
	[SBI_SLOT(SBI_EXT_BASE)] = &sbi_ext_base,
	[SBI_SLOT(SBI_EXT_TIME)] = &sbi_ext_time,
	[SBI_SLOT(SBI_EXT_IPI)] = &sbi_ext_ipi,
	[SBI_SLOT(SBI_EXT_RFNC)] = &sbi_ext_rfence,
	[SBI_SLOT(SBI_EXT_HSM)] = &sbi_ext_hsm,
	[SBI_SLOT(SBI_EXT_SRST)] = &sbi_ext_srst,
	[SBI_SLOT(SBI_EXT_DBCN)] = &sbi_ext_dbcn,
	[SBI_SLOT(SBI_EXT_STA)] = &sbi_ext_sta,
	[SBI_SLOT(HARTVISOR_SBI_EXT_PVLK)] = &sbi_ext_pvlk,
};

uint64_t sbi_probe(const struct vm *vm, uint32_t eid)
{
	const struct sbi_extension *ext = sbi_find(vm, sbi_int32_in_register(eid));

	if (!ext)
		return 0;
	return ext->probe ? ext->probe(vm, eid) : 1;
}

struct next sbi_call(struct vcpu *v)
{
	uint64_t a0 = v->regs.x[REG_A0], a1 = v->regs.x[REG_A1];
	struct next next;

	/* First: a call that halts the vcpu goes on behind the ecall, which is never compressed. */
	v->regs.sepc += 4;
	next = sbi_dispatch(v);
	if (vcpu_tries_again(v)) {
		v->regs.sepc -= 4;
		v->regs.x[REG_A0] = a0;
		v->regs.x[REG_A1] = a1;
	}
	return next;
}
