// SPDX-License-Identifier: BSD-2-Clause
#include "vm/parts.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "vm/config.h"

/* The linker's table. A program without parts has none. */
extern const struct vm_part *const parts_start[] __asm__("__start_vm_parts") __attribute__((weak));
extern const struct vm_part *const parts_stop[] __asm__("__stop_vm_parts") __attribute__((weak));

#define for_each_part(p) \
	for (const struct vm_part *const *(p) = parts_start; (p) < parts_stop; (p)++)

/* Of each child node of a VM that is a part. */
static const struct property child_rows[] = {
	PROPERTY_NAME("description"),
	PROPERTY_NAME("status"),
};

const struct property_table part_child_properties = PROPERTY_TABLE(child_rows);

unsigned int parts_properties(struct property_table *out, unsigned int max)
{
	unsigned int n = 0;

	for_each_part(p)
		if (!(*p)->child && (*p)->properties.nr != 0 && n < max)
			out[n++] = (*p)->properties;
	return n;
}

unsigned int parts_of_children(const struct vm_part **out, unsigned int max)
{
	unsigned int n = 0;

	for_each_part(p)
		if ((*p)->child && n < max)
			out[n++] = *p;
	return n;
}

void parts_add_children(struct text *t)
{
	for_each_part(p)
		if ((*p)->child)
			text_add(t, ", %s@N", (*p)->child);
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

/* --- what the VM's node says is checked ------------------------------------------------------------ */

static void check_config(const struct vm_part *part, struct config_node *n)
{
	uint64_t config[CONFIG_WORDS];
	bool failed = n->failed;

	n->failed = false;
	read_config(part, n, config);
	if (!n->failed && part->check)
		part->check(n, config);
	n->failed |= failed;
}

void parts_check(struct config_node *n)
{
	for_each_part(p)
		if (!(*p)->child)
			check_config(*p, n);
}

static bool is_called(const char *name, const char *child)
{
	size_t len = strlen(child);

	return strncmp(name, child, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

/* N of a node called CHILD@N; VM_PART_UNITS when it is not written as it must be. */
static unsigned int unit_of(const char *name)
{
	const char *unit = strchr(name, '@');

	for (unsigned int i = 0; unit && i < VM_PART_UNITS; i++) {
		char is[8];

		snprintf(is, sizeof(is), "@%x", i);
		if (strcmp(unit, is) == 0)
			return i;
	}
	return VM_PART_UNITS;
}

static struct config_node child_node(const struct config_node *vm, int node,
				     char path[FDTX_PATH_MAX])
{
	struct config_node n = *vm;

	n.node = node;
	n.path = fdtx_path(vm->fdt, node, path, FDTX_PATH_MAX);
	n.failed = false;
	return n;
}

static void check_child(struct config_node *n, const struct vm_part *part, bool is_first)
{
	const struct property_table known[] = { part->properties, part_child_properties };

	if (unit_of(fdtx_name(n->fdt, n->node)) == VM_PART_UNITS)
		config_error(n, NULL,
			     "must be called %s@N, N from 0 to %x in hexadecimal, without leading "
			     "zeros",
			     part->child, VM_PART_UNITS - 1);
	else if (!is_first)
		config_error(n, NULL, "must be unique: another node has this name");
	if (!fdtx_is_available(n->fdt, n->node))
		config_error(n, "status", "must be \"okay\" or \"disabled\"");
	property_check_names(n, known, ARRAY_SIZE(known));
	check_config(part, n);
}

static const struct vm_part *part_of_child(const void *fdt, int node)
{
	for_each_part(p)
		if ((*p)->child && is_called(fdtx_name(fdt, node), (*p)->child))
			return *p;
	return NULL;
}

bool parts_check_child(struct config_node *vm, int child)
{
	const struct vm_part *part = part_of_child(vm->fdt, child);
	char path[FDTX_PATH_MAX];
	struct config_node n;

	if (!part)
		return false;
	n = child_node(vm, child, path);
	if (fdtx_is_disabled(n.fdt, child))
		log_info("config: %s: status = \"disabled\": left out", path);
	else
		check_child(&n, part,
			    fdt_subnode_offset(vm->fdt, vm->node, fdtx_name(vm->fdt, child)) ==
				    child);
	vm->failed |= n.failed;
	return true;
}

/* --- the parts are made ---------------------------------------------------------------------------- */

static int create(struct vm *vm, const struct vm_part *part, struct config_node *n,
		  unsigned int unit, const struct vm_ram_plan *plan)
{
	struct vm_part_of *p = arena_new(&vm->arena, struct vm_part_of);
	uint64_t config[CONFIG_WORDS];
	const struct vm_part_args args = { config, plan, n, unit };
	int err;

	if (!p)
		return HV_ENOMEM;
	p->part = part;
	p->unit = unit;
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

/* The child of each unit; below 0: there is none. */
static void find_children(const struct config_node *vm, const struct vm_part *part,
			  int nodes[VM_PART_UNITS])
{
	int node;

	for (unsigned int i = 0; i < VM_PART_UNITS; i++)
		nodes[i] = -1;
	fdtx_for_each_child(vm->fdt, vm->node, node) {
		unsigned int unit = unit_of(fdtx_name(vm->fdt, node));

		if (unit < VM_PART_UNITS && is_called(fdtx_name(vm->fdt, node), part->child) &&
		    !fdtx_is_disabled(vm->fdt, node))
			nodes[index_below(unit, VM_PART_UNITS)] = node;
	}
}

static int create_children(struct vm *vm, const struct vm_part *part, const struct config_node *n,
			   const struct vm_ram_plan *plan)
{
	int nodes[VM_PART_UNITS], err = HV_OK;
	char path[FDTX_PATH_MAX];

	if (!n->fdt)
		return HV_OK;
	find_children(n, part, nodes);
	for (unsigned int unit = 0; err == HV_OK && unit < VM_PART_UNITS; unit++) {
		struct config_node child;

		if (nodes[unit] < 0)
			continue;
		child = child_node(n, nodes[unit], path);
		err = create(vm, part, &child, unit, plan);
	}
	return err;
}

int parts_create(struct vm *vm, struct config_node *n, const struct vm_ram_plan *plan)
{
	for (unsigned int order = 0; order < VM_PART_ORDERS; order++) {
		for_each_part(p) {
			int err = HV_OK;

			if ((*p)->order == order)
				err = (*p)->child ? create_children(vm, *p, n, plan) :
						    create(vm, *p, n, 0, plan);
			if (err != HV_OK)
				return err;
		}
	}
	return HV_OK;
}

int parts_map(struct vm *vm, const struct vm_part_of **refused)
{
	for (const struct vm_part_of *p = vm->parts; p; p = p->next) {
		int err = p->part->map ? p->part->map(p->state, vm) : HV_OK;

		if (err != HV_OK) {
			*refused = p;
			return err;
		}
	}
	return HV_OK;
}

void parts_tell_map(const struct vm *vm, const struct vm_part_of *p, int err)
{
	char unit[8] = "";

	if (p->part->child)
		snprintf(unit, sizeof(unit), "@%x", p->unit);
	log_error(
		"config: %s/%s%s: cannot be mapped into the VM: %s", vm->config->path,
		p->part->child ? p->part->child : p->part->name, unit,
		err == HV_ENOMEM ? "no memory is left for its page tables, or no slot" :
		err == HV_EEXIST ? "something else is at its addresses" :
				   "its addresses are not within what the VM's G-stage addresses");
}

bool parts_reset_step(struct vm_part_of **next)
{
	struct vm_part_of *p = *next;

	if (!p)
		return false;
	if (p->part->reset)
		p->part->reset(p->state);
	if (p->part->settled && !p->part->settled(p->state))
		return true;
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
