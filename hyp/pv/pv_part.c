/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's paravirtual interfaces as a part of it: what its configuration says of them, and how its tree announces them.
 */
#include <string.h>

#include "lib/text.h"
#include "sbi/sbi.h"
#include "vcpu/vm_part.h"
#include "pv/pv.h"

/* What ePAPR's hcall-instructions names, as a number: `ecall`. */
#define INSN_ECALL 0x00000073

struct pv_part {
	const struct vm *vm;
	struct vm_reserved locks;
};

struct pv_feature {
	const char *name;
	uint64_t calls; /* bit n: FID n of the vendor extension */
};

static const struct pv_feature pv_features[] = {
	{ "poll-irq", BIT(HARTVISOR_POLL_IRQ) },
	{ "magic-page", BIT(HARTVISOR_MAP_MAGIC_PAGE) },
	{ "kick-cpu", BIT(HARTVISOR_KICK_CPU) },
	{ "pv-wait", BIT(HARTVISOR_PV_WAIT) },
	{ "pv-lock", BIT(HARTVISOR_PV_LOCK_FEATURES) | BIT(HARTVISOR_PV_LOCK_PREEMPTED) },
	{ "yield-to", BIT(HARTVISOR_YIELD_TO) },
};

#define PV_NR_FEATURES ARRAY_SIZE(pv_features)

/* --- what a VM's node says ------------------------------------------------------------------------ */

struct pv_config {
	uint64_t calls;
	gpa_t lock_base;
	bool lock_base_given;
	bool pvlk; /* KICK_CPU by its other number, too */
};

/* One word of the list; false: it is none. */
static bool add_word(struct pv_config *c, const char *word)
{
	if (strcmp(word, "pvlk") == 0) {
		c->pvlk = true;
		return true;
	}
	if (strcmp(word, "all") == 0) {
		c->calls |= PV_ALL_CALLS;
		return true;
	}
	for (unsigned int i = 0; i < PV_NR_FEATURES; i++) {
		if (strcmp(word, pv_features[i].name) == 0) {
			c->calls |= pv_features[i].calls | BIT(HARTVISOR_FEATURES);
			return true;
		}
	}
	return false;
}

static void wrong_word(struct config_node *n, const char *prop)
{
	char list[120];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = 0; i < PV_NR_FEATURES; i++)
		text_add(&t, "\"%s\", ", pv_features[i].name);
	config_error(n, prop, "must be \"none\", or a list of \"all\", %s\"pvlk\"", list);
}

static void read_pv(struct config_node *n, const struct property *p, void *value)
{
	int nr = fdt_stringlist_count(n->fdt, n->node, p->name);
	const char *first = fdtx_prop_string(n->fdt, n->node, p->name), *twice = NULL;
	struct pv_config *c = value;

	c->calls = 0;
	if (nr == 1 && first && strcmp(first, "none") == 0)
		return;
	for (int i = 0; i < nr; i++) {
		const char *word = fdt_stringlist_get(n->fdt, n->node, p->name, i, NULL);

		if (!word || !add_word(c, word)) {
			nr = 0;
			break;
		}
		if (!twice && fdt_stringlist_search(n->fdt, n->node, p->name, word) < i)
			twice = word;
	}
	if (nr <= 0)
		wrong_word(n, p->name);
	else if (twice)
		config_warn(n, p->name, "names \"%s\" twice", twice);
}

static void read_lock_base(struct config_node *n, const struct property *p, void *value)
{
	struct pv_config *c = value;
	uint64_t at;

	if (fdtx_prop_u64(n->fdt, n->node, p->name, &at) != HV_OK) {
		config_error(n, p->name, "must be an address in the VM's RAM (one or two cells)");
		return;
	}
	c->lock_base = gpa(at);
	c->lock_base_given = true;
}

static const struct property rows[] = {
	{ .name = "pv", .read = read_pv },
	{ .name = "pv-lock-base", .read = read_lock_base },
};

static const struct pv_config initial = { .calls = PV_ALL_CALLS };

/* --- as a part of a VM ---------------------------------------------------------------------------- */

static void tell(struct config_node *n, const struct vm *vm, int err)
{
	static const char prop[] = "pv-lock-base";

	switch (err) {
	case HV_ENXIO:
		config_error(n, prop, "must be given with \"pv-lock\" in pv only");
		break;
	case HV_EEXIST:
		config_error(n, prop, "the structures have a place already");
		break;
	default:
		config_error(n, prop,
			     "must be a multiple of 64 with %u bytes of the VM's RAM behind it",
			     (unsigned int)pv_lock_size(vm));
		break;
	}
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

static int place_as_asked(struct vm *vm, const struct vm_part_args *args)
{
	const struct pv_config *c = args->config;
	gpa_t base = c->lock_base;
	int err = pv_lock_place(vm, base);
	const char *what;

	if (err) {
		tell(args->node, vm, err);
		return HV_EINVAL;
	}
	what = overlap(args->plan, base, pv_lock_size(vm));
	if (what) {
		config_error(args->node, "pv-lock-base", "must lie outside of the %s", what);
		return HV_EINVAL;
	}
	return HV_OK;
}

/* By default the structures are at the end of what is spare, which begins and ends at a page. */
static int place_locks(struct vm *vm, const struct vm_part_args *args)
{
	const struct vm_range *spare = &args->plan->spare;
	gpa_t end = gpa_add(spare->base, spare->size);

	if (((const struct pv_config *)args->config)->lock_base_given)
		return place_as_asked(vm, args);
	if (!(vm->pv.calls & BIT(HARTVISOR_PV_LOCK_PREEMPTED)))
		return HV_OK;
	if (spare->size < align_up(pv_lock_size(vm), PAGE_SIZE))
		return HV_ENOMEM;
	return pv_lock_place(vm, gpa_sub(end, align_up(pv_lock_size(vm), PAGE_SIZE)));
}

static int pv_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct pv_part *p = arena_new(&vm->arena, struct pv_part);
	const struct pv_config *c = args->config;
	int err;

	if (!p)
		return HV_ENOMEM;
	p->vm = vm;
	*state = p;
	vm->pv.calls = c->calls;
	vm->pv.pvlk = c->pvlk;
	err = place_locks(vm, args);
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
	VM_PART_CONFIG(rows, initial),
	.create = pv_create,
	.describe = pv_describe,
};
