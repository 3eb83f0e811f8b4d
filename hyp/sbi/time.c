// SPDX-License-Identifier: BSD-2-Clause
/* TIME: the guest's timer, for guests without Sstc (riscv-sbi-doc, "Timer Extension"). */
#include "sbi/calls.h"

static struct next time_handle(struct vcpu *v, uint64_t fid)
{
	return fid == SBI_TIME_SET_TIMER ? sbi_set_timer(v) : sbi_err(v, SBI_ERR_NOT_SUPPORTED);
}

const struct sbi_extension sbi_ext_time = {
	.name = "TIME",
	.eid_first = SBI_EXT_TIME,
	.eid_last = SBI_EXT_TIME,
	.handle = time_handle,
};
