// SPDX-License-Identifier: BSD-2-Clause
/* TIME: the guest's timer, for guests without Sstc (riscv-sbi-doc, "Timer Extension"). */
#include "sbi/sbi.h"
#include "vcpu/vtimer.h"

static struct sbi_ret time_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	(void)eid;
	if (fid != SBI_TIME_SET_TIMER)
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	vcpu_timer_set(v, a[0]);
	return sbi_ok(0);
}

const struct sbi_extension sbi_ext_time = {
	.name = "TIME",
	.eid_first = SBI_EXT_TIME,
	.eid_last = SBI_EXT_TIME,
	.handle = time_handle,
	.light = BIT(SBI_TIME_SET_TIMER),
};
