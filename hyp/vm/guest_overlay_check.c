// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a user's overlay must not say of its VM, since no VM could hold it: a vcpu, RAM or an interrupt controller that
 * does not exist, or a device in RAM. All else that an overlay changes is the user's own (docs/configuration.md).
 */
#include <inttypes.h>
#include <string.h>

#include "irqchip/virqchip.h"
#include "lib/fdt.h"
#include "vm/config_ram.h"
#include "vm/guest_fdt.h"
#include "lib/text.h"

struct check {
	const void *fdt;
	const struct vm *vm;
	const struct vm_config *cfg;
	struct text *why;
};

/* "PATH: reg = VALUE: ", to be followed by what is allowed. Returns false. */
static bool contradicts(struct check *c, int node)
{
	char path[FDTX_PATH_MAX];

	text_add(c->why, "%s: reg = ", fdtx_path(c->fdt, node, path, sizeof(path)));
	text_add_property(c->why, c->fdt, node, "reg");
	text_add(c->why, ": ");
	return false;
}

static bool has_type(const void *fdt, int node, const char *type)
{
	const char *s = fdtx_prop_string(fdt, node, "device_type");

	return s && strcmp(s, type) == 0;
}

static bool check_cpu(struct check *c, int node)
{
	uint64_t id;

	if (!has_type(c->fdt, node, "cpu") || !fdtx_is_available(c->fdt, node) ||
	    (fdtx_reg(c->fdt, node, 0, &id, NULL) == HV_OK && id < c->cfg->cpus))
		return true;
	contradicts(c, node);
	text_add(c->why, "must be a vcpu of the VM, 0 to %u", c->cfg->cpus - 1);
	return false;
}

static bool check_memory(struct check *c, int node)
{
	uint64_t base, size;
	int err;

	for (unsigned int i = 0; (err = fdtx_reg(c->fdt, node, i, &base, &size)) == HV_OK; i++)
		if (!config_is_ram(c->cfg, gpa(base), size))
			break;
	if (err == HV_ENOENT)
		return true;
	contradicts(c, node);
	text_add(c->why, "must lie in the VM's RAM");
	for (unsigned int i = 0; i < config_nr_ram(c->cfg); i++) {
		struct config_ram r = config_ram(c->cfg, i);

		text_add(c->why, ", 0x%" PRIx64 " to 0x%" PRIx64, r.base.gpa,
			 r.base.gpa + r.size - 1);
	}
	return false;
}

/* Memory that the guest does not use as its RAM may be a device's. */
static bool is_reserved(const void *fdt, uint64_t base, uint64_t size)
{
	int parent = fdt_path_offset(fdt, "/reserved-memory");
	uint64_t a, len;
	int node;

	if (parent < 0)
		return false;
	fdtx_for_each_child(fdt, parent, node)
		for (unsigned int i = 0; fdtx_reg(fdt, node, i, &a, &len) == HV_OK; i++)
			if (base >= a && base + size <= a + len)
				return true;
	return false;
}

static bool check_device(struct check *c, int node)
{
	uint64_t base, size;

	if (!fdtx_is_available(c->fdt, node))
		return true;
	for (unsigned int i = 0; fdtx_reg(c->fdt, node, i, &base, &size) == HV_OK; i++) {
		if (config_has_ram(c->cfg, gpa(base), size) && !is_reserved(c->fdt, base, size)) {
			contradicts(c, node);
			text_add(c->why, "must not lie in the VM's RAM, but in a range that a node "
					 "of /reserved-memory takes out");
			return false;
		}
		if (i == 0 && fdtx_prop_bool(c->fdt, node, "interrupt-controller") &&
		    base != c->vm->irqchip->base.gpa) {
			contradicts(c, node);
			text_add(c->why,
				 "must be an interrupt controller that the VM has: its only "
				 "one is at 0x%" PRIx64,
				 c->vm->irqchip->base.gpa);
			return false;
		}
	}
	return true;
}

/* A child of the root, and what hangs there when it is the bus. Addresses elsewhere are not the VM's. */
static bool check_top_node(struct check *c, int node)
{
	int child;

	if (has_type(c->fdt, node, "memory"))
		return !fdtx_is_available(c->fdt, node) || check_memory(c, node);
	if (!check_device(c, node))
		return false;
	if (!fdtx_is_compatible(c->fdt, node, "simple-bus"))
		return true;
	fdtx_for_each_child(c->fdt, node, child)
		if (!check_device(c, child))
			return false;
	return true;
}

bool guest_fdt_fits_vm(const void *fdt, const struct vm *vm, struct text *why)
{
	struct check c = { .fdt = fdt, .vm = vm, .cfg = vm->config, .why = why };
	int cpus = fdt_path_offset(fdt, "/cpus");
	int node;

	if (cpus >= 0)
		fdtx_for_each_child(fdt, cpus, node)
			if (!check_cpu(&c, node))
				return false;
	fdtx_for_each_child(fdt, 0, node)
		if (!check_top_node(&c, node))
			return false;
	return true;
}
