// SPDX-License-Identifier: BSD-2-Clause
#include "vm/config_vm.h"
#include "vm/guest_fdt.h"
#include "vm/pv.h"

/* The tree is made in less than its place, so the end of that is free. */
static_assert(GUEST_FDT_SIZE + VM_MAX_VCPUS * HARTVISOR_PV_LOCK_SIZE <= LOADER_FDT_SIZE,
	      "the device tree's place holds the PV-lock structures as well");

/* The RAM itself may not be there yet: a VM has it only from when it is to be started. */
static bool is_in_ram(const struct vm *vm, gpa_t base, uint64_t size)
{
	uint64_t offset = base.gpa - GUEST_RAM_BASE, memory = vm->config->memory;

	return base.gpa >= GUEST_RAM_BASE && offset <= memory && size <= memory - offset;
}

int pv_lock_place(struct vm *vm, gpa_t base)
{
	if (!(vm->pv.calls & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_ENXIO;
	if (vm->pv.locks.gpa != 0)
		return HV_EEXIST;
	if (!is_aligned(base.gpa, HARTVISOR_PV_LOCK_SIZE) || !is_in_ram(vm, base, pv_lock_size(vm)))
		return HV_EINVAL;
	vm->pv.locks = base;
	return HV_OK;
}

static void tell(const struct vm *vm, const struct vm_config *cfg, int err)
{
	struct vm_config scratch = { .failed = false };
	struct vm_node n = { .fdt = cfg->fdt, .node = cfg->node, .vm = &scratch, .path = cfg->path };

	switch (err) {
	case HV_ENXIO:
		vm_node_error(&n, "pv-lock-base", "must be given with \"pv-lock\" in pv only");
		break;
	case HV_EEXIST:
		vm_node_error(&n, "pv-lock-base", "the structures have a place already");
		break;
	default:
		vm_node_error(&n, "pv-lock-base",
			      "must be a multiple of 64 with %u bytes of the VM's RAM behind it",
			      (unsigned int)pv_lock_size(vm));
		break;
	}
}

static void tell_overlap(const struct vm_config *cfg, const char *what)
{
	struct vm_config scratch = { .failed = false };
	struct vm_node n = { .fdt = cfg->fdt, .node = cfg->node, .vm = &scratch, .path = cfg->path };

	vm_node_error(&n, "pv-lock-base", "must lie outside of the %s", what);
}

static int place_as_asked(struct vm *vm, const struct vm_config *cfg, const struct loader *l)
{
	gpa_t base = gpa(cfg->pv_lock_base);
	int err = pv_lock_place(vm, base);
	const char *what;

	if (err) {
		tell(vm, cfg, err);
		return HV_EINVAL;
	}
	what = loader_overlap(l, base, pv_lock_size(vm));
	if (what) {
		tell_overlap(cfg, what);
		return HV_EINVAL;
	}
	return HV_OK;
}

int pv_init(struct vm *vm, const struct vm_config *cfg, const struct loader *l)
{
	gpa_t end = gpa(l->result.fdt.gpa + LOADER_FDT_SIZE);

	vm->pv.calls = cfg->pv;
	vm->pv.pvlk = cfg->pvlk;
	if (cfg->pv_lock_base_given)
		return place_as_asked(vm, cfg, l);
	if (!(cfg->pv & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_OK;
	return pv_lock_place(vm, gpa(end.gpa - align_up(pv_lock_size(vm), PAGE_SIZE)));
}
