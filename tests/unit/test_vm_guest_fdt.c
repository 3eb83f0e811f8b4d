// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/guest_fdt.c hyp/vm/guest_overlay.c platform/machine.c hyp/arch/isa.c hyp/lib/fdt.c
// SOURCES: hyp/vm/pv.c hyp/vm/fdt_builder.c tests/unit/fake/tree.c
/*
 * The tree that a guest gets, and overlays onto it. With HV_TEST_DTB=file in the environment the first
 * test leaves a tree there, for `dtc -I dtb`.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/isa.h"
#include "arch/memmap.h"
#include "arch/timer.h"
#include "dev/vdev.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "irqchip/vplic.h"
#include "lib/fdt.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "sbi/sbi.h"
#include "vm/guest_fdt.h"
#include "vm/pv.h"

static struct vm vm;
static struct vm_config cfg;
static uint64_t buffer[GUEST_FDT_SIZE / 8];
static void *const guest = buffer;
static uint64_t host[MIB(2) / 8];
static uint8_t overlay_bytes[GUEST_FDT_OVERLAY_MAX + 8] __attribute__((aligned(8)));
static const uint8_t seed32[32] = "The seed of the guest's entropy";

/* --- what the code under test uses ------------------------------------------------------------------ */

struct sbi_ids sbi_ids;
static unsigned int pages_out;
static bool no_pages;

uint64_t timer_frequency(void)
{
	return 10000000;
}

/* Blocks of their own, so that the sanitizer watches their ends. */
void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	void *p = no_pages ? NULL : aligned_alloc(align, size);

	if (p) {
		memset(p, 0, size);
		pages_out++;
	}
	return p;
}

void page_free(hpa_t base, uint64_t size)
{
	(void)size;
	free(hpa_to_ptr(base));
	pages_out--;
}

/* --- helpers --------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	const struct tree_virt virt = { .cpus = 2, .memory = GIB(2), .timebase = 10000000 };

	(void)state;
	tree_virt(host, sizeof(host), &virt);
	assert_int_equal(machine_parse(host), HV_OK);
	memset(&vm, 0, sizeof(vm));
	memset(&cfg, 0, sizeof(cfg));
	strcpy(cfg.name, "linux-a");
	cfg.cpus = 2;
	cfg.memory = MIB(256);
	cfg.bootargs = "console=ttyS0";
	no_pages = false;
	fake_log_reset();
	return 0;
}

static int build(uint64_t cap)
{
	return guest_fdt_build(&vm, &cfg, gpa(0x88000000), 0x1234, seed32, guest, cap);
}

static int at(const char *path)
{
	int node = fdt_path_offset(guest, path);

	if (node < 0)
		fail_msg("no %s", path);
	return node;
}

static uint32_t u32_at(const char *path, const char *name)
{
	uint32_t v = 0;

	assert_int_equal(fdtx_prop_u32(guest, at(path), name, &v), HV_OK);
	return v;
}

static uint64_t u64_at(const char *path, const char *name)
{
	uint64_t v = 0;

	assert_int_equal(fdtx_prop_u64(guest, at(path), name, &v), HV_OK);
	return v;
}

static void assert_string_at(const char *path, const char *name, const char *is)
{
	const char *s = fdtx_prop_string(guest, at(path), name);

	assert_non_null(s);
	assert_string_equal(s, is);
}

static void assert_reg_at(const char *path, uint64_t base, uint64_t size)
{
	uint64_t a = 0, s = 0;

	assert_int_equal(fdtx_reg(guest, at(path), 0, &a, &s), HV_OK);
	assert_true(a == base && s == size);
}

static int apply(const void *data, uint64_t size, uint64_t cap)
{
	/* At an odd address, as in a bundle, and with its end watched. */
	uint8_t *copy = malloc(size + 1);
	struct vm_image image = { .name = "my-overlay", .data = copy + 1, .size = size };
	int err;

	memcpy(copy + 1, data, size);
	err = guest_fdt_apply_overlay(guest, cap, &image, &cfg);
	assert_memory_equal(copy + 1, data, size); /* several VMs may name one image */
	assert_int_equal(pages_out, 0);
	free(copy);
	return err;
}

/*
 * As dtc -@ makes it from
 *	&LABEL { added = "yes"; interrupt-parent = <&plic>; extra { own: leaf { }; ref = <&own>; }; };
 */
static size_t make_overlay(const char *label)
{
	void *o = overlay_bytes;

	tree_begin(o, sizeof(overlay_bytes));
	tree_node(o, "fragment@0");
	tree_cells(o, "target", 1, 0xffffffff);
	tree_node(o, "__overlay__");
	tree_string(o, "added", "yes");
	tree_cells(o, "interrupt-parent", 1, 0xffffffff);
	tree_node(o, "extra");
	tree_cells(o, "ref", 1, 1);
	tree_node(o, "leaf");
	tree_cells(o, "phandle", 1, 1);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "__symbols__");
	tree_string(o, "own", "/fragment@0/__overlay__/extra/leaf");
	tree_end_node(o);
	tree_node(o, "__fixups__");
	tree_string(o, label, "/fragment@0:target:0");
	tree_string(o, "plic", "/fragment@0/__overlay__:interrupt-parent:0");
	tree_end_node(o);
	tree_node(o, "__local_fixups__");
	tree_node(o, "fragment@0");
	tree_node(o, "__overlay__");
	tree_node(o, "extra");
	tree_cells(o, "ref", 1, 0);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	return tree_finish(o);
}

/* --- the generated tree ---------------------------------------------------------------------------- */

static void the_tree_says_what_the_vm_has(void **state)
{
	const char *file = getenv("HV_TEST_DTB");
	int len;
	const void *seed;

	(void)state;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_null(fdtx_problem(guest, GUEST_FDT_SIZE));
	if (file) {
		FILE *f = fopen(file, "wb");

		assert_non_null(f);
		fwrite(guest, fdt_totalsize(guest), 1, f);
		fclose(f);
	}
	assert_string_at("/", "model", "hartvisor,virt");
	assert_true(fdtx_is_compatible(guest, 0, "riscv-virtio"));
	assert_string_at("/chosen", "bootargs", "console=ttyS0");
	assert_string_at("/chosen", "stdout-path", "/soc/serial@10000000");
	assert_true(u64_at("/chosen", "linux,initrd-start") == 0x88000000);
	assert_true(u64_at("/chosen", "linux,initrd-end") == 0x88001234);
	seed = fdt_getprop(guest, at("/chosen"), "rng-seed", &len);
	assert_int_equal(len, 32);
	assert_memory_equal(seed, seed32, 32);
	assert_reg_at("/memory@80000000", 0x80000000, MIB(256));
	assert_int_equal(u32_at("/cpus", "timebase-frequency"), 10000000);
	assert_reg_at("/soc/serial@10000000", VUART_BASE, VUART_SIZE);
	assert_reg_at("/soc/rtc@101000", VRTC_BASE, VRTC_SIZE);
	assert_reg_at("/soc/test@100000", VSYSCON_BASE, VSYSCON_SIZE);
	assert_reg_at("/soc/plic@c000000", VPLIC_BASE, VPLIC_SIZE);
	assert_int_equal(u32_at("/soc/serial@10000000", "interrupts"), VUART_IRQ);
	assert_int_equal(u32_at("/soc/rtc@101000", "interrupts"), VRTC_IRQ);
	assert_int_equal(u32_at("/soc/plic@c000000", "riscv,ndev"), VPLIC_NDEV);
	assert_int_equal(u32_at("/poweroff", "value"), 0x5555);
	assert_int_equal(u32_at("/reboot", "value"), 0x7777);
	assert_int_equal(fake_log_count, 0);
}

static void cpus_list_what_is_open_and_nothing_closed(void **state)
{
	static const char *const wanted[] = { "i",	 "m",	   "a",	     "f",	 "d",
					      "c",	 "zic64b", "zicbom", "zicbop",	 "zicboz",
					      "ziccrse", "zicntr", "zicsr",  "zifencei", "zawrs",
					      "zba",	 "sstc",   "svadu" };
	struct fdtx_strings it;

	(void)state;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_int_equal(fdtx_prop_strings(guest, at("/cpus/cpu@1"), "riscv,isa-extensions", &it),
			 HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_string_equal(fdtx_strings_next(&it), wanted[i]);
	assert_null(fdtx_strings_next(&it));
	assert_string_at(
		"/cpus/cpu@1", "riscv,isa",
		"rv64imafdc_zic64b_zicbom_zicbop_zicboz_ziccrse_zicntr_zicsr_zifencei_zawrs_"
		"zba_sstc_svadu");
	assert_string_at("/cpus/cpu@1", "riscv,isa-base", "rv64i");
	assert_string_at("/cpus/cpu@1", "mmu-type", "riscv,sv57");
	assert_int_equal(u32_at("/cpus/cpu@1", "reg"), 1);
	assert_int_equal(u32_at("/cpus/cpu@1", "riscv,cbom-block-size"), 64);
	assert_int_equal(u32_at("/cpus/cpu@1", "riscv,cboz-block-size"), 64);
	assert_true(fdt_path_offset(guest, "/cpus/cpu@2") < 0);
}

static void plic_contexts_are_two_per_hart_and_those_of_m_mode_lead_nowhere(void **state)
{
	int len;
	const fdt32_t *to;

	(void)state;
	cfg.cpus = 3;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	to = fdt_getprop(guest, at("/soc/plic@c000000"), "interrupts-extended", &len);
	assert_int_equal(len, 3 * 2 * 2 * 4);
	for (unsigned int h = 0; h < 3; h++, to += 4) {
		char path[64];

		snprintf(path, sizeof(path), "/cpus/cpu@%x/interrupt-controller", h);
		assert_int_equal(fdt32_ld(&to[0]), u32_at(path, "phandle"));
		assert_int_equal(fdt32_ld(&to[1]), 0xffffffff);
		assert_int_equal(fdt32_ld(&to[2]), u32_at(path, "phandle"));
		assert_int_equal(fdt32_ld(&to[3]), 9);
	}
}

static void without_initrd_and_seed_nothing_is_said_of_them(void **state)
{
	(void)state;
	assert_int_equal(guest_fdt_build(&vm, &cfg, gpa(0), 0, NULL, guest, GUEST_FDT_SIZE), HV_OK);
	assert_false(fdtx_prop_bool(guest, at("/chosen"), "linux,initrd-start"));
	assert_false(fdtx_prop_bool(guest, at("/chosen"), "rng-seed"));
}

static void memory_in_pieces_of_the_host_is_one_for_the_guest(void **state)
{
	uint64_t a, s;

	(void)state;
	vm.gstage.nr_ram = 3;
	vm.gstage.ram[0] = (struct gstage_ram){ gpa(0x80000000), hpa(0x90000000), MIB(64) };
	vm.gstage.ram[1] = (struct gstage_ram){ gpa(0x84000000), hpa(0xb0000000), MIB(64) };
	vm.gstage.ram[2] = (struct gstage_ram){ gpa(0x100000000), hpa(0xc0000000), MIB(2) };
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_reg_at("/memory@80000000", 0x80000000, MIB(128));
	assert_int_equal(fdtx_reg(guest, at("/memory@80000000"), 1, &a, &s), HV_OK);
	assert_true(a == 0x100000000 && s == MIB(2));
	assert_int_equal(fdtx_reg(guest, at("/memory@80000000"), 2, &a, &s), HV_ENOENT);
}

/* --- paravirtual interfaces ------------------------------------------------------------------------ */

static bool tree_contains(const char *text)
{
	return memmem(guest, fdt_totalsize(guest), text, strlen(text)) != NULL;
}

static void what_a_vm_has_is_announced(void **state)
{
	static const char all[] = "poll-irq\0magic-page\0kick-cpu\0pv-wait\0pv-lock\0yield-to";
	static const char few[] = "kick-cpu\0pv-lock";
	const void *list;
	int len;

	(void)state;
	sbi_ids.mvendorid = 0x1000489;
	vm.nr_vcpus = 2;
	vm.pv = (struct vm_pv){ .calls = pv_all(), .locks = gpa(0x8ffff000) };
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_true(fdtx_is_compatible(guest, at("/hypervisor"), "hartvisor,hypervisor-1"));
	assert_int_equal(u32_at("/hypervisor", "hcall-instructions"), 0x73);
	assert_int_equal(u32_at("/hypervisor", "hartvisor,sbi-eid"), 0x09000489);
	list = fdt_getprop(guest, at("/hypervisor"), "hartvisor,features", &len);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(list, all, sizeof(all));
	assert_reg_at("/reserved-memory/pv-lock@8ffff000", 0x8ffff000, PAGE_SIZE);
	assert_int_equal(u32_at("/reserved-memory", "#address-cells"), 2);
	assert_int_equal(u32_at("/reserved-memory", "#size-cells"), 2);
	assert_true(fdtx_prop_bool(guest, at("/reserved-memory"), "ranges"));
	/* Linux is to map it as all RAM. */
	assert_false(fdtx_prop_bool(guest, at("/reserved-memory/pv-lock@8ffff000"), "no-map"));

	vm.pv.calls = BIT(HARTVISOR_FEATURES) | BIT(HARTVISOR_KICK_CPU) |
		      BIT(HARTVISOR_PV_LOCK_FEATURES) | BIT(HARTVISOR_PV_LOCK_PREEMPTED);
	vm.pv.locks = gpa(0x8fffff80); /* whole pages are reserved */
	vm.nr_vcpus = 3;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	list = fdt_getprop(guest, at("/hypervisor"), "hartvisor,features", &len);
	assert_int_equal(len, sizeof(few));
	assert_memory_equal(list, few, sizeof(few));
	assert_reg_at("/reserved-memory/pv-lock@8ffff000", 0x8ffff000, 2 * PAGE_SIZE);
}

static void switched_off_there_is_no_trace_of_it(void **state)
{
	static const char *const words[] = { "hypervisor",    "reserved-memory",    "hcall",
					     "hartvisor,sbi", "hartvisor,features", "pv-lock" };

	(void)state;
	vm.nr_vcpus = 2;
	vm.pv.pvlk = true; /* guests ask the SBI for it */
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		assert_false(tree_contains(words[i]));
	assert_true(tree_contains("hartvisor,virt"));
}

static void every_label_names_a_node_with_a_phandle_of_its_own(void **state)
{
	static const char *const promised[] = { "soc",	     "chosen",	"cpus",	    "cpu0",
						"cpu1_intc", "plic",	"uart0",    "rtc0",
						"syscon",    "memory0", "poweroff", "reboot" };
	int prop;

	(void)state;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(promised); i++)
		assert_true(fdtx_prop_bool(guest, at("/__symbols__"), promised[i]));
	fdt_for_each_property_offset(prop, guest, at("/__symbols__")) {
		int len;
		const char *path = fdt_getprop_by_offset(guest, prop, NULL, &len);
		uint32_t phandle = u32_at(path, "phandle");

		assert_int_equal(fdt_node_offset_by_phandle(guest, phandle), at(path));
	}
}

static void the_largest_vm_fits_with_every_extension(void **state)
{
	struct isa_cpu all = { .cbom_block = 64, .cbop_block = 64, .cboz_block = 64 };

	(void)state;
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		isa_add(&all.set, (enum isa_ext)i);
	isa_allow_vector(true);
	isa_machine_reset();
	isa_machine_add(&all);
	cfg.cpus = VM_MAX_VCPUS;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_in_range(fdt_totalsize(guest), KIB(64), GUEST_FDT_SIZE / 2);
	assert_int_equal(u32_at("/cpus/cpu@3f", "reg"), 63);
	isa_allow_vector(false);
}

static void what_does_not_fit_is_an_error_at_every_size(void **state)
{
	uint64_t size;

	(void)state;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	size = fdt_totalsize(guest);
	for (uint64_t cap = 0; cap < size; cap += 1) {
		void *exact = aligned_alloc(8, align_up(cap + 1, 8));

		assert_int_equal(guest_fdt_build(&vm, &cfg, gpa(0x88000000), 0x1234, seed32, exact,
						 cap),
				 HV_EOVERFLOW);
		free(exact);
	}
	assert_non_null(strstr(fake_log_last, "linux-a: its device tree does not fit"));
	assert_int_equal(build(size), HV_OK);
}

static void impossible_numbers_of_vcpus_are_refused(void **state)
{
	(void)state;
	cfg.cpus = 0;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_EINVAL);
	cfg.cpus = VM_MAX_VCPUS + 1;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_EINVAL);
}

/* --- overlays -------------------------------------------------------------------------------------- */

static void an_overlay_may_refer_to_every_label(void **state)
{
	static const char *const labels[][2] = {
		{ "soc", "/soc" },
		{ "chosen", "/chosen" },
		{ "cpus", "/cpus" },
		{ "cpu1", "/cpus/cpu@1" },
		{ "plic", "/soc/plic@c000000" },
		{ "uart0", "/soc/serial@10000000" },
		{ "memory0", "/memory@80000000" },
		{ "syscon", "/soc/test@100000" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(labels); i++) {
		char path[64];

		if (strcmp(labels[i][0], "plic") == 0)
			continue; /* two properties of one name: what dtc writes as a list */
		assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
		assert_int_equal(apply(overlay_bytes, make_overlay(labels[i][0]), GUEST_FDT_SIZE),
				 HV_OK);
		assert_string_at(labels[i][1], "added", "yes");
		assert_int_equal(u32_at(labels[i][1], "interrupt-parent"),
				 u32_at("/soc/plic@c000000", "phandle"));
		/* References of the overlay to itself are moved behind the phandles of ours. */
		snprintf(path, sizeof(path), "%s/extra", labels[i][1]);
		assert_int_equal(fdt_node_offset_by_phandle(guest, u32_at(path, "ref")),
				 fdt_subnode_offset(guest, at(path), "leaf"));
		assert_true(fdt_totalsize(guest) < KIB(64));
	}
	assert_int_equal(fake_log_count, 0);
}

static void a_wrong_overlay_is_told_with_vm_image_and_reason(void **state)
{
	size_t n;

	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply(overlay_bytes, make_overlay("nobody"), GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "linux-a: the device tree overlay \"my-overlay\""));
	assert_non_null(strstr(fake_log_last, "it refers to &nobody"));

	build(GUEST_FDT_SIZE);
	assert_int_equal(apply("short", 5, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "shorter than a header"));

	build(GUEST_FDT_SIZE);
	memset(overlay_bytes, 0x55, 1024);
	assert_int_equal(apply(overlay_bytes, 1024, GUEST_FDT_SIZE), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "magic number"));

	n = make_overlay("soc");
	no_pages = true;
	build(GUEST_FDT_SIZE);
	assert_int_equal(apply(overlay_bytes, n, GUEST_FDT_SIZE), HV_ENOMEM);
	assert_non_null(strstr(fake_log_last, "no memory"));
}

static void an_overlay_too_large_is_refused_before_any_work(void **state)
{
	struct vm_image image = { .name = "big",
				  .data = overlay_bytes,
				  .size = GUEST_FDT_OVERLAY_MAX + 1 };

	(void)state;
	build(GUEST_FDT_SIZE);
	assert_int_equal(guest_fdt_apply_overlay(guest, GUEST_FDT_SIZE, &image, &cfg), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "at most 65536 are allowed"));
}

static void an_overlay_that_outgrows_the_room_is_refused_at_every_size(void **state)
{
	size_t n = make_overlay("soc");
	uint64_t base, whole;

	(void)state;
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	assert_int_equal(apply(overlay_bytes, n, GUEST_FDT_SIZE), HV_OK);
	whole = fdt_totalsize(guest);
	build(GUEST_FDT_SIZE);

	for (uint64_t cap = base; cap < whole; cap++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		void *exact = malloc(cap);

		memcpy(exact, guest, base);
		assert_int_equal(guest_fdt_apply_overlay(exact, cap, &image, &cfg), HV_EOVERFLOW);
		free(exact);
	}
}

static void a_broken_overlay_is_refused_or_applied_within_bounds(void **state)
{
	size_t n = make_overlay("soc");
	uint8_t *good = malloc(n);
	uint32_t seed = 20261120;
	uint64_t base;

	(void)state;
	memcpy(good, overlay_bytes, n);
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	for (unsigned int i = 0; i < 10000; i++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		void *exact = malloc(base + 4096);

		memcpy(exact, guest, base);
		memcpy(overlay_bytes, good, n);
		overlay_bytes[tree_random(&seed) % n] ^= (uint8_t)(1 + tree_random(&seed) % 255);
		if (guest_fdt_apply_overlay(exact, base + 4096, &image, &cfg) == HV_OK)
			assert_null(fdtx_problem(exact, base + 4096));
		assert_int_equal(pages_out, 0);
		free(exact);
	}
	for (size_t len = 0; len < n; len++) {
		struct vm_image image = { .name = "my-overlay", .data = good, .size = len };

		assert_int_equal(guest_fdt_apply_overlay(guest, GUEST_FDT_SIZE, &image, &cfg),
				 HV_EINVAL);
	}
	free(good);
}

/* An overlay whose one property `p` (two cells) is to be fixed up as the arguments say. */
static size_t make_hostile(uint32_t local, const char *fixup, const char *local_target)
{
	void *o = overlay_bytes;

	tree_begin(o, sizeof(overlay_bytes));
	tree_node(o, "fragment@0");
	tree_string(o, "target-path", "/soc");
	tree_node(o, "__overlay__");
	tree_cells(o, "p", 2, 1, 1);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "__fixups__");
	if (fixup)
		tree_string(o, "plic", fixup);
	tree_end_node(o);
	tree_node(o, "__local_fixups__");
	tree_node(o, local_target);
	tree_node(o, "__overlay__");
	tree_cells(o, "p", 1, local);
	tree_end_node(o);
	tree_end_node(o);
	tree_end_node(o);
	return tree_finish(o);
}

static int apply_hostile(uint32_t local, const char *fixup, const char *local_target)
{
	size_t n = make_hostile(local, fixup, local_target);

	build(GUEST_FDT_SIZE);
	return apply(overlay_bytes, n, GUEST_FDT_SIZE);
}

static void fixups_stay_within_their_property(void **state)
{
	static const uint32_t outside[] = { 5, 8, 100, 0x7fffffff, 0xfffffffc, 0xffffffff };
	static const char *const wrong[] = {
		"/fragment@0/__overlay__:p:5",	"/fragment@0/__overlay__:p:4294967294",
		"/fragment@0/__overlay__:p:-4", "/fragment@0/__overlay__:p: 4",
		"/fragment@0/__overlay__:p:",	"/fragment@0/__overlay__:p:99999999999999999999",
		"/fragment@0/__overlay__:p:4x", "/fragment@0/__overlay__:q:4",
		"/fragment@0/__overlay__::4",	"/fragment@0/nothing:p:4",
		"/fragment@0/__overlay__:p",	"/fragment@0/__overlay__",
		"fragment@0/__overlay__:p:4",	"",
	};

	(void)state;
	assert_int_equal(apply_hostile(4, "/fragment@0/__overlay__:p:0", "fragment@0"), HV_OK);
	assert_int_equal(apply_hostile(1, NULL, "fragment@0"), HV_OK); /* may be unaligned */
	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++)
		assert_int_equal(apply_hostile(outside[i], NULL, "fragment@0"), HV_EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(apply_hostile(4, wrong[i], "fragment@0"), HV_EINVAL);
}

static void fixups_cannot_change_the_tables_of_fixups(void **state)
{
	(void)state;
	assert_int_equal(apply_hostile(0, "/__local_fixups__/fragment@0/__overlay__:p:0",
				       "fragment@0"),
			 HV_EINVAL);
	assert_int_equal(apply_hostile(0, "//__local_fixups__/fragment@0/__overlay__:p:0",
				       "fragment@0"),
			 HV_EINVAL);
	assert_int_equal(apply_hostile(0, NULL, "__local_fixups__"), HV_EINVAL);
	assert_int_equal(apply_hostile(0, NULL, "__fixups__"), HV_EINVAL);
}

static void no_table_has_a_phandle_or_is_merged(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		tree_begin(o, sizeof(overlay_bytes));
		tree_node(o, "__local_fixups__");
		if (i)
			tree_node(o, "__overlay__");
		else
			tree_cells(o, "phandle", 1, 0);
		if (i)
			tree_end_node(o);
		tree_end_node(o);
		build(GUEST_FDT_SIZE);
		assert_int_equal(apply(o, tree_finish(o), GUEST_FDT_SIZE), HV_EINVAL);
	}
}

static void an_overlay_of_wrong_words_stays_within_bounds(void **state)
{
	size_t n = make_overlay("soc");
	uint8_t *good = malloc(n);
	uint32_t seed = 4711;
	uint64_t base;

	(void)state;
	memcpy(good, overlay_bytes, n);
	build(GUEST_FDT_SIZE);
	base = fdt_totalsize(guest);
	for (unsigned int i = 0; i < 10000; i++) {
		struct vm_image image = { .name = "my-overlay", .data = overlay_bytes, .size = n };
		fdt32_t *words = (void *)overlay_bytes;
		void *exact = malloc(base + 4096);

		memcpy(exact, guest, base);
		memcpy(overlay_bytes, good, n);
		/* Words of the tree itself in other places: names, tags and offsets that do exist. */
		for (unsigned int k = tree_random(&seed) % 3 + 1; k > 0; k--)
			words[tree_random(&seed) % (n / 4)] = words[tree_random(&seed) % (n / 4)];
		guest_fdt_apply_overlay(exact, base + 4096, &image, &cfg);
		assert_int_equal(pages_out, 0);
		free(exact);
	}
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_tree_says_what_the_vm_has, setup),
		cmocka_unit_test_setup(cpus_list_what_is_open_and_nothing_closed, setup),
		cmocka_unit_test_setup(
			plic_contexts_are_two_per_hart_and_those_of_m_mode_lead_nowhere, setup),
		cmocka_unit_test_setup(without_initrd_and_seed_nothing_is_said_of_them, setup),
		cmocka_unit_test_setup(memory_in_pieces_of_the_host_is_one_for_the_guest, setup),
		cmocka_unit_test_setup(what_a_vm_has_is_announced, setup),
		cmocka_unit_test_setup(switched_off_there_is_no_trace_of_it, setup),
		cmocka_unit_test_setup(every_label_names_a_node_with_a_phandle_of_its_own, setup),
		cmocka_unit_test_setup(the_largest_vm_fits_with_every_extension, setup),
		cmocka_unit_test_setup(what_does_not_fit_is_an_error_at_every_size, setup),
		cmocka_unit_test_setup(impossible_numbers_of_vcpus_are_refused, setup),
		cmocka_unit_test_setup(an_overlay_may_refer_to_every_label, setup),
		cmocka_unit_test_setup(a_wrong_overlay_is_told_with_vm_image_and_reason, setup),
		cmocka_unit_test_setup(an_overlay_too_large_is_refused_before_any_work, setup),
		cmocka_unit_test_setup(an_overlay_that_outgrows_the_room_is_refused_at_every_size,
				       setup),
		cmocka_unit_test_setup(fixups_stay_within_their_property, setup),
		cmocka_unit_test_setup(fixups_cannot_change_the_tables_of_fixups, setup),
		cmocka_unit_test_setup(no_table_has_a_phandle_or_is_merged, setup),
		cmocka_unit_test_setup(an_overlay_of_wrong_words_stays_within_bounds, setup),
		cmocka_unit_test_setup(a_broken_overlay_is_refused_or_applied_within_bounds, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
