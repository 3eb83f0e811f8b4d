// SPDX-License-Identifier: BSD-2-Clause
/* STA: steal time (riscv-sbi-doc, "Steal-time Accounting Extension"). */
#include "lib/errno.h"
#include "sbi/sbi.h"
#include "pv/steal.h"

static struct next set_shmem(struct vcpu *v, uint64_t lo, uint64_t hi, uint64_t flags)
{
	bool off = lo == UINT64_MAX && hi == UINT64_MAX;

	if (flags != 0)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	if (!off && !is_aligned(lo, sizeof(struct sta_struct)))
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	/* The upper half is bits 64 and up of an address; RAM ends below. */
	if (!off && (hi != 0 || lo == UINT64_MAX))
		return sbi_err(v, SBI_ERR_INVALID_ADDRESS);
	if (pv_steal_set(v, off ? PV_OFF : gpa(lo)) != HV_OK)
		return sbi_err(v, SBI_ERR_INVALID_ADDRESS);
	return sbi_ok(v, 0);
}

static struct next sta_handle(struct vcpu *v, uint64_t fid)
{
	if (sbi_is_fast(v))
		return sbi_exit();
	if (fid != SBI_STA_SET_SHMEM)
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	return set_shmem(v, sbi_arg(v, 0), sbi_arg(v, 1), sbi_arg(v, 2));
}

const struct sbi_extension sbi_ext_sta = {
	.name = "STA",
	.eid_first = SBI_EXT_STA,
	.eid_last = SBI_EXT_STA,
	.handle = sta_handle,
};
