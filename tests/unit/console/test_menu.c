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
#include "vm/config.h"
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
	assert_row("there is no VM 4: ^] l lists them");
	assert_row("there is no VM 0: ^] l lists them");
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
	assert_row("VM 2 (vm-2) has no console");
	assert_ptr_equal(focused, stream(0));
	vms[0]->stream = vms[2]->stream = NULL;
	assert_null(strstr(text, "there is no console"));
	press("n");
	assert_row("there is no console");
}

static void the_further_consoles_of_a_vm_come_behind_its_own(void **state)
{
	(void)state;
	add_consoles(1);
	press("n");
	assert_ptr_equal(focused, stream(1));
	press("n");
	assert_ptr_equal(focused, further[0].stream);
	press("n");
	assert_ptr_equal(focused, further[1].stream);
	press("n");
	assert_ptr_equal(focused, stream(2));
	vms[1]->stream = NULL;
	press("nn");
	assert_ptr_equal(focused, further[0].stream);
}

static void commands_mean_the_vm_whose_further_console_is_in_focus(void **state)
{
	(void)state;
	add_consoles(2);
	focused = further[1].stream;
	press("p");
	assert_int_equal(machines[2].state, VM_PAUSED);
	assert_true(machines[0].state == VM_RUNNING && machines[1].state == VM_RUNNING);
	press("l");
	assert_non_null(strstr(text, "\n* 3  vm-3"));
	assert_row("       console vm-3.con0");
	assert_row("*      console vm-3.con1");
	assert_int_equal(count(" console vm"), 2);
}

static void further_consoles_are_reached_by_name(void **state)
{
	(void)state;
	add_consoles(1);
	press("g.v.m.-.2.\r");
	assert_ptr_equal(focused, stream(1));
	press("g.v.m.-.2...c.o.n.1.\r");
	assert_ptr_equal(focused, further[1].stream);
	press("g.v.m.-.2...\r");
	assert_row("2 consoles have names that begin with \"vm-2.\": type more of it");
	assert_ptr_equal(focused, further[1].stream);
	vms[1]->consoles->next = NULL;
	press("g.v.m.-.2...\r");
	assert_ptr_equal(focused, further[0].stream);
	press("g.v.m.-.2...x.\r");
	assert_row("no VM has the number or name \"vm-2.x\": ^] l lists them");
	assert_ptr_equal(focused, further[0].stream);
}

static void the_last_vm_has_a_number_too(void **state)
{
	(void)state;
	make_vms(VM_MAX, 1);
	press("g.6.4.\r");
	assert_ptr_equal(focused, stream(63));
	press("g.6.5.\r");
	assert_row("no VM has the number or name \"65\": ^] l lists them");
	assert_ptr_equal(focused, stream(63));
}

/* The end of a line is not a command, and a NUL is a key. */
static void what_ends_a_line_is_no_key_of_the_menu(void **state)
{
	(void)state;
	press("g.2.\r");
	assert_int_equal(count("no such command"), 0);
	press("g.\r");
	assert_int_equal(count("no such command"), 0);
	assert_ptr_equal(focused, stream(1));
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
	assert_int_equal(count("no such command: ^] h lists them\n"), 3);
	press("q");
	assert_int_equal(shutdowns, 0);
	assert_row("stop all VMs and the machine? q or y within 5 s does it, any other key does "
		   "not");
	press(".q");
	assert_int_equal(shutdowns, 1);
}

static void commands_mean_the_vm_in_focus(void **state)
{
	(void)state;
	make_vms(3, 1);
	press("2p");
	assert_int_equal(machines[1].state, VM_PAUSED);
	assert_true(machines[0].state == VM_RUNNING && machines[2].state == VM_RUNNING);
	assert_row("vm-2 is paused: ^] p lets it go on");
	press("l");
	assert_non_null(strstr(text, "paused"));
	press("p");
	assert_int_equal(machines[1].state, VM_RUNNING);
	assert_row("vm-2 goes on: ^] p pauses it");
	press("3r.r");
	assert_ptr_equal(stopped, &machines[2]);
	assert_int_equal(stopped_how, VM_STOP_REBOOT);
	assert_row("reset vm-3? r or y within 5 s does it, any other key does not");
	press("1k.y");
	assert_ptr_equal(stopped, &machines[0]);
	assert_int_equal(stopped_how, VM_STOP_DESTROY);
	assert_row("destroy vm-1? k or y within 5 s does it, any other key does not");
	assert_null(strstr(text, "vm-1 is")); /* it stops */
}

static uint64_t aimed;

static void aim(struct vm_balloon *b, uint64_t bytes)
{
	assert_ptr_equal(b, machines[1].balloon);
	aimed = bytes;
}

/* The VM of the list's rows has 32 MiB. */
static void a_vm_is_asked_to_keep_so_much_memory(void **state)
{
	static struct vm_balloon balloon = { .aim = aim };
	static struct vm_config config = { .memory = MIB(32) };

	(void)state;
	make_vms(3, 1);
	press("2b");
	assert_row("vm-2 has no balloon");
	machines[1].balloon = &balloon;
	machines[1].config = &config;
	aimed = 1;
	press("b.0.\r");
	press("b.3.3.\r");
	press("b.x.\r");
	assert_int_equal(aimed, 1);
	assert_int_equal(count("vm-2: must be 1 to 32 MiB"), 3);
	press("b.1.0.\r");
	assert_int_equal(aimed, MIB(22));
	press("b.1.2.\r");
	assert_int_equal(aimed, MIB(20));
	assert_row("vm-2 is asked to keep 12 of 32 MiB: ^] l shows what it gives back");
	press("b.3.2.\r");
	assert_int_equal(aimed, 0);
	aimed = 1;
	machines[1].state = VM_OFF;
	press("b.8.\r");
	assert_int_equal(aimed, 1);
}

static void commands_without_a_vm_in_focus_say_so_and_ask_nothing(void **state)
{
	(void)state;
	focused = NULL;
	for (const char *k = "opbrk"; *k; k++) {
		text[0] = '\0';
		press((char[]){ *k, '\0' });
		assert_string_equal(text, "no VM's console is in focus: ^] l lists them\n");
	}
	assert_int_equal(released, 3); /* of b, r and k, which might have asked */
	assert_null(stopped);
	/* Of no VM, as the log's would be. */
	focused = stream(3);
	press("p");
	assert_int_equal(count("no VM's console is in focus"), 2);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(machines[i].state, VM_RUNNING);
}

/* Another may have ended it, or have begun to, between question and answer. */
static void a_vm_that_cannot_be_stopped_any_more_says_what_it_is(void **state)
{
	(void)state;
	press("r");
	vms[0]->state = VM_STOPPING;
	press(".r");
	assert_row("vm-1 is other");
	vms[0]->state = VM_RUNNING;
	press("k");
	vms[0]->state = VM_OFF;
	press(".k");
	assert_row("vm-1 does not run: ^] o starts it");
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
	assert_row("destroy vm-2: no, not answered within 5 s");
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
	assert_row("no VM has the number or name \"4294967297\": ^] l lists them");
	press("g.v.m.\r");
	assert_row("11 consoles have names that begin with \"vm\": type more of it");
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

static void a_name_takes_as_many_characters_as_a_vm_may_have(void **state)
{
	char typed[2 * (VM_NAME_MAX + 2) + 4] = "g";

	(void)state;
	memset(vms[1]->name, 'n', VM_NAME_MAX);
	vms[1]->name[VM_NAME_MAX] = '\0';
	for (unsigned int i = 0; i < VM_NAME_MAX + 2; i++)
		strcat(typed, ".n"); /* the last two are left out */
	strcat(typed, ".\r");
	press(typed);
	assert_ptr_equal(focused, stream(1));
	/* Blanks and what is no character are not part of a name. */
	press("g. .\x01.\x80.3.\r");
	assert_ptr_equal(focused, stream(2));
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
	assert_string_equal(text, "no VM's console is in focus: ^] l lists them\n");
}

static void what_is_off_can_be_started(void **state)
{
	(void)state;
	vms[0]->state = VM_OFF;
	vms[1]->state = VM_FAILED;
	press("r");
	assert_row("vm-1 does not run: ^] o starts it");
	assert_int_equal(released, 1); /* nothing is asked */
	press("kp");
	assert_int_equal(count("vm-1 does not run: ^] o starts it\n"), 3);
	assert_null(stopped);
	press("o");
	assert_int_equal(vms[0]->state, VM_BUILDING);
	assert_row("vm-1 is going to be loaded");
	press("2o");
	assert_int_equal(vms[1]->state, VM_FAILED);
	assert_row("vm-2 cannot be started: the log says why");
	press("3o");
	assert_row("vm-3 is running");
}

static void help_names_every_command(void **state)
{
	(void)state;
	press("h");
	for (const char *k = "hlngaszcopbrkq"; *k; k++) {
		char want[8];

		snprintf(want, sizeof(want), "\n  %c  ", *k);
		assert_int_equal(count(want), 1);
	}
	assert_memory_equal(text, "^] and then:\n  h    this help\n", 30);
	assert_row("  k    destroy this VM (asks)");
	assert_row("  1-9  console of the VM with this number in the list");
	assert_row("  ^]   ^] itself, to the guest");
	assert_int_equal(count("\n"), 18);
	press("h");
	assert_int_equal(count("\n"), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(digits_choose_by_the_lists_number),
		CONSOLE_TEST(next_goes_round_and_passes_vms_without_a_console),
		CONSOLE_TEST(further_consoles_are_reached_by_name),
		CONSOLE_TEST(commands_mean_the_vm_whose_further_console_is_in_focus),
		CONSOLE_TEST(the_further_consoles_of_a_vm_come_behind_its_own),
		CONSOLE_TEST(the_last_vm_has_a_number_too),
		CONSOLE_TEST(what_ends_a_line_is_no_key_of_the_menu),
		CONSOLE_TEST(without_vms_nothing_breaks),
		CONSOLE_TEST(quit_ends_the_machine_and_strangers_do_not),
		CONSOLE_TEST(commands_mean_the_vm_in_focus),
		CONSOLE_TEST(a_vm_is_asked_to_keep_so_much_memory),
		CONSOLE_TEST(commands_without_a_vm_in_focus_say_so_and_ask_nothing),
		CONSOLE_TEST(a_vm_that_cannot_be_stopped_any_more_says_what_it_is),
		CONSOLE_TEST(what_cannot_be_taken_back_is_asked_for),
		CONSOLE_TEST(a_question_is_open_for_five_seconds),
		CONSOLE_TEST(names_and_numbers_beyond_nine_are_reached),
		CONSOLE_TEST(each_question_for_a_console_begins_anew),
		CONSOLE_TEST(a_name_takes_as_many_characters_as_a_vm_may_have),
		CONSOLE_TEST(attach_is_for_a_console_in_focus),
		CONSOLE_TEST(what_is_off_can_be_started),
		CONSOLE_TEST(help_names_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
