// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_sched.h"

#include <stdio.h>
#include <string.h>

#include "lib/fdt.h"

static_assert(SCHED_WEIGHT_MAX == 10000 && SCHED_PRIORITIES == 32, "docs/configuration.md");

static const char
	*const classes[] = { [SCHED_CLASS_FAIR] = "fair", [SCHED_CLASS_FIFO] = "fifo", NULL };

/* What the VM and its vcpus may both say. */
static const struct property params_rows[] = {
	PROPERTY_U32("weight", struct sched_params, weight, SCHED_WEIGHT_MIN, SCHED_WEIGHT_MAX),
	PROPERTY_WORD("class", struct sched_params, class, classes),
	PROPERTY_U32("priority", struct sched_params, priority, 0, SCHED_PRIORITIES - 1),
	PROPERTY_U32("slice-us", struct sched_params, slice_us, SCHED_SLICE_US_MIN,
		     SCHED_SLICE_US_MAX),
};

static const struct property group_rows[] = {
	PROPERTY_U32("cap", struct vm_config, cap, 1, 100 * VM_MAX_VCPUS),
	PROPERTY_U32("halt-poll-us", struct vm_config, halt_poll_us, 0, VM_HALT_POLL_US_MAX),
};

struct vcpu_node {
	uint64_t affinity;
};

static const struct property vcpu_rows[] = {
	PROPERTY_NAME("reg"), /* check_reg() */
	PROPERTY("affinity", config_read_cpus, struct vcpu_node, affinity),
};

const struct property_table sched_params_properties = PROPERTY_TABLE(params_rows);
const struct property_table sched_group_properties = PROPERTY_TABLE(group_rows);
const struct property_table vcpu_properties = PROPERTY_TABLE(vcpu_rows);

static void read_params(struct config_node *n, struct sched_params *p)
{
	property_read_all(n, &sched_params_properties, p);
	if (p->class != SCHED_CLASS_FAIR && fdtx_prop_bool(n->fdt, n->node, "weight"))
		config_error(n, "weight", "must not be given with class \"fifo\"");
	if (p->class != SCHED_CLASS_FIFO && fdtx_prop_bool(n->fdt, n->node, "priority"))
		config_error(n, "priority", "must be given with class = \"fifo\" only");
}

void vm_node_sched(struct vm_node *n)
{
	read_params(&n->at, &n->vm->sched);
	property_read_all(&n->at, &sched_group_properties, n->vm);
}

bool vm_node_is_vcpu(const void *fdt, int node)
{
	const char *name = fdtx_name(fdt, node);

	return strncmp(name, "vcpu", 4) == 0 && (name[4] == '\0' || name[4] == '@');
}

/* A node of @reg before @node? */
static bool is_second(const struct config_node *vm, int node, uint32_t reg)
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

/* The number of a vcpu that the VM has, and that no node before this one and the node's own name say otherwise. */
static void check_reg(struct config_node *n, const struct vm_node *vm)
{
	const struct property p = { .name = "reg", .max = vm->vm->cpus - 1 };
	uint32_t reg = UINT32_MAX; /* as long as it is wrong */

	if (fdtx_prop_bool(n->fdt, n->node, p.name))
		property_u32(n, &p, &reg);
	else
		config_error(n, p.name, "must be a vcpu's number, 0 to %u (one cell)",
			     vm->vm->cpus - 1);
	if (reg == UINT32_MAX)
		return;
	if (is_second(&vm->at, n->node, reg))
		config_error(n, p.name, "must be unique: another node is for this vcpu");
	else if (!is_called(n->fdt, n->node, reg))
		config_error(n, p.name,
			     "must be the number in the node's name, which is hexadecimal: the "
			     "node of this vcpu is vcpu@%x",
			     (unsigned int)reg);
}

static void check_vcpu(struct vm_node *vm, int node)
{
	const struct property_table known[] = { vcpu_properties, sched_params_properties };
	struct vcpu_node v = { 0 };
	struct sched_params p = vm->vm->sched;
	char path[VM_PATH_MAX];
	struct config_node n = { .fdt = vm->at.fdt, .node = node, .path = path };

	fdtx_path(n.fdt, node, path, sizeof(path));
	property_check_names(&n, known, ARRAY_SIZE(known));
	check_reg(&n, vm);
	property_read_all(&n, &vcpu_properties, &v);
	read_params(&n, &p);
	vm->at.failed |= n.failed;
}

void vm_node_vcpus(struct vm_node *n)
{
	int child;

	fdtx_for_each_child(n->at.fdt, n->at.node, child)
		if (vm_node_is_vcpu(n->at.fdt, child))
			check_vcpu(n, child);
}

/* All has been checked, so what is read here is right. */
void config_vcpu_sched(const struct vm_config *cfg, unsigned int id, struct sched_params *out)
{
	struct vcpu_node v = { .affinity = cfg->affinity };
	uint32_t reg;
	int child;

	*out = cfg->sched;
	if (cfg->fdt != NULL) {
		fdtx_for_each_child(cfg->fdt, cfg->node, child) {
			struct config_node n = { .fdt = cfg->fdt, .node = child, .quiet = true };

			if (!vm_node_is_vcpu(cfg->fdt, child) ||
			    fdtx_prop_u32(cfg->fdt, child, "reg", &reg) != 0 || reg != id)
				continue;
			read_params(&n, out);
			property_read_all(&n, &vcpu_properties, &v);
			break;
		}
	}
	out->affinity = pcpu_set_from_mask(v.affinity);
}
