// SPDX-License-Identifier: BSD-2-Clause
#include "pv/pv.h"

#include "vm/config_ram.h"

int pv_lock_place(struct vm *vm, gpa_t base)
{
	if (!(vm->pv.calls & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_ENXIO;
	if (vm->pv.locks.gpa != 0)
		return HV_EEXIST;
	/* The RAM itself may not be there yet: a VM has it only from when it is to be started. */
	if (!is_aligned(base.gpa, HARTVISOR_PV_LOCK_SIZE) ||
	    !config_is_ram(vm->config, base, pv_lock_size(vm)))
		return HV_EINVAL;
	vm->pv.locks = base;
	return HV_OK;
}
