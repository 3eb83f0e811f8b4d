// SPDX-License-Identifier: BSD-2-Clause
#include "fake/registry.h"

struct vm *vms[VM_MAX];
unsigned int nr_vms;
int fake_vm_refs;

struct vm *vm_get(unsigned int id)
{
	struct vm *vm = id < nr_vms ? vms[id] : NULL;

	fake_vm_refs += vm != NULL;
	return vm;
}

void vm_put(struct vm *vm)
{
	(void)vm;
	fake_vm_refs--;
}

struct vm *vm_next(struct vm *vm)
{
	struct vm *next = vm_get(vm ? vm->id + 1 : 0);

	if (vm)
		vm_put(vm);
	return next;
}
