// SPDX-License-Identifier: BSD-2-Clause
#include "vm/vm_make.h"

#include <inttypes.h>

#include "arch/csr.h"
#include "arch/guest_state.h"
#include "arch/isa.h"
#include "arch/smp.h"
#include "dev/mmio.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vm/bundle.h"
#include "vm/config_ram.h"
#include "vm/console.h"
#include "vm/loader.h"
#include "vm/parts.h"
#include "lib/text.h"

/* HV_ENOMEM, or HV_EINVAL after a message. */
static int make_parts(struct vm *vm, const struct loader *l)
{
	const struct vm_config *cfg = vm->config;
	struct bundle_images images;
	struct config_node n = { .fdt = cfg->fdt,
				 .node = cfg->node,
				 .path = cfg->path,
				 .images = bundle_images_of(&images, cfg) };
	struct vm_ram_plan plan;

	vm->bus = mmio_bus_new(&vm->arena);
	vm->stream = vm->bus ? vm_console_new(vm) : NULL;
	if (!vm->stream)
		return HV_ENOMEM;
	vm_windows_init(vm, config_ram_end(cfg), gstage_limit());
	loader_plan(l, &plan);
	return parts_create(vm, &n, &plan);
}

static bool make_vcpus(struct vm *vm, const struct vm_config *cfg)
{
	sched_group_init(&vm->group, cfg->cap);
	vm->watchdog = timer_ns_to_ticks((uint64_t)cfg->watchdog_s * UINT64_C(1000000000));
	vm->halt_poll_max = timer_ns_to_ticks((uint64_t)cfg->halt_poll_us * 1000);
	for (unsigned int i = 0; i < cfg->cpus; i++) {
		struct sched_params p;

		config_vcpu_sched(cfg, i, &p);
		vm->vcpus[i] = vcpu_new(vm, i, &p);
		if (!vm->vcpus[i])
			return false;
		vm->nr_vcpus = i + 1;
	}
	return vcpu_timed_make(vm);
}

int vm_make_ram(struct vm *vm, const struct vm_part_of **refused)
{
	const struct vm_config *cfg = vm->config;
	int err = gstage_init(&vm->gstage, max_u64(config_ram_end(cfg), vm->windows.end));

	for (unsigned int i = 0; err == HV_OK && i < config_nr_ram(cfg); i++) {
		struct config_ram r = config_ram(cfg, i);

		err = gstage_alloc_ram(&vm->gstage, r.base, r.size);
	}
	*refused = NULL;
	if (err == HV_OK)
		err = parts_map(vm, refused);
	if (err != HV_OK)
		gstage_destroy(&vm->gstage);
	return err;
}

int vm_remake_ram(struct vm *vm, uint64_t *done, const struct vm_part_of **refused)
{
	struct gstage *gs = &vm->gstage;
	int64_t n;

	if (gs->is_going) { /* it was off, and is started while its RAM is freed */
		if (gstage_free_step(gs))
			return HV_EBUSY;
		gstage_destroy(gs);
	}
	if (!gstage_has_root(gs))
		return vm_make_ram(vm, refused);
	n = gstage_refill_step(gs, *done);
	*done += n > 0 ? (uint64_t)n : 0;
	return n > 0 ? HV_EBUSY : (int)n;
}

void vm_tell_ram(const struct vm *vm, int err, const struct vm_part_of *refused)
{
	const struct vm_config *cfg = vm->config;
	const char *what = cfg->nr_extra_ram != 0 ? "memory + extra-memory" : "memory";

	if (refused)
		parts_tell_map(vm, refused, err);
	else if (err == HV_ENOMEM)
		log_error("config: %s: %s = %" PRIu64 " MiB: only %" PRIu64
			  " MiB of the machine are left, give less",
			  cfg->path, what, config_ram_bytes(cfg) >> 20, page_free_bytes() >> 20);
	else
		log_error("config: %s: %s up to 0x%" PRIx64 ": must end at 0x%" PRIx64
			  " or lower, all that this machine's G-stage addresses",
			  cfg->path, what, config_ram_end(cfg) - 1, gstage_limit() - 1);
}

/* Whether there is as much memory is known when the VM is started. */
static bool check_ram(struct vm *vm)
{
	int err = gstage_init(&vm->gstage, config_ram_end(vm->config));

	gstage_destroy(&vm->gstage);
	if (err != HV_OK && err != HV_ENOMEM)
		vm_tell_ram(vm, err, NULL);
	return err == HV_OK || err == HV_ENOMEM;
}

/* Warn of the host cpus in @affinity that do not run and are not in @told yet. No list at all means every host cpu. */
static void warn_of_absent(const struct vm_config *cfg, unsigned int id,
			   const struct pcpu_set *affinity, struct pcpu_set *told)
{
	const struct pcpu_set all = pcpu_set_first(MAX_PCPUS),
			      not_named = pcpu_set_without(&all, affinity);
	char list[120];
	struct text t;

	if (pcpu_set_empty(&not_named))
		return;
	text_begin(&t, list, sizeof(list));
	for (unsigned int i = nr_pcpus; i < MAX_PCPUS; i++) {
		if (!pcpu_set_has(affinity, i) || pcpu_set_has(told, i))
			continue;
		text_add(&t, " %u", i);
		pcpu_set_add(told, i);
	}
	if (t.len != 0)
		log_warn("config: %s: affinity of vcpu %u: host cpus that do not run:%s; must be 0 "
			 "to %u; the others are used",
			 cfg->path, id, list, nr_pcpus - 1);
}

/* Each vcpu must have a hart that runs. */
static bool check_affinity(const struct vm_config *cfg)
{
	struct pcpu_set online = pcpu_set_first(nr_pcpus);
	struct pcpu_set told = pcpu_set_none();

	for (unsigned int i = 0; i < cfg->cpus; i++) {
		struct sched_params p;
		struct pcpu_set both;

		config_vcpu_sched(cfg, i, &p);
		both = pcpu_set_and(&p.affinity, &online);
		if (!pcpu_set_empty(&both)) {
			warn_of_absent(cfg, i, &p.affinity, &told);
			continue;
		}
		log_error("config: %s: affinity of vcpu %u: none of these harts runs: must name "
			  "one of 0 to %u",
			  cfg->path, i, nr_pcpus - 1);
		return false;
	}
	return true;
}

void vm_make(struct vm *vm)
{
	const struct vm_config *cfg = vm->config;
	struct loader loader;
	int err;

	vm->henvcfg = isa_guest_henvcfg();
	vm->hedeleg = HEDELEG_GUEST;
	vm->hcounteren = HCOUNTEREN_TM; /* the others would show what neighbours do */
	/* What is wrong with the images can be said before any memory is spent on them. */
	if (!check_affinity(cfg) || loader_begin(&loader, vm, cfg) != HV_OK || !check_ram(vm))
		return;
	err = make_vcpus(vm, cfg) ? make_parts(vm, &loader) : HV_ENOMEM;
	if (err == HV_ENOMEM)
		log_error("%s: no memory left for its vcpus and devices", vm->name);
	if (err != HV_OK)
		parts_destroy(vm);
	vm->made = err == HV_OK;
}
