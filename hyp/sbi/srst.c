// SPDX-License-Identifier: BSD-2-Clause
/* SRST: the guest powers itself off or reboots (riscv-sbi-doc, "System Reset Extension"). */
#include "sbi/sbi.h"
#include "vcpu/console.h"

/*
 * Both parameters are 32 bits wide. Whatever is not standard is either reserved or a platform's own and
 * not implemented here, which the specification answers alike.
 */
static struct next system_reset(struct vcpu *v, uint32_t type, uint32_t reason)
{
	enum vm_stop how = VM_STOP_POWEROFF;
	const char *why = "SBI shutdown";

	if (type > SBI_SRST_TYPE_WARM_REBOOT || reason > SBI_SRST_REASON_SYSTEM_FAILURE)
		return sbi_err(v, SBI_ERR_INVALID_PARAM);
	/* A failure that ends in a shutdown is still the shutdown that was asked for: on-crash does
	 * not restart it. */
	if (type != SBI_SRST_TYPE_SHUTDOWN) {
		how = VM_STOP_REBOOT;
		why = reason ? "SBI reboot after a system failure" : "SBI reboot";
	} else if (reason) {
		why = "SBI shutdown after a system failure";
	}
	if (vcpu_console_is_out(v))
		vm_stop(v->vm, how, why);
	return sbi_ok(v, 0);
}

static struct next srst_handle(struct vcpu *v, uint64_t fid)
{
	if (sbi_is_fast(v))
		return sbi_exit();
	if (fid != SBI_SRST_SYSTEM_RESET)
		return sbi_err(v, SBI_ERR_NOT_SUPPORTED);
	return system_reset(v, (uint32_t)sbi_arg(v, 0), (uint32_t)sbi_arg(v, 1));
}

const struct sbi_extension sbi_ext_srst = {
	.name = "SRST",
	.eid_first = SBI_EXT_SRST,
	.eid_last = SBI_EXT_SRST,
	.handle = srst_handle,
};
