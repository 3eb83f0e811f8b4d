// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/console.h
/* What the operator reads of VMs: every column of the list and of the statistics. */
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
#include "lib/errno.h"
#include "net/switch.h"
#include "vcpu/vcpu.h"
#include "vm/config.h"

static void the_list_says_where_vcpus_are(void **state)
{
	(void)state;
	vms[1]->vcpus[0]->se.state = SCHED_RUNNING;
	vms[1]->vcpus[0]->se.pcpu = 3;
	vms[1]->vcpus[1]->hsm.state = SBI_HSM_STATE_STOPPED;
	vms[0]->state = VM_OFF;
	press("l");
	assert_non_null(strstr(text, "* 1  vm-1"));
	assert_non_null(strstr(text, "  2  vm-2"));
	assert_non_null(strstr(text, "0 running on 3, 1 stopped"));
}

static void the_list_says_which_vm_is_silent(void **state)
{
	(void)state;
	make_vms(1, 1);
	press("l");
	assert_null(strstr(text, "has printed"));
	printed_at = now - 12 * UINT64_C(10000000);
	hint = "spins somewhere";
	press("l");
	assert_non_null(strstr(text, "       has printed nothing for 12 s; spins somewhere\n"));
	text[0] = 0;
	printed_at = 0;
	press("l");
	assert_non_null(strstr(text, "       has printed nothing; spins somewhere\n"));
	text[0] = 0;
	vms[0]->state = VM_OFF;
	press("l");
	assert_null(strstr(text, "has printed"));
	assert_null(strstr(text, "spins"));
}

static void big_machines_fit_the_lines(void **state)
{
	(void)state;
	make_vms(VM_MAX, VM_MAX_VCPUS);
	for (unsigned int i = 0; i < VM_MAX; i++) {
		memset(vms[i]->name, 'n', VM_NAME_MAX);
		memset(vms[i]->stop_why, 'w', sizeof(vms[i]->stop_why) - 1);
		for (unsigned int j = 0; j < VM_MAX_VCPUS; j++) {
			vms[i]->vcpus[j]->se.pcpu = UINT32_MAX;
			memset(&vms[i]->vcpus[j]->stats, 0xff, sizeof(struct vcpu_stats));
		}
	}
	nr_vms = 2; /* enough for the text buffer */
	press("ls");
	assert_non_null(strstr(text, "63 blocked"));
}

static void tables_go_as_fast_as_the_wire_and_keys_wait(void **state)
{
	(void)state;
	room = 3;
	press("sl");
	assert_int_equal(count("\n"), 3);
	assert_string_equal(keys, "l");
	room = 5;
	press(keys);
	assert_int_equal(count("\n"), 8);
	room = UINT_MAX;
	press(keys);
	assert_int_equal(count("vm-3/1 "), 3);
	assert_int_equal(count("own memory"), 1);
	assert_string_equal(strstr(text, "own memory") ? keys : "?", "");
}

static void a_table_is_cut_short(void **state)
{
	(void)state;
	room = 3;
	press("s");
	room = UINT_MAX;
	press("c");
	assert_int_equal(count("\n"), 4);
	assert_non_null(strstr(text, "(the rest is left out)"));
	press("l");
	assert_int_equal(count("left out"), 1);
	assert_int_equal(count("own memory"), 1);
	press("slc"); /* before the first of their rows */
	assert_int_equal(count("left out"), 3);
	assert_int_equal(count("own memory"), 1);
	press("cl");
	assert_int_equal(count("own memory"), 2);
}

/* The columns behind @name's state and hart in the first table. */
static const char *columns(const char *name)
{
	const char *p;

	text[0] = 0;
	press("s");
	p = strstr(text, name);
	assert_non_null(p);
	return p + 33;
}

static void statistics_count_from_the_zero_on(void **state)
{
	struct vcpu *v;

	(void)state;
	v = vms[1]->vcpus[1];
	v->se.state = SCHED_RUNNING;
	v->se.account.run = 50000;
	v->se.account.switches = 7;
	v->se.account.max_latency = 90;
	v->stats.wakeups = 11;
	v->stats.exits[EXIT_WFI] = 12;
	assert_memory_equal(columns("vm-2/1 "), "         5         0          0          7", 41);
	press("z");
	assert_non_null(strstr(text, "statistics count from now on"));
	v->se.account.run += 20000;
	v->stats.exits[EXIT_WFI] += 3;
	assert_memory_equal(columns("vm-2/1 "), "         2         0          0          0", 41);
	assert_int_equal(v->se.account.max_latency, 0);
	assert_null(strstr(text, " 11 "));
	assert_non_null(strstr(text, " 3 "));
}

static void the_clocks_of_what_is_off_stand_still(void **state)
{
	(void)state;
	vms[1]->state = VM_OFF;
	vms[1]->ended_at = 40000;
	vms[1]->vcpus[0]->se.state = SCHED_BLOCKED;
	vms[1]->vcpus[0]->se.account.since = 10000;
	now = 60000;
	assert_memory_equal(columns("vm-2/0 "), "         0         0          3", 30);
	now = 90000;
	assert_memory_equal(columns("vm-2/0 "), "         0         0          3", 30);
	assert_non_null(strstr(text, "vm-2/0                other"));
	vms[1]->state = VM_RUNNING;
	assert_memory_equal(columns("vm-2/0 "), "         0         0          8", 30);
	assert_non_null(strstr(text, "vm-2/0              blocked"));
}

static void own_memory_is_what_is_neither_free_nor_a_guests(void **state)
{
	(void)state;
	make_vms(2, 1);
	vms[0]->gstage.ram_bytes = MIB(32);
	vms[1]->gstage.ram_bytes = MIB(16);
	press("l");
	assert_non_null(strstr(text, "own memory: 22536 KiB, its image 8 KiB"));
}

static void the_list_says_why_a_vm_does_not_run(void **state)
{
	(void)state;
	press("l");
	assert_null(strstr(text, "^] o starts"));
	vms[0]->state = VM_CRASHED;
	strcpy(vms[0]->stop_why, "it wrote 0x3333");
	vms[1]->state = VM_FAILED; /* not made */
	vms[2]->state = VM_OFF;
	vms[2]->waits = 1;
	press("l");
	assert_non_null(strstr(text, "  it wrote 0x3333\n"));
	assert_non_null(strstr(text, "  cannot be started: the log says why\n"));
	assert_non_null(strstr(text, "  not started yet\n"));
	assert_non_null(strstr(text, "^] o starts a VM that is off"));
	vms[2]->state = VM_FAILED;
	press("l");
	assert_non_null(strstr(text, "  not loaded: the log says why\n"));
}

static void every_statistic_has_its_column(void **state)
{
	struct vcpu *v;

	(void)state;
	make_vms(2, 1);
	v = vms[1]->vcpus[0];
	v->se.state = SCHED_RUNNABLE;
	v->se.pcpu = 3;
	v->se.account.run = 110000;
	v->se.account.wait = 220000;
	v->se.account.switches = 4;
	v->se.account.migrations = 5;
	v->se.account.yields = 6;
	v->se.account.max_latency = 70;
	v->stats = (struct vcpu_stats){ .wakeups = 21,
					.polls_won = 22,
					.kicks_asked = 23,
					.ipis_sent = 24,
					.ipis_saved = 25,
					.spurious_exits = 26,
					.aborted_entries = 27 };
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		v->stats.exits[i] = 100 + i;
	press("s");
	assert_row(
		"vcpu                  state hart     run ms  steal ms   block ms   switches migrations "
		"yields to  worst us");
	assert_row(
		"vm-2/0                ready    3         11        22          0          4          5 "
		"        6         7");
	assert_row(
		"events               wakeups polls won     kicks ipis sent     saved  spurious   aborted");
	assert_row(
		"vm-2/0                    21        22        23        24        25        26        27");
	assert_row(
		"exits                    ipi     timer       irq       sbi       wfi       wrs       csr "
		"     mmio     fault     other");
	assert_row(
		"vm-2/0                   100       101       102       103       104       105       106 "
		"      107       108       109");
}

static void each_part_of_the_statistics_has_a_heading_and_every_vcpu(void **state)
{
	static const char *const once[] = { "run ms", "polls won", "mmio" };

	(void)state;
	press("ss");
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(count(once[i]), 2);
	for (unsigned int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vm-%u/%u ", 1 + i / 2, i % 2);
		assert_int_equal(count(name), 6);
	}
}

static void the_list_has_a_column_for_each_of_a_vms_settings(void **state)
{
	static struct vm_config fair = { .memory = MIB(64), .cap = 150 };
	static struct vm_config fifo = { .memory = MIB(32) };

	(void)state;
	fair.sched = (struct sched_params){ .class = SCHED_CLASS_FAIR, .weight = 300 };
	fifo.sched = (struct sched_params){ .class = SCHED_CLASS_FIFO, .priority = 7 };
	vms[0]->config = &fair;
	vms[1]->config = &fifo;
	press("2l");
	assert_row(
		" no  name                             state    memory MiB vcpus  class       cap % run %");
	assert_row(
		"  1  vm-1                             running          64     2  fair w300     150     0");
	assert_row(
		"* 2  vm-2                             running          32     2  fifo p7         -     0");
	assert_row(
		"  3  vm-3                             running           0     2  -               -     0");
	fair.sched.weight = 0;
	vms[0]->state = VM_PAUSED;
	press("l");
	assert_row(
		"  1  vm-1                             paused           64     2  fair w100     150     0");
	vms[0]->state = VM_OFF;
	press("l");
	assert_row(
		"  1  vm-1                             other            64     2  fair w100     150     0");
}

/* Nothing of the VM that was listed last comes in front of the first one. */
static void a_second_list_begins_like_the_first(void **state)
{
	size_t n;

	(void)state;
	make_vms(2, 2);
	vms[1]->vcpus[0]->se.pcpu = 3;
	press("l");
	n = strlen(text);
	press("l");
	assert_memory_equal(text, text + n, n - 1);
	/* Nor if that was cut short in the middle of a VM's rows. */
	text[0] = 0;
	room = 2;
	press("l");
	room = UINT_MAX;
	press("c");
	text[0] = 0;
	press("l");
	assert_int_equal(count("vcpus 0"), 2);
}

/* What it ran between two lists, of the time between them. */
static void the_share_of_a_hart_is_that_since_the_last_list(void **state)
{
	struct sched_entity *first, *second;

	(void)state;
	make_vms(1, 2);
	first = &vms[0]->vcpus[0]->se;
	second = &vms[0]->vcpus[1]->se;
	first->account.run = 5000000;
	press("l");
	text[0] = '\0';
	now += 10000000;
	first->account.run += 2500000;
	second->account.run += 5000000;
	press("l");
	assert_row(
		"* 1  vm-1                             running           0     2  -               -    74");
	text[0] = '\0';
	now += 10000000;
	press("l");
	assert_row(
		"* 1  vm-1                             running           0     2  -               -     0");
	/* Statistics that have been zeroed meanwhile are no time that ran backwards. */
	text[0] = '\0';
	first->account.run = second->account.run = 0;
	now += 10000000;
	press("l");
	assert_row(
		"* 1  vm-1                             running           0     2  -               -     0");
}

static void silence_and_hint_are_told_together_or_alone(void **state)
{
	(void)state;
	make_vms(1, 1);
	hint = "spins somewhere";
	printed_at = now;
	press("l");
	assert_row("       spins somewhere");
	text[0] = '\0';
	hint = NULL;
	printed_at = 0;
	press("l");
	assert_row("       has printed nothing");
	text[0] = '\0';
	printed_at = now - 10 * UINT64_C(10000000);
	press("l");
	assert_row("       has printed nothing for 10 s");
	text[0] = '\0';
	printed_at = now - 9 * UINT64_C(10000000);
	press("l");
	assert_null(strstr(text, "printed"));
	/* Without a console it has printed nothing, whatever the clock says. */
	text[0] = '\0';
	vms[0]->stream = NULL;
	press("l");
	assert_row("       has printed nothing");
}

static void many_vcpus_take_several_rows(void **state)
{
	(void)state;
	make_vms(1, 10);
	vms[0]->vcpus[9]->se.state = SCHED_RUNNABLE;
	for (unsigned int i = 0; i < 9; i++)
		vms[0]->vcpus[i]->se.state = SCHED_BLOCKED;
	press("l");
	assert_row(
		"       vcpus 0 blocked on 0, 1 blocked on 0, 2 blocked on 0, 3 blocked on 0, 4 blocked on 0");
	assert_row(
		"       vcpus 5 blocked on 0, 6 blocked on 0, 7 blocked on 0, 8 blocked on 0, 9 ready on 0");
}

static void zero_is_for_every_vcpu_of_every_vm(void **state)
{
	(void)state;
	for (unsigned int again = 0; again < 2; again++) {
		for (unsigned int i = 0; i < 3; i++)
			for (unsigned int j = 0; j < 2; j++)
				vms[i]->vcpus[j]->stats.wakeups = 77;
		press("s");
		assert_int_equal(count("        77"), 6);
		text[0] = '\0';
		press("z");
		assert_row("statistics count from now on");
		press("s");
		assert_null(strstr(text, " 77"));
		for (unsigned int i = 0; i < 3; i++)
			for (unsigned int j = 0; j < 2; j++)
				vms[i]->vcpus[j]->stats.wakeups = 0;
		press("z");
		text[0] = '\0';
	}
}

/* --- networks ---------------------------------------------------------------------------------------- */

static struct net_switch lan = { .named = { NULL, "lan" } };
static struct net_switch wan = { .named = { NULL, "a-long-name" } };

static bool unplugged;

/* Ports 0 and the last one of "lan", and port 0 of the other one. */
bool net_port_look(struct net_switch *s, unsigned int i, struct net_port_look *out)
{
	*out = (struct net_port_look){ .vm = "vm-1", .unit = 10 + i % 16, .vlan = (uint16_t)i };
	out->unplugged = unplugged;
	for (unsigned int why = 0; why < NR_NET_DROPS; why++)
		out->counts.drops[why] = 1u << why;
	out->counts.sent = 11;
	out->counts.sent_bytes = 22;
	out->counts.received = 33;
	out->counts.received_bytes = 44;
	return i == 0 || (s == &lan && i == NET_PORTS_MAX - 1);
}

static void each_port_of_each_network_has_its_row(void **state)
{
	(void)state;
	press("s");
	assert_null(strstr(text, "net@"));
	assert_null(strstr(text, "refused"));
	named_add(&net_switches, &lan.named);
	named_add(&net_switches, &wan.named);
	text[0] = 0;
	press("ss");
	assert_row(
		"port                        vlan       sent          bytes   received          bytes   refused      lost");
	assert_row(
		"lan vm-1/net@a                 0         11             22         33             44        31       224");
	assert_row(
		"a-long-na vm-1/net@a           0         11             22         33             44        31       224");
	assert_int_equal(count("net@"), 6);
	assert_int_equal(count("refused"), 2);
	net_switches = NULL;
}

static const char *linked;
static unsigned int linked_unit, links;

int net_port_link(const char *vm, unsigned int unit, bool up)
{
	linked = strcmp(vm, "vm-1") == 0 ? "vm-1" : "?";
	linked_unit = unit;
	unplugged = !up;
	links++;
	return HV_OK;
}

static void a_port_is_unplugged_and_plugged_in_by_its_name(void **state)
{
	(void)state;
	named_add(&net_switches, &lan.named);
	press("w.v.m.-.1./.n.e.t.@.a.\r");
	assert_string_equal(linked, "vm-1");
	assert_int_equal(linked_unit, 10);
	assert_true(unplugged);
	assert_row("vm-1/net@a is unplugged");
	press("s");
	assert_non_null(strstr(text, "       224  unplugged\n"));
	press("w.v.m.-.1./.n.e.t.@.a.\r");
	assert_row("vm-1/net@a is plugged in");
	assert_false(unplugged);
	press("w.v.m.-.1./.n.e.t.@.\r");
	assert_row("no VM has the port \"vm-1/net@\": ^] s lists them, as in web/net@0");
	assert_int_equal(links, 2);
	net_switches = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(each_port_of_each_network_has_its_row),
		CONSOLE_TEST(a_port_is_unplugged_and_plugged_in_by_its_name),
		CONSOLE_TEST(the_list_says_where_vcpus_are),
		CONSOLE_TEST(the_list_says_which_vm_is_silent),
		CONSOLE_TEST(big_machines_fit_the_lines),
		CONSOLE_TEST(tables_go_as_fast_as_the_wire_and_keys_wait),
		CONSOLE_TEST(a_table_is_cut_short),
		CONSOLE_TEST(statistics_count_from_the_zero_on),
		CONSOLE_TEST(the_clocks_of_what_is_off_stand_still),
		CONSOLE_TEST(own_memory_is_what_is_neither_free_nor_a_guests),
		CONSOLE_TEST(the_list_says_why_a_vm_does_not_run),
		CONSOLE_TEST(every_statistic_has_its_column),
		CONSOLE_TEST(each_part_of_the_statistics_has_a_heading_and_every_vcpu),
		CONSOLE_TEST(the_list_has_a_column_for_each_of_a_vms_settings),
		CONSOLE_TEST(a_second_list_begins_like_the_first),
		CONSOLE_TEST(the_share_of_a_hart_is_that_since_the_last_list),
		CONSOLE_TEST(silence_and_hint_are_told_together_or_alone),
		CONSOLE_TEST(many_vcpus_take_several_rows),
		CONSOLE_TEST(zero_is_for_every_vcpu_of_every_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
