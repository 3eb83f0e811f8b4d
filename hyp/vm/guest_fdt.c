/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/guest_fdt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/interrupts.h"
#include "arch/isa.h"
#include "arch/timer.h"
#include "dev/vdev.h"
#include "irqchip/vplic.h"
#include "lib/fdt.h"
#include "lib/fdt_writer.h"
#include "lib/log.h"
#include "platform/machine.h"
#include "sbi/sbi.h"
#include "vm/pv.h"

/* Every node with a label has a phandle: overlays refer to it by that. */
enum {
	PHANDLE_SOC = 1,
	PHANDLE_CHOSEN,
	PHANDLE_CPUS,
	PHANDLE_MEMORY,
	PHANDLE_PLIC = GUEST_PHANDLE_IRQCHIP,
	PHANDLE_UART,
	PHANDLE_RTC,
	PHANDLE_SYSCON,
	PHANDLE_POWEROFF,
	PHANDLE_REBOOT,
	PHANDLE_CPU_BASE = 0x100,
	PHANDLE_INTC_BASE = 0x200,
};

static_assert(PHANDLE_CPU_BASE + VM_MAX_VCPUS <= PHANDLE_INTC_BASE, "phandles are unique");

#define UART_PATH "/soc/serial@10000000"

static_assert(VUART_BASE == 0x10000000, "UART_PATH");

/* What ePAPR's hcall-instructions names, as a number: `ecall`. */
#define INSN_ECALL 0x00000073

/* PLIC contexts of M-mode: "no interrupt" (sifive,plic-1.0.0 binding). */
#define NO_INTERRUPT 0xffffffffu

/* --- /chosen, /memory ------------------------------------------------------------------------------ */

struct guest_chosen {
	gpa_t initrd;
	uint64_t initrd_size;
	const uint8_t *rng_seed;
};

static void build_chosen(struct fdtw *w, const struct vm_config *cfg, const struct guest_chosen *c)
{
	fdtw_begin(w, "chosen");
	fdtw_label(w, "chosen", PHANDLE_CHOSEN);
	fdtw_string(w, "bootargs", cfg->bootargs ? cfg->bootargs : "");
	fdtw_string(w, "stdout-path", UART_PATH);
	if (c->initrd_size != 0) {
		fdtw_u64(w, "linux,initrd-start", c->initrd.gpa);
		fdtw_u64(w, "linux,initrd-end", c->initrd.gpa + c->initrd_size);
	}
	if (c->rng_seed)
		fdtw_bytes(w, "rng-seed", c->rng_seed, 32);
	fdtw_end(w);
}

/* The VM's RAM as the guest sees it: pieces that only the host's memory has apart are one. */
static unsigned int memory_ranges(const struct vm *vm, const struct vm_config *cfg,
				  fdt64_t ranges[2 * GSTAGE_MAX_RAM])
{
	const struct gstage *gs = &vm->gstage;
	unsigned int n = 0;

	for (unsigned int i = 0; i < gs->nr_ram && i < GSTAGE_MAX_RAM; i++) {
		uint64_t base = gs->ram[i].gpa.gpa, size = gs->ram[i].size;

		if (n > 0 &&
		    fdt64_to_cpu(ranges[2 * n - 2]) + fdt64_to_cpu(ranges[2 * n - 1]) == base) {
			size += fdt64_to_cpu(ranges[2 * n - 1]);
			ranges[2 * n - 1] = cpu_to_fdt64(size);
			continue;
		}
		ranges[2 * n] = cpu_to_fdt64(base);
		ranges[2 * n + 1] = cpu_to_fdt64(size);
		n++;
	}
	if (n == 0) {
		ranges[0] = cpu_to_fdt64(GUEST_RAM_BASE);
		ranges[1] = cpu_to_fdt64(cfg->memory);
		n = 1;
	}
	return n;
}

static void build_memory(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg)
{
	fdt64_t ranges[2 * GSTAGE_MAX_RAM];
	unsigned int n = memory_ranges(vm, cfg, ranges);

	fdtw_begin_at(w, "memory", fdt64_to_cpu(ranges[0]));
	fdtw_label(w, "memory0", PHANDLE_MEMORY);
	fdtw_string(w, "device_type", "memory");
	fdtw_bytes(w, "reg", ranges, n * 2 * sizeof(ranges[0]));
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
	fdtw_label(w, label, PHANDLE_CPU_BASE + id);
	fdtw_string(w, "device_type", "cpu");
	fdtw_u32(w, "reg", id);
	fdtw_string(w, "status", "okay");
	fdtw_string(w, "compatible", "riscv");
	fdtw_string(w, "mmu-type", mmu);
	put_isa(w, isa);

	snprintf(label, sizeof(label), "cpu%u_intc", id);
	fdtw_begin(w, "interrupt-controller");
	fdtw_label(w, label, PHANDLE_INTC_BASE + id);
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

/* Begins the node of the device at @base, with its reg. */
static void begin_device(struct fdtw *w, const char *kind, const char *label, uint32_t phandle,
			 uint64_t base, uint64_t size)
{
	fdtw_begin_at(w, kind, base);
	fdtw_label(w, label, phandle);
	fdtw_reg(w, base, size);
}

static void build_plic(struct fdtw *w, const struct vm_config *cfg)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	fdt32_t *to;

	begin_device(w, "plic", "plic", PHANDLE_PLIC, VPLIC_BASE, VPLIC_SIZE);
	fdtw_strings(w, "compatible", compatible);
	fdtw_u32(w, "#address-cells", 0);
	fdtw_u32(w, "#interrupt-cells", 1);
	fdtw_empty(w, "interrupt-controller");
	fdtw_u32(w, "riscv,ndev", VPLIC_NDEV);
	/*
	 * Entry n is context n: 2h of M-mode, which leads nowhere, and 2h + 1 of S-mode. Guests find
	 * the numbers of contexts by counting, so M-mode's are there.
	 */
	to = fdtw_space(w, "interrupts-extended", cfg->cpus * 4 * sizeof(*to));
	for (unsigned int i = 0; to && i < cfg->cpus; i++) {
		*to++ = cpu_to_fdt32(PHANDLE_INTC_BASE + i);
		*to++ = cpu_to_fdt32(NO_INTERRUPT);
		*to++ = cpu_to_fdt32(PHANDLE_INTC_BASE + i);
		*to++ = cpu_to_fdt32(IRQ_S_EXT);
	}
	fdtw_end(w);
}

static void build_uart(struct fdtw *w, const struct vm *vm)
{
	begin_device(w, "serial", "uart0", PHANDLE_UART, VUART_BASE, VUART_SIZE);
	fdtw_string(w, "compatible", "ns16550a");
	fdtw_u32(w, "clock-frequency", VUART_CLOCK);
	virq_describe(virq_of(vm, VUART_IRQ), w);
	fdtw_end(w);
}

static void build_rtc(struct fdtw *w, const struct vm *vm)
{
	begin_device(w, "rtc", "rtc0", PHANDLE_RTC, VRTC_BASE, VRTC_SIZE);
	fdtw_string(w, "compatible", "google,goldfish-rtc");
	virq_describe(virq_of(vm, VRTC_IRQ), w);
	fdtw_end(w);
}

static void build_syscon(struct fdtw *w)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";

	begin_device(w, "test", "syscon", PHANDLE_SYSCON, VSYSCON_BASE, VSYSCON_SIZE);
	fdtw_strings(w, "compatible", compatible);
	fdtw_end(w);
}

static void build_soc(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg)
{
	fdtw_begin(w, "soc");
	fdtw_label(w, "soc", PHANDLE_SOC);
	fdtw_string(w, "compatible", "simple-bus");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_empty(w, "ranges");
	build_plic(w, cfg);
	build_uart(w, vm);
	build_rtc(w, vm);
	build_syscon(w);
	fdtw_end(w);
}

static void build_syscon_action(struct fdtw *w, const char *name, const char *compatible,
				uint32_t value, uint32_t phandle)
{
	fdtw_begin(w, name);
	fdtw_label(w, name, phandle);
	fdtw_string(w, "compatible", compatible);
	fdtw_u32(w, "regmap", PHANDLE_SYSCON);
	fdtw_u32(w, "offset", 0);
	fdtw_u32(w, "value", value);
	fdtw_end(w);
}

/* --- paravirtual interfaces: nodes only of a VM that has some --------------------------------------- */

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

static void build_hypervisor(struct fdtw *w, const struct vm *vm)
{
	if (vm->pv.calls == 0)
		return;
	fdtw_begin(w, "hypervisor");
	fdtw_string(w, "compatible", "hartvisor,hypervisor-1");
	fdtw_u32(w, "hcall-instructions", INSN_ECALL);
	fdtw_u32(w, "hartvisor,sbi-eid", sbi_vendor_eid());
	put_features(w, vm->pv.calls);
	fdtw_end(w);
}

/* Without no-map: Linux maps it with all RAM, as normal memory. */
static void build_reserved(struct fdtw *w, const struct vm *vm)
{
	uint64_t base = align_down(vm->pv.locks.gpa, PAGE_SIZE);
	uint64_t end = align_up(vm->pv.locks.gpa + pv_lock_size(vm), PAGE_SIZE);

	if (vm->pv.locks.gpa == 0)
		return;
	fdtw_begin(w, "reserved-memory");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_empty(w, "ranges");
	fdtw_begin_at(w, "pv-lock", base);
	fdtw_string(w, "compatible", "hartvisor,pv-lock-1");
	fdtw_reg(w, base, end - base);
	fdtw_end(w);
	fdtw_end(w);
}

/* --- the whole ------------------------------------------------------------------------------------- */

/* Once for the nodes, and once for their labels. */
static void build_nodes(struct fdtw *w, const struct vm *vm, const struct vm_config *cfg,
			const struct guest_chosen *c)
{
	build_chosen(w, cfg, c);
	fdtw_begin(w, "aliases");
	fdtw_string(w, "serial0", UART_PATH);
	fdtw_end(w);
	build_memory(w, vm, cfg);
	build_cpus(w, cfg);
	build_soc(w, vm, cfg);
	build_syscon_action(w, "poweroff", "syscon-poweroff", VSYSCON_POWEROFF, PHANDLE_POWEROFF);
	build_syscon_action(w, "reboot", "syscon-reboot", VSYSCON_REBOOT, PHANDLE_REBOOT);
	build_hypervisor(w, vm);
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
