// SPDX-License-Identifier: BSD-2-Clause
/* HSM: starting, stopping, suspending harts (riscv-sbi-doc, "Hart State Management Extension"). */
#include "vcpu/hsm.h"

#include "sbi/sbi.h"

static struct next hart_start(struct vcpu *v, uint64_t hartid, uint64_t pc, uint64_t arg)
{
	struct vcpu *target = vm_vcpu(v->vm, hartid);

	if (!target)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	/* Two bytes are the shortest instruction, and what it must be aligned to. */
	if (!is_aligned(pc, 2) || !gstage_is_ram(&v->vm->gstage, gpa(pc), 2))
		return sbi_err(v, SBI_ERR_INVALID_ADDRESS);
	if (vcpu_hsm_start(target, gpa(pc), arg))
		return sbi_err(v, SBI_ERR_ALREADY_AVAILABLE);
	return sbi_ok(v, 0);
}

static struct next hart_status(struct vcpu *v, uint64_t hartid)
{
	const struct vcpu *target = vm_vcpu(v->vm, hartid);

	return target ? sbi_ok(v, vcpu_hsm_status(target)) : sbi_err(v, SBI_ERR_INVALID_PARAM);
}

/*
 * suspend_type is 32 bits wide: 0 and 0x80000000 are the defaults, what follows each is reserved up
 * to 0x0fffffff and 0x8fffffff, the rest platform-specific, of which we have none.
 */
static struct next hart_suspend(struct vcpu *v, uint32_t type)
{
	switch (type) {
	case SBI_HSM_SUSPEND_RETENTIVE:
		vcpu_hsm_suspend(v);
		return sbi_ok(v, 0);
	case SBI_HSM_SUSPEND_NON_RETENTIVE:
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	default:
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	}
}

static struct next hsm_handle(struct vcpu *v, uint64_t fid)
{
	switch (fid) {
	case SBI_HSM_HART_START:
		return hart_start(v, sbi_arg(v, 0), sbi_arg(v, 1), sbi_arg(v, 2));
	case SBI_HSM_HART_GET_STATUS:
		return hart_status(v, sbi_arg(v, 0));
	case SBI_HSM_HART_STOP:
		if (sbi_is_fast(v))
			return sbi_exit();
		vcpu_hsm_stop(v);
		return sbi_ok(v, 0); /* unseen: the vcpu does not run on */
	case SBI_HSM_HART_SUSPEND:
		return sbi_is_fast(v) ? sbi_exit() : hart_suspend(v, (uint32_t)sbi_arg(v, 0));
	default:
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_ext_hsm = {
	.name = "HSM",
	.eid_first = SBI_EXT_HSM,
	.eid_last = SBI_EXT_HSM,
	.handle = hsm_handle,
};
