// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* What each command of the control channel answers, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/cmd.h"
#include "fake/control.h"
#include "fake/counts.h"
#include "net/switch.h"
#include "vcpu/vcpu.h"

#define OK(id) "{\"id\":" id ",\"ok\":true}\n"

static struct net_switch lan = { .named.name = "lan" };
static bool port_up;
static unsigned int ports_zeroed;

/* Port 3 of it. */
bool net_port_look(struct net_switch *s, unsigned int i, struct net_port_look *out)
{
	assert_ptr_equal(s, &lan);
	*out = (struct net_port_look){ .vm = "vm-2", .unit = 5, .vlan = 9, .unplugged = !port_up };
	out->counts = (struct net_port_counts){ 1, 2, 3, 4, { 1, 2, 3, 4, 5, 6, 7, 0 } };
	return i == 3;
}

void net_ports_zero(struct net_switch *s)
{
	assert_ptr_equal(s, &lan);
	ports_zeroed++;
}

static const char *error(const char *id, const char *why)
{
	static char line[1024];

	snprintf(line, sizeof(line), "{\"id\":%s,\"ok\":false,\"error\":\"%s\"}\n", id, why);
	return line;
}

/* Without the events that come, too. */
static char *answer(const char *line)
{
	char *at = strstr(ask(line), "{\"id\":"), *end = at ? strchr(at, '\n') : NULL;

	assert_non_null(end);
	end[1] = '\0';
	return at;
}

static void version_and_machine_say_what_answers(void **state)
{
	(void)state;
	assert_string_equal(answer("7 version"),
			    "{\"id\":7,\"ok\":true,\"name\":\"hartvisor\",\"protocol\":1}\n");
	now = 1000000;
	assert_string_equal(
		answer("8 machine"),
		"{\"id\":8,\"ok\":true,\"t\":100000,\"harts\":2,\"harts_of_machine\":4,\"timebase\":10000000,"
		"\"memory\":134217728,\"memory_free\":31457280,\"memory_own\":73408512,\"memory_images\":0,\"image\":8192}\n");
}

static void every_command_is_in_help(void **state)
{
	const char *help;

	(void)state;
	help = answer("1 help");
	for (unsigned int i = 0; i < nr_control_commands; i++) {
		char row[64];

		snprintf(row, sizeof(row), "{\"name\":\"%s\",\"args\":", control_commands[i].name);
		assert_non_null(strstr(help, row));
	}
}

static void the_list_has_each_vm_and_vcpu(void **state)
{
	(void)state;
	make_vms(3, 1);
	vms[0]->vcpus[0]->se.account.run = 77;
	vm_configs[0].cap = 150;
	vm_configs[0].affinity = UINT64_MAX;
	vm_configs[2].affinity = 6;
	vm_configs[0].sched.weight = 300;
	vm_configs[2].sched = (struct sched_params){ .class = SCHED_CLASS_FIFO, .priority = 9 };
	vms[0]->state = VM_CRASHED;
	strcpy(vms[0]->stop_why, "said \"no\"\n\xff");
	now = 2000000;
	assert_string_equal(
		answer("2 list"),
		"{\"id\":2,\"ok\":true,\"t\":200000,\"vms\":["
		"{\"name\":\"vm-1\",\"id\":1,\"state\":\"crashed\",\"remark\":\"said \\\"no\\\"\\u000a\\u00ff\","
		"\"hint\":\"\",\"memory\":67108864,\"memory_used\":0,\"class\":\"fair\",\"weight\":300,\"cap\":150,\"affinity\":[0,1],"
		"\"vcpus\":[{\"state\":\"crashed\",\"hart\":0,\"run_ns\":7700}]},"
		"{\"name\":\"vm-2\",\"id\":2,\"state\":\"failed\",\"remark\":\"cannot be started: the log says why\","
		"\"hint\":\"\",\"memory\":67108864,\"memory_used\":0,\"class\":\"fair\",\"weight\":100,\"cap\":0,\"affinity\":[],"
		"\"vcpus\":[{\"state\":\"failed\",\"hart\":0,\"run_ns\":0}]},"
		"{\"name\":\"vm-3\",\"id\":3,\"state\":\"running\",\"remark\":\"\",\"hint\":\"spins\","
		"\"memory\":67108864,\"memory_used\":0,\"class\":\"fifo\",\"priority\":9,\"cap\":0,\"affinity\":[1],"
		"\"vcpus\":[{\"state\":\"blocked\",\"hart\":0,\"run_ns\":0}]}]}\n");
	make_vms(0, 0);
	assert_non_null(strstr(answer("3 list"), ",\"vms\":[]}\n"));
}

static void statistics_count_until_they_are_reset(void **state)
{
	(void)state;
	make_vms(1, 1);
	vms[0]->vcpus[0]->stats.exits[EXIT_WFI] = 5;
	vms[0]->vcpus[0]->se.account.wait = 9;
	vms[0]->vcpus[0]->stats.polls_won = UINT64_MAX;
	assert_non_null(strstr(
		answer("1 stats"),
		"\"vms\":[{\"name\":\"vm-1\",\"state\":\"running\",\"vcpus\":[{\"state\":\"blocked\",\"hart\":0,"
		"\"run_ns\":0,\"steal_ns\":900,\"block_ns\":0,\"switches\":0,\"migrations\":0,\"yields_to\":0,"
		"\"worst_ns\":0,\"wakeups\":0,\"polls_won\":18446744073709551615,\"kicks\":0,\"ipis_sent\":0,"
		"\"ipis_saved\":0,\"spurious\":0,\"aborted\":0,\"exits\":{\"ipi\":0,\"timer\":0,\"irq\":0,\"sbi\":0,"
		"\"wfi\":5,\"wrs\":0,\"csr\":0,\"mmio\":0,\"fault\":0,\"other\":0}}]}],"
		"\"times\":false,\"queues\":[],\"ports\":[]}\n"));
	assert_string_equal(answer("2 stats reset"), OK("2"));
	vms[0]->vcpus[0]->stats.exits[EXIT_WFI] = 7;
	assert_non_null(strstr(answer("3 stats"), "\"wfi\":2,"));
}

/* Of a vcpu, too much for one piece. */
static void times_stand_in_the_answer_once_they_are_measured(void **state)
{
	char *s;

	(void)state;
	make_vms(1, 2);
	fake_timed_there = true;
	assert_null(strstr(answer("1 stats"), "wake_to_run"));
	fake_timed_wanted = true;
	s = answer("1 stats");
	assert_non_null(strstr(s, "\"times\":true,\"le_ns\":[1024,2048,"));
	assert_non_null(
		strstr(s, ",4294967296],\"harts\":[{\"guest_ns\":0,\"own_ns\":0,\"idle_ns\":0},{"));
	fake_timed_wanted = false;
	fake_times = (struct times){ 7, 8, 9 };
	fake_timed.exits[EXIT_SBI] = 3;
	fake_timed.ticks[EXIT_SBI] = 5;
	fake_timed.woken.count[0] = 4;
	fake_timed.woken.sum = 44;
	fake_timed.late.count[HISTOGRAM_BUCKETS - 1] = 6;
	fake_timed_worst = 20;
	s = answer("1 stats");
	assert_non_null(strstr(s, "\"times\":false,\"le_ns\":[1024,"));
	assert_non_null(strstr(s,
			       "\"harts\":[{\"guest_ns\":700,\"own_ns\":800,\"idle_ns\":900},"
			       "{\"guest_ns\":700,\"own_ns\":800,\"idle_ns\":900}],\"queues\":[]"));
	assert_non_null(
		strstr(s, "\"other\":0},\"times\":{\"ipi\":{\"n\":0,\"ns\":0,\"worst_ns\":2000},"));
	assert_non_null(strstr(s, "\"sbi\":{\"n\":3,\"ns\":500,\"worst_ns\":2300},"));
	assert_non_null(strstr(s, "},\"wake_to_run\":{\"sum_ns\":44,\"n\":[4,0,"));
	assert_non_null(strstr(s, ",0,6]}},{\"state\":"));
	assert_non_null(strstr(s, ",0,6]}}]}],\"times\":"));
	memset(&fake_timed, 0xff, sizeof(fake_timed));
	assert_non_null(strstr(answer("1 stats"), "\"ports\":[]}\n"));
}

static void a_vm_that_goes_leaves_its_statistics_well_formed(void **state)
{
	char *s, closes[16];

	(void)state;
	make_vms(1, 2);
	fake_timed_there = fake_timed_wanted = true;
	for (unsigned int n = 1; n < 12; n++) {
		said_len = 0;
		send_bytes("1 stats\n", 8);
		run_channel_steps(n);
		vms[0]->nr_vcpus = 1; /* as if another one had its name */
		run_channel();
		vms[0]->nr_vcpus = 2;
		s = strstr(said, "{\"id\":1");
		assert_non_null(s);
		for (unsigned int depth = 0; *s != '\n'; s++) {
			if (*s == '{' || *s == '[')
				closes[depth++] = *s == '{' ? '}' : ']';
			if (*s == '}' || *s == ']')
				assert_int_equal(*s, closes[--depth]);
			assert_true(depth > 0 || s[1] == '\n');
		}
	}
}

static void times_are_measured_once_all_harts_have_followed(void **state)
{
	(void)state;
	fake_settles = 5;
	assert_string_equal(answer("1 stats.times on"), OK("1"));
	assert_true(fake_timed_wanted);
	assert_int_equal(fake_settles, 0);
	assert_int_equal(fake_timed_made, 3);
	fake_settles = 2;
	assert_string_equal(answer("2 stats.times off"), OK("2"));
	assert_int_equal(fake_settles, 0);
	assert_false(fake_timed_wanted);
	assert_int_equal(fake_timed_made, 3);
	fake_timed_memory = false;
	assert_string_equal(answer("3 stats.times on"),
			    error("3", "no memory for what is measured: 30720 KiB are free"));
	assert_false(fake_timed_wanted);
	for (unsigned int i = 0; i < 3; i++) {
		static const char *const wrong[] = { "4 stats.times", "4 stats.times yes",
						     "4 stats.times on on" };

		assert_string_equal(answer(wrong[i]),
				    error("4", "stats.times: must be followed by on or off"));
	}
}

static void queues_and_ports_are_told(void **state)
{
	(void)state;
	make_vms(2, 1);
	fake_has_queues = true;
	fake_queues[1] = (struct virtq_counts){ 4, 5, 6 };
	assert_non_null(strstr(
		answer("1 stats"),
		"\"queues\":[{\"vm\":\"vm-1\",\"slot\":2,\"device\":\"rng\",\"queue\":0,\"notified\":0,\"used\":0,\"interrupts\":0},"
		"{\"vm\":\"vm-1\",\"slot\":2,\"device\":\"rng\",\"queue\":1,\"notified\":4,\"used\":5,\"interrupts\":6}],"
		"\"ports\":[]}\n"));
	net_switches = &lan.named;
	port_up = true;
	assert_non_null(strstr(
		answer("1 stats"),
		"\"ports\":[{\"network\":\"lan\",\"vm\":\"vm-2\",\"net\":5,\"vlan\":9,\"up\":true,\"sent\":1,\"sent_bytes\":2,"
		"\"received\":3,\"received_bytes\":4,\"refused\":15,\"lost\":13}]}\n"));
	port_up = false;
	assert_non_null(strstr(answer("1 stats"), "\"up\":false,"));
	assert_string_equal(answer("2 stats reset"), OK("2"));
	assert_int_equal(fake_zeroed_vcpus, 2);
	assert_int_equal(fake_zeroed_vms, 2);
	assert_int_equal(fake_zeroed_harts, 2);
	assert_int_equal(ports_zeroed, 1);
	net_switches = NULL;
}

static void the_log_is_told_line_by_line(void **state)
{
	static const char *const lines[] = { "0.1 one \"a\"", "0.2 two" };

	(void)state;
	assert_string_equal(answer("1 log"), "{\"id\":1,\"ok\":true,\"lines\":[]}\n");
	log_lines = lines;
	nr_log_lines = 2;
	assert_string_equal(
		answer("2 log"),
		"{\"id\":2,\"ok\":true,\"lines\":[\"0.1 one \\\"a\\\"\",\"0.2 two\"]}\n");
}

static void a_vm_is_operated_by_its_name(void **state)
{
	(void)state;
	assert_string_equal(answer("1 vm.pause vm-3"), OK("1"));
	assert_int_equal(vms[2]->state, VM_PAUSED);
	assert_string_equal(answer("2 vm.pause vm-3"), error("2", "vm-3 is paused"));
	assert_string_equal(answer("3 vm.resume vm-3"), OK("3"));
	assert_string_equal(answer("4 vm.resume vm-3"), error("4", "vm-3 is running"));
	assert_string_equal(answer("5 vm.start vm-3"), error("5", "vm-3 is running"));
	assert_string_equal(answer("6 vm.reset vm-3"), OK("6"));
	assert_true(stopped == vms[2] && stopped_how == VM_STOP_REBOOT);
	assert_string_equal(answer("7 vm.stop vm-3"), error("7", "vm-3 is stopping"));
	assert_string_equal(answer("8 vm.stop vm-1"), OK("8"));
	assert_true(stopped == vms[0] && stopped_how == VM_STOP_DESTROY);
	vms[0]->state = VM_OFF;
	assert_string_equal(answer("9 vm.stop vm-1"), error("9", "vm-1 does not run"));
	assert_string_equal(answer("10 vm.start vm-1"), OK("10"));
	assert_int_equal(vms[0]->state, VM_BUILDING);
	assert_string_equal(answer("11 vm.start vm-2"),
			    error("11", "vm-2 cannot be started: the log says why"));
	assert_string_equal(answer("12 vm.destroy vm-2"), OK("12"));
	assert_ptr_equal(destroyed, vms[1]);
	assert_string_equal(answer("13 vm.destroy vm-2"), error("13", "vm-2 is being destroyed"));
}

static void shares_can_be_set(void **state)
{
	(void)state;
	assert_string_equal(answer("1 vm.set vm-1 weight=300"), OK("1"));
	assert_int_equal(weights_set, 2);
	assert_int_equal(vm_configs[0].sched.weight, 300);
	assert_int_equal(cap_set_to, UINT32_MAX);
	assert_string_equal(answer("2 vm.set vm-1 cap=150 weight=10000"), OK("2"));
	assert_int_equal(weight_set, 10000);
	assert_int_equal(cap_set_to, 150);
	assert_int_equal(vm_configs[0].cap, 150);
	assert_string_equal(answer("3 vm.set vm-1 cap=0"), OK("3"));
	assert_int_equal(cap_set_to, 0);
	assert_string_equal(answer("4 vm.set vm-1 cap=6400"), OK("4"));
}

static void where_a_vm_may_run_can_be_set(void **state)
{
	(void)state;
	vms[0]->life = (struct vm_life *)(void *)vms; /* so it has a task */
	assert_string_equal(answer("1 vm.set vm-1 affinity=1"), OK("1"));
	assert_int_equal(affinities_set, 3);
	assert_int_equal(vms[0]->vcpus[0]->se.affinity.word[0], 2);
	assert_int_equal(vms[0]->vcpus[1]->se.affinity.word[0], 2);
	assert_int_equal(vms[0]->task.affinity.word[0], 2);
	assert_int_equal(vm_configs[0].affinity, 2);
	assert_non_null(strstr(answer("2 list"), "\"name\":\"vm-1\""));
	assert_non_null(strstr(said, "\"affinity\":[1],"));
	assert_string_equal(answer("3 vm.set vm-1 affinity=1,0 cap=5"), OK("3"));
	assert_int_equal(vm_configs[0].affinity, 3);
	assert_int_equal(cap_set_to, 5);
	assert_string_equal(answer("4 vm.set vm-3 affinity=0"), OK("4"));
	assert_int_equal(affinities_set, 3 + 3 + 2);
}

#define SETTINGS "weight=N, cap=N or affinity=HART,HART..."

/* Nothing is set when one of them is wrong. */
static void wrong_settings_change_nothing(void **state)
{
	static const char *const rows[][2] = {
		{ "weight=0", "vm-1: weight = 0: must be 1 to 10000" },
		{ "weight=10001 cap=5", "vm-1: weight = 10001: must be 1 to 10000" },
		{ "weight=5 cap=6401", "vm-1: cap = 6401: must be 0 (none) to 6400" },
		{ "weight=-1", "vm-1: weight = -1: must be a decimal number" },
		{ "weight=0x10", "vm-1: weight = 0x10: must be a decimal number" },
		{ "weight=", "vm-1: weight = : must be a decimal number" },
		{ "weight", "vm-1: weight = : must be a decimal number" },
		{ "cap=4294967296", "vm-1: cap = 4294967296: must be a decimal number" },
		{ "cap=99999999999999999999999",
		  "vm-1: cap = 99999999999999999999: must be a decimal number" },
		{ "cap=5 cap=6", "vm-1: cap: must be given once" },
		{ "affinity=0 affinity=1", "vm-1: affinity: must be given once" },
		{ "affinity=0,2 weight=5", "vm-1: affinity = 0,2: must be harts that run" },
		{ "affinity=63", "vm-1: affinity = 63: must be harts that run" },
		{ "affinity=64", "vm-1: affinity = 64: must be harts, as in 0,2" },
		{ "affinity=", "vm-1: affinity = : must be harts, as in 0,2" },
		{ "affinity", "vm-1: affinity = : must be harts, as in 0,2" },
		{ "affinity=0,", "vm-1: affinity = 0,: must be harts, as in 0,2" },
		{ "affinity=,1", "vm-1: affinity = ,1: must be harts, as in 0,2" },
		{ "affinity=0-1", "vm-1: affinity = 0-1: must be harts, as in 0,2" },
		{ "affinity=0,00000000001",
		  "vm-1: affinity = 0,00000000001: must be harts, as in 0,2" },
		{ "weigh=5", "vm-1: weigh=5: no such setting: must be " SETTINGS },
		{ "=5", "vm-1: =5: no such setting: must be " SETTINGS },
		{ "cap=5 x", "vm-1: x: no such setting: must be " SETTINGS },
		{ "", "vm.set: must be followed by a VM's name, and " SETTINGS },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[256];

		snprintf(line, sizeof(line), "1 vm.set vm-1 %s", rows[i][0]);
		assert_string_equal(answer(line), error("1", rows[i][1]));
	}
	vm_configs[0].sched.class = SCHED_CLASS_FIFO;
	assert_string_equal(answer("2 vm.set vm-1 weight=5"),
			    error("2",
				  "vm-1: weight = 5: must not be given with class \\\"fifo\\\""));
	assert_int_equal(weights_set, 0);
	assert_int_equal(affinities_set, 0);
	assert_int_equal(cap_set_to, UINT32_MAX);
	assert_int_equal(vm_configs[0].cap, 0);
}

static char linked[32];
static unsigned int linked_unit;
static bool linked_up;

int net_port_link(const char *vm, unsigned int unit, bool up)
{
	snprintf(linked, sizeof(linked), "%s", vm);
	linked_unit = unit;
	linked_up = up;
	return unit == 9 ? HV_ENOENT : HV_OK;
}

static void a_network_device_is_unplugged_and_plugged_in(void **state)
{
	static const char *const rows[][2] = {
		{ "vm-1", "net.link: must be followed by a VM's name, net@N, and up or down" },
		{ "vm-1 net@0",
		  "net.link: must be followed by a VM's name, net@N, and up or down" },
		{ "vm-1 net@0 up up",
		  "net.link: must be followed by a VM's name, net@N, and up or down" },
		{ "vm-1 net@0 on", "vm-1: on: must be up or down" },
		{ "vm-1 net@9 up", "vm-1: net@9: must be one of its network devices, as in net@0" },
		{ "vm-1 net@ up", "vm-1: net@: must be one of its network devices, as in net@0" },
		{ "vm-1 net@g up", "vm-1: net@g: must be one of its network devices, as in net@0" },
		{ "vm-1 net@00000 up",
		  "vm-1: net@00000: must be one of its network devices, as in net@0" },
		{ "vm-1 new@0 up", "vm-1: new@0: must be one of its network devices, as in net@0" },
	};

	(void)state;
	assert_string_equal(answer("1 net.link vm-2 net@1f down"), OK("1"));
	assert_string_equal(linked, "vm-2");
	assert_int_equal(linked_unit, 0x1f);
	assert_false(linked_up);
	assert_string_equal(answer("2 net.link vm-1 net@0 up"), OK("2"));
	assert_int_equal(linked_unit, 0);
	assert_true(linked_up);
	linked[0] = '\0';
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[256];

		snprintf(line, sizeof(line), "1 net.link %s", rows[i][0]);
		assert_string_equal(answer(line), error("1", rows[i][1]));
		assert_int_equal(linked[0] != '\0', i == 4);
		linked[0] = '\0';
	}
}

static void each_mistake_has_its_sentence(void **state)
{
	static const char *const rows[][3] = {
		{ "x", "null", "a request must begin with its id, a decimal number" },
		{ "-1 list", "null", "a request must begin with its id, a decimal number" },
		{ "9007199254740992 list", "null",
		  "a request must begin with its id, a decimal number" },
		{ "   ", "null", "a request must begin with its id, a decimal number" },
		{ "5", "5", "a request must be ID COMMAND [ARGUMENT...]: help lists commands" },
		{ "9007199254740991 lits", "9007199254740991",
		  "lits: no such command: did you mean list" },
		{ "5 quux\"", "5", "quux\\\": no such command: help lists them" },
		{ "5 vm.star a b", "5", "vm.star: no such command: did you mean vm.start" },
		{ "5 list all", "5", "list: must be followed by nothing" },
		{ "5 stats all", "5", "stats: must be followed by nothing or by reset" },
		{ "5 stats reset reset", "5", "stats: must be followed by nothing or by reset" },
		{ "5 vm.start", "5", "vm.start: must be followed by a VM's name" },
		{ "5 vm.start vm-1 vm-2", "5", "vm.start: must be followed by a VM's name alone" },
		{ "5 vm.start web", "5", "vm web: no such VM: must be one of vm-1 vm-2 vm-3" },
		{ "5 vm.set web", "5", "vm web: no such VM: must be one of vm-1 vm-2 vm-3" },
		{ "5 snapshot vm-1 x", "5", "snapshot does not exist yet" },
		{ "5 restore", "5", "restore does not exist yet" },
		{ "5 a b c d e f g h", "5", "a request must have at most 8 words" },
		{ "5 list\t", "5", "a request must be printable ASCII" },
		{ "5 list \x80", "5", "a request must be printable ASCII" },
		{ "5 li\rst", "5", "a request must be printable ASCII" },
	};
	char line[300];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(answer(rows[i][0]), error(rows[i][1], rows[i][2]));
	/* A carriage return is part of the line's end, and blanks are one. */
	assert_non_null(strstr(answer("  6   version  \r"), "\"id\":6,\"ok\":true"));
	memset(line, 'a', sizeof(line));
	memcpy(line, "7 ", 2);
	line[256] = '\0';
	assert_string_equal(answer(line), error("7", "a request must have at most 255 characters"));
	line[255] = '\0';
	assert_non_null(strstr(answer(line), "aaaa: no such command"));
}

static void names_of_many_vms_are_cut(void **state)
{
	const char *said_is;

	(void)state;
	make_vms(VM_MAX, 0);
	for (unsigned int i = 0; i < VM_MAX; i++)
		memset(vms[i]->name, 'a' + (int)i % 26, VM_NAME_MAX);
	said_is = answer("1 vm.stop x");
	assert_non_null(strstr(said_is, " ...\"}\n"));
	assert_true(strlen(said_is) < CONTROL_PIECE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(version_and_machine_say_what_answers),
		CONTROL_TEST(every_command_is_in_help),
		CONTROL_TEST(the_list_has_each_vm_and_vcpu),
		CONTROL_TEST(statistics_count_until_they_are_reset),
		CONTROL_TEST(times_stand_in_the_answer_once_they_are_measured),
		CONTROL_TEST(a_vm_that_goes_leaves_its_statistics_well_formed),
		CONTROL_TEST(times_are_measured_once_all_harts_have_followed),
		CONTROL_TEST(queues_and_ports_are_told),
		CONTROL_TEST(the_log_is_told_line_by_line),
		CONTROL_TEST(a_vm_is_operated_by_its_name),
		CONTROL_TEST(shares_can_be_set),
		CONTROL_TEST(where_a_vm_may_run_can_be_set),
		CONTROL_TEST(wrong_settings_change_nothing),
		CONTROL_TEST(a_network_device_is_unplugged_and_plugged_in),
		CONTROL_TEST(each_mistake_has_its_sentence),
		CONTROL_TEST(names_of_many_vms_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
