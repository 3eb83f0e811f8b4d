// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
/* Nodes of single vcpus in a VM's: what they say wins over the VM's, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake/config.h"

static int add_vcpu(const char *name, uint32_t reg)
{
	int node = fdt_add_subnode(fit, fit_node(fit, BAD), name);

	assert_true(node >= 0);
	fit_ok(fdt_setprop_u32(fit, node, "reg", reg));
	return node;
}

static void a_vcpu_s_own_node_wins_over_its_vm(void **state)
{
	struct sched_params p;
	int node;

	(void)state;
	fit_make(fit);
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "cpus", 3));
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "weight", 700));
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "cap", 150));
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "halt-poll-us", 50));
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "affinity", 3));
	node = add_vcpu("vcpu@1", 1);
	fit_ok(fdt_setprop_string(fit, node, "class", "fifo"));
	fit_ok(fdt_setprop_u32(fit, node, "priority", 31));
	fit_ok(fdt_setprop_u32(fit, node, "affinity", 2));
	node = add_vcpu("vcpu@2", 2);
	fit_ok(fdt_setprop_u32(fit, node, "weight", 5));
	fit_ok(fdt_setprop_u32(fit, node, "slice-us", 1000));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_false(vmc[1].failed);
	assert_int_equal(vmc[1].cap, 150);
	assert_int_equal(vmc[1].halt_poll_us, 50);
	config_vcpu_sched(&vmc[1], 0, &p);
	assert_true(p.class == SCHED_CLASS_FAIR && p.weight == 700 && p.slice_us == 0 &&
		    p.affinity.word[0] == BIT(3));
	config_vcpu_sched(&vmc[1], 1, &p);
	assert_true(p.class == SCHED_CLASS_FIFO && p.priority == 31 &&
		    p.affinity.word[0] == BIT(2));
	config_vcpu_sched(&vmc[1], 2, &p);
	assert_true(p.class == SCHED_CLASS_FAIR && p.weight == 5 && p.slice_us == 1000 &&
		    p.affinity.word[0] == BIT(3));
	config_vcpu_sched(&vmc[0], 0, &p);
	assert_true(p.class == SCHED_CLASS_FAIR && p.weight == 100 &&
		    p.affinity.word[0] == UINT64_MAX);
	assert_int_equal(vmc[0].cap, 0);
}

static void what_is_wrong_with_a_vcpu_node_is_told_with_its_path(void **state)
{
	static const struct {
		const char *prop;
		uint32_t value;
		const char *line;
	} cases[] = {
		{ "reg", 2, "reg = <2>: must be 0 or 1 (one cell)" },
		{ "weight", 20000, "weight = <20000>: must be 1 to 10000 (one cell)" },
		{ "priority", 3, "priority = <3>: must be given with class = \"fifo\" only" },
		{ "slice-us", 1, "slice-us = <1>: must be 100 to 100000 (one cell)" },
		{ "affinity", 64,
		  "affinity = <64>: must be a list of host cpus, each 0 to 63 (a cell)" },
		{ "cap", 50,
		  "cap = <50>: unknown, allowed: reg, affinity, weight, class, priority, "
		  "slice-us" },
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int node;

		fit_make(fit);
		fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "cpus", 2));
		node = add_vcpu("vcpu@1", 1);
		fit_ok(fdt_setprop_u32(fit, node, cases[i].prop, cases[i].value));
		assert_int_equal(parse(), 2);
		snprintf(line, sizeof(line), "config: " BAD "/vcpu@1: %s", cases[i].line);
		assert_logged(line);
		assert_int_equal(fake_log_count, 1);
		assert_true(vmc[1].failed);
		assert_good(&vmc[0]);
	}
	fit_make(fit);
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "cpus", 2));
	(void)add_vcpu("vcpu@1", 1);
	(void)add_vcpu("vcpu", 1);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 1);
	assert_true(vmc[1].failed);
	fit_make(fit);
	fit_add_node(fit, BAD, "vcpu");
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD
		      "/vcpu: reg is missing: must be a vcpu's number, 0 to 1 (one cell)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vcpu_s_own_node_wins_over_its_vm),
		cmocka_unit_test(what_is_wrong_with_a_vcpu_node_is_told_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
