// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/vm_part.h"

uint32_t vm_new_phandle(struct vm *vm)
{
	return VM_PHANDLE_PARTS + vm->nr_phandles++;
}

void vm_reserve(struct vm *vm, struct vm_reserved *r)
{
	r->next = vm->reserved;
	vm->reserved = r;
}
