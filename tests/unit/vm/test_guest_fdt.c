// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
/*
 * The tree that a guest gets. With HV_TEST_DTB=folder in the environment some tests leave their trees there, for
 * `dtc -I dtb` and `make lint-schema`.
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
#include "dev/vdev.h"
#include "fake/guest_tree.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "irqchip/vplic.h"
#include "lib/fdt.h"
#include "sbi/sbi.h"
#include "pv/pv.h"

static void leave_tree(const char *name)
{
	const char *folder = getenv("HV_TEST_DTB");
	char path[256];
	FILE *f;

	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s.dtb", folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(guest, fdt_totalsize(guest), 1, f), 1);
	fclose(f);
}

static void the_tree_says_what_the_vm_has(void **state)
{
	int len;
	const void *seed;

	(void)state;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_null(fdtx_problem(guest, GUEST_FDT_SIZE));
	leave_tree("guest");
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
	make_parts();
	assert_int_equal(guest_fdt_build(&vm, &cfg, gpa(0), 0, NULL, guest, GUEST_FDT_SIZE), HV_OK);
	assert_false(fdtx_prop_bool(guest, at("/chosen"), "linux,initrd-start"));
	assert_false(fdtx_prop_bool(guest, at("/chosen"), "rng-seed"));
}

static void memory_in_pieces_of_the_host_is_one_for_the_guest(void **state)
{
	/* Cells of a tree: 2 MiB at 4 GiB. */
	static const uint8_t extra[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0 };
	uint64_t a, s;

	(void)state;
	vm.gstage.nr_ram = 3;
	vm.gstage.ram[0] = (struct gstage_ram){ gpa(0x80000000), hpa(0x90000000), MIB(64) };
	vm.gstage.ram[1] = (struct gstage_ram){ gpa(0x84000000), hpa(0xb0000000), MIB(192) };
	vm.gstage.ram[2] = (struct gstage_ram){ gpa(0x100000000), hpa(0xc0000000), MIB(2) };
	cfg.extra_ram = extra;
	cfg.nr_extra_ram = 1;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_reg_at("/memory@80000000", 0x80000000, MIB(256));
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
	guest_tree_pv("all", 4, 0x8ffff000);
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	leave_tree("guest-pv");
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

	guest_tree_pv(few, sizeof(few), 0x8fffef80); /* whole pages are reserved */
	cfg.cpus = 3;
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	list = fdt_getprop(guest, at("/hypervisor"), "hartvisor,features", &len);
	assert_int_equal(len, sizeof(few));
	assert_memory_equal(list, few, sizeof(few));
	assert_reg_at("/reserved-memory/pv-lock@8fffe000", 0x8fffe000, 2 * PAGE_SIZE);
}

static void switched_off_there_is_no_trace_of_it(void **state)
{
	static const char *const words[] = { "hypervisor",    "reserved-memory",    "hcall",
					     "hartvisor,sbi", "hartvisor,features", "pv-lock" };

	(void)state;
	guest_tree_pv("pvlk", 5, 0); /* guests ask the SBI for it */
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
	leave_tree("guest-largest");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(the_tree_says_what_the_vm_has),
		TREE_TEST(cpus_list_what_is_open_and_nothing_closed),
		TREE_TEST(plic_contexts_are_two_per_hart_and_those_of_m_mode_lead_nowhere),
		TREE_TEST(without_initrd_and_seed_nothing_is_said_of_them),
		TREE_TEST(memory_in_pieces_of_the_host_is_one_for_the_guest),
		TREE_TEST(what_a_vm_has_is_announced),
		TREE_TEST(switched_off_there_is_no_trace_of_it),
		TREE_TEST(every_label_names_a_node_with_a_phandle_of_its_own),
		TREE_TEST(the_largest_vm_fits_with_every_extension),
		TREE_TEST(what_does_not_fit_is_an_error_at_every_size),
		TREE_TEST(impossible_numbers_of_vcpus_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
