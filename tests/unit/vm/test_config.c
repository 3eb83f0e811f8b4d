// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: tests/unit/fake/no_disks.c
// SOURCES: hyp/vm/config.c hyp/vm/config_vm.c hyp/vm/config_ram.c hyp/lib/word.c hyp/vm/config_sched.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/pv/pv_part.c hyp/pv/pv_lock.c hyp/lib/fdt_writer.c hyp/lib/property.c hyp/lib/config_node.c hyp/dev/mmio.c tests/unit/fake/devvm.c tests/unit/fake/sbi_ids.c hyp/vm/bundle.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c tests/unit/fake/unmoved.c hyp/lib/text.c hyp/lib/fdt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake/config.h"
#include "vm/config_ram.h"

#define ALLOWED                                                                                                        \
	"allowed: compatible, description, status, label, cpus, memory, extra-memory, bootargs, "                      \
	"affinity, autostart, boot-priority, watchdog-s, on-crash, on-poweroff, kernel, ramdisk, fdt, weight, class, " \
	"priority, slice-us, cap, halt-poll-us, pv, pv-lock-base"

static void a_good_bundle_gives_its_vms_without_a_word(void **state)
{
	(void)state;
	fit_make(fit);
	assert_int_equal(parse(), 2);
	assert_good(&vmc[0]);
	assert_string_equal(vmc[1].name, "bad");
	assert_false(vmc[1].failed);
	assert_int_equal(fake_log_count, 0);
	/* Stored once. */
	assert_ptr_equal(vmc[0].kernel.data, vmc[1].kernel.data);
}

enum kind { DELETE, CELLS, STRING, BYTES };

/* One property of one node made wrong, and the line that says so. */
struct broken {
	const char *node;
	const char *prop;
	enum kind kind;
	unsigned int n; /* cells or bytes */
	uint32_t cells[4];
	const char *text;
	const char *line;
};

#define LONG32 "a2345678901234567890123456789012"
#define MEMORY_ALLOWED                                                                      \
	" bytes: must be a multiple of 2 MiB (0x200000), from 16 MiB (0x1000000) to 1 TiB " \
	"(0x10000000000)"
#define NAME_ALLOWED "must be 1 to 31 characters of A-Z a-z 0-9 . _ -"

/* One property in two lines. */
// clang-format off
static const struct broken broken[] = {
	{ BAD, "compatible", DELETE, 0, {}, NULL,
	  "config: " BAD ": compatible is missing: must be \"hartvisor,vm\"" },
	{ BAD, "compatible", STRING, 0, {}, "hartvisor,wm",
	  "config: " BAD ": compatible = \"hartvisor,wm\": must be \"hartvisor,vm\"" },
	{ BAD, "cpus", CELLS, 1, { 0 }, NULL,
	  "config: " BAD ": cpus = <0>: must be 1 to 64 (one cell)" },
	{ BAD, "cpus", CELLS, 1, { 65 }, NULL,
	  "config: " BAD ": cpus = <65>: must be 1 to 64 (one cell)" },
	{ BAD, "cpus", CELLS, 1, { 0xffffffff }, NULL,
	  "config: " BAD ": cpus = <0xffffffff>: must be 1 to 64 (one cell)" },
	{ BAD, "cpus", CELLS, 2, { 0, 2 }, NULL,
	  "config: " BAD ": cpus = <0 2>: must be 1 to 64 (one cell)" },
	{ BAD, "cpus", STRING, 0, {}, "two",
	  "config: " BAD ": cpus = \"two\": must be 1 to 64 (one cell)" },
	{ BAD, "cpus", BYTES, 0, {}, "",
	  "config: " BAD ": cpus = (empty): must be 1 to 64 (one cell)" },
	{ BAD, "cpus", BYTES, 3, {}, "\x01\x02\x03",
	  "config: " BAD ": cpus = [01 02 03]: must be 1 to 64 (one cell)" },
	{ BAD, "memory", CELLS, 2, { 0, 0 }, NULL,
	  "config: " BAD ": memory = <0 0>: 0x0" MEMORY_ALLOWED },
	{ BAD, "memory", CELLS, 1, { 0x800000 }, NULL,
	  "config: " BAD ": memory = <0x800000>: 0x800000" MEMORY_ALLOWED },
	{ BAD, "memory", CELLS, 2, { 0, 0x10001000 }, NULL,
	  "config: " BAD ": memory = <0 0x10001000>: 0x10001000" MEMORY_ALLOWED },
	{ BAD, "memory", CELLS, 2, { 0x101, 0 }, NULL,
	  "config: " BAD ": memory = <257 0>: 0x10100000000" MEMORY_ALLOWED },
	{ BAD, "memory", CELLS, 2, { 0xffffffff, 0xffe00000 }, NULL,
	  "config: " BAD ": memory = <0xffffffff 0xffe00000>: 0xffffffffffe00000" MEMORY_ALLOWED },
	{ BAD, "memory", CELLS, 3, { 0, 0, 0x10000000 }, NULL,
	  "config: " BAD ": memory = <0 0 0x10000000>: must be a number of bytes in one or two "
	  "cells" },
	{ BAD, "memory", STRING, 0, {}, "256M",
	  "config: " BAD ": memory = \"256M\": must be a number of bytes in one or two cells" },
	{ BAD, "memory", STRING, 0, {}, "32M",
	  "config: " BAD ": memory = \"32M\": must be a number of bytes in one or two cells" },
	{ BAD, "extra-memory", CELLS, 4, { 0, 0x8fe00000, 0, 0x200000 }, NULL,
	  "config: " BAD ": extra-memory = <0 0x8fe00000 0 0x200000>: range 0, 0x200000 bytes at 0x8fe00000: "
	  "must be multiples of 2 MiB (0x200000), at most 1 TiB, within 0x90000000 to 0xffffffffffffff" },
	{ BAD, "kernel", DELETE, 0, {}, NULL,
	  "config: " BAD ": kernel is missing: must be the name of an image below /images" },
	{ BAD, "kernel", CELLS, 1, { 1 }, NULL,
	  "config: " BAD ": kernel = <1>: must be the name of an image below /images" },
	{ BAD, "kernel", STRING, 0, {}, "linix",
	  "config: " BAD ": kernel = \"linix\": no such image; there are linux, busybox" },
	{ BAD, "kernel", STRING, 0, {}, "busybox",
	  "config: " BAD ": kernel = \"busybox\": /images/busybox: type = \"ramdisk\": must be "
	  "\"kernel\" here" },
	{ BAD, "kernel", BYTES, 4, {}, "abcd",
	  "config: " BAD ": kernel = <0x61626364>: must be the name of an image below /images" },
	{ BAD, "kernel", BYTES, 4, {}, "a\nb",
	  "config: " BAD ": kernel = <0x610a6200>: no such image; there are linux, busybox" },
	{ BAD, "ramdisk", STRING, 0, {}, "",
	  "config: " BAD ": ramdisk = [00]: no such image; there are linux, busybox" },
	{ BAD, "ramdisk", STRING, 0, {}, "linux",
	  "config: " BAD ": ramdisk = \"linux\": /images/linux: type = \"kernel\": must be "
	  "\"ramdisk\" here" },
	{ BAD, "fdt", STRING, 0, {}, "overlay",
	  "config: " BAD ": fdt = \"overlay\": no such image; there are linux, busybox" },
	{ BAD, "bootargs", CELLS, 1, { 7 }, NULL,
	  "config: " BAD ": bootargs = <7>: must be one string of at most 4095 characters" },
	{ BAD, "bootargs", BYTES, 8, {}, "one\0two",
	  "config: " BAD ": bootargs = <0x6f6e6500 0x74776f00>: must be one string of at most 4095 "
	  "characters" },
	{ BAD, "affinity", CELLS, 2, { 1, 64 }, NULL,
	  "config: " BAD ": affinity = <1 64>: must be a list of host cpus, each 0 to 63 (a cell)" },
	{ BAD, "affinity", BYTES, 0, {}, "",
	  "config: " BAD
	  ": affinity = (empty): must be a list of host cpus, each 0 to 63 (a cell)" },
	{ BAD, "affinity", STRING, 0, {}, "0-3,5",
	  "config: " BAD
	  ": affinity = \"0-3,5\": must be a list of host cpus, each 0 to 63 (a cell)" },
	{ BAD, "on-crash", STRING, 0, {}, "reboot",
	  "config: " BAD ": on-crash = \"reboot\": must be \"stop\" or \"restart\"" },
	{ BAD, "on-crash", BYTES, 0, {}, "",
	  "config: " BAD ": on-crash = (empty): must be \"stop\" or \"restart\"" },
	{ BAD, "on-poweroff", STRING, 0, {}, "reset",
	  "config: " BAD ": on-poweroff = \"reset\": must be \"stop\" or \"restart\"" },
	{ BAD, "autostart", CELLS, 1, { 2 }, NULL,
	  "config: " BAD ": autostart = <2>: must be 0 or 1 (one cell)" },
	{ BAD, "autostart", BYTES, 0, {}, "",
	  "config: " BAD ": autostart = (empty): must be 0 or 1 (one cell)" },
	{ BAD, "boot-priority", CELLS, 1, { 256 }, NULL,
	  "config: " BAD ": boot-priority = <256>: must be 0 to 255 (one cell)" },
	{ BAD, "boot-priority", STRING, 0, {}, "first",
	  "config: " BAD ": boot-priority = \"first\": must be 0 to 255 (one cell)" },
	{ BAD, "weight", CELLS, 1, { 0 }, NULL,
	  "config: " BAD ": weight = <0>: must be 1 to 10000 (one cell)" },
	{ BAD, "weight", CELLS, 1, { 10001 }, NULL,
	  "config: " BAD ": weight = <10001>: must be 1 to 10000 (one cell)" },
	{ BAD, "weight", STRING, 0, {}, "high",
	  "config: " BAD ": weight = \"high\": must be 1 to 10000 (one cell)" },
	{ BAD, "class", STRING, 0, {}, "rt",
	  "config: " BAD ": class = \"rt\": must be \"fair\" or \"fifo\"" },
	{ BAD, "class", CELLS, 1, { 1 }, NULL,
	  "config: " BAD ": class = <1>: must be \"fair\" or \"fifo\"" },
	{ BAD, "priority", CELLS, 1, { 3 }, NULL,
	  "config: " BAD ": priority = <3>: must be given with class = \"fifo\" only" },
	{ BAD, "slice-us", CELLS, 1, { 99 }, NULL,
	  "config: " BAD ": slice-us = <99>: must be 100 to 100000 (one cell)" },
	{ BAD, "slice-us", CELLS, 1, { 100001 }, NULL,
	  "config: " BAD ": slice-us = <0x186a1>: must be 100 to 100000 (one cell)" },
	{ BAD, "cap", CELLS, 1, { 0 }, NULL,
	  "config: " BAD ": cap = <0>: must be 1 to 6400 (one cell)" },
	{ BAD, "cap", CELLS, 2, { 0, 50 }, NULL,
	  "config: " BAD ": cap = <0 50>: must be 1 to 6400 (one cell)" },
	{ BAD, "watchdog-s", CELLS, 1, { 86401 }, NULL,
	  "config: " BAD ": watchdog-s = <0x15181>: must be 0 to 86400 (one cell)" },
	{ BAD, "halt-poll-us", CELLS, 1, { 10001 }, NULL,
	  "config: " BAD ": halt-poll-us = <10001>: must be 0 to 10000 (one cell)" },
	{ BAD, "memroy", CELLS, 2, { 0, 0x1000000 }, NULL,
	  "config: " BAD ": memroy = <0 0x1000000>: unknown, did you mean memory?" },
	{ BAD, "cpu", CELLS, 1, { 2 }, NULL,
	  "config: " BAD ": cpu = <2>: unknown, did you mean cpus?" },
	{ BAD, "onn-crsh", STRING, 0, {}, "stop",
	  "config: " BAD ": onn-crsh = \"stop\": unknown, did you mean on-crash?" },
	{ BAD, "initrd", STRING, 0, {}, "busybox",
	  "config: " BAD ": initrd = \"busybox\": unknown, " ALLOWED },
	{ BAD, "passthrough", CELLS, 4, { 1, 2, 3, 4 }, NULL,
	  "config: " BAD ": passthrough = <1 2 3 4>: unknown, " ALLOWED },
	{ BAD, "label", STRING, 0, {}, "good",
	  "config: " BAD ": label = \"good\": the name good is taken by /configurations/two/good: "
	  "must be unique" },
	{ BAD, "label", STRING, 0, {}, "", "config: " BAD ": label = [00]: " NAME_ALLOWED },
	{ BAD, "label", STRING, 0, {}, "my vm", "config: " BAD ": label = \"my vm\": " NAME_ALLOWED },
	{ BAD, "label", STRING, 0, {}, "\x1b[31mred",
	  "config: " BAD ": label = [1b 5b 33 31 6d 72 65 64 ...]: " NAME_ALLOWED },
	{ BAD, "label", STRING, 0, {}, LONG32,
	  "config: " BAD ": label = \"" LONG32 "\": " NAME_ALLOWED },
};
// clang-format on

static void break_property(const struct broken *b)
{
	int node = fit_node(fit, b->node);
	fdt32_t cells[ARRAY_SIZE(b->cells)];

	for (unsigned int i = 0; i < ARRAY_SIZE(cells); i++)
		cells[i] = cpu_to_fdt32(b->cells[i]);
	switch (b->kind) {
	case DELETE:
		fit_ok(fdt_delprop(fit, node, b->prop));
		break;
	case CELLS:
		fit_ok(fdt_setprop(fit, node, b->prop, cells, (int)(4 * b->n)));
		break;
	case STRING:
		fit_ok(fdt_setprop_string(fit, node, b->prop, b->text));
		break;
	case BYTES:
		fit_ok(fdt_setprop(fit, node, b->prop, b->text, (int)b->n));
		break;
	}
}

static void a_wrong_property_is_one_line_and_the_good_vm_is_intact(void **state)
{
	(void)state;
	assert_true(ARRAY_SIZE(broken) >= 30);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		fit_make(fit);
		break_property(&broken[i]);
		assert_int_equal(parse(), 2);
		assert_logged(broken[i].line);
		assert_int_equal(fake_log_count, 1);
		assert_lines_fit();
		assert_good(&vmc[0]);
		assert_true(vmc[1].failed);
	}
}

static void every_wrong_property_of_a_vm_is_told(void **state)
{
	static const struct broken two[] = {
		{ BAD, "cpus", CELLS, 1, { 0 }, NULL, NULL },
		{ BAD, "on-crash", STRING, 0, {}, "x", NULL },
	};

	(void)state;
	fit_make(fit);
	break_property(&two[0]);
	break_property(&two[1]);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 2);
	assert_logged("config: " BAD ": cpus = <0>: must be 1 to 64 (one cell)");
	assert_logged("config: " BAD ": on-crash = \"x\": must be \"stop\" or \"restart\"");
}

static void a_vm_node_s_own_name_is_checked(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_set_name(fit, fit_node(fit, BAD), "bad@1"));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD "@1: the node's name is the VM's: " NAME_ALLOWED
		      " (or give it a label)");
	assert_good(&vmc[0]);
	assert_true(vmc[1].failed);
	/* A label takes its place. */
	fit_make(fit);
	fit_ok(fdt_setprop_string(fit, fit_node(fit, BAD), "label", "fine.1_A-z"));
	fit_ok(fdt_set_name(fit, fit_node(fit, BAD), "bad@1"));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_string_equal(vmc[1].name, "fine.1_A-z");
}

static void a_child_of_a_vm_is_an_error(void **state)
{
	(void)state;
	fit_make(fit);
	fit_add_node(fit, BAD, "disk");
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD "/disk: unknown, allowed as a VM's child nodes: vcpu@N");
	assert_good(&vmc[0]);
	assert_true(vmc[1].failed);
}

static void optional_properties_have_defaults_and_are_taken(void **state)
{
	static const struct broken minimal[] = {
		{ BAD, "cpus", DELETE, 0, {}, NULL, NULL },
		{ BAD, "memory", DELETE, 0, {}, NULL, NULL },
		{ BAD, "ramdisk", DELETE, 0, {}, NULL, NULL },
		{ BAD, "bootargs", DELETE, 0, {}, NULL, NULL },
	};
	static const struct broken full[] = {
		{ BAD, "memory", CELLS, 1, { 0x20000000 }, NULL, NULL },
		{ BAD, "extra-memory", CELLS, 4, { 1, 0, 0, 0x200000 }, NULL, NULL },
		{ BAD, "affinity", CELLS, 2, { 0, 63 }, NULL, NULL },
		{ BAD, "on-crash", STRING, 0, {}, "restart", NULL },
		{ BAD, "on-poweroff", STRING, 0, {}, "restart", NULL },
		{ BAD, "autostart", CELLS, 1, { 0 }, NULL, NULL },
		{ BAD, "boot-priority", CELLS, 1, { 255 }, NULL, NULL },
		{ BAD, "description", STRING, 0, {}, "anything", NULL },
		{ BAD, "phandle", CELLS, 1, { 1 }, NULL, NULL },
	};

	(void)state;
	fit_make(fit);
	for (size_t i = 0; i < ARRAY_SIZE(minimal); i++)
		break_property(&minimal[i]);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(vmc[1].cpus, 1);
	assert_true(vmc[1].memory == MIB(256));
	assert_null(vmc[1].ramdisk.data);
	assert_string_equal(vmc[1].bootargs, "");
	fit_make(fit);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		break_property(&full[i]);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_true(vmc[1].memory == MIB(512));
	assert_true(config_ram_bytes(&vmc[1]) == MIB(514));
	assert_true(vmc[1].affinity == (BIT(63) | BIT(0)));
	assert_int_equal(vmc[1].on_crash, ON_CRASH_RESTART);
	assert_int_equal(vmc[1].on_poweroff, ON_POWEROFF_RESTART);
	assert_false(vmc[1].autostart);
	assert_int_equal(vmc[1].boot_priority, 255);
}

/* An image that only the bad VM names, made wrong. */
// clang-format off
static void a_wrong_image_fails_only_the_vms_that_name_it(void **state)
{
	static const struct {
		struct broken change;
		const char *line;
	} cases[] = {
		{ { "/images/other", "compression", STRING, 0, {}, "bzip2", NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: compression = \"bzip2\": must be "
		  "\"none\", \"gzip\" or \"lz4\"" },
		{ { "/images/other", "compression", CELLS, 1, { 1 }, NULL, NULL },
		  "config: " BAD
		  ": kernel = \"other\": /images/other: compression = <1>: must be \"none\", \"gzip\" or \"lz4\"" },
		{ { "/images/other", "arch", STRING, 0, {}, "arm64", NULL },
		  "config: " BAD
		  ": kernel = \"other\": /images/other: arch = \"arm64\": must be \"riscv\"" },
		{ { "/images/other", "data", DELETE, 0, {}, NULL, NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: has no data: must have data, or "
		  "data-offset or data-position (one or two cells) with data-size" },
		{ { "/images/other", "data", BYTES, 0, {}, "", NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: is empty (0 bytes)" },
		{ { "/images/other", "load", STRING, 0, {}, "high", NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: load = \"high\": must be an "
		  "address of one or two cells" },
		{ { "/images/other", "data-offset", CELLS, 1, { 0 }, NULL, NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: data-size: must be there, one or "
		  "two cells" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct broken name = { BAD, "kernel", STRING, 0, {}, "other", NULL };
		static const struct broken data = { "/images/other", "data", BYTES, 4, {}, "abcd",
						    NULL };

		fit_make(fit);
		fit_add_node(fit, "/images", "other");
		break_property(&name);
		break_property(&data);
		break_property(&cases[i].change);
		assert_int_equal(parse(), 2);
		assert_logged(cases[i].line);
		assert_int_equal(fake_log_count, 1);
		assert_lines_fit();
		assert_good(&vmc[0]);
		assert_true(vmc[1].failed);
	}
}

// clang-format on
static void an_overlay_that_is_no_tree_or_cut_short_is_an_error(void **state)
{
	static const struct broken name = { BAD, "fdt", STRING, 0, {}, "dtbo", NULL };
	uint8_t tree[256];

	(void)state;
	fit_make(fit);
	fit_add_node(fit, "/images", "dtbo");
	break_property(&name);
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", "\xd0\x0d\xfe\xed", 4));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD
		      ": fdt = \"dtbo\": not a flattened device tree: must be a .dtbo "
		      "made by dtc");
	fit_ok(fdt_create_empty_tree(tree, sizeof(tree)));
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", tree, 100));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD
		      ": fdt = \"dtbo\": cut short: the tree has 256 bytes, the image "
		      "100");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", tree, 256));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(vmc[1].overlay.size, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_bundle_gives_its_vms_without_a_word),
		cmocka_unit_test(a_wrong_property_is_one_line_and_the_good_vm_is_intact),
		cmocka_unit_test(every_wrong_property_of_a_vm_is_told),
		cmocka_unit_test(a_vm_node_s_own_name_is_checked),
		cmocka_unit_test(a_child_of_a_vm_is_an_error),
		cmocka_unit_test(optional_properties_have_defaults_and_are_taken),
		cmocka_unit_test(a_wrong_image_fails_only_the_vms_that_name_it),
		cmocka_unit_test(an_overlay_that_is_no_tree_or_cut_short_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
