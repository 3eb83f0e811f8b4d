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

void vm_windows_init(struct vm *vm, uint64_t ram_end, uint64_t limit)
{
	vm->windows = (struct vm_windows){ align_up(ram_end, VM_WINDOW_ALIGN), 0, limit };
}

uint64_t vm_window_room(const struct vm *vm)
{
	const struct vm_windows *w = &vm->windows;

	return w->next < w->limit ? w->limit - w->next : 0;
}

int vm_new_window(struct vm *vm, uint64_t size, gpa_t *base)
{
	struct vm_windows *w = &vm->windows;

	if (size == 0 || size > vm_window_room(vm))
		return HV_EINVAL;
	*base = gpa(w->next);
	w->end = w->next + size;
	w->next = align_up(w->end, VM_WINDOW_ALIGN);
	return HV_OK;
}
