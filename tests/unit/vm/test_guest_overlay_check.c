// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
/* An overlay is applied as a whole, to the nodes that it names, and does not contradict its VM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/guest_tree.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "lib/fdt.h"

static uint8_t overlay_bytes[GUEST_FDT_OVERLAY_MAX + 8] __attribute__((aligned(8)));

static int apply(const void *data, uint64_t size, uint64_t cap)
{
	/* At an odd address, as in a bundle, and with its end watched. */
	uint8_t *copy = malloc(size + 1);
	struct vm_image image = { .name = "my-overlay", .data = copy + 1, .size = size };
	int err;

	memcpy(copy + 1, data, size);
	err = apply_overlay(guest, cap, &image);
	assert_memory_equal(copy + 1, data, size); /* several VMs may name one image */
	free(copy);
	return err;
}

/* --- that all of an overlay is applied, and exactly where it says -------------------------------------- */

static void begin_fragment(const char *name, const char *target, const char *child)
{
	tree_node(overlay_bytes, name);
	if (target)
		tree_string(overlay_bytes, "target-path", target);
	tree_node(overlay_bytes, child);
}

static void end_fragment(void)
{
	tree_end_node(overlay_bytes);
	tree_end_node(overlay_bytes);
}

static int apply_made(void)
{
	size_t n = tree_finish(overlay_bytes);

	build(GUEST_FDT_SIZE);
	fake_log_reset();
	return apply(overlay_bytes, n, GUEST_FDT_SIZE);
}

static void assert_refused(const char *reason)
{
	assert_int_equal(apply_made(), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	if (!strstr(fake_log_last, reason))
		fail_msg("not \"%s\": %s", reason, fake_log_last);
	assert_true(strlen(fake_log_last) < 320);
}

static void begin_overlay(void)
{
	tree_begin(overlay_bytes, sizeof(overlay_bytes));
}

static void an_overlay_that_would_not_be_applied_is_an_error(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	begin_overlay();
	tree_string(o, "compatible", "riscv-virtio");
	tree_node(o, "soc");
	tree_node(o, "serial@10000000");
	tree_end_node(o);
	tree_end_node(o);
	assert_refused("/soc: has no child __overlay__, as in a whole device tree");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "overlay");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0/overlay: would not be applied: must be called __overlay__");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay_");
	end_fragment();
	assert_refused("/fragment@0/__overlay_: would not be applied");

	/* libfdt would take it for __overlay__. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__@0");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0/__overlay__@0: would not be applied");

	/* One that is, beside one that is not. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	tree_node(o, "fragment@1");
	tree_string(o, "target-path", "/soc");
	tree_end_node(o);
	assert_refused("/fragment@1: must have a child __overlay__");

	begin_overlay();
	assert_refused("it changes nothing");

	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	end_fragment();
	assert_refused("it changes nothing: must have a fragment whose __overlay__ is not empty");

	begin_overlay();
	begin_fragment("fragment@0", NULL, "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	assert_refused("/fragment@0: must have target, or target-path with one string");
}

static void what_tools_add_to_an_overlay_is_no_error(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	begin_overlay();
	tree_string(o, "compatible", "riscv-virtio");
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "extra");
	tree_cells(o, "phandle", 1, 1);
	tree_cells(o, "linux,phandle", 1, 1);
	tree_string(o, "name", "extra");
	tree_end_node(o);
	end_fragment();
	tree_node(o, "__symbols__");
	tree_string(o, "own", "/fragment@0/__overlay__/extra");
	tree_end_node(o);
	tree_node(o, "__overrides__");
	tree_end_node(o);
	assert_int_equal(apply_made(), HV_OK);
	assert_int_equal(fake_log_count, 0);
}

static void an_overlay_changes_the_nodes_that_it_names_and_no_others(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	/* A name without the unit address makes a new node. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "serial");
	tree_string(o, "status", "disabled");
	tree_end_node(o);
	tree_node(o, "x@1");
	tree_string(o, "is", "x@1");
	tree_end_node(o);
	tree_node(o, "x");
	tree_string(o, "is", "x");
	tree_end_node(o);
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_null(fdt_getprop(guest, at("/soc/serial@10000000"), "status", NULL));
	assert_string_at("/soc/serial", "status", "disabled");
	assert_string_at("/soc/x@1", "is", "x@1");
	assert_string_at("/soc/x", "is", "x");

	/* A target has to be there under its whole name. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc/serial", "__overlay__");
	tree_string(o, "status", "disabled");
	end_fragment();
	assert_refused(
		"/fragment@0: target-path = \"/soc/serial\": must be a node of the VM's tree; "
		"did you mean serial@10000000?");

	/* An earlier fragment may have made it. */
	begin_overlay();
	begin_fragment("fragment@0", "/soc", "__overlay__");
	tree_node(o, "new");
	tree_end_node(o);
	end_fragment();
	begin_fragment("fragment@1", "/soc/new", "__overlay__");
	tree_string(o, "p", "x");
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_string_at("/soc/new", "p", "x");
}

/* --- that it does not contradict the VM: two vcpus, 256 MiB --------------------------------------------- */

/* A node @name below @parent with @reg, in the cells that @parent has, and one property more. */
static void overlay_device(const char *parent, const char *name, unsigned int cells, uint64_t base,
			   uint32_t size, const char *prop, const char *value)
{
	void *o = overlay_bytes;

	begin_overlay();
	begin_fragment("fragment@0", parent, "__overlay__");
	tree_node(o, name);
	if (cells == 1)
		tree_cells(o, "reg", 1, (uint32_t)base);
	else
		tree_cells(o, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, 0, size);
	tree_string(o, prop, value);
	tree_end_node(o);
	end_fragment();
}

static void an_overlay_gives_its_vm_nothing_that_it_has_not(void **state)
{
	(void)state;
	overlay_device("/cpus", "cpu@2", 1, 2, 0, "device_type", "cpu");
	assert_refused("/cpus/cpu@2: reg = <2>: must be a vcpu of the VM, 0 to 1");
	overlay_device("/cpus", "cpu@1", 1, 7, 0, "x", "y");
	assert_refused("/cpus/cpu@1: reg = <7>: must be a vcpu of the VM, 0 to 1");

	overlay_device("/", "memory@90000000", 2, 0x90000000, 0x10000000, "device_type", "memory");
	assert_refused("/memory@90000000: reg = <0 0x90000000 0 0x10000000>: must lie in the VM's "
		       "RAM, 0x80000000 to 0x8fffffff");
	overlay_device("/", "memory@80000000", 2, 0x80000000, 0x10001000, "x", "y");
	assert_refused("must lie in the VM's RAM");

	overlay_device("/soc", "aplic@d000000", 2, 0xd000000, 0x8000, "interrupt-controller", "");
	assert_refused("/soc/aplic@d000000: reg = <0 0xd000000 0 32768>: must be an interrupt "
		       "controller that the VM has: its only one is at 0xc000000");
	overlay_device("/", "plic@e000000", 2, 0xe000000, 0x8000, "interrupt-controller", "");
	assert_refused("must be an interrupt controller that the VM has");

	overlay_device("/soc", "disk@88000000", 2, 0x88000000, 0x1000, "compatible", "virtio,mmio");
	assert_refused(
		"/soc/disk@88000000: reg = <0 0x88000000 0 4096>: must not lie in the VM's RAM");
	overlay_device("/", "disk@7ffff000", 2, 0x7ffff000, 0x1001, "compatible", "x");
	assert_refused("must not lie in the VM's RAM");
}

static void all_ranges_of_ram_are_the_vms(void **state)
{
	/* Cells of a tree: 2 MiB at 4 GiB. */
	static const uint8_t extra[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0 };

	(void)state;
	cfg.extra_ram = extra;
	cfg.nr_extra_ram = 1;
	overlay_device("/", "memory@100100000", 2, UINT64_C(0x100100000), 0x100000, "device_type",
		       "memory");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/", "memory@100100000", 2, UINT64_C(0x100100000), 0x100001, "device_type",
		       "memory");
	assert_refused(
		"must lie in the VM's RAM, 0x80000000 to 0x8fffffff, 0x100000000 to 0x1001fffff");
	overlay_device("/soc", "disk@100100000", 2, UINT64_C(0x100100000), 0x1000, "compatible",
		       "virtio,mmio");
	assert_refused("must not lie in the VM's RAM");
}

static void what_an_overlay_may_say_of_its_vm_is_applied(void **state)
{
	void *o = overlay_bytes;

	(void)state;
	/* Less memory, a cpu or a device that is off, a device where nothing is. */
	overlay_device("/", "memory@80000000", 2, 0x80000000, 0x8000000, "device_type", "memory");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/cpus", "cpu@1", 1, 1, 0, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/cpus", "cpu@2", 1, 2, 0, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/soc", "disk@88000000", 2, 0x88000000, 0x1000, "status", "disabled");
	assert_int_equal(apply_made(), HV_OK);
	overlay_device("/soc", "disk@10001000", 2, 0x10001000, 0x1000, "compatible", "virtio,mmio");
	assert_int_equal(apply_made(), HV_OK);
	assert_reg_at("/soc/disk@10001000", 0x10001000, 0x1000);

	/* A device in memory that is taken out of the guest's RAM. */
	begin_overlay();
	begin_fragment("fragment@0", "/", "__overlay__");
	tree_node(o, "reserved-memory");
	tree_cells(o, "#address-cells", 1, 2);
	tree_cells(o, "#size-cells", 1, 2);
	tree_bytes(o, "ranges", "", 0);
	tree_node(o, "pool@88000000");
	tree_cells(o, "reg", 4, 0, 0x88000000, 0, 0x100000);
	tree_end_node(o);
	tree_end_node(o);
	tree_node(o, "pmem@88000000");
	tree_cells(o, "reg", 4, 0, 0x88000000, 0, 0x100000);
	tree_end_node(o);
	end_fragment();
	assert_int_equal(apply_made(), HV_OK);
	assert_int_equal(fake_log_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(an_overlay_that_would_not_be_applied_is_an_error),
		TREE_TEST(what_tools_add_to_an_overlay_is_no_error),
		TREE_TEST(an_overlay_changes_the_nodes_that_it_names_and_no_others),
		TREE_TEST(an_overlay_gives_its_vm_nothing_that_it_has_not),
		TREE_TEST(all_ranges_of_ram_are_the_vms),
		TREE_TEST(what_an_overlay_may_say_of_its_vm_is_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
