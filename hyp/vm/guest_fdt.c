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
#include "lib/log.h"
#include "platform/machine.h"
#include "sbi/sbi.h"
#include "vm/fdt_builder.h"
#include "vm/pv.h"

/* Every node with a label has a phandle: overlays refer to it by that. */
enum {
	PHANDLE_SOC = 1,
	PHANDLE_CHOSEN,
	PHANDLE_CPUS,
	PHANDLE_MEMORY,
	PHANDLE_PLIC,
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

static void put_interrupt(struct builder *b, uint32_t source)
{
	put_u32(b, "interrupts", source);
	put_u32(b, "interrupt-parent", PHANDLE_PLIC);
}

/* --- /chosen, /memory ------------------------------------------------------------------------------ */

struct guest_chosen {
	gpa_t initrd;
	uint64_t initrd_size;
	const uint8_t *rng_seed;
};

static void build_chosen(struct builder *b, const struct vm_config *cfg,
			 const struct guest_chosen *c)
{
	begin_node(b, "chosen");
	put_u32(b, "phandle", PHANDLE_CHOSEN);
	put_string(b, "bootargs", cfg->bootargs ? cfg->bootargs : "");
	put_string(b, "stdout-path", UART_PATH);
	if (c->initrd_size != 0) {
		put_u64(b, "linux,initrd-start", c->initrd.gpa);
		put_u64(b, "linux,initrd-end", c->initrd.gpa + c->initrd_size);
	}
	if (c->rng_seed)
		put_bytes(b, "rng-seed", c->rng_seed, 32);
	end_node(b);
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

static void memory_name(const struct vm *vm, char *buf, size_t len)
{
	uint64_t base = vm->gstage.nr_ram ? vm->gstage.ram[0].gpa.gpa : GUEST_RAM_BASE;

	snprintf(buf, len, "memory@%" PRIx64, base);
}

static void build_memory(struct builder *b, const struct vm *vm, const struct vm_config *cfg)
{
	fdt64_t ranges[2 * GSTAGE_MAX_RAM];
	unsigned int n = memory_ranges(vm, cfg, ranges);
	char name[32];

	memory_name(vm, name, sizeof(name));
	begin_node(b, name);
	put_u32(b, "phandle", PHANDLE_MEMORY);
	put_string(b, "device_type", "memory");
	put_bytes(b, "reg", ranges, n * 2 * sizeof(ranges[0]));
	end_node(b);
}

/* --- /cpus ----------------------------------------------------------------------------------------- */

static void put_isa_list(struct builder *b, const struct isa_set *isa)
{
	size_t len = 0;
	char *p;

	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		if (isa_has(isa, (enum isa_ext)i))
			len += strlen(isa_name((enum isa_ext)i)) + 1;
	p = put_space(b, "riscv,isa-extensions", len);
	for (unsigned int i = 0; p && i < NR_ISA_EXTS; i++) {
		if (!isa_has(isa, (enum isa_ext)i))
			continue;
		len = strlen(isa_name((enum isa_ext)i)) + 1;
		memcpy(p, isa_name((enum isa_ext)i), len);
		p += len;
	}
}

static void put_isa(struct builder *b, const struct isa_set *isa)
{
	char text[ISA_STRING_MAX];

	if (!b->err && isa_format(isa, text, sizeof(text)) != HV_OK)
		b->err = -FDT_ERR_NOSPACE;
	put_string(b, "riscv,isa", text);
	put_string(b, "riscv,isa-base", "rv64i");
	put_isa_list(b, isa);
	if (isa_has(isa, ISA_ZICBOM))
		put_u32(b, "riscv,cbom-block-size", isa_machine()->cbom_block);
	if (isa_has(isa, ISA_ZICBOP))
		put_u32(b, "riscv,cbop-block-size", isa_machine()->cbop_block);
	if (isa_has(isa, ISA_ZICBOZ))
		put_u32(b, "riscv,cboz-block-size", isa_machine()->cboz_block);
}

static void build_cpu(struct builder *b, unsigned int id, const struct isa_set *isa)
{
	char name[16], mmu[24];

	/* vsatp knows the same modes as satp, so what the hart's own mmu-type says holds for guests. */
	snprintf(mmu, sizeof(mmu), "riscv,sv%u", machine.va_bits ? machine.va_bits : 39);
	snprintf(name, sizeof(name), "cpu@%x", id);
	begin_node(b, name);
	put_u32(b, "phandle", PHANDLE_CPU_BASE + id);
	put_string(b, "device_type", "cpu");
	put_u32(b, "reg", id);
	put_string(b, "status", "okay");
	put_string(b, "compatible", "riscv");
	put_string(b, "mmu-type", mmu);
	put_isa(b, isa);

	begin_node(b, "interrupt-controller");
	put_u32(b, "phandle", PHANDLE_INTC_BASE + id);
	put_string(b, "compatible", "riscv,cpu-intc");
	put_u32(b, "#address-cells", 0);
	put_u32(b, "#interrupt-cells", 1);
	put_empty(b, "interrupt-controller");
	end_node(b);

	end_node(b);
}

static void build_cpus(struct builder *b, const struct vm_config *cfg)
{
	struct isa_set isa = isa_guest();
	uint64_t ticks = timer_frequency();

	begin_node(b, "cpus");
	put_u32(b, "phandle", PHANDLE_CPUS);
	put_u32(b, "#address-cells", 1);
	put_u32(b, "#size-cells", 0);
	if (ticks <= UINT32_MAX)
		put_u32(b, "timebase-frequency", (uint32_t)ticks);
	else
		put_u64(b, "timebase-frequency", ticks);
	for (unsigned int i = 0; i < cfg->cpus; i++)
		build_cpu(b, i, &isa);
	end_node(b);
}

/* --- /soc ------------------------------------------------------------------------------------------ */

/* Begins the node of the device at @base, with its reg; named as the convention is. */
static void begin_device(struct builder *b, const char *kind, uint64_t base, uint64_t size,
			 uint32_t phandle)
{
	char name[48];

	snprintf(name, sizeof(name), "%s@%" PRIx64, kind, base);
	begin_node(b, name);
	put_u32(b, "phandle", phandle);
	put_reg(b, base, size);
}

static void build_plic(struct builder *b, const struct vm_config *cfg)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	fdt32_t *to;

	begin_device(b, "plic", VPLIC_BASE, VPLIC_SIZE, PHANDLE_PLIC);
	put_strings(b, "compatible", compatible);
	put_u32(b, "#address-cells", 0);
	put_u32(b, "#interrupt-cells", 1);
	put_empty(b, "interrupt-controller");
	put_u32(b, "riscv,ndev", VPLIC_NDEV);
	/*
	 * Entry n is context n: 2h of M-mode, which leads nowhere, and 2h + 1 of S-mode. Guests find
	 * the numbers of contexts by counting, so M-mode's are there.
	 */
	to = put_space(b, "interrupts-extended", cfg->cpus * 4 * sizeof(*to));
	for (unsigned int i = 0; to && i < cfg->cpus; i++) {
		*to++ = cpu_to_fdt32(PHANDLE_INTC_BASE + i);
		*to++ = cpu_to_fdt32(NO_INTERRUPT);
		*to++ = cpu_to_fdt32(PHANDLE_INTC_BASE + i);
		*to++ = cpu_to_fdt32(IRQ_S_EXT);
	}
	end_node(b);
}

static void build_uart(struct builder *b)
{
	begin_device(b, "serial", VUART_BASE, VUART_SIZE, PHANDLE_UART);
	put_string(b, "compatible", "ns16550a");
	put_u32(b, "clock-frequency", VUART_CLOCK);
	put_interrupt(b, VUART_IRQ);
	end_node(b);
}

static void build_rtc(struct builder *b)
{
	begin_device(b, "rtc", VRTC_BASE, VRTC_SIZE, PHANDLE_RTC);
	put_string(b, "compatible", "google,goldfish-rtc");
	put_interrupt(b, VRTC_IRQ);
	end_node(b);
}

static void build_syscon(struct builder *b)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";

	begin_device(b, "test", VSYSCON_BASE, VSYSCON_SIZE, PHANDLE_SYSCON);
	put_strings(b, "compatible", compatible);
	end_node(b);
}

static void build_soc(struct builder *b, const struct vm_config *cfg)
{
	begin_node(b, "soc");
	put_u32(b, "phandle", PHANDLE_SOC);
	put_string(b, "compatible", "simple-bus");
	put_u32(b, "#address-cells", 2);
	put_u32(b, "#size-cells", 2);
	put_empty(b, "ranges");
	build_plic(b, cfg);
	build_uart(b);
	build_rtc(b);
	build_syscon(b);
	end_node(b);
}

static void build_syscon_action(struct builder *b, const char *name, const char *compatible,
				uint32_t value, uint32_t phandle)
{
	begin_node(b, name);
	put_u32(b, "phandle", phandle);
	put_string(b, "compatible", compatible);
	put_u32(b, "regmap", PHANDLE_SYSCON);
	put_u32(b, "offset", 0);
	put_u32(b, "value", value);
	end_node(b);
}

/* --- paravirtual interfaces: nodes only of a VM that has some --------------------------------------- */

static void put_features(struct builder *b, uint64_t calls)
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
	put_bytes(b, "hartvisor,features", list, len);
}

static void build_hypervisor(struct builder *b, const struct vm *vm)
{
	if (vm->pv.calls == 0)
		return;
	begin_node(b, "hypervisor");
	put_string(b, "compatible", "hartvisor,hypervisor-1");
	put_u32(b, "hcall-instructions", INSN_ECALL);
	put_u32(b, "hartvisor,sbi-eid", sbi_vendor_eid());
	put_features(b, vm->pv.calls);
	end_node(b);
}

/* Without no-map: Linux maps it with all RAM, as normal memory. */
static void build_reserved(struct builder *b, const struct vm *vm)
{
	uint64_t base = align_down(vm->pv.locks.gpa, PAGE_SIZE);
	uint64_t end = align_up(vm->pv.locks.gpa + pv_lock_size(vm), PAGE_SIZE);
	char name[32];

	if (vm->pv.locks.gpa == 0)
		return;
	begin_node(b, "reserved-memory");
	put_u32(b, "#address-cells", 2);
	put_u32(b, "#size-cells", 2);
	put_empty(b, "ranges");
	snprintf(name, sizeof(name), "pv-lock@%" PRIx64, base);
	begin_node(b, name);
	put_string(b, "compatible", "hartvisor,pv-lock-1");
	put_reg(b, base, end - base);
	end_node(b);
	end_node(b);
}

/* --- labels ---------------------------------------------------------------------------------------- */

static void put_cpu_symbols(struct builder *b, unsigned int id)
{
	char label[24], path[48];

	snprintf(label, sizeof(label), "cpu%u", id);
	snprintf(path, sizeof(path), "/cpus/cpu@%x", id);
	put_string(b, label, path);
	snprintf(label, sizeof(label), "cpu%u_intc", id);
	snprintf(path, sizeof(path), "/cpus/cpu@%x/interrupt-controller", id);
	put_string(b, label, path);
}

static void put_device_symbol(struct builder *b, const char *label, const char *kind, uint64_t base)
{
	char path[48];

	snprintf(path, sizeof(path), "/soc/%s@%" PRIx64, kind, base);
	put_string(b, label, path);
}

static void build_symbols(struct builder *b, const struct vm *vm, const struct vm_config *cfg)
{
	char memory[40] = "/";

	memory_name(vm, memory + 1, sizeof(memory) - 1);
	begin_node(b, "__symbols__");
	put_string(b, "soc", "/soc");
	put_string(b, "chosen", "/chosen");
	put_string(b, "cpus", "/cpus");
	put_string(b, "memory0", memory);
	put_string(b, "poweroff", "/poweroff");
	put_string(b, "reboot", "/reboot");
	put_device_symbol(b, "plic", "plic", VPLIC_BASE);
	put_device_symbol(b, "uart0", "serial", VUART_BASE);
	put_device_symbol(b, "rtc0", "rtc", VRTC_BASE);
	put_device_symbol(b, "syscon", "test", VSYSCON_BASE);
	for (unsigned int i = 0; i < cfg->cpus; i++)
		put_cpu_symbols(b, i);
	end_node(b);
}

/* --- the whole ------------------------------------------------------------------------------------- */

static void build_root(struct builder *b, const struct vm *vm, const struct vm_config *cfg,
		       const struct guest_chosen *c)
{
	static const char compatible[] = "hartvisor,virt\0riscv-virtio";

	begin_node(b, "");
	put_string(b, "model", "hartvisor,virt");
	put_strings(b, "compatible", compatible);
	put_u32(b, "#address-cells", 2);
	put_u32(b, "#size-cells", 2);
	build_chosen(b, cfg, c);
	begin_node(b, "aliases");
	put_string(b, "serial0", UART_PATH);
	end_node(b);
	build_memory(b, vm, cfg);
	build_cpus(b, cfg);
	build_soc(b, cfg);
	build_syscon_action(b, "poweroff", "syscon-poweroff", VSYSCON_POWEROFF, PHANDLE_POWEROFF);
	build_syscon_action(b, "reboot", "syscon-reboot", VSYSCON_REBOOT, PHANDLE_REBOOT);
	build_hypervisor(b, vm);
	build_reserved(b, vm);
	build_symbols(b, vm, cfg);
	end_node(b);
}

int guest_fdt_build(const struct vm *vm, const struct vm_config *cfg, gpa_t initrd,
		    uint64_t initrd_size, const uint8_t rng_seed[32], void *buf, uint64_t cap)
{
	const struct guest_chosen chosen = { initrd, initrd_size, rng_seed };
	struct builder b = { .fdt = buf };
	int size = (int)min_u64(cap, INT32_MAX);
	uint64_t interrupts;

	if (cfg->cpus == 0 || cfg->cpus > VM_MAX_VCPUS)
		return HV_EINVAL;
	b.err = fdt_create(buf, size);
	if (!b.err)
		b.err = fdt_finish_reservemap(buf);
	build_root(&b, vm, cfg, &chosen);
	if (!b.err)
		b.err = fdt_finish(buf);
	if (!b.err)
		return HV_OK;
	interrupts = arch_interrupts_off();
	log_error("%s: its device tree does not fit in %" PRIu64 " bytes (%s)", cfg->name, cap,
		  fdt_strerror(b.err));
	arch_interrupts_restore(interrupts);
	return HV_EOVERFLOW;
}
