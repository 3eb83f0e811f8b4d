// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm.h"

#include <string.h>

#include "vcpu/request.h"

struct vm *vms[VM_MAX];
unsigned int nr_vms;

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	uint32_t running = VM_RUNNING;

	if (!atomic_compare_exchange(&vm->state, &running, VM_STOPPING))
		return false;
	atomic_set(&vm->stop, how);
	vm->stop_why[0] = '\0';
	if (why)
		(void)strncat(vm->stop_why, why, sizeof(vm->stop_why) - 1);
	(void)vm_make_all_vcpus_request(vm, REQUEST_VM_DEAD);
	return true;
}
