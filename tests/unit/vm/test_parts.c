// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
// SOURCES: hyp/vm/config_vm.c hyp/vm/config_ram.c hyp/vm/config_sched.c tests/unit/fake/probe_part.c
/* A part of a VM that is one new file (fake/probe_part.c) is read, refused, made, described, reset and destroyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/devvm.h"
#include "fake/guest_tree.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "irqchip/vplic.h"
#include "lib/fdt.h"
#include "vm/config_vm.h"
#include "vm/parts.h"

#define PROBE 0x10100000
#define NODE  "config: /linux-a: "

static uint64_t node[512];

const struct property_table bundle_properties;

/* A VM's node with these two properties; a level of 0 is not given. */
static struct vm_node vm_node(uint32_t level, const char *mode)
{
	struct vm_node n;
	int at;

	tree_begin(node, sizeof(node));
	tree_node(node, "linux-a");
	tree_string(node, "compatible", "hartvisor,vm");
	tree_string(node, "pv", "none");
	if (level)
		tree_cells(node, "probe-level", 1, level);
	if (mode)
		tree_string(node, "probe-mode", mode);
	tree_end_node(node);
	(void)tree_finish(node);
	at = fdt_path_offset(node, "/linux-a");
	vm_node_begin(&n, node, at, &cfg);
	cfg.cpus = 2;
	return n;
}

/* As at boot. False: there is an error, and so many lines. */
static bool check(uint32_t level, const char *mode, unsigned int lines)
{
	struct vm_node n = vm_node(level, mode);

	fake_log_reset();
	vm_node_names(&n, &bundle_properties);
	parts_check(&n.at);
	vm_node_end(&n);
	assert_int_equal(fake_log_count, lines);
	assert_int_equal(cfg.failed, lines != 0);
	return !cfg.failed;
}

static void its_properties_are_known_and_read(void **state)
{
	(void)state;
	assert_true(check(0, NULL, 0));
	assert_true(check(2, "quick", 0));
	assert_true(check(9, "off", 0));
}

static void what_is_wrong_is_told_with_node_property_value_and_what_would_be_right(void **state)
{
	struct vm_node n;

	(void)state;
	assert_false(check(1, NULL, 1));
	assert_logged(NODE "probe-level = <1>: must be 2 to 9 (one cell)");
	assert_false(check(10, NULL, 1));
	assert_logged(NODE "probe-level = <10>: must be 2 to 9 (one cell)");
	assert_false(check(3, "fast", 1));
	assert_logged(NODE "probe-mode = \"fast\": must be \"quick\", \"slow\" or \"off\"");
	assert_false(check(12, "", 2));
	/* One letter off. */
	n = vm_node(0, NULL);
	assert_int_equal(fdt_open_into(node, node, sizeof(node)), 0);
	assert_int_equal(fdt_setprop_string(node, n.at.node, "probe-mod", "slow"), 0);
	fake_log_reset();
	vm_node_names(&n, &bundle_properties);
	assert_logged(NODE "probe-mod = \"slow\": unknown, did you mean probe-mode?");
}

static void it_is_made_as_the_node_says(void **state)
{
	uint64_t val;

	(void)state;
	(void)vm_node(7, "slow");
	make_parts();
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE + 4), 4, &val), HV_OK);
	assert_int_equal(val, 7);
	(void)vm_node(0, NULL);
	make_parts();
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE + 4), 4, &val), HV_OK);
	assert_int_equal(val, 5); /* its default */
}

/* What only the making finds. A property that is wrong has been told of before, and is not told of again. */
static void it_may_refuse_the_vm(void **state)
{
	struct vm_node n = vm_node(9, "quick");

	(void)state;
	make_parts_of(&n.at, HV_EINVAL);
	assert_logged(NODE "probe-level = <9>: must be below 9 with probe-mode \"quick\"");
	n = vm_node(77, "slow");
	fake_log_reset();
	make_parts_of(&n.at, HV_OK);
	assert_int_equal(fake_log_count, 0);
}

static void the_guest_s_tree_has_its_node(void **state)
{
	int irq;

	(void)state;
	(void)vm_node(3, "slow");
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_true(fdtx_is_compatible(guest, at("/soc/probe@10100000"), "hartvisor,probe"));
	assert_string_equal(fdtx_prop_string(guest, at("/soc/probe@10100000"), "mode"), "slow");
	assert_int_equal(u32_at("/soc/probe@10100000", "interrupts"), 20);
	irq = fdt_node_offset_by_phandle(guest, u32_at("/soc/probe@10100000", "interrupt-parent"));
	assert_true(fdtx_is_compatible(guest, irq, "sifive,plic-1.0.0"));
	assert_string_equal(fdtx_prop_string(guest, at("/__symbols__"), "probe0"),
			    "/soc/probe@10100000");
	(void)vm_node(3, "off");
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	assert_true(fdt_path_offset(guest, "/soc/probe@10100000") < 0);
}

/* Is its source pending at the PLIC? */
static bool rings(void)
{
	uint64_t val;

	assert_int_equal(mmio_read(vm.bus, gpa(VPLIC_BASE + 0x1000), 4, &val), HV_OK);
	return val & BIT(20);
}

/* One part a step, the device before the controller, which would otherwise take the line for a new interrupt. */
static void a_reset_takes_its_state_and_its_line(void **state)
{
	const struct vm_part_of *first;
	struct vm_part_of *next;
	unsigned int steps = 0;
	uint64_t val;

	(void)state;
	(void)vm_node(3, "slow");
	make_parts();
	first = vm.parts;
	assert_string_equal(first->part->name, "plic");
	assert_int_equal(mmio_write(vm.bus, gpa(PROBE), 4, 1), HV_OK);
	assert_true(rings());
	for (next = vm.last_part; parts_reset_step(&next); steps++)
		if (next == first)
			assert_true(
				rings()); /* a PLIC keeps what was forwarded to it, for its own reset */
	assert_int_equal(steps, 6);
	assert_false(rings());
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE), 4, &val), HV_OK);
	assert_int_equal(val, 0);
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE + 4), 4, &val), HV_OK);
	assert_int_equal(val, 3); /* its configuration stays */
}

static void it_goes_with_its_vm(void **state)
{
	uint64_t val;

	(void)state;
	(void)vm_node(3, "slow");
	make_parts();
	assert_int_equal(mmio_write(vm.bus, gpa(PROBE), 4, 1), HV_OK);
	parts_destroy(&vm);
	assert_null(vm.parts);
	assert_null(vm.last_part);
	assert_null(vm.reserved);
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE + 4), 4, &val), HV_OK);
	assert_int_equal(val, 0); /* its own destroy was called, and its reset */
	assert_int_equal(mmio_read(vm.bus, gpa(PROBE), 4, &val), HV_OK);
	assert_int_equal(val, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(its_properties_are_known_and_read),
		TREE_TEST(what_is_wrong_is_told_with_node_property_value_and_what_would_be_right),
		TREE_TEST(it_is_made_as_the_node_says),
		TREE_TEST(it_may_refuse_the_vm),
		TREE_TEST(the_guest_s_tree_has_its_node),
		TREE_TEST(a_reset_takes_its_state_and_its_line),
		TREE_TEST(it_goes_with_its_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
