// SPDX-License-Identifier: BSD-2-Clause
/* BASE: who serves here, and what else there is (riscv-sbi-doc, "Base Extension"). */
#include "sbi/sbi.h"

static const uint64_t versions[SBI_FIRST_FUNCTIONS] = {
	[SBI_BASE_GET_SPEC_VERSION] = SBI_SPEC_VERSION,
	[SBI_BASE_GET_IMPL_ID] = HARTVISOR_SBI_IMPL_ID,
	[SBI_BASE_GET_IMPL_VERSION] = SBI_IMPL_VERSION,
};

/* The argument is an EID, so a signed 32-bit number like the one in a7. */
static uint64_t probe_extension(const struct vm *vm, uint64_t eid)
{
	return (int64_t)eid == (int32_t)(uint32_t)eid ? sbi_probe(vm, (uint32_t)eid) : 0;
}

static struct sbi_ret base_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	(void)eid;
	switch (fid) {
	case SBI_BASE_GET_SPEC_VERSION:
	case SBI_BASE_GET_IMPL_ID:
	case SBI_BASE_GET_IMPL_VERSION:
		return sbi_ok(versions[fid % SBI_FIRST_FUNCTIONS]);
	case SBI_BASE_PROBE_EXTENSION:
		return sbi_ok(probe_extension(v->vm, a[0]));
	case SBI_BASE_GET_MVENDORID:
		return sbi_ok(sbi_ids.mvendorid);
	case SBI_BASE_GET_MARCHID:
		return sbi_ok(sbi_ids.marchid);
	case SBI_BASE_GET_MIMPID:
		return sbi_ok(sbi_ids.mimpid);
	default:
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_ext_base = {
	.name = "BASE",
	.eid_first = SBI_EXT_BASE,
	.eid_last = SBI_EXT_BASE,
	.handle = base_handle,
	.light = UINT64_MAX,
	.constants = &versions,
	.nr_constants = SBI_BASE_GET_IMPL_VERSION + 1,
};
