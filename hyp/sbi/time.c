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

static noinline struct light_end set_stand_in(struct vcpu *v)
{
	vcpu_timer_set_stand_in(v, v->regs.x[REG_A0]);
	return sbi_quick_ok(v, 0);
}

/* With Sstc: no call, so nothing on the stack. */
static struct light_end set_timer_quickly(struct vcpu *v, sbi_after_fn *after)
{
	(void)after;
	if (!timer_has_sstc())
		return set_stand_in(v);
	vcpu_timer_set(v, v->regs.x[REG_A0]);
	return sbi_quick_ok(v, 0);
}

static sbi_quick_fn *const quick[SBI_FIRST_FUNCTIONS] = {
	[SBI_TIME_SET_TIMER] = set_timer_quickly,
};

const struct sbi_extension sbi_ext_time = {
	.name = "TIME",
	.eid_first = SBI_EXT_TIME,
	.eid_last = SBI_EXT_TIME,
	.handle = time_handle,
	.light = BIT(SBI_TIME_SET_TIMER),
	.quick = &quick,
	.nr_quick = SBI_TIME_SET_TIMER + 1,
};
