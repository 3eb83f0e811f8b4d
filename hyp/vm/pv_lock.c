// SPDX-License-Identifier: BSD-2-Clause
#include "vm/pv.h"

/* The RAM itself may not be there yet: a VM has it only from when it is to be started. */
static bool is_in_ram(const struct vm *vm, gpa_t base, uint64_t size)
{
	uint64_t offset = base.gpa - GUEST_RAM_BASE, memory = vm->config->memory;

	return base.gpa >= GUEST_RAM_BASE && offset <= memory && size <= memory - offset;
}

int pv_lock_place(struct vm *vm, gpa_t base)
{
	if (!(vm->pv.calls & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_ENXIO;
	if (vm->pv.locks.gpa != 0)
		return HV_EEXIST;
	if (!is_aligned(base.gpa, HARTVISOR_PV_LOCK_SIZE) || !is_in_ram(vm, base, pv_lock_size(vm)))
		return HV_EINVAL;
	vm->pv.locks = base;
	return HV_OK;
}
