// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
/* Names are exact; status; what tools write by themselves; what is named twice; what contradicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake/config.h"

static void set_string(const char *path, const char *prop, const char *value)
{
	fit_ok(fdt_setprop_string(fit, fit_node(fit, path), prop, value));
}

/* An image that is the same as "linux" but for its data. libfdt puts it in front of the others. */
static void add_kernel(const char *name, const char *data)
{
	int node = fit_add_node(fit, "/images", name);

	fit_ok(fdt_setprop_string(fit, node, "data", data));
}

static void an_image_with_a_unit_address_is_not_taken_for_one_without(void **state)
{
	(void)state;
	fit_make(fit);
	add_kernel("k", "right");
	add_kernel("k@old", "wrong");
	set_string(BAD, "kernel", "k");
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_string_equal((const char *)vmc[1].kernel.data, "right");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	set_string(BAD, "kernel", "k@old");
	set_string(BAD, "ramdisk", "k");
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_string_equal((const char *)vmc[1].kernel.data, "wrong");
	assert_string_equal((const char *)vmc[1].ramdisk.data, "right");
}

static void only_names_with_unit_addresses_are_offered_in_the_error(void **state)
{
	static const char *const props[] = { "kernel", "ramdisk", "fdt" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(props); i++) {
		fit_make(fit);
		add_kernel("k@2", "second");
		add_kernel("k@1", "first");
		add_kernel("k2", "other");
		set_string(BAD, props[i], "k");
		assert_int_equal(parse(), 2);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_text, "no such image; did you mean k@1, k@2?"));
		assert_non_null(strstr(fake_log_text, props[i]));
		assert_true(vmc[1].failed);
		assert_good(&vmc[0]);
	}
}

static void a_configuration_with_a_unit_address_is_not_taken_for_one_without(void **state)
{
	(void)state;
	fit_make(fit);
	fit_add_node(fit, "/configurations", "two@1");
	assert_int_equal(parse(), 2);
	assert_good(&vmc[0]);
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "two", vmc, VM_MAX), 2);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_set_name(fit, fit_node(fit, TWO), "two@2"));
	assert_int_equal(parse(), HV_ENOENT);
	assert_logged("config: /configurations: default = \"two\": must name a configuration; did "
		      "you mean two@1, two@2?");
	fake_log_reset();
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "two", vmc, VM_MAX), HV_ENOENT);
	assert_logged("config: /configurations: selected \"two\": must name a configuration; did "
		      "you mean two@1, two@2?");
}

static void images_and_configurations_with_unit_addresses_are_not_the_nodes_themselves(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_set_name(fit, fit_node(fit, "/configurations"), "configurations@0"));
	assert_int_equal(parse(), HV_ENOENT);
	assert_logged("config: the bundle has no /configurations node");
	fit_make(fit);
	fit_ok(fdt_set_name(fit, fit_node(fit, "/images"), "images@0"));
	assert_int_equal(parse(), 2);
	assert_non_null(strstr(fake_log_text, "no such image; the bundle has no /images"));
}

static void a_disabled_vm_is_left_out_and_said(void **state)
{
	(void)state;
	fit_make(fit);
	set_string(BAD, "status", "disabled");
	set_string(BAD, "kernel", "nonsense");
	assert_int_equal(parse(), 1);
	assert_int_equal(fake_log_count, 1);
	assert_logged("config: " BAD ": status = \"disabled\": left out");
	assert_good(&vmc[0]);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	set_string(TWO "/good", "status", "disabled");
	assert_int_equal(parse(), 0);
	assert_logged("config: " TWO ": no VM: must have at least one node with compatible = "
		      "\"hartvisor,vm\" that is not disabled");
}

static void okay_is_accepted_and_other_values_of_status_are_errors(void **state)
{
	(void)state;
	fit_make(fit);
	set_string(BAD, "status", "okay");
	set_string(TWO "/good", "status", "ok");
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	set_string(BAD, "status", "off");
	assert_int_equal(parse(), 2);
	assert_true(vmc[1].failed);
	assert_non_null(strstr(fake_log_text, ": must be \"okay\" or \"disabled\""));
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, BAD), "status", "okay", 4)); /* does not end */
	assert_int_equal(parse(), 2);
	assert_true(vmc[1].failed);
	assert_good(&vmc[0]);
}

static void what_tools_write_by_themselves_is_no_error(void **state)
{
	static const char *const paths[] = { TWO, BAD, BAD "/vcpu@1" };
	int node;

	(void)state;
	fit_make(fit);
	node = fit_add_node(fit, BAD, "vcpu@1");
	fit_ok(fdt_setprop_u32(fit, node, "reg", 1));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		fit_ok(fdt_setprop_u32(fit, fit_node(fit, paths[i]), "phandle", 7));
		fit_ok(fdt_setprop_u32(fit, fit_node(fit, paths[i]), "linux,phandle", 7));
		set_string(paths[i], "name", "x");
	}
	/* dtc -@, and a signed configuration. */
	fit_add_node(fit, "/", "__symbols__");
	node = fit_add_node(fit, TWO, "signature-1");
	fit_ok(fdt_setprop_string(fit, node, "algo", "sha256,rsa2048"));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_good(&vmc[0]);
	assert_false(vmc[1].failed);
}

static void no_vm_is_called_hartvisor(void **state)
{
	static const char *const names[] = { "hartvisor", "HartVisor" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fit_make(fit);
		set_string(BAD, "label", names[i]);
		assert_int_equal(parse(), 2);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_text, "the VM's name must not be \"hartvisor\""));
		assert_true(vmc[1].failed);
		fit_make(fit);
		fit_ok(fdt_set_name(fit, fit_node(fit, BAD), names[i]));
		assert_int_equal(parse(), 2);
		assert_int_equal(fake_log_count, 1);
		assert_true(vmc[1].failed);
		assert_good(&vmc[0]);
	}
}

static void the_name_of_a_vcpu_node_is_its_number_in_hexadecimal(void **state)
{
	static const struct {
		const char *name;
		uint32_t reg;
		bool good;
	} cases[] = {
		{ "vcpu@0", 0, true },	 { "vcpu@a", 10, true },   { "vcpu@1f", 31, true },
		{ "vcpu@1", 2, false },	 { "vcpu@10", 10, false }, { "vcpu@01", 1, false },
		{ "vcpu@A", 10, false }, { "vcpu@", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[64];

		fit_make(fit);
		fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "cpus", 64));
		fit_ok(fdt_setprop_u32(fit, fit_add_node(fit, BAD, cases[i].name), "reg",
				       cases[i].reg));
		assert_int_equal(parse(), 2);
		assert_int_equal(fake_log_count, cases[i].good ? 0 : 1);
		assert_int_equal(vmc[1].failed, !cases[i].good);
		snprintf(line, sizeof(line), "node of this vcpu is vcpu@%x",
			 (unsigned int)cases[i].reg);
		if (!cases[i].good)
			assert_non_null(strstr(fake_log_text, line));
	}
}

static void what_a_list_names_twice_is_told_and_the_vm_starts(void **state)
{
	static const char words[] = "kick-cpu\0pv-wait\0kick-cpu";
	const fdt32_t twice[] = { cpu_to_fdt32(1), cpu_to_fdt32(3), cpu_to_fdt32(1) };
	struct sched_params p;
	int node;

	(void)state;
	fit_make(fit);
	fit_ok(fdt_setprop(fit, fit_node(fit, BAD), "affinity", twice, sizeof(twice)));
	fit_ok(fdt_setprop(fit, fit_node(fit, BAD), "pv", words, sizeof(words)));
	node = fit_add_node(fit, BAD, "vcpu@1");
	fit_ok(fdt_setprop_u32(fit, node, "reg", 1));
	fit_ok(fdt_setprop(fit, node, "affinity", twice, sizeof(twice)));
	assert_int_equal(parse(), 2);
	assert_false(vmc[1].failed);
	assert_int_equal(fake_log_count, 3);
	assert_logged("config: " BAD ": affinity = <1 3 1>: names host cpu 1 twice");
	assert_logged("config: " BAD "/vcpu@1: affinity = <1 3 1>: names host cpu 1 twice");
	assert_non_null(strstr(fake_log_text, "names \"kick-cpu\" twice"));
	assert_true(vmc[1].affinity == (BIT(1) | BIT(3)));
	/* Said once, not each time that a vcpu is made. */
	config_vcpu_sched(&vmc[1], 1, &p);
	assert_int_equal(fake_log_count, 3);
}

static void a_weight_contradicts_the_class_that_has_none(void **state)
{
	(void)state;
	fit_make(fit);
	set_string(BAD, "class", "fifo");
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, BAD), "weight", 200));
	assert_int_equal(parse(), 2);
	assert_logged("config: " BAD ": weight = <200>: must not be given with class \"fifo\"");
	assert_int_equal(fake_log_count, 1);
	assert_true(vmc[1].failed);
	assert_good(&vmc[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_weight_contradicts_the_class_that_has_none),
		cmocka_unit_test(an_image_with_a_unit_address_is_not_taken_for_one_without),
		cmocka_unit_test(only_names_with_unit_addresses_are_offered_in_the_error),
		cmocka_unit_test(a_configuration_with_a_unit_address_is_not_taken_for_one_without),
		cmocka_unit_test(
			images_and_configurations_with_unit_addresses_are_not_the_nodes_themselves),
		cmocka_unit_test(a_disabled_vm_is_left_out_and_said),
		cmocka_unit_test(okay_is_accepted_and_other_values_of_status_are_errors),
		cmocka_unit_test(what_tools_write_by_themselves_is_no_error),
		cmocka_unit_test(no_vm_is_called_hartvisor),
		cmocka_unit_test(the_name_of_a_vcpu_node_is_its_number_in_hexadecimal),
		cmocka_unit_test(what_a_list_names_twice_is_told_and_the_vm_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
