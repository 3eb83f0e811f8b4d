// SPDX-License-Identifier: BSD-2-Clause
/* PVLK: KICK_CPU by the number that the RISC-V pvqspinlock RFC for Linux has. Off unless asked for. */
#include "pv/pv.h"
#include "sbi/sbi.h"

static uint64_t pvlk_probe(const struct vm *vm, uint32_t eid)
{
	(void)eid;
	return vm->pv.pvlk;
}

static struct next pvlk_handle(struct vcpu *v, uint64_t fid)
{
	return fid == HARTVISOR_PVLK_KICK_CPU ? pv_kick(v, sbi_arg(v, 0)) :
						sbi_err(v, SBI_ERR_NOT_SUPPORTED);
}

const struct sbi_extension sbi_ext_pvlk = {
	.name = "PVLK",
	.eid_first = HARTVISOR_SBI_EXT_PVLK,
	.eid_last = HARTVISOR_SBI_EXT_PVLK,
	.probe = pvlk_probe,
	.handle = pvlk_handle,
};
