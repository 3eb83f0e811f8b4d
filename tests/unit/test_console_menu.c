// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/console.h
/* The operator's keys: which VM they mean, what is asked first, and what is not a guest's. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <hartvisor/sbi.h>

#include "fake/console.h"
#include "vcpu/vcpu.h"

static void digits_choose_by_the_lists_number(void **state)
{
	(void)state;
	press("2");
	assert_ptr_equal(focused, stream(1));
	press("31");
	assert_ptr_equal(focused, stream(0));
	press("4");
	press("0");
	assert_ptr_equal(focused, stream(0));
	assert_non_null(strstr(text, "no VM 4"));
	assert_non_null(strstr(text, "no VM 0"));
}

static void next_goes_round_and_passes_vms_without_a_console(void **state)
{
	(void)state;
	vms[1]->stream = NULL;
	press("n");
	assert_ptr_equal(focused, stream(2));
	press("n");
	assert_ptr_equal(focused, stream(0));
	focused = NULL;
	press("n");
	assert_ptr_equal(focused, stream(0));
	press("2");
	assert_non_null(strstr(text, "vm-2) has no console"));
}

static void without_vms_nothing_breaks(void **state)
{
	(void)state;
	make_vms(0, 0);
	press("nl1s9h");
	assert_null(focused);
}

static void quit_ends_the_machine_and_strangers_do_not(void **state)
{
	(void)state;
	press("zQ\x7f\x01");
	assert_int_equal(shutdowns, 0);
	assert_non_null(strstr(text, "^] h"));
	press("q");
	assert_int_equal(shutdowns, 0);
	press(".q");
	assert_int_equal(shutdowns, 1);
}

static void commands_mean_the_vm_in_focus(void **state)
{
	(void)state;
	make_vms(3, 1);
	press("2p");
	assert_true(machines[1].paused && !machines[0].paused && !machines[2].paused);
	press("l");
	assert_non_null(strstr(text, "paused"));
	press("p");
	assert_false(machines[1].paused);
	press("3r.r");
	assert_ptr_equal(stopped, &machines[2]);
	assert_int_equal(stopped_how, VM_STOP_REBOOT);
	press("1k.y");
	assert_ptr_equal(stopped, &machines[0]);
	assert_int_equal(stopped_how, VM_STOP_DESTROY);
}

static void what_cannot_be_taken_back_is_asked_for(void **state)
{
	static const struct {
		const char *keys;
		unsigned int vm; /* from 1 on: is stopped; 0: none */
	} rows[] = {
		{ "2k.k", 2 }, { "2k.y", 2 }, { "2k.Y", 2 },	{ "2kk", 2 },	 { "2k.n", 0 },
		{ "2k.r", 0 }, { "2ky", 0 },  { "2k.\r", 0 },	{ "2k.n.k", 0 }, { "2k.n.y", 0 },
		{ "2r.k", 0 }, { "2r.r", 2 }, { "2k3.k.k", 0 }, { "2k3k.k", 3 }, { "2krr", 2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(console_setup(state), 0);
		press(rows[i].keys);
		assert_ptr_equal(stopped, rows[i].vm ? &machines[rows[i].vm - 1] : NULL);
		assert_non_null(strstr(text, " vm-2? "));
		assert_int_equal(strstr(text, "vm-2: no") != NULL, rows[i].vm != 2 || i == 14);
	}
	/* It is about the VM that was in focus then; and a key that cancels is a command if it came with ^]. */
	assert_int_equal(console_setup(state), 0);
	press("2k3");
	assert_ptr_equal(focused, stream(2));
	assert_null(stopped);
}

static void a_question_is_open_for_five_seconds(void **state)
{
	(void)state;
	press("2k");
	assert_int_equal(armed->deadline, now + 50000000);
	now += 49999999;
	armed->fn(armed);
	press("");
	assert_null(strstr(text, "not answered"));
	now += 1;
	armed->fn(armed);
	press("");
	assert_non_null(strstr(text, "destroy vm-2: no, not answered within 5 s"));
	assert_int_equal(released, 1);
	press(".k");
	assert_null(stopped);
	press("k.k");
	assert_ptr_equal(stopped, &machines[1]);
}

static void names_and_numbers_beyond_nine_are_reached(void **state)
{
	static const struct {
		const char *keys;
		unsigned int vm;
	} rows[] = {
		{ "g.1.2.\r", 12 },	  { "g.v.m.-.3.\r", 3 },  { "g.v.m.-.1.\r", 1 },
		{ "g.v.m.-.1.2.\r", 12 }, { "g.9.\x7f.4.\r", 4 }, { "g.\x7f.7.\n", 7 },
		{ "g.w.\r", 11 },	  { "g.1.2.\x1b", 0 },	  { "g.\r", 0 },
		{ "g.1.3.\r", 0 },	  { "g.0.\r", 0 },	  { "g.v.m.\r", 0 },
		{ "g.v.m.-.4.4.\r", 0 },  { "g.12", 2 },	  { "g.4.2.9.4.9.6.7.2.9.7.\r", 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(console_setup(state), 0);
		make_vms(12, 1);
		strcpy(vms[10]->name, "web");
		focused = NULL;
		press(rows[i].keys);
		assert_ptr_equal(focused, rows[i].vm ? stream(rows[i].vm - 1) : NULL);
	}
	assert_string_equal(prompt, "console of VM (number or name): 4294967297");
	assert_non_null(strstr(text, "no VM has the number or name \"4294967297\""));
	press("g.v.m.\r");
	assert_non_null(strstr(text, "11 VMs have names that begin with \"vm\""));
}

static void each_question_for_a_console_begins_anew(void **state)
{
	(void)state;
	press("g.v.m.\x1b");
	assert_string_equal(prompt, "console of VM (number or name): vm");
	press("g");
	assert_string_equal(prompt, "console of VM (number or name): ");
	press(".2.\r");
	assert_ptr_equal(focused, stream(1));
}

static void attach_is_for_a_console_in_focus(void **state)
{
	(void)state;
	attached = 0;
	press("a");
	assert_int_equal(attached, 1);
	focused = NULL;
	press("a");
	assert_int_equal(attached, 2);
	assert_int_equal(count("\n"), 1); /* says why not */
}

static void what_is_off_can_be_started(void **state)
{
	(void)state;
	vms[0]->state = VM_OFF;
	vms[1]->state = VM_FAILED;
	press("r");
	assert_non_null(strstr(text, "vm-1 does not run: ^] o starts it"));
	press("o");
	assert_int_equal(vms[0]->state, VM_BUILDING);
	press("2o");
	assert_int_equal(vms[1]->state, VM_FAILED);
	assert_non_null(strstr(text, "vm-2 cannot be started"));
	press("3o");
	assert_non_null(strstr(text, "vm-3 is running"));
}

static void help_names_every_command(void **state)
{
	(void)state;
	press("h");
	for (const char *k = "hlngszcoprkq"; *k; k++) {
		char want[8];

		snprintf(want, sizeof(want), "\n  %c  ", *k);
		assert_non_null(strstr(text, want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(digits_choose_by_the_lists_number),
		CONSOLE_TEST(next_goes_round_and_passes_vms_without_a_console),
		CONSOLE_TEST(without_vms_nothing_breaks),
		CONSOLE_TEST(quit_ends_the_machine_and_strangers_do_not),
		CONSOLE_TEST(commands_mean_the_vm_in_focus),
		CONSOLE_TEST(what_cannot_be_taken_back_is_asked_for),
		CONSOLE_TEST(a_question_is_open_for_five_seconds),
		CONSOLE_TEST(names_and_numbers_beyond_nine_are_reached),
		CONSOLE_TEST(each_question_for_a_console_begins_anew),
		CONSOLE_TEST(attach_is_for_a_console_in_focus),
		CONSOLE_TEST(what_is_off_can_be_started),
		CONSOLE_TEST(help_names_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
