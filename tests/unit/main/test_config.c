// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/boot_world.h
/* What ends the boot, with its reason; and what the command line, the bundle and the VMs make of it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/boot_world.h"
#include "platform/rng.h"
#include "lib/fdt.h"

static void boots(void)
{
	boot_machine();
	if (!boot->runs)
		fail_msg("%s", boot->console);
}

static void says(const char *line)
{
	if (!strstr(boot->console, line))
		fail_msg("not said: %s\nbut: %s", line, boot->console);
}

/* The last line says @why, and the machine is off. */
static void gives_up(const char *why)
{
	boot_machine();
	says(why);
	says("; powering off\n");
	assert_false(boot->runs);
	assert_true(boot->power_is_off);
}

/* --- reasons to give up ---------------------------------------------------------------------------------- */

static void a_machine_without_what_is_needed_is_refused(void **state)
{
	(void)state;
	boot->no_h = true;
	gives_up("this machine has no H extension");
	(void)boot_setup(state);
	boot->no_d = true;
	gives_up("this hart has no D extension");
	(void)boot_setup(state);
	boot->no_hsm = true;
	gives_up("this firmware has no SBI HSM extension");
	(void)boot_setup(state);
	boot->no_ipi = true;
	gives_up("this firmware has no SBI IPI extension");
	(void)boot_setup(state);
	boot->no_hgatp = true;
	gives_up("this machine's hgatp takes none of the modes");
}

static void a_device_tree_that_is_none_is_refused(void **state)
{
	static const uint64_t nowhere[] = { 0, UINT64_MAX, DIRECT_MAP_SIZE,
					    DIRECT_MAP_SIZE - MIB(2) };

	for (unsigned int i = 0; i < ARRAY_SIZE(nowhere); i++) {
		(void)boot_setup(state);
		boot->fdt = nowhere[i];
		gives_up("no device tree: the firmware has to hand one over in a1");
	}
	(void)boot_setup(state);
	boot->broken_tree = true;
	gives_up("the machine's device tree cannot be used");
	(void)boot_setup(state);
	boot->tree_outside = true;
	gives_up("the device tree lies outside of /memory");
}

static void too_many_modules_are_refused(void **state)
{
	(void)state;
	boot->modules = 193;
	gives_up("/chosen: more than 192 modules");
}

/* From too little for the root of the tables to enough for all of it: never more than a sentence. */
static void a_machine_without_memory_for_hartvisor_is_refused(void **state)
{
	static const char *const reasons[] = {
		"no memory left for hartvisor's own page tables",
		"no memory left for the harts' stacks",
		"no memory left for a G-stage root",
	};
	unsigned int at = 0;

	(void)state;
	for (uint64_t left = PAGE_SIZE;; left += PAGE_SIZE) {
		(void)boot_setup(state);
		boot->leave = left;
		boot_machine();
		if (boot->runs)
			break;
		while (at < ARRAY_SIZE(reasons) && !strstr(boot->console, reasons[at]))
			at++;
		assert_true(at < ARRAY_SIZE(reasons)); /* in this order */
		says("; powering off\n");
	}
	assert_int_equal(at, ARRAY_SIZE(reasons) - 1);
	(void)boot_setup(state);
	boot->runqs_err = HV_ENOMEM;
	gives_up("no memory left for the run queues");
}

/* --- the bundle ------------------------------------------------------------------------------------------- */

static void the_initrd_is_the_bundle(void **state)
{
	(void)state;
	boot->bundle_offset = 0x10008; /* the other one is not looked at */
	boots();
	assert_int_equal(boot->parsed_at, 0x43000000);
	assert_int_equal(boot->parsed_size, 0x12345);
	assert_false(boot->selects);
}

static void without_an_initrd_it_is_what_is_behind_the_image(void **state)
{
	(void)state;
	boot->initrd = 0;
	boot->bundle_offset = 0x10008;
	boots();
	assert_int_equal(boot->parsed_at, BOOT_IMAGE + 0x10008);
	assert_int_equal(boot->parsed_size, 0x5000);
}

static void a_bundle_outside_of_memory_is_none(void **state)
{
	(void)state;
	boot->initrd = 0;
	boot->bundle_offset = MIB(64);
	gives_up("no bundle: give one as the initrd");
	assert_null(strstr(boot->order, "bundle"));
	(void)boot_setup(state);
	boot->initrd = 0x43000000;
	boot->initrd_end = 0x50000000;
	gives_up("no bundle: give one as the initrd");
}

static void a_configuration_may_be_selected(void **state)
{
	char args[400];

	(void)state;
	boot->bootargs = "quiet hartvisor.config=two-linux";
	boots();
	assert_true(boot->selects);
	assert_string_equal(boot->selected, "two-linux");
	/* One that is too long for a node's name stays so: it is not to be taken for another one. */
	(void)boot_setup(state);
	snprintf(args, sizeof(args), "hartvisor.config=%0*d", FDTX_MAX_NAME + 20, 0);
	boot->bootargs = args;
	boots();
	assert_int_equal(strlen(boot->selected), FDTX_MAX_NAME + 1);
}

static void a_boot_without_vms_ends(void **state)
{
	(void)state;
	boot->bundle_vms = HV_EINVAL;
	gives_up("the bundle cannot be used");
	(void)boot_setup(state);
	boot->bundle_vms = 0;
	gives_up("no VM to start: see above");
	(void)boot_setup(state);
	boot->initrd = 0;
	gives_up("no bundle: give one as the initrd");
	(void)boot_setup(state);
	boot->vms[0] = VM_FAILED;
	gives_up("no valid VM: see the errors above");
	(void)boot_setup(state);
	boot->vm_missing = 1;
	gives_up("no valid VM: see the errors above");
}

static void vms_of_the_host_tree_follow_the_bundles(void **state)
{
	(void)state;
	boot->bundle_vms = 2;
	boot->host_vms = 2;
	boots();
	assert_string_equal(boot->made, "b0b1h0h1");
	assert_int_equal(boot->room_for_host_vms, VM_MAX - 2);
	(void)boot_setup(state);
	boot->host_vms = HV_EINVAL; /* has been said, and costs the others nothing */
	boots();
	assert_string_equal(boot->made, "b0");
	(void)boot_setup(state);
	boot->initrd = 0;
	boot->host_vms = 1;
	boots();
	assert_string_equal(boot->made, "h0");
	assert_int_equal(boot->room_for_host_vms, VM_MAX);
}

/* --- focus -------------------------------------------------------------------------------------------------- */

static void the_first_vm_that_starts_has_the_focus(void **state)
{
	static const struct {
		enum vm_state vms[4];
		int focus;
	} rows[] = {
		{ { VM_BUILDING, VM_BUILDING, VM_BUILDING, VM_BUILDING }, 0 },
		{ { VM_FAILED, VM_BUILDING, VM_BUILDING, VM_FAILED }, 1 },
		{ { VM_OFF, VM_FAILED, VM_BUILDING, VM_BUILDING }, 2 },
		{ { VM_FAILED, VM_OFF, VM_OFF, VM_FAILED }, 1 },
		{ { VM_OFF, VM_OFF, VM_FAILED, VM_BUILDING }, 3 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		bool starts = rows[i].vms[rows[i].focus] == VM_BUILDING;

		(void)boot_setup(state);
		boot->bundle_vms = 4;
		memcpy(boot->vms, rows[i].vms, sizeof(boot->vms));
		boots();
		assert_int_equal(boot->focus, rows[i].focus);
		assert_int_equal(strstr(boot->console, "no VM starts by itself: ^] o starts the "
						       "VM in focus\n") == NULL,
				 starts);
	}
}

static void a_vm_for_which_there_is_no_memory_is_passed_over(void **state)
{
	(void)state;
	boot->bundle_vms = 2;
	boot->vms[1] = VM_BUILDING;
	boot->vm_missing = 1;
	boots();
	assert_int_equal(boot->focus, 1);
}

/* --- options ------------------------------------------------------------------------------------------------- */

static void options_reach_what_they_are_for(void **state)
{
	(void)state;
	boots();
	assert_false(boot->stay);
	assert_false(boot->prefix);
	assert_int_equal(boot->colour, 2); /* as the firmware's console */
	assert_int_equal(boot->vmids, 64); /* as many as the hart has */
	(void)boot_setup(state);
	boot->bootargs = "hartvisor.stay hartvisor.colour=1 hartvisor.vmid-bits=3";
	boots();
	assert_true(boot->stay);
	assert_false(boot->prefix);
	assert_int_equal(boot->colour, 1);
	assert_int_equal(boot->vmids, 8);
	(void)boot_setup(state);
	assert_false(boot->traces);
	boot->bootargs = "hartvisor.prefix hartvisor.prefix=1 hartvisor.colour=0 hartvisor.trace=1";
	boots();
	assert_true(boot->traces);
	assert_false(boot->stay);
	assert_true(boot->prefix);
	assert_int_equal(boot->colour, 0);
}

static void wrong_options_are_told(void **state)
{
	(void)state;
	boot->bootargs = "hartvisor.wrong=1";
	boots();
	says("config: /chosen: bootargs: hartvisor.wrong=1: unknown");
}

/* --- entropy ------------------------------------------------------------------------------------------------- */

static void the_seed_is_taken_and_erased(void **state)
{
	(void)state;
	boots();
	assert_int_equal(boot->entropy_len, 32);
	assert_false(boot->seed_in_tree);
	assert_null(strstr(boot->console, "rng-seed"));
}

static void too_little_entropy_is_told(void **state)
{
	(void)state;
	boot->seed = NULL;
	boots();
	says("the device tree has no /chosen/rng-seed: guests get none\n");
	(void)boot_setup(state);
	boot->seed = "0123456789";
	boots();
	says("/chosen: rng-seed: 10 bytes: must be at least 16 bytes, not all alike; guests get "
	     "none\n");
	assert_false(boot->seed_in_tree);
}

/* Beside the seed, or in its place. Nothing of it stays behind, nor is memory lost. */
static void what_a_random_device_gives_is_added(void **state)
{
	(void)state;
	boot->rng = "of the random device";
	boots();
	assert_int_equal(boot->entropy_len, 32 + 20);
	assert_int_equal(boot->rng_len, 20);
	assert_false(boot->rng_in_memory);
	assert_int_equal(boot->rng_pages_lost, 0);
	(void)boot_setup(state);
	boot->seed = NULL;
	boot->rng = "0123456789abcdef";
	boots();
	assert_int_equal(boot->rng_len, 16);
	assert_null(strstr(boot->console, "rng-seed"));
	/* It may write there for ever. */
	(void)boot_setup(state);
	boot->rng = "0123456789abcdef";
	boot->rng_stays = true;
	boots();
	assert_int_equal(boot->rng_pages_lost, HOST_RNG_MEMORY);
	/* One that fails is no reason to have less. */
	(void)boot_setup(state);
	boot->rng = "";
	boots();
	assert_int_equal(boot->entropy_len, 32);
	(void)boot_setup(state);
	boot->seed = NULL;
	boot->rng = "";
	boots();
	says("the device tree has no /chosen/rng-seed: guests get none\n");
}

#define test(fn) cmocka_unit_test_setup(fn, boot_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_machine_without_what_is_needed_is_refused),
		test(a_device_tree_that_is_none_is_refused),
		test(too_many_modules_are_refused),
		test(a_machine_without_memory_for_hartvisor_is_refused),
		test(the_initrd_is_the_bundle),
		test(without_an_initrd_it_is_what_is_behind_the_image),
		test(a_bundle_outside_of_memory_is_none),
		test(a_configuration_may_be_selected),
		test(a_boot_without_vms_ends),
		test(vms_of_the_host_tree_follow_the_bundles),
		test(the_first_vm_that_starts_has_the_focus),
		test(a_vm_for_which_there_is_no_memory_is_passed_over),
		test(options_reach_what_they_are_for),
		test(wrong_options_are_told),
		test(the_seed_is_taken_and_erased),
		test(too_little_entropy_is_told),
		test(what_a_random_device_gives_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
