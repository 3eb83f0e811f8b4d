// SPDX-License-Identifier: BSD-2-Clause
/* BASE: the implementation, and the other extensions (riscv-sbi-doc, "Base Extension"). */
#include "sbi/calls.h"

/* The argument is an EID, so a signed 32-bit number like the one in a7. */
static uint64_t probe_extension(const struct vm *vm, uint64_t eid)
{
	return (int64_t)eid == (int32_t)(uint32_t)eid ? sbi_probe(vm, (uint32_t)eid) : 0;
}

static struct next base_handle(struct vcpu *v, uint64_t fid)
{
	switch (fid) {
	case SBI_BASE_GET_SPEC_VERSION:
	case SBI_BASE_GET_IMPL_ID:
	case SBI_BASE_GET_IMPL_VERSION:
		return sbi_base_constant(v, fid);
	case SBI_BASE_PROBE_EXTENSION:
		return sbi_ok(v, probe_extension(v->vm, sbi_arg(v, 0)));
	case SBI_BASE_GET_MVENDORID:
		return sbi_ok(v, sbi_ids.mvendorid);
	case SBI_BASE_GET_MARCHID:
		return sbi_ok(v, sbi_ids.marchid);
	case SBI_BASE_GET_MIMPID:
		return sbi_ok(v, sbi_ids.mimpid);
	default:
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_ext_base = {
	.name = "BASE",
	.eid_first = SBI_EXT_BASE,
	.eid_last = SBI_EXT_BASE,
	.handle = base_handle,
};
