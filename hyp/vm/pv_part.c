/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's paravirtual interfaces as a part of it: what its configuration says of them, and how its tree announces them.
 */
#include <string.h>

#include "sbi/sbi.h"
#include "vcpu/vm_part.h"
#include "vm/config_vm.h"
#include "vm/pv.h"

/* What ePAPR's hcall-instructions names, as a number: `ecall`. */
#define INSN_ECALL 0x00000073

struct pv_part {
	const struct vm *vm;
	struct vm_reserved locks;
};

static void tell(const struct vm *vm, int err)
{
	const struct vm_config *cfg = vm->config;
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

/* What of the images has a byte in [base, base + size)? NULL: nothing. */
static const char *overlap(const struct vm_ram_plan *plan, gpa_t base, uint64_t size)
{
	for (unsigned int i = 0; i < plan->nr_images; i++) {
		const struct vm_range *r = &plan->images[i];

		if (base.gpa < r->base.gpa + r->size && r->base.gpa < base.gpa + size)
			return r->what;
	}
	return NULL;
}

static int place_as_asked(struct vm *vm, const struct vm_ram_plan *plan)
{
	const struct vm_config *cfg = vm->config;
	gpa_t base = gpa(cfg->pv_lock_base);
	int err = pv_lock_place(vm, base);
	const char *what;

	if (err) {
		tell(vm, err);
		return HV_EINVAL;
	}
	what = overlap(plan, base, pv_lock_size(vm));
	if (what) {
		tell_overlap(cfg, what);
		return HV_EINVAL;
	}
	return HV_OK;
}

/* By default the structures are at the end of what is spare, which begins and ends at a page. */
static int place_locks(struct vm *vm, const struct vm_ram_plan *plan)
{
	gpa_t end = gpa(plan->spare.base.gpa + plan->spare.size);

	if (vm->config->pv_lock_base_given)
		return place_as_asked(vm, plan);
	if (!(vm->pv.calls & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_OK;
	if (plan->spare.size < align_up(pv_lock_size(vm), PAGE_SIZE))
		return HV_ENOMEM;
	return pv_lock_place(vm, gpa(end.gpa - align_up(pv_lock_size(vm), PAGE_SIZE)));
}

static int pv_create(struct vm *vm, const struct vm_ram_plan *plan, void **state)
{
	struct pv_part *p = arena_new(&vm->arena, struct pv_part);
	int err;

	if (!p)
		return HV_ENOMEM;
	p->vm = vm;
	*state = p;
	vm->pv.calls = vm->config->pv;
	vm->pv.pvlk = vm->config->pvlk;
	err = place_locks(vm, plan);
	if (err != HV_OK || vm->pv.locks.gpa == 0)
		return err;
	p->locks.compatible = "hartvisor,pv-lock-1";
	p->locks.range = (struct vm_range){ "pv-lock", vm->pv.locks, pv_lock_size(vm) };
	vm_reserve(vm, &p->locks);
	return HV_OK;
}

static void put_features(struct fdtw *w, uint64_t calls)
{
	char list[128];
	size_t len = 0;

	for (unsigned int i = 0; i < PV_NR_FEATURES; i++) {
		size_t n = strlen(pv_features[i].name) + 1;

		if ((calls & pv_features[i].calls) == 0 || len + n > sizeof(list))
			continue;
		memcpy(list + len, pv_features[i].name, n);
		len += n;
	}
	fdtw_bytes(w, "hartvisor,features", list, len);
}

/* A VM that has none has no node. */
static void pv_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	uint64_t calls = ((const struct pv_part *)state)->vm->pv.calls;

	if (place != VM_PLACE_ROOT || calls == 0)
		return;
	fdtw_begin(w, "hypervisor");
	fdtw_string(w, "compatible", "hartvisor,hypervisor-1");
	fdtw_u32(w, "hcall-instructions", INSN_ECALL);
	fdtw_u32(w, "hartvisor,sbi-eid", sbi_vendor_eid());
	put_features(w, calls);
	fdtw_end(w);
}

VM_PART(pv) = {
	.name = "paravirtual interfaces",
	.order = VM_PART_DEVICE,
	.create = pv_create,
	.describe = pv_describe,
};
