/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/guest_fdt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/interrupts.h"
#include "arch/isa.h"
#include "arch/timer.h"
#include "lib/fdt.h"
#include "lib/fdt_writer.h"
#include "lib/log.h"
#include "platform/machine.h"
#include "vm/config_ram.h"
#include "vm/parts.h"

/* Every node with a label has a phandle: overlays refer to it by that. Those of vcpus and parts are in vcpu/vm.h. */
enum {
	PHANDLE_SOC = 1,
	PHANDLE_CHOSEN,
	PHANDLE_CPUS,
	PHANDLE_MEMORY,
};

static_assert(VM_PHANDLE_CPU + VM_MAX_VCPUS <= VM_PHANDLE_INTC, "phandles are unique");
static_assert(VM_PHANDLE_INTC + VM_MAX_VCPUS <= VM_PHANDLE_PARTS, "phandles are unique");

/* --- /chosen, /memory ------------------------------------------------------------------------------ */

struct guest_chosen {
	gpa_t initrd;
	uint64_t initrd_size;
	const uint8_t *rng_seed;
};

static void build_chosen(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg,
			 const struct guest_chosen *c)
{
	fdtw_begin(w, "chosen");
	fdtw_label(w, "chosen", PHANDLE_CHOSEN);
	fdtw_string(w, "bootargs", cfg->bootargs ? cfg->bootargs : "");
	parts_describe(vm, w, VM_PLACE_CHOSEN);
	if (c->initrd_size != 0) {
		fdtw_u64(w, "linux,initrd-start", c->initrd.gpa);
		fdtw_u64(w, "linux,initrd-end", c->initrd.gpa + c->initrd_size);
	}
	if (c->rng_seed)
		fdtw_bytes(w, "rng-seed", c->rng_seed, 32);
	fdtw_end(w);
}

/* From the configuration: pieces that only the host's memory has apart are one range. */
static void build_memory(struct fdtw *w, const struct vm_config *cfg)
{
	fdt64_t reg[2 * (1 + VM_EXTRA_RAM_MAX)];
	unsigned int n = config_nr_ram(cfg);

	for (unsigned int i = 0; i < n; i++) {
		struct config_ram r = config_ram(cfg, i);

		reg[2 * i] = cpu_to_fdt64(r.base.gpa);
		reg[2 * i + 1] = cpu_to_fdt64(r.size);
	}
	fdtw_begin_at(w, "memory", GUEST_RAM_BASE);
	fdtw_label(w, "memory0", PHANDLE_MEMORY);
	fdtw_string(w, "device_type", "memory");
	fdtw_bytes(w, "reg", reg, n * 2 * sizeof(reg[0]));
	fdtw_end(w);
}

/* --- /cpus ----------------------------------------------------------------------------------------- */

static void put_isa_list(struct fdtw *w, const struct isa_set *isa)
{
	size_t len = 0;
	char *p;

	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		if (isa_has(isa, (enum isa_ext)i))
			len += strlen(isa_name((enum isa_ext)i)) + 1;
	p = fdtw_space(w, "riscv,isa-extensions", len);
	for (unsigned int i = 0; p && i < NR_ISA_EXTS; i++) {
		if (!isa_has(isa, (enum isa_ext)i))
			continue;
		len = strlen(isa_name((enum isa_ext)i)) + 1;
		memcpy(p, isa_name((enum isa_ext)i), len);
		p += len;
	}
}

static void put_isa(struct fdtw *w, const struct isa_set *isa)
{
	char text[ISA_STRING_MAX];

	if (w->labels_only)
		return;
	if (!w->err && isa_format(isa, text, sizeof(text)) != HV_OK)
		w->err = -FDT_ERR_NOSPACE;
	fdtw_string(w, "riscv,isa", text);
	fdtw_string(w, "riscv,isa-base", "rv64i");
	put_isa_list(w, isa);
	if (isa_has(isa, ISA_ZICBOM))
		fdtw_u32(w, "riscv,cbom-block-size", isa_machine()->cbom_block);
	if (isa_has(isa, ISA_ZICBOP))
		fdtw_u32(w, "riscv,cbop-block-size", isa_machine()->cbop_block);
	if (isa_has(isa, ISA_ZICBOZ))
		fdtw_u32(w, "riscv,cboz-block-size", isa_machine()->cboz_block);
}

static void build_cpu(struct fdtw *w, unsigned int id, const struct isa_set *isa)
{
	char label[24], mmu[24];

	/* vsatp knows the same modes as satp, so what the hart's own mmu-type says holds for guests. */
	snprintf(mmu, sizeof(mmu), "riscv,sv%u", machine.va_bits ? machine.va_bits : 39);
	snprintf(label, sizeof(label), "cpu%u", id);
	fdtw_begin_at(w, "cpu", id);
	fdtw_label(w, label, VM_PHANDLE_CPU + id);
	fdtw_string(w, "device_type", "cpu");
	fdtw_u32(w, "reg", id);
	fdtw_string(w, "status", "okay");
	fdtw_string(w, "compatible", "riscv");
	fdtw_string(w, "mmu-type", mmu);
	put_isa(w, isa);

	snprintf(label, sizeof(label), "cpu%u_intc", id);
	fdtw_begin(w, "interrupt-controller");
	fdtw_label(w, label, vm_intc_phandle(id));
	fdtw_string(w, "compatible", "riscv,cpu-intc");
	fdtw_u32(w, "#address-cells", 0);
	fdtw_u32(w, "#interrupt-cells", 1);
	fdtw_empty(w, "interrupt-controller");
	fdtw_end(w);

	fdtw_end(w);
}

static void build_cpus(struct fdtw *w, const struct vm_config *cfg)
{
	struct isa_set isa = isa_guest();
	uint64_t ticks = timer_frequency();

	fdtw_begin(w, "cpus");
	fdtw_label(w, "cpus", PHANDLE_CPUS);
	fdtw_u32(w, "#address-cells", 1);
	fdtw_u32(w, "#size-cells", 0);
	if (ticks <= UINT32_MAX)
		fdtw_u32(w, "timebase-frequency", (uint32_t)ticks);
	else
		fdtw_u64(w, "timebase-frequency", ticks);
	for (unsigned int i = 0; i < cfg->cpus; i++)
		build_cpu(w, i, &isa);
	fdtw_end(w);
}

/* --- /soc ------------------------------------------------------------------------------------------ */

static void build_soc(struct fdtw *w, const struct vm *vm)
{
	fdtw_begin(w, "soc");
	fdtw_label(w, "soc", PHANDLE_SOC);
	fdtw_string(w, "compatible", "simple-bus");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_empty(w, "ranges");
	parts_describe(vm, w, VM_PLACE_SOC);
	fdtw_end(w);
}

/* --- /reserved-memory: only of a VM that has some ------------------------------------------------------ */

/* Without no-map: Linux maps it with all RAM, as normal memory. */
static void build_reserved(struct fdtw *w, const struct vm *vm)
{
	if (!vm->reserved)
		return;
	fdtw_begin(w, "reserved-memory");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_empty(w, "ranges");
	for (const struct vm_reserved *r = vm->reserved; r; r = r->next) {
		uint64_t base = align_down(r->range.base.gpa, PAGE_SIZE);
		uint64_t end = align_up(r->range.base.gpa + r->range.size, PAGE_SIZE);

		fdtw_begin_at(w, r->range.what, base);
		fdtw_string(w, "compatible", r->compatible);
		fdtw_reg(w, base, end - base);
		fdtw_end(w);
	}
	fdtw_end(w);
}

/* --- the whole ------------------------------------------------------------------------------------- */

/* Once for the nodes, and once for their labels. */
static void build_nodes(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg,
			const struct guest_chosen *c)
{
	build_chosen(w, vm, cfg, c);
	fdtw_begin(w, "aliases");
	parts_describe(vm, w, VM_PLACE_ALIASES);
	fdtw_end(w);
	build_memory(w, cfg);
	build_cpus(w, cfg);
	build_soc(w, vm);
	parts_describe(vm, w, VM_PLACE_ROOT);
	build_reserved(w, vm);
}

static void build_root(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg,
		       const struct guest_chosen *c)
{
	static const char compatible[] = "hartvisor,virt\0riscv-virtio";

	fdtw_begin(w, "");
	fdtw_string(w, "model", "hartvisor,virt");
	fdtw_strings(w, "compatible", compatible);
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	build_nodes(w, vm, cfg, c);
	fdtw_begin_labels(w);
	build_nodes(w, vm, cfg, c);
	fdtw_end_labels(w);
	fdtw_end(w);
}

int guest_fdt_build(const struct vm *vm, const struct vm_config *cfg, gpa_t initrd,
		    uint64_t initrd_size, const uint8_t rng_seed[32], void *buf, uint64_t cap)
{
	const struct guest_chosen chosen = { initrd, initrd_size, rng_seed };
	struct fdtw w = { .fdt = buf };
	int size = (int)min_u64(cap, INT32_MAX);
	uint64_t interrupts;

	if (cfg->cpus == 0 || cfg->cpus > VM_MAX_VCPUS)
		return HV_EINVAL;
	w.err = fdt_create(buf, size);
	if (!w.err)
		w.err = fdt_finish_reservemap(buf);
	build_root(&w, vm, cfg, &chosen);
	if (!w.err)
		w.err = fdt_finish(buf);
	if (!w.err)
		return HV_OK;
	interrupts = arch_interrupts_off();
	log_error("%s: its device tree does not fit in %" PRIu64 " bytes (%s)", cfg->name, cap,
		  fdt_strerror(w.err));
	arch_interrupts_restore(interrupts);
	return HV_EOVERFLOW;
}
