// SPDX-License-Identifier: BSD-2-Clause
#include "vm/parts.h"

/* The linker's table. A program without parts has none. */
extern const struct vm_part *const parts_start[] __asm__("__start_vm_parts") __attribute__((weak));
extern const struct vm_part *const parts_stop[] __asm__("__stop_vm_parts") __attribute__((weak));

uint32_t vm_new_phandle(struct vm *vm)
{
	return VM_PHANDLE_PARTS + vm->nr_phandles++;
}

void vm_reserve(struct vm *vm, struct vm_reserved *r)
{
	r->next = vm->reserved;
	vm->reserved = r;
}

static int create(struct vm *vm, const struct vm_part *part, const struct vm_ram_plan *plan)
{
	struct vm_part_of *p = arena_new(&vm->arena, struct vm_part_of);
	int err;

	if (!p)
		return HV_ENOMEM;
	p->part = part;
	err = part->create(vm, plan, &p->state);
	if (err != HV_OK)
		return err;
	p->before = vm->last_part;
	*(p->before ? &p->before->next : &vm->parts) = p;
	vm->last_part = p;
	return HV_OK;
}

int parts_create(struct vm *vm, const struct vm_ram_plan *plan)
{
	for (unsigned int order = 0; order < VM_PART_ORDERS; order++) {
		for (const struct vm_part *const *p = parts_start; p < parts_stop; p++) {
			int err = (*p)->order == order ? create(vm, *p, plan) : HV_OK;

			if (err != HV_OK)
				return err;
		}
	}
	return HV_OK;
}

bool parts_reset_step(struct vm_part_of **next)
{
	struct vm_part_of *p = *next;

	if (!p)
		return false;
	if (p->part->reset)
		p->part->reset(p->state);
	*next = p->before;
	return true;
}

void parts_destroy(struct vm *vm)
{
	for (const struct vm_part_of *p = vm->last_part; p; p = p->before)
		if (p->part->destroy)
			p->part->destroy(p->state);
	vm->parts = vm->last_part = NULL;
	vm->reserved = NULL;
}

void parts_describe(const struct vm *vm, struct fdtw *w, enum vm_place place)
{
	for (const struct vm_part_of *p = vm->parts; p; p = p->next)
		if (p->part->describe)
			p->part->describe(p->state, w, place);
}
