// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
/* Which configuration of a bundle is taken; and bundles that are cut short, corrupted, too deep or too full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake/config.h"

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
	assert_logged(
		"config: /configurations: selected \"four\": must name a configuration; there "
		"are three, two");
	fake_log_reset();
	assert_int_equal(config_parse_bundle(fit, sizeof(fit), "three", vmc, VM_MAX), HV_EINVAL);
	assert_logged("config: /configurations/three: compatible = (empty): must be "
		      "\"hartvisor,config\"");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop_string(fit, fit_node(fit, "/configurations"), "default", "tow"));
	assert_int_equal(parse(), HV_ENOENT);
	assert_logged(
		"config: /configurations: default = \"tow\": must name a configuration; there "
		"are three, two");
}

static void an_unknown_property_of_the_configuration_is_told_and_no_vm_fails(void **state)
{
	(void)state;
	fit_make(fit);
	fit_ok(fdt_setprop_string(fit, fit_node(fit, TWO), "loadables", "x"));
	assert_int_equal(parse(), 2);
	assert_logged("config: " TWO
		      ": loadables: unknown, allowed: compatible, description, disks, networks, "
		      "shared-memory, and VM nodes");
	assert_good(&vmc[0]);
	assert_false(vmc[1].failed);
}

/* Path, name and value are as long as they are shown. */
static void the_list_of_what_is_allowed_is_whole_in_the_longest_line(void **state)
{
	static const char name[] =
		"a-vm-whose-name-is-as-long-as-names-are-in-any-tree-that-was-ever-seen";
	char path[128];

	(void)state;
	fit_make(fit);
	fit_add_node(fit, TWO, name);
	snprintf(path, sizeof(path), TWO "/%s", name);
	fit_ok(fdt_setprop_string(fit, fit_node(fit, path), "compatible", "hartvisor,vm"));
	fit_ok(fdt_setprop_string(fit, fit_node(fit, path),
				  "a-property-whose-name-nothing-is-near-to",
				  "and a value that is longer than what is shown of a string"));
	assert_int_equal(parse(), 3);
	assert_non_null(strstr(fake_log_text, "unknown, allowed: compatible, "));
	assert_non_null(strstr(fake_log_text, ", pv-lock-base\n"));
	assert_lines_fit();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_is_selected_or_default_or_the_only_one),
		cmocka_unit_test(an_unknown_property_of_the_configuration_is_told_and_no_vm_fails),
		cmocka_unit_test(the_list_of_what_is_allowed_is_whole_in_the_longest_line),
		cmocka_unit_test(more_vms_than_there_is_room_for_are_left_out),
		cmocka_unit_test(a_configuration_without_vms_says_so),
		cmocka_unit_test(a_flood_of_unknown_properties_is_cut_short),
		cmocka_unit_test(a_bundle_cut_at_any_length_is_refused),
		cmocka_unit_test(corrupted_bundles_never_lead_outside),
		cmocka_unit_test(a_deep_tree_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
