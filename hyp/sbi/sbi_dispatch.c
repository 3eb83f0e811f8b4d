// SPDX-License-Identifier: BSD-2-Clause
#include "sbi/sbi.h"

struct sbi_ids sbi_ids;

/* The ones that guests call most come first. */
static const struct sbi_extension *const extensions[] = {
	&sbi_ext_time, &sbi_ext_ipi,  &sbi_ext_vendor, &sbi_ext_rfence, &sbi_ext_dbcn, &sbi_ext_hsm,
	&sbi_ext_base, &sbi_ext_srst, &sbi_ext_legacy, &sbi_ext_sta,	&sbi_ext_pvlk,
};

/* 0x0 to 0xf: the legacy extensions and the numbers kept for more of them. */
#define LEGACY_EID_LAST 0x0f

/*
 * EIDs and FIDs are signed 32-bit integers, so a register holds one in sign-extended form; anything
 * else is no number of an extension or function at all (riscv-sbi-doc, "Binary Encoding").
 */
static bool is_int32(uint64_t reg)
{
	return reg == (uint64_t)(int64_t)(int32_t)(uint32_t)reg;
}

static uint64_t extension_probe(const struct sbi_extension *ext, const struct vm *vm, uint32_t eid)
{
	return ext->probe ? ext->probe(vm, eid) : 1;
}

/* The extension that serves @eid and that @vm has, or NULL. */
static const struct sbi_extension *extension_find(const struct vm *vm, uint32_t eid)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(extensions); i++) {
		const struct sbi_extension *ext = extensions[i];

		if (eid >= ext->eid_first && eid <= ext->eid_last)
			return extension_probe(ext, vm, eid) ? ext : NULL;
	}
	return NULL;
}

uint64_t sbi_probe(const struct vm *vm, uint32_t eid)
{
	const struct sbi_extension *ext = extension_find(vm, eid);

	return ext ? extension_probe(ext, vm, eid) : 0;
}

static struct sbi_ret dispatch(struct vcpu *v, uint64_t eid, uint64_t fid, const uint64_t a[6])
{
	const struct sbi_extension *ext = NULL;

	if (is_int32(eid))
		ext = extension_find(v->vm, (uint32_t)eid);
	if (!ext || (!ext->legacy && !is_int32(fid)))
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	return ext->handle(v, (uint32_t)eid, (uint32_t)fid, a);
}

void sbi_call(struct vcpu *v)
{
	uint64_t *x = v->regs.x;
	const uint64_t a[6] = { x[REG_A0], x[REG_A1], x[REG_A2], x[REG_A3], x[REG_A4], x[REG_A5] };
	const uint64_t eid = x[REG_A7];
	struct sbi_ret ret;

	/* First: a call that halts the vcpu goes on behind the ecall, which is never compressed. */
	v->regs.sepc += 4;
	ret = dispatch(v, eid, x[REG_A6], a);
	x[REG_A0] = (uint64_t)ret.error;
	if (eid > LEGACY_EID_LAST)
		x[REG_A1] = ret.value;
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
