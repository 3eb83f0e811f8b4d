// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_sched.h"

#include <stdio.h>
#include <string.h>

#include "lib/fdt.h"

static const char *const vcpu_properties[] = {
	"reg", "affinity", "weight", "class", "priority", "slice-us",
};

static_assert(SCHED_WEIGHT_MAX == 10000 && SCHED_PRIORITIES == 32, "docs/configuration.md");

/* One cell from @min to @max into @out; false: not given. What is wrong is said. */
static bool parse_cell(struct vm_node *n, const char *prop, uint32_t min, uint32_t max,
		       uint32_t *out)
{
	uint32_t v = 0;
	int err = fdtx_prop_u32(n->fdt, n->node, prop, &v);

	if (err == HV_ENOENT)
		return false;
	if (err != 0 || v < min || v > max)
		vm_node_error(n, prop, "must be %u to %u (one cell)", (unsigned int)min,
			      (unsigned int)max);
	else
		*out = v;
	return true;
}

static void parse_class(struct vm_node *n, struct sched_params *p)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, "class");

	if (s != NULL && strcmp(s, "fair") == 0)
		p->class = SCHED_CLASS_FAIR;
	else if (s != NULL && strcmp(s, "fifo") == 0)
		p->class = SCHED_CLASS_FIFO;
	else if (fdtx_prop_bool(n->fdt, n->node, "class"))
		vm_node_error(n, "class", "must be \"fair\" or \"fifo\"");
}

/* What the VM and its vcpus may both say. */
static void parse_params(struct vm_node *n, struct sched_params *p)
{
	parse_class(n, p);
	if (parse_cell(n, "weight", SCHED_WEIGHT_MIN, SCHED_WEIGHT_MAX, &p->weight) &&
	    p->class != SCHED_CLASS_FAIR)
		vm_node_error(n, "weight", "must not be given with class \"fifo\"");
	if (parse_cell(n, "priority", 0, SCHED_PRIORITIES - 1, &p->priority) &&
	    p->class != SCHED_CLASS_FIFO)
		vm_node_error(n, "priority", "must be given with class = \"fifo\" only");
	(void)parse_cell(n, "slice-us", SCHED_SLICE_US_MIN, SCHED_SLICE_US_MAX, &p->slice_us);
}

void vm_node_sched(struct vm_node *n)
{
	parse_params(n, &n->vm->sched);
	(void)parse_cell(n, "cap", 1, 100 * VM_MAX_VCPUS, &n->vm->cap);
	(void)parse_cell(n, "halt-poll-us", 0, VM_HALT_POLL_US_MAX, &n->vm->halt_poll_us);
}

bool vm_node_is_vcpu(const void *fdt, int node)
{
	const char *name = fdtx_name(fdt, node);

	return strncmp(name, "vcpu", 4) == 0 && (name[4] == '\0' || name[4] == '@');
}

/* A node of @reg before @node? */
static bool is_second(const struct vm_node *vm, int node, uint32_t reg)
{
	uint32_t other;
	int child;

	fdtx_for_each_child(vm->fdt, vm->node, child) {
		if (child == node)
			return false;
		if (vm_node_is_vcpu(vm->fdt, child) &&
		    fdtx_prop_u32(vm->fdt, child, "reg", &other) == 0 && other == reg)
			return true;
	}
	return false;
}

/* Does the unit address, hexadecimal as in all device trees, say @reg? A node called "vcpu" has none. */
static bool is_called(const void *fdt, int node, uint32_t reg)
{
	const char *unit = strchr(fdtx_name(fdt, node), '@');
	char is[12];

	snprintf(is, sizeof(is), "@%x", (unsigned int)reg);
	return unit == NULL || strcmp(unit, is) == 0;
}

static void check_vcpu(struct vm_node *vm, int node)
{
	struct vm_node n = { .fdt = vm->fdt, .node = node, .vm = vm->vm };
	struct sched_params p = vm->vm->sched;
	uint64_t affinity = 0;
	char path[VM_PATH_MAX];
	uint32_t reg = UINT32_MAX; /* as long as it is wrong */

	fdtx_path(vm->fdt, node, path, sizeof(path));
	n.path = path;
	vm_node_properties(&n, vcpu_properties, ARRAY_SIZE(vcpu_properties));
	if (!parse_cell(&n, "reg", 0, vm->vm->cpus - 1, &reg))
		vm_node_error(&n, "reg", "must be a vcpu's number, 0 to %u (one cell)",
			      vm->vm->cpus - 1);
	else if (reg != UINT32_MAX && is_second(vm, node, reg))
		vm_node_error(&n, "reg", "must be unique: another node is for this vcpu");
	else if (reg != UINT32_MAX && !is_called(vm->fdt, node, reg))
		vm_node_error(&n, "reg",
			      "must be the number in the node's name, which is hexadecimal: the "
			      "node of this vcpu is vcpu@%x",
			      (unsigned int)reg);
	vm_node_affinity(&n, &affinity);
	vm_node_check_affinity(&n);
	parse_params(&n, &p);
}

void vm_node_vcpus(struct vm_node *n)
{
	int child;

	fdtx_for_each_child(n->fdt, n->node, child)
		if (vm_node_is_vcpu(n->fdt, child))
			check_vcpu(n, child);
}

void config_vcpu_sched(const struct vm_config *cfg, unsigned int id, struct sched_params *out)
{
	struct vm_config scratch = { .sched = cfg->sched };
	uint64_t affinity = cfg->affinity;
	uint32_t reg;
	int child;

	*out = cfg->sched;
	if (cfg->fdt != NULL) {
		fdtx_for_each_child(cfg->fdt, cfg->node, child) {
			struct vm_node n = { .fdt = cfg->fdt, .node = child, .vm = &scratch };

			if (!vm_node_is_vcpu(cfg->fdt, child) ||
			    fdtx_prop_u32(cfg->fdt, child, "reg", &reg) != 0 || reg != id)
				continue;
			parse_params(&n, out);
			vm_node_affinity(&n, &affinity);
			break;
		}
	}
	out->affinity = hartset_of(affinity);
}
