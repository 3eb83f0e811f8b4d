// SPDX-License-Identifier: BSD-2-Clause
/*
 * The boot order, on one page. The boot hart does everything up to start_harts(); each step says what
 * it found, and what ends the boot says why and powers the machine off.
 */
#include <inttypes.h>
#include <libfdt.h>
#include <string.h>

#include "arch/cache.h"
#include "arch/csr.h"
#include "arch/features.h"
#include "arch/guest_state.h"
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "console/menu.h"
#include "control/control.h"
#include "lib/atomic.h"
#include "lib/erase.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/options.h"
#include "lib/random.h"
#include "mm/gstage.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "mm/vmid.h"
#include "platform/driver.h"
#include "platform/machine.h"
#include "platform/rng.h"
#include "run/run.h"
#include "sbi/sbi.h"
#include "term/term.h"
#include "vcpu/watch.h"
#include "vm/churn.h"
#include "vm/lifecycle.h"

extern char __image_start[], __image_end[];
extern const uint64_t image_bundle_offset; /* entry.S: written by firmware/mkfw.py */

_Noreturn void stack_switch_call(uint64_t sp, void (*fn)(void));
void hartvisor_main(uint64_t hartid, hpa_t fdt);

static uint8_t boot_emergency_stack[KIB(4)] __attribute__((aligned(16)));
static struct vm_config configs[VM_MAX]; /* each VM has a copy of its own */
static unsigned int vmid_bits_limit = 14;
static uint64_t boot_time; /* host time at hartvisor's first instructions */

/* For each hart's probe of hgatp: a root without entries, given back by the last hart that probed. */
static hpa_t empty_root;
static uint32_t empty_root_users =
	1; /* atomic: the boot hart, and harts that are started and have not probed */

/* For the log. Before the tree is read its time base is not known: 0. */
static uint64_t us_since_boot(void)
{
	uint64_t ticks = csr_read(CSR_TIME) - boot_time, base = machine.timebase;

	return base ? ticks / base * 1000000 + ticks % base * 1000000 / base : 0;
}

/* Until the terminal is up. */
static void early_sink(const char *line, size_t len)
{
	const char *prefix = "[hartvisor] ";

	for (const char *p = prefix; *p; p++)
		(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (uint8_t)*p, 0, 0, 0, 0, 0);
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\n')
			(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, '\r', 0, 0, 0, 0, 0);
		(void)sbi_call_host(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, (uint8_t)line[i], 0, 0, 0, 0,
				    0);
	}
}

static _Noreturn void give_up(const char *why)
{
	log_error("%s; powering off", why);
	lifecycle_shutdown_machine();
	for (;;)
		;
}

static void check_platform(void)
{
	if (!csr_probe_hstatus())
		give_up("this machine has no H extension: hartvisor needs a RISC-V hart with the "
			"hypervisor extension (QEMU: -cpu rv64)");
	if (!features_has_d())
		give_up("this hart has no D extension: hartvisor saves and restores the FP registers "
			"of guests, and needs it (QEMU: -cpu rv64, without d=off)");
	if (!sbi_host_has(SBI_EXT_HSM))
		give_up("this firmware has no SBI HSM extension, by which harts are started");
	if (!sbi_host_has(SBI_EXT_IPI))
		give_up("this firmware has no SBI IPI extension, by which harts wake each other");
}

static void find_machine(hpa_t fdt)
{
	if (fdt.hpa == 0 || fdt.hpa >= DIRECT_MAP_SIZE - MACHINE_MAX_FDT)
		give_up("no device tree: the firmware has to hand one over in a1");
	mmu_early_map(fdt, MACHINE_MAX_FDT);
	machine_set_image(image_hpa(__image_start), (uint64_t)(__image_end - __image_start));
	if (machine_parse(hpa_to_ptr(fdt)) != HV_OK)
		give_up("the machine's device tree cannot be used");
	/* The final tables map /memory alone. */
	if (!machine_is_memory(fdt, fdt_totalsize(machine.fdt)))
		give_up("the device tree lies outside of /memory: the firmware has to put it into RAM");
	for (unsigned int i = 0; i < machine.nr_memory; i++)
		mmu_early_map(machine.memory[i].base, machine.memory[i].size);
	log_info("machine: %u harts, %" PRIu64 " MiB, time base %" PRIu64 " Hz", machine.total_cpus,
		 machine.memory_bytes >> 20, machine.timebase);
}

/* Where a bundle is: the initrd, or what firmware/mkfw.py put behind the image, its size before it. */
static bool find_bundle(hpa_t *at, uint64_t *size)
{
	if (machine.initrd_size != 0) {
		*at = machine.initrd;
		*size = machine.initrd_size;
		return machine_is_memory(*at, *size);
	}
	if (image_bundle_offset == 0)
		return false;
	*at = hpa_add(image_load_base, image_bundle_offset);
	if (!machine_is_memory(hpa_sub(*at, sizeof(*size)), PAGE_SIZE))
		return false;
	memcpy(size, hpa_to_ptr(hpa_sub(*at, sizeof(*size))), sizeof(*size));
	return machine_is_memory(*at, *size) && !machine_closed(*at, *size);
}

static void find_memory(void)
{
	static struct vm_image modules[3 * VM_MAX]; /* kernel, ramdisk, overlay */
	unsigned int n;
	hpa_t bundle;
	uint64_t size;
	int modules_found = config_host_modules(machine.fdt, modules, ARRAY_SIZE(modules));

	for (unsigned int i = 0; i < machine.nr_memory; i++)
		page_add(machine.memory[i].base, machine.memory[i].size);
	for (unsigned int i = 0; i < machine.nr_reserved; i++)
		page_reserve(machine.reserved[i].base, machine.reserved[i].size);
	page_reserve(image_hpa(__image_start), (uint64_t)(__image_end - __image_start));
	n = modules_found > 0 ? (unsigned int)modules_found : 0;
	if (n > ARRAY_SIZE(modules)) /* to forget one would be to overwrite it */
		give_up("/chosen: more than 192 modules: give a bundle instead");
	for (unsigned int i = 0; i < n; i++)
		page_reserve(ptr_to_hpa(modules[i].data), modules[i].size);
	if (find_bundle(&bundle, &size))
		page_reserve(bundle, size);
}

static void build_host_map(void)
{
	int err = hostmap_build();

	for (unsigned int i = 0; i < machine.nr_memory && err == HV_OK; i++)
		err = hostmap_add_ram(machine.memory[i].base, machine.memory[i].size);
	if (err != HV_OK)
		give_up("no memory left for hartvisor's own page tables");
}

static struct pcpu *new_pcpu(uint64_t hartid)
{
	struct pcpu *p = nr_pcpus == 0 ? &boot_pcpu : page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	uint64_t emergency, stack;

	emergency = hostmap_new_stack();
	stack = hostmap_new_stack();
	if (!p || !emergency || !stack)
		give_up("no memory left for the harts' stacks");
	if (p != &boot_pcpu)
		p->emergency_sp = emergency; /* the boot hart's is in use until it switches */
	p->stack_top = stack;
	p->hartid = hartid;
	p->index = nr_pcpus;
	pcpus[nr_pcpus++] = p;
	return p;
}

static void prepare_pcpus(uint64_t boot_hart)
{
	(void)new_pcpu(boot_hart);
	for (unsigned int i = 0; i < machine.nr_cpus && nr_pcpus < MAX_PCPUS; i++) {
		const struct machine_cpu *c = &machine.cpus[i];

		if (c->hartid == boot_hart || !c->available)
			continue;
		if (!c->has_h)
			log_warn("hart %" PRIu64 ": left out: it has no H extension", c->hartid);
		else if (!c->has_d)
			log_warn("hart %" PRIu64 ": left out: it has no D extension", c->hartid);
		else
			(void)new_pcpu(c->hartid);
	}
	if (machine.total_cpus > MAX_PCPUS)
		log_warn("machine: %u harts, only %u are used", machine.total_cpus, MAX_PCPUS);
}

static void put_empty_root(void)
{
	if (atomic_fetch_sub(&empty_root_users, 1) == 1)
		page_free(empty_root, GSTAGE_ROOT_SIZE);
}

/* What every hart does for itself, boot hart included. */
static void setup_this_hart(void)
{
	guest_hart_setup();
	timer_init_pcpu();
	sched_init_pcpu();
	(void)vmid_init_pcpu(this_pcpu()->index, vmid_bits_limit, empty_root);
	host_irq_init_pcpu();
}

static struct hart_misfit secondary_misfit(void)
{
	struct hart_misfit m = features_misfit();

	if (!m.what)
		m = gstage_misfit(empty_root);
	return m;
}

static _Noreturn void secondary_main(void)
{
	setup_this_hart();
	put_empty_root();
	pcpu_loop();
}

/* A hart that does not come leaves its place; the others close up, so that indexes have no gaps. */
static void start_harts(void)
{
	unsigned int all = nr_pcpus;

	nr_pcpus = 1;
	for (unsigned int i = 1; i < all; i++) {
		struct pcpu *p = pcpus[i];

		p->index = nr_pcpus;
		pcpus[nr_pcpus] = p;
		(void)atomic_fetch_add(&empty_root_users, 1);
		if (smp_start(p, hostmap_satp(), secondary_misfit, secondary_main) == HV_OK)
			nr_pcpus++;
		/* Else the root stays: the hart may still come, and probes before it stops itself. */
	}
	put_empty_root();
	sched_set_pcpus(nr_pcpus);
}

static void read_ids(void)
{
	sbi_ids.mvendorid =
		sbi_call_host(SBI_EXT_BASE, SBI_BASE_GET_MVENDORID, 0, 0, 0, 0, 0, 0).value;
	sbi_ids.marchid = sbi_call_host(SBI_EXT_BASE, SBI_BASE_GET_MARCHID, 0, 0, 0, 0, 0, 0).value;
	sbi_ids.mimpid = sbi_call_host(SBI_EXT_BASE, SBI_BASE_GET_MIMPID, 0, 0, 0, 0, 0, 0).value;
}

static unsigned int read_configs(void)
{
	/* What is cut off to fit is too long for a node's name, and so is the rest. */
	char select[FDTX_MAX_NAME + 2];
	bool selected = option_text(machine.bootargs, "hartvisor.config", select, sizeof(select));
	hpa_t at;
	uint64_t size;
	bool bundle = find_bundle(&at, &size);
	int n = 0;

	if (bundle) {
		n = config_parse_bundle(hpa_to_ptr(at), size, selected ? select : NULL, configs,
					VM_MAX);
		if (n < 0)
			give_up("the bundle cannot be used");
	}
	if (n < (int)VM_MAX) {
		int more =
			config_parse_host_fdt(machine.fdt, configs + n, VM_MAX - (unsigned int)n);

		n += more > 0 ? more : 0;
	}
	if (n == 0)
		give_up(bundle ? "no VM to start: see above" :
				 "no bundle: give one as the initrd (QEMU: -initrd "
				 "build/two-linux.itb)");
	return (unsigned int)n;
}

static void make_vms(void)
{
	unsigned int n = read_configs();
	const struct vm *focus = NULL;

	lifecycle_stay(option_flag(machine.bootargs, "hartvisor.stay"));
	if (option_flag(machine.bootargs, "hartvisor.trace"))
		lifecycle_trace();
	term_prefix(option_flag(machine.bootargs, "hartvisor.prefix"));
	for (unsigned int i = 0; i < n; i++) {
		const struct vm *vm = vm_create(&configs[i]);

		if (!vm || vm->state == VM_FAILED)
			continue;
		/* The first one that starts, or else that can be started. */
		if (!focus || (focus->state != VM_BUILDING && vm->state == VM_BUILDING))
			focus = vm;
	}
	if (!focus)
		give_up("no valid VM: see the errors above");
	else if (focus->state != VM_BUILDING)
		log_info("no VM starts by itself: ^] o starts the VM in focus");
	term_focus(focus ? focus->stream : NULL);
	lifecycle_begin();
	churn_begin(machine.bootargs, configs, n);
}

static void set_up_isa(void)
{
	features_probe_boot(isa_has_vector(&isa_machine()->set));
	isa_allow_vector(hart_features.vlenb != 0);
	arch_set_cboz_block(isa_machine()->cboz_block);
	arch_set_cbom_block(isa_guest_sees_past_caches() ? isa_machine()->cbom_block : 0);
	timer_setup(machine.timebase, hart_features.sstc && isa_has(&isa_machine()->set, ISA_SSTC));
}

/* What the machine's random device gives, if there is one. */
static void take_random_device(void)
{
	uint8_t bytes[HOST_RNG_BYTES], *memory;
	bool stopped;

	if (!host_rng_present())
		return;
	memory = page_alloc_zeroed(HOST_RNG_MEMORY, PAGE_SIZE);
	if (!memory)
		return;
	random_add(bytes, host_rng_read(memory, bytes, sizeof(bytes), &stopped));
	erase(bytes, sizeof(bytes));
	/* A device that does not stop may write there for ever. */
	if (!stopped)
		return;
	erase(memory, HOST_RNG_MEMORY);
	page_free(ptr_to_hpa(memory), HOST_RNG_MEMORY);
}

/* The firmware's seed becomes the state of the generator, and exists nowhere else from then on. */
static void take_entropy(void)
{
	unsigned int size = machine.rng_seed_size;

	random_add(machine.rng_seed, size);
	machine_erase_rng_seed();
	take_random_device();
	if (random_ready())
		return;
	if (size == 0)
		log_warn("the device tree has no /chosen/rng-seed: guests get none");
	else
		log_warn("/chosen: rng-seed: %u bytes: must be at least %d bytes, not all alike; "
			 "guests get none",
			 size, RANDOM_MIN_ENTROPY);
}

/* Of a panic: what the terminal still holds, and whose exit was being handled. */
static void last_words(void)
{
	const struct vcpu *v = this_vcpu();

	term_drain();
	if (v)
		panic_print(
			"[hartvisor] loaded: %s/%u, sepc %#lx, ra %#lx, a7 %#lx, a6 %#lx, requests "
			"%#lx, mode %u, %lu stays\n",
			v->vm->name, v->id, v->regs.sepc, v->regs.x[REG_RA], v->regs.x[REG_A7],
			v->regs.x[REG_A6], v->requests, v->mode, v->guest_seq);
}

/* On the boot hart's own, guarded stack, in the final address space. */
static void boot(void)
{
	uint64_t colour = TERM_ASK_TYPED;
	const void *root;

	set_up_isa();
	options_check(machine.bootargs);
	if (sched_init(nr_pcpus, machine.timebase) != HV_OK)
		give_up("no memory left for the run queues");
	root = page_alloc_zeroed(GSTAGE_ROOT_SIZE, GSTAGE_ROOT_SIZE);
	if (!root)
		give_up("no memory left for a G-stage root");
	empty_root = ptr_to_hpa(root);
	if (gstage_probe(empty_root) != HV_OK)
		give_up("this machine's hgatp takes none of the modes Sv39x4, Sv48x4, Sv57x4");
	driver_probe_all(machine.fdt);
	/* Before the steps that arm timers and interrupts on this hart. */
	setup_this_hart();
	(void)option_number(machine.bootargs, "hartvisor.colour", &colour);
	term_init((enum term_ask)colour);
	log_set_sink(term_log);
	panic_set_hook(last_words);
	menu_init();
	control_init();
	read_ids();
	take_entropy();
	start_harts();
	host_irq_balance();
	log_info("%u of %u harts run; %" PRIu64 " MiB free for VMs", nr_pcpus, machine.total_cpus,
		 page_free_bytes() >> 20);
	make_vms();
	term_guests_run();
	watch_start();
	pcpu_loop();
}

void hartvisor_main(uint64_t hartid, hpa_t fdt)
{
	uint64_t bits;

	boot_time = csr_read(CSR_TIME);
	boot_pcpu.hartid = hartid;
	boot_pcpu.online = 1;
	boot_pcpu.emergency_sp =
		(uint64_t)(uintptr_t)boot_emergency_stack + sizeof(boot_emergency_stack);
	log_set_clock(us_since_boot);
	log_set_sink(early_sink);
	log_info("hartvisor, started on hart %" PRIu64 " at %#" PRIx64, hartid,
		 image_load_base.hpa);
	check_platform();
	find_machine(fdt);
	if (option_number(machine.bootargs, "hartvisor.vmid-bits", &bits))
		vmid_bits_limit = (unsigned int)min_u64(bits, 14);
	find_memory();
	build_host_map();
	prepare_pcpus(hartid);
	hostmap_load();
	stack_switch_call(boot_pcpu.stack_top, boot);
}
