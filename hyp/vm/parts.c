// SPDX-License-Identifier: BSD-2-Clause
#include "vm/parts.h"

#include <string.h>

/* The linker's table. A program without parts has none. */
extern const struct vm_part *const parts_start[] __asm__("__start_vm_parts") __attribute__((weak));
extern const struct vm_part *const parts_stop[] __asm__("__stop_vm_parts") __attribute__((weak));

unsigned int parts_properties(struct property_table *out, unsigned int max)
{
	unsigned int n = 0;

	for (const struct vm_part *const *p = parts_start; p < parts_stop && n < max; p++)
		if ((*p)->properties.nr != 0)
			out[n++] = (*p)->properties;
	return n;
}

/* Of an array that is as large as the largest structure of properties, and aligned for any. */
#define CONFIG_WORDS (VM_PART_CONFIG_MAX / sizeof(uint64_t))

static void read_config(const struct vm_part *part, struct config_node *n, void *out)
{
	if (part->config_size != 0)
		memcpy(out, part->config_default, part->config_size);
	if (n->fdt)
		property_read_all(n, &part->properties, out);
}

void parts_check(struct config_node *n)
{
	uint64_t config[CONFIG_WORDS];

	for (const struct vm_part *const *p = parts_start; p < parts_stop; p++)
		read_config(*p, n, config);
}

static int create(struct vm *vm, const struct vm_part *part, struct config_node *n,
		  const struct vm_ram_plan *plan)
{
	struct vm_part_of *p = arena_new(&vm->arena, struct vm_part_of);
	uint64_t config[CONFIG_WORDS];
	const struct vm_part_args args = { config, plan, n };
	int err;

	if (!p)
		return HV_ENOMEM;
	p->part = part;
	/* All that is wrong with them has been told when the configuration was read. */
	n->quiet = true;
	read_config(part, n, config);
	n->quiet = false;
	err = part->create(vm, &args, &p->state);
	if (err != HV_OK)
		return err;
	p->before = vm->last_part;
	*(p->before ? &p->before->next : &vm->parts) = p;
	vm->last_part = p;
	return HV_OK;
}

int parts_create(struct vm *vm, struct config_node *n, const struct vm_ram_plan *plan)
{
	for (unsigned int order = 0; order < VM_PART_ORDERS; order++) {
		for (const struct vm_part *const *p = parts_start; p < parts_stop; p++) {
			int err = (*p)->order == order ? create(vm, *p, n, plan) : HV_OK;

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
