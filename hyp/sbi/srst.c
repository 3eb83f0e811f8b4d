// SPDX-License-Identifier: BSD-2-Clause
/* SRST: the guest powers itself off or reboots (riscv-sbi-doc, "System Reset Extension"). */
#include "sbi/sbi.h"

/* Both parameters are 32 bits wide; from here on their values are a platform's or an SBI
 * implementation's, and we have none. What lies between those and the standard ones is reserved. */
#define SRST_TYPE_VENDOR 0xf0000000u
#define SRST_REASON_IMPL 0xe0000000u

static struct sbi_ret system_reset(struct vm *vm, uint32_t type, uint32_t reason)
{
	enum vm_stop how = VM_STOP_POWEROFF;
	const char *why = "SBI shutdown";

	if (type > SBI_SRST_TYPE_WARM_REBOOT)
		return sbi_err(type < SRST_TYPE_VENDOR ? SBI_ERR_INVALID_PARAM :
							 SBI_ERR_NOT_SUPPORTED);
	if (reason > SBI_SRST_REASON_SYSTEM_FAILURE)
		return sbi_err(reason < SRST_REASON_IMPL ? SBI_ERR_INVALID_PARAM :
							   SBI_ERR_NOT_SUPPORTED);
	/* A failure that ends in a shutdown is still the shutdown that was asked for: on-crash does
	 * not restart it. */
	if (type != SBI_SRST_TYPE_SHUTDOWN) {
		how = VM_STOP_REBOOT;
		why = reason ? "SBI reboot after a system failure" : "SBI reboot";
	} else if (reason) {
		why = "SBI shutdown after a system failure";
	}
	vm_stop(vm, how, why);
	return sbi_ok(0);
}

static struct sbi_ret srst_handle(struct vcpu *v, uint32_t eid, uint32_t fid, const uint64_t a[6])
{
	(void)eid;
	if (fid != SBI_SRST_SYSTEM_RESET)
		return sbi_err(SBI_ERR_NOT_SUPPORTED);
	return system_reset(v->vm, (uint32_t)a[0], (uint32_t)a[1]);
}

const struct sbi_extension sbi_ext_srst = {
	.name = "SRST",
	.eid_first = SBI_EXT_SRST,
	.eid_last = SBI_EXT_SRST,
	.handle = srst_handle,
};
