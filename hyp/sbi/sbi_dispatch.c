// SPDX-License-Identifier: BSD-2-Clause
#include "sbi/dispatch.h"

/* 0x0 to 0xf: the legacy extensions and the numbers kept for more of them. They answer in a0 alone. */
#define LEGACY_EID_LAST 0x0f

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

/* Those whose number is not known here, or that have several. */
static const struct sbi_extension *const ranges[] = { &sbi_ext_vendor, &sbi_ext_legacy };

const struct sbi_extension *sbi_find_range(uint64_t eid)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		if (eid >= ranges[i]->eid_first && eid <= ranges[i]->eid_last)
			return ranges[i];
	return NULL;
}

uint64_t sbi_probe(const struct vm *vm, uint32_t eid)
{
	const struct sbi_extension *ext = sbi_find(vm, int32_in_register(eid));

	if (!ext)
		return 0;
	return ext->probe ? ext->probe(vm, eid) : 1;
}

void sbi_answer(struct vcpu *v, const struct sbi_extension *ext)
{
	uint64_t *x = v->regs.x;
	const uint64_t fid = x[REG_A6];

	if (ext && ext->legacy) {
		x[REG_A0] = (uint64_t)ext->handle(v, (uint32_t)x[REG_A7], (uint32_t)fid, &x[REG_A0])
				    .error;
	} else if (ext && int32_in_register((uint32_t)fid) == fid) {
		sbi_do(v, ext);
	} else {
		x[REG_A0] = (uint64_t)SBI_ERR_NOT_SUPPORTED;
		if (x[REG_A7] > LEGACY_EID_LAST)
			x[REG_A1] = 0;
	}
}

void sbi_call(struct vcpu *v)
{
	/* First: a call that halts the vcpu goes on behind the ecall, which is never compressed. */
	v->regs.sepc += 4;
	sbi_answer(v, sbi_find(v->vm, v->regs.x[REG_A7]));
}

int64_t sbi_hart_set(const struct vm *vm, uint64_t mask, uint64_t base, uint64_t *set)
{
	*set = 0;
	if (base == UINT64_MAX) {
		*set = vm_all_vcpus(vm);
		return SBI_SUCCESS;
	}
	/* The base alone names nobody: it need not be a hart unless bit 0 says so. */
	if (mask == 0)
		return SBI_SUCCESS;
	if (base >= vm->nr_vcpus || (mask & ~(vm_all_vcpus(vm) >> base)))
		return SBI_ERR_INVALID_PARAM;
	*set = mask << base;
	return SBI_SUCCESS;
}
