// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/config_host.c hyp/lib/options.c hyp/vm/config_vm.c hyp/vm/config_ram.c hyp/lib/word.c hyp/vm/config_sched.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/pv/pv_part.c hyp/pv/pv_lock.c hyp/lib/fdt_writer.c hyp/lib/property.c hyp/lib/config_node.c hyp/dev/mmio.c tests/unit/fake/devvm.c tests/unit/fake/sbi_ids.c hyp/lib/text.c hyp/lib/fdt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/fit.h"
#include "fake/log.h"
#include "fake/said.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/config.h"

/* What memory is, is platform/machine.c's to say; here it is the host tree's one range. */
#define MEMORY_BASE 0x80000000u
#define MEMORY_SIZE 0x10000000u

bool machine_is_memory(hpa_t base, uint64_t size)
{
	return base.hpa >= MEMORY_BASE && base.hpa - MEMORY_BASE < MEMORY_SIZE &&
	       size <= MEMORY_SIZE - (base.hpa - MEMORY_BASE);
}

/* And so is what must not be read: here the first 384 KiB, and hartvisor at its usual place. */
const char *machine_closed(hpa_t base, uint64_t size)
{
	if (base.hpa < 0x80300000 && base.hpa + size > 0x80200000)
		return "must not overlap hartvisor itself";
	return base.hpa < 0x80060000 ? "must not overlap /reserved-memory" : NULL;
}

static _Alignas(8) uint8_t host[FIT_ROOM];
static struct vm_config vmc[VM_MAX];

static void host_reg(uint64_t base, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	fit_ok(fdt_property(host, "reg", reg, sizeof(reg)));
}

static void host_module(const char *name, const char *kind, uint64_t base, const char *args)
{
	char compatible[64];
	int n = snprintf(compatible, sizeof(compatible), "multiboot,module%cmultiboot,%s", 0, kind);

	fit_ok(fdt_begin_node(host, name));
	fit_ok(fdt_property(host, "compatible", compatible, n + 1));
	host_reg(base, 0x2000);
	if (args != NULL)
		fit_ok(fdt_property_string(host, "bootargs", args));
	fit_ok(fdt_end_node(host));
}

/* As QEMU's virt: 2 cells at the root, none in /chosen; 256 MiB; firmware reserved at the bottom. */
static void host_begin(const char *bootargs)
{
	fit_ok(fdt_create(host, FIT_ROOM));
	fit_ok(fdt_finish_reservemap(host));
	fit_ok(fdt_begin_node(host, ""));
	fit_ok(fdt_property_u32(host, "#address-cells", 2));
	fit_ok(fdt_property_u32(host, "#size-cells", 2));
	fit_ok(fdt_begin_node(host, "memory@80000000"));
	fit_ok(fdt_property_string(host, "device_type", "memory"));
	host_reg(0x80000000, 0x10000000);
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_begin_node(host, "reserved-memory"));
	fit_ok(fdt_property_u32(host, "#address-cells", 2));
	fit_ok(fdt_property_u32(host, "#size-cells", 2));
	fit_ok(fdt_begin_node(host, "mmode_resv0@80000000"));
	host_reg(0x80000000, 0x60000);
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_begin_node(host, "chosen"));
	if (bootargs != NULL)
		fit_ok(fdt_property_string(host, "bootargs", bootargs));
}

static void host_vm(const char *name, const char *compatible)
{
	fit_ok(fdt_begin_node(host, name));
	fit_ok(fdt_property_string(host, "compatible", compatible));
	fit_ok(fdt_property_u32(host, "#address-cells", 2));
	fit_ok(fdt_property_u32(host, "#size-cells", 2));
}

static int host_parse(void)
{
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_finish(host));
	assert_null(fdtx_problem(host, sizeof(host)));
	fake_log_reset();
	return config_parse_host_fdt(host, vmc, VM_MAX);
}

static void guest_loader_modules_make_one_vm(void **state)
{
	struct vm_image modules[4];

	(void)state;
	host_begin("hartvisor.guest-cpus=3 quiet hartvisor.guest-memory=512M");
	host_module("module@0x84000000", "ramdisk", 0x84000000, NULL);
	host_module("module@0x88000000", "kernel", 0x88000000, "console=ttyS0");
	assert_int_equal(host_parse(), 1);
	assert_int_equal(fake_log_count, 0);
	assert_string_equal(vmc[0].name, "guest");
	assert_false(vmc[0].failed);
	assert_int_equal(vmc[0].cpus, 3);
	assert_true(vmc[0].memory == MIB(512));
	assert_string_equal(vmc[0].bootargs, "console=ttyS0");
	assert_true(ptr_to_hpa(vmc[0].kernel.data).hpa == 0x88000000);
	assert_true(vmc[0].kernel.size == 0x2000);
	assert_true(vmc[0].kernel.load.gpa == 0x80200000);
	assert_true(ptr_to_hpa(vmc[0].ramdisk.data).hpa == 0x84000000);
	assert_int_equal(config_host_modules(host, modules, 4), 2);
	assert_true(ptr_to_hpa(modules[0].data).hpa == 0x84000000);
	assert_true(modules[1].size == 0x2000);
	assert_int_equal(config_host_modules(host, modules, 1), 2);
}

static void guest_loader_options_are_checked(void **state)
{
	static const struct {
		const char *args;
		const char *line;
	} cases[] = {
		{ "hartvisor.guest-cpus=0",
		  "config: /chosen: bootargs: hartvisor.guest-cpus=0: must be 1 to 64" },
		{ "x hartvisor.guest-cpus=4x y",
		  "config: /chosen: bootargs: hartvisor.guest-cpus=4x: must be 1 to 64" },
		{ "hartvisor.guest-memory=1M",
		  "config: /chosen: bootargs: hartvisor.guest-memory=1M: must be a multiple of 2M from "
		  "16M to 1024G" },
		{ "hartvisor.guest-memory=17179869185G",
		  "config: /chosen: bootargs: hartvisor.guest-memory=17179869185G: must be a multiple of 2M from 16M to 1024G" },
		{ "hartvisor.guest-memory=99999999999999999999G",
		  "config: /chosen: bootargs: hartvisor.guest-memory=99999999999999999999G: must be a "
		  "multiple of 2M from 16M to 1024G" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		host_begin(cases[i].args);
		host_module("module@0x88000000", "kernel", 0x88000000, NULL);
		assert_int_equal(host_parse(), 1);
		assert_logged(cases[i].line);
		assert_true(vmc[0].failed);
	}
}

static void options_without_a_guest_loader_vm_are_told(void **state)
{
	(void)state;
	host_begin("hartvisor.guest-cpus=x hartvisor.guest-memory=512M");
	assert_int_equal(host_parse(), 0);
	assert_int_equal(fake_log_count, 2);
	assert_logged(
		"config: /chosen: bootargs: hartvisor.guest-cpus=x: has no effect: no module is "
		"right under /chosen");
}

static void a_second_guest_loader_kernel_is_left_out_and_said(void **state)
{
	(void)state;
	host_begin(NULL);
	host_module("module@0x84000000", "kernel", 0x84000000, NULL);
	host_module("module@0x88000000", "kernel", 0x88000000, NULL);
	assert_int_equal(host_parse(), 1);
	assert_false(vmc[0].failed);
	assert_true(ptr_to_hpa(vmc[0].kernel.data).hpa == 0x84000000);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_text, "config: /chosen/module@0x88000000: compatible = "));
	assert_non_null(strstr(fake_log_text, "left out: modules under /chosen make one VM"));
	assert_lines_fit();
}

static void modules_outside_of_free_ram_are_never_touched(void **state)
{
	static const struct {
		uint64_t base;
		const char *allowed;
	} cases[] = {
		{ 0x10000000, "must lie inside /memory" },
		{ 0x8ffff000, "must lie inside /memory" },
		{ 0x7ffff000, "must lie inside /memory" },
		{ 0xffffffffffffe000,
		  "must be an address and a size in the parent's #address-cells" },
		{ 0xffffffffffffd000, "must lie inside /memory" },
		{ 0x8005f000, "must not overlap /reserved-memory" },
		{ 0x801ff000, "must not overlap hartvisor itself" },
		{ 0x80210000, "must not overlap hartvisor itself" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vm_image modules[4];

		host_begin(NULL);
		host_module("module", "kernel", cases[i].base, NULL);
		assert_int_equal(host_parse(), 1);
		assert_true(vmc[0].failed);
		assert_null(vmc[0].kernel.data);
		if (strstr(fake_log_text, cases[i].allowed) == NULL)
			fail_msg("%zu: %s", i, fake_log_text);
		assert_lines_fit();
		assert_int_equal(config_host_modules(host, modules, 4), 0);
	}
}

/* One that is not reserved would be given to a VM as its RAM. */
static void all_modules_are_counted_even_those_that_do_not_fit(void **state)
{
	struct vm_image modules[2];

	(void)state;
	host_begin(NULL);
	for (unsigned int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "m%u", i);
		host_module(name, "kernel", 0x84000000 + i * 0x10000, NULL);
	}
	(void)host_parse();
	assert_int_equal(config_host_modules(host, modules, 2), 5);
	assert_true(ptr_to_hpa(modules[1].data).hpa == 0x84010000);
}

static void vm_nodes_of_the_host_tree_are_taken(void **state)
{
	(void)state;
	host_begin(NULL);
	host_vm("first", "hartvisor,vm");
	fit_ok(fdt_property_u32(host, "cpus", 4));
	fit_ok(fdt_property_u64(host, "memory", MIB(64)));
	host_module("module@84000000", "kernel", 0x84000000, "from the module");
	host_module("module@85000000", "device-tree", 0x85000000, NULL);
	fit_ok(fdt_end_node(host));
	host_vm("second", "xen,domain");
	fit_ok(fdt_property_u64(host, "memory", 0x10000)); /* KiB */
	fit_ok(fdt_property_string(host, "vpl011", ""));
	host_module("module@86000000", "kernel", 0x86000000, NULL);
	host_module("module@87000000", "ramdisk", 0x87000000, NULL);
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 2);
	assert_string_equal(vmc[0].name, "first");
	assert_string_equal(vmc[0].path, "/chosen/first");
	assert_false(vmc[0].failed);
	assert_int_equal(vmc[0].cpus, 4);
	assert_true(vmc[0].memory == MIB(64));
	assert_string_equal(vmc[0].bootargs, "from the module");
	assert_true(ptr_to_hpa(vmc[0].overlay.data).hpa == 0x85000000);
	assert_string_equal(vmc[1].name, "second");
	assert_false(vmc[1].failed);
	assert_true(vmc[1].memory == MIB(64));
	assert_true(ptr_to_hpa(vmc[1].ramdisk.data).hpa == 0x87000000);
}

static void disabled_domains_and_modules_are_left_out(void **state)
{
	struct vm_image modules[8];

	(void)state;
	host_begin(NULL);
	host_vm("off", "xen,domain");
	fit_ok(fdt_property_string(host, "status", "disabled"));
	host_module("module@84000000", "kernel", 0x84000000, NULL);
	fit_ok(fdt_end_node(host));
	host_vm("off2", "hartvisor,vm");
	fit_ok(fdt_property_string(host, "status", "disabled"));
	fit_ok(fdt_end_node(host));
	host_vm("on", "xen,domain");
	fit_ok(fdt_property_string(host, "status", "okay"));
	host_module("module@85000000", "kernel", 0x85000000, NULL);
	fit_ok(fdt_begin_node(host, "module@86000000"));
	fit_ok(fdt_property_string(host, "compatible", "multiboot,ramdisk"));
	fit_ok(fdt_property_string(host, "status", "disabled"));
	host_reg(0x86000000, 0x1000);
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_end_node(host));
	/* Of guest-loader's kind. */
	fit_ok(fdt_begin_node(host, "module@87000000"));
	fit_ok(fdt_property_string(host, "compatible", "multiboot,kernel"));
	fit_ok(fdt_property_string(host, "status", "disabled"));
	host_reg(0x87000000, 0x1000);
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 1);
	assert_string_equal(vmc[0].name, "on");
	assert_false(vmc[0].failed);
	assert_null(vmc[0].ramdisk.data);
	assert_logged("config: /chosen/off: status = \"disabled\": left out");
	assert_logged("config: /chosen/off2: status = \"disabled\": left out");
	assert_logged("config: /chosen/on/module@86000000: status = \"disabled\": left out");
	/* Nor is their memory kept free. */
	assert_int_equal(config_host_modules(host, modules, 8), 1);
	assert_true(ptr_to_hpa(modules[0].data).hpa == 0x85000000);
}

static void other_values_of_status_fail_the_vm(void **state)
{
	(void)state;
	host_begin(NULL);
	host_vm("first", "xen,domain");
	fit_ok(fdt_property_string(host, "status", "off"));
	host_module("module@84000000", "kernel", 0x84000000, NULL);
	fit_ok(fdt_end_node(host));
	host_vm("second", "hartvisor,vm");
	fit_ok(fdt_begin_node(host, "module@85000000"));
	fit_ok(fdt_property_string(host, "compatible", "multiboot,kernel"));
	fit_ok(fdt_property_string(host, "status", "disabld"));
	host_reg(0x85000000, 0x1000);
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 2);
	assert_true(vmc[0].failed && vmc[1].failed);
	/* A value of four bytes could be a cell, and is shown as one. */
	assert_non_null(strstr(fake_log_text, "config: /chosen/first: status = "));
	assert_logged("config: /chosen/second/module@85000000: status = \"disabld\": must be "
		      "\"okay\" or \"disabled\"");
}

static void a_module_has_one_range(void **state)
{
	fdt64_t reg[4] = { cpu_to_fdt64(0x84000000), cpu_to_fdt64(0x1000), cpu_to_fdt64(0x85000000),
			   cpu_to_fdt64(0x1000) };

	(void)state;
	host_begin(NULL);
	host_vm("first", "hartvisor,vm");
	fit_ok(fdt_begin_node(host, "module@84000000"));
	fit_ok(fdt_property_string(host, "compatible", "multiboot,kernel"));
	fit_ok(fdt_property(host, "reg", reg, sizeof(reg)));
	fit_ok(fdt_end_node(host));
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 1);
	assert_true(vmc[0].failed);
	assert_non_null(strstr(fake_log_text, "must be an address and a size"));
}

/* Each is all that is wrong with its VM, and no fault of the one behind it. */
static void a_wrong_module_fails_its_vm(void **state)
{
	static const char *const said[] = {
		"must be the only one in its VM",
		"must also have multiboot,kernel, multiboot,ramdisk or",
		"must be \"okay\" or \"disabled\"",
		"unknown, allowed as a VM's child nodes: modules, vcpu@N",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(said); i++) {
		host_begin(NULL);
		host_vm("first", "hartvisor,vm");
		host_module("module@84000000", "kernel", 0x84000000, NULL);
		if (i == 0)
			host_module("module@85000000", "kernel", 0x85000000, NULL);
		if (i == 1)
			host_module("module@85000000", "initrd", 0x85000000, NULL);
		if (i >= 2) {
			fit_ok(fdt_begin_node(host, "module@85000000"));
			fit_ok(fdt_property_string(host, "compatible",
						   i == 2 ? "multiboot,ramdisk" : "ramdisk"));
			fit_ok(fdt_property_string(host, "status", i == 2 ? "fail" : "okay"));
			host_reg(0x85000000, 0x1000);
			fit_ok(fdt_end_node(host));
		}
		fit_ok(fdt_end_node(host));
		host_vm("good", "hartvisor,vm");
		host_module("module@86000000", "kernel", 0x86000000, NULL);
		fit_ok(fdt_end_node(host));
		assert_int_equal(host_parse(), 2);
		if (!strstr(fake_log_text, said[i]))
			fail_msg("%s: %s", said[i], fake_log_text);
		assert_int_equal(fake_log_count, 1);
		assert_true(vmc[0].failed);
		assert_false(vmc[1].failed);
	}
}

static void chosen_with_a_unit_address_is_not_chosen(void **state)
{
	(void)state;
	host_begin(NULL);
	host_vm("first", "hartvisor,vm");
	host_module("module@84000000", "kernel", 0x84000000, NULL);
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 1);
	fit_ok(fdt_open_into(host, host, FIT_ROOM));
	fit_ok(fdt_set_name(host, fit_node(host, "/chosen"), "chosen@0"));
	assert_int_equal(config_parse_host_fdt(host, vmc, VM_MAX), 0);
}

static void errors_of_host_vm_nodes_name_node_and_property(void **state)
{
	(void)state;
	host_begin(NULL);
	host_vm("first", "hartvisor,vm");
	fit_ok(fdt_property_u32(host, "cpsu", 4));
	fit_ok(fdt_end_node(host));
	host_vm("good", "hartvisor,vm");
	host_module("module@84000000", "kernel", 0x84000000, NULL);
	fit_ok(fdt_end_node(host));
	assert_int_equal(host_parse(), 2);
	assert_true(vmc[0].failed);
	assert_false(vmc[1].failed);
	assert_logged("config: /chosen/first: no kernel: must have a child compatible with "
		      "multiboot,kernel");
	assert_logged("config: /chosen/first: cpsu = <4>: unknown, did you mean cpus?");
	assert_lines_fit();
}

static void corrupted_host_trees_never_lead_outside(void **state)
{
	uint64_t seed = 7;
	size_t size;

	(void)state;
	host_begin("hartvisor.guest-cpus=3");
	host_vm("first", "hartvisor,vm");
	host_module("module@84000000", "kernel", 0x84000000, "args");
	fit_ok(fdt_end_node(host));
	host_module("module@85000000", "kernel", 0x85000000, NULL);
	assert_int_equal(host_parse(), 2);
	size = fdt_totalsize(host);
	for (int round = 0; round < 30000; round++) {
		uint8_t *copy = fit_exact(host, size);
		struct vm_image modules[4];
		int nr = 0;

		for (int i = 0; i < 2; i++)
			copy[fit_random(&seed) % size] = (uint8_t)fit_random(&seed);
		fake_log_reset();
		if (fdtx_check(copy, size) == 0) {
			nr = config_parse_host_fdt(copy, vmc, VM_MAX);
			assert_in_range(config_host_modules(copy, modules, 4), 0, 4);
		}
		for (int i = 0; i < nr; i++)
			assert_true(vmc[i].failed ||
				    ptr_to_hpa(vmc[i].kernel.data).hpa >= 0x80060000 ||
				    ptr_to_hpa(vmc[i].kernel.data).hpa + vmc[i].kernel.size <=
					    0x80000000);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_loader_modules_make_one_vm),
		cmocka_unit_test(guest_loader_options_are_checked),
		cmocka_unit_test(options_without_a_guest_loader_vm_are_told),
		cmocka_unit_test(a_second_guest_loader_kernel_is_left_out_and_said),
		cmocka_unit_test(modules_outside_of_free_ram_are_never_touched),
		cmocka_unit_test(all_modules_are_counted_even_those_that_do_not_fit),
		cmocka_unit_test(vm_nodes_of_the_host_tree_are_taken),
		cmocka_unit_test(disabled_domains_and_modules_are_left_out),
		cmocka_unit_test(other_values_of_status_fail_the_vm),
		cmocka_unit_test(a_module_has_one_range),
		cmocka_unit_test(a_wrong_module_fails_its_vm),
		cmocka_unit_test(chosen_with_a_unit_address_is_not_chosen),
		cmocka_unit_test(errors_of_host_vm_nodes_name_node_and_property),
		cmocka_unit_test(corrupted_host_trees_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
