// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/config.c hyp/vm/config_host.c hyp/vm/config_vm.c hyp/vm/bundle.c hyp/vm/text.c
// SOURCES: hyp/lib/fdt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/fit.h"
#include "fake/log.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/config.h"

#define BAD  "/configurations/two/bad"
#define TWO  "/configurations/two"
#define ALLOWED \
	"allowed: compatible, label, description, cpus, memory, kernel, ramdisk, fdt, bootargs, " \
	"affinity, on-crash"

static _Alignas(8) uint8_t fit[FIT_ROOM];
static struct vm_config vmc[VM_MAX];

static int parse(void)
{
	fake_log_reset();
	fit_ok(fdt_pack(fit));
	return config_parse_bundle(fit, fdt_totalsize(fit), NULL, vmc, VM_MAX);
}

/* @line is one whole line of the log. */
static void assert_logged(const char *line)
{
	size_t n = strlen(line);

	for (const char *p = fake_log_text; (p = strstr(p, line)) != NULL; p += n)
		if ((p == fake_log_text || p[-1] == '\n') && p[n] == '\n')
			return;
	fail_msg("not logged: %s\nbut: %s", line, fake_log_text);
}

/* What the log would cut (lib/log.h) is no use to anyone. */
static void assert_lines_fit(void)
{
	for (const char *p = fake_log_text; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		assert_in_range(n, 1, 240);
		p += n + 1;
	}
}

static void assert_good(const struct vm_config *vm)
{
	assert_string_equal(vm->name, "good");
	assert_string_equal(vm->path, "/configurations/two/good");
	assert_false(vm->failed);
	assert_int_equal(vm->cpus, 2);
	assert_true(vm->memory == MIB(256));
	assert_true(vm->affinity == UINT64_MAX);
	assert_string_equal(vm->bootargs, "console=ttyS0");
	assert_int_equal(vm->kernel.size, sizeof(KERNEL_TEXT));
	assert_memory_equal(vm->kernel.data, KERNEL_TEXT, sizeof(KERNEL_TEXT));
	assert_true(vm->kernel.load == 0x80400000 && vm->kernel.entry == 0x80400004);
	assert_memory_equal(vm->ramdisk.data, RAMDISK_TEXT, sizeof(RAMDISK_TEXT));
	assert_null(vm->overlay.data);
	assert_int_equal(vm->on_crash, ON_CRASH_STOP);
}

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
#define MEMORY_ALLOWED \
	" bytes: must be a multiple of 2 MiB (0x200000), from 16 MiB (0x1000000) to 1 TiB " \
	"(0x10000000000)"
#define NAME_ALLOWED "must be 1 to 31 characters of A-Z a-z 0-9 . _ -"

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
	{ BAD, "memroy", CELLS, 2, { 0, 0x1000000 }, NULL,
	  "config: " BAD ": memroy = <0 0x1000000>: unknown, did you mean memory? " ALLOWED },
	{ BAD, "cpu", CELLS, 1, { 2 }, NULL,
	  "config: " BAD ": cpu = <2>: unknown, did you mean cpus? " ALLOWED },
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

static void break_property(const struct broken *b)
{
	int node = fit_node(fit, b->node);
	fdt32_t cells[4];

	for (unsigned int i = 0; i < 4; i++)
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
	assert_logged("config: " BAD ": has a child node: must have properties only");
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
		{ BAD, "affinity", CELLS, 3, { 0, 63, 0 }, NULL, NULL },
		{ BAD, "on-crash", STRING, 0, {}, "restart", NULL },
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
	assert_true(vmc[1].affinity == (BIT(63) | BIT(0)));
	assert_int_equal(vmc[1].on_crash, ON_CRASH_RESTART);
}

/* An image that only the bad VM names, made wrong. */
static void a_wrong_image_fails_only_who_names_it(void **state)
{
	static const struct {
		struct broken change;
		const char *line;
	} cases[] = {
		{ { "/images/other", "compression", STRING, 0, {}, "gzip", NULL },
		  "config: " BAD ": kernel = \"other\": /images/other: compression = \"gzip\": must be "
		  "\"none\" (gzip is not supported)" },
		{ { "/images/other", "compression", CELLS, 1, { 1 }, NULL, NULL },
		  "config: " BAD
		  ": kernel = \"other\": /images/other: compression = <1>: must be \"none\"" },
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

static void an_overlay_that_is_no_tree_or_cut_short_is_an_error(void **state)
{
	static const struct broken name = { BAD, "fdt", STRING, 0, {}, "dtbo", NULL };
	uint8_t tree[256];

	(void)state;
	fit_make(fit);
	fit_add_node(fit, "/images", "dtbo");
	break_property(&name);
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", "hello", 5));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD ": fdt = \"dtbo\": not a flattened device tree: must be a .dtbo "
		      "made by dtc");
	fit_ok(fdt_create_empty_tree(tree, sizeof(tree)));
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", tree, 100));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD ": fdt = \"dtbo\": cut short: the tree has 256 bytes, the image "
		      "100");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/dtbo"), "data", tree, 256));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(vmc[1].overlay.size, 256);
}

static void the_configuration_is_selected_or_default_or_the_only_one(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_delprop(fit, fit_node(fit, "/configurations"), "default"));
	assert_int_equal(parse(), 2);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_add_node(fit, "/configurations", "three");
	assert_int_equal(parse(), HV_ENOENT);
	assert_logged("config: /configurations: default is missing or not a string: must name a "
		      "configuration; there are three, two");
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "two", vmc, VM_MAX), 2);
	fake_log_reset();
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "four", vmc, VM_MAX), HV_ENOENT);
	assert_logged("config: /configurations: selected \"four\": must name a configuration; there "
		      "are three, two");
	fake_log_reset();
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "three", vmc, VM_MAX), HV_EINVAL);
	assert_logged("config: /configurations/three: compatible = (empty): must be "
		      "\"hartvisor,config\"");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop_string(fit, fit_node(fit, "/configurations"), "default", "tow"));
	assert_int_equal(parse(), HV_ENOENT);
	assert_logged("config: /configurations: default = \"tow\": must name a configuration; there "
		      "are three, two");
}

static void an_unknown_property_of_the_configuration_is_told_and_no_vm_fails(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_setprop_string(fit, fit_node(fit, TWO), "loadables", "x"));
	assert_int_equal(parse(), 2);
	assert_logged("config: " TWO ": loadables: unknown, allowed: compatible, description, and VM "
		      "nodes");
	assert_good(&vmc[0]);
	assert_false(vmc[1].failed);
}

static void more_vms_than_there_is_room_for_are_left_out(void **state)
{
	(void)state;
	fit_make(fit);
	fake_log_reset();
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), NULL, vmc, 1), 1);
	assert_logged("config: " TWO ": more than 1 VMs: must be at most 1, the rest is left out");
	assert_good(&vmc[0]);
}

static void a_configuration_without_vms_says_so(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_del_node(fit, fit_node(fit, BAD)));
	fit_ok(fdt_del_node(fit, fit_node(fit, TWO "/good")));
	assert_int_equal(parse(), 0);
	assert_logged("config: " TWO
		      ": no VM: must have at least one node with compatible = \"hartvisor,vm\"");
}

static void a_flood_of_unknown_properties_is_cut_short(void **state)
{
	(void)state;
	fit_make(fit);
	for (unsigned int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "property-%u", i);
		fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), name, i));
	}
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 5);
	assert_logged("config: " BAD ": more unknown properties are not shown");
	assert_good(&vmc[0]);
}

/* Whatever a VM that did not fail points to can be read. */
static void use_all(int nr)
{
	volatile uint64_t sum = 0;

	for (int i = 0; i < nr; i++) {
		const struct vm_image *images[] = { &vmc[i].kernel, &vmc[i].ramdisk,
						    &vmc[i].overlay };

		assert_in_range(strlen(vmc[i].path), 0, VM_PATH_MAX - 1);
		if (vmc[i].failed)
			continue;
		assert_in_range(strlen(vmc[i].name), 1, VM_NAME_MAX);
		assert_in_range(vmc[i].cpus, 1, VM_MAX_VCPUS);
		sum += strlen(vmc[i].bootargs);
		for (size_t j = 0; j < ARRAY_SIZE(images); j++)
			for (uint64_t k = 0; images[j]->data != NULL && k < images[j]->size; k++)
				sum += images[j]->data[k];
	}
}

static void a_bundle_cut_at_any_length_is_refused(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_pack(fit));
	for (size_t len = 0; len < fdt_totalsize(fit); len++) {
		void *copy = fit_exact(fit, len);

		fake_log_reset();
		assert_int_equal(config_parse_bundle(copy, len, NULL, vmc, VM_MAX), HV_EINVAL);
		assert_non_null(strstr(fake_log_text, "bundle: no usable FIT image"));
		free(copy);
	}
}

static void corrupted_bundles_never_lead_outside(void **state)
{
	uint64_t seed = 20261120;
	size_t size;
	int whole = 0;

	(void)state;
	fit_make(fit);
	fit_ok(fdt_pack(fit));
	size = fdt_totalsize(fit);
	for (int round = 0; round < 30000; round++) {
		uint8_t *copy = fit_exact(fit, size);
		int changes = 1 + (int)(fit_random(&seed) % 4);
		int nr;

		for (int i = 0; i < changes; i++)
			copy[fit_random(&seed) % size] = (uint8_t)fit_random(&seed);
		fake_log_reset();
		nr = config_parse_bundle(copy, size, NULL, vmc, VM_MAX);
		assert_in_range(nr + 16, 0, 16 + VM_MAX);
		use_all(nr);
		whole += nr == 2;
		assert_in_range(fake_log_count, 0, 100);
		free(copy);
	}
	assert_in_range(whole, 1000, 29999);
}

static void a_deep_tree_is_refused(void **state)
{
	char path[512] = BAD;

	(void)state;
	fit_make(fit);
	for (int i = 0; i < 40; i++) {
		fit_add_node(fit, path, "d");
		strcat(path, "/d");
	}
	assert_int_equal(parse(), HV_EINVAL);
	assert_non_null(strstr(fake_log_text, "bundle: no usable FIT image"));
}

/* --- the host's tree ---------------------------------------------------------------------------- */

static _Alignas(8) uint8_t host[FIT_ROOM];

#define CHOSEN_BEFORE 0x88000000

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
	assert_true(vmc[0].kernel.load == 0x80200000);
	assert_true(ptr_to_hpa(vmc[0].ramdisk.data).hpa == 0x84000000);
	assert_int_equal(config_host_modules(host, modules, 4), 2);
	assert_true(ptr_to_hpa(modules[0].data).hpa == 0x84000000);
	assert_true(modules[1].size == 0x2000);
	assert_int_equal(config_host_modules(host, modules, 1), 1);
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
		{ 0xffffffffffffe000, "must be an address and a size in the parent's #address-cells" },
		{ 0xffffffffffffd000, "must lie inside /memory" },
		{ 0x8005f000, "must not lie in /reserved-memory" },
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
	assert_logged("config: /chosen/first: cpsu = <4>: unknown, did you mean cpus? allowed: "
		      "compatible, label, description, cpus, memory, bootargs, affinity, on-crash, "
		      "#address-cells, #size-cells");
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
			assert_true(vmc[i].failed || ptr_to_hpa(vmc[i].kernel.data).hpa >= 0x80060000 ||
				    ptr_to_hpa(vmc[i].kernel.data).hpa + vmc[i].kernel.size <= 0x80000000);
		free(copy);
	}
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
		cmocka_unit_test(a_wrong_image_fails_only_who_names_it),
		cmocka_unit_test(an_overlay_that_is_no_tree_or_cut_short_is_an_error),
		cmocka_unit_test(the_configuration_is_selected_or_default_or_the_only_one),
		cmocka_unit_test(an_unknown_property_of_the_configuration_is_told_and_no_vm_fails),
		cmocka_unit_test(more_vms_than_there_is_room_for_are_left_out),
		cmocka_unit_test(a_configuration_without_vms_says_so),
		cmocka_unit_test(a_flood_of_unknown_properties_is_cut_short),
		cmocka_unit_test(a_bundle_cut_at_any_length_is_refused),
		cmocka_unit_test(corrupted_bundles_never_lead_outside),
		cmocka_unit_test(a_deep_tree_is_refused),
		cmocka_unit_test(guest_loader_modules_make_one_vm),
		cmocka_unit_test(guest_loader_options_are_checked),
		cmocka_unit_test(a_second_guest_loader_kernel_is_left_out_and_said),
		cmocka_unit_test(modules_outside_of_free_ram_are_never_touched),
		cmocka_unit_test(vm_nodes_of_the_host_tree_are_taken),
		cmocka_unit_test(errors_of_host_vm_nodes_name_node_and_property),
		cmocka_unit_test(corrupted_host_trees_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
