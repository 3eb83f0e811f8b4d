// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/console/menu.c hyp/console/ask.c hyp/console/cmd_goto.c hyp/console/table.c hyp/vcpu/stats.c hyp/console/cmd_vm.c hyp/console/cmd_list.c hyp/console/cmd_stats.c hyp/lib/work.c
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <hartvisor/sbi.h>

#include "arch/timer.h"
#include "console/menu.h"
#include "term/term.h"
#include "vcpu/hsm.h"
#include "vcpu/vm.h"
#include "vm/lifecycle.h"

/* --- the terminal, and the machine's end ---------------------------------------------------------- */

static char text[131072];
static char prompt[256];
static unsigned int widest, holds, shutdowns, released;
static uint64_t now = 1000;
static struct timer *armed;
static bool next_row_is_armed;
static unsigned int is_held;
static unsigned int room = UINT_MAX; /* rows that the wire takes */
static enum term_menu_more (*menu_rule)(char key);
static const char *keys = "";
static struct work *menu;
static struct term_stream *focused;

/* The machine's memory, and an image of 8 KiB. */
__asm__(".data\n"
	".globl __image_start\n__image_start: .zero 8192\n"
	".globl __image_end\n__image_end:\n"
	".text");

uint64_t page_total(void)
{
	return MIB(100);
}

uint64_t page_free_bytes(void)
{
	return MIB(30);
}

void term_printf(const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + used, sizeof(text) - used - 1, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && n < 256);
	widest = (unsigned int)n > widest ? (unsigned int)n : widest;
	strcat(text, "\n");
	assert_true(is_held);
}

void term_hold(bool on)
{
	assert_true(on || is_held);
	is_held += on ? 1 : -1;
	holds++;
}

static unsigned int attached;

bool term_attach(void)
{
	attached++;
	return focused != NULL;
}

void term_focus(struct term_stream *s)
{
	focused = s;
}

struct term_stream *term_focused(void)
{
	return focused;
}

void term_on_escape(struct work *w, enum term_menu_more (*rule)(char key))
{
	assert_int_equal(rule('k'), TERM_MENU_ANSWER);
	assert_int_equal(rule('g'), TERM_MENU_LINE);
	assert_int_equal(rule('l'), TERM_MENU_ONE);
	menu = w;
	menu_rule = rule;
}

/* A dot is in front of what is typed without ^]. */
int term_menu_key(void)
{
	int plain = 0;

	if (*keys == '.') {
		plain = TERM_MENU_PLAIN;
		keys++;
	}
	return *keys ? (unsigned char)*keys++ | plain : -1;
}

void term_menu_release(void)
{
	released++;
}

void term_prompt(const char *line)
{
	assert_true(is_held);
	snprintf(prompt, sizeof(prompt), "%s", line);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	t->deadline = deadline;
	armed = t;
	next_row_is_armed = deadline - now <= 1000; /* and no question's end */
}

static uint64_t printed_at;
static const char *hint; /* of all VMs */

uint64_t term_stream_written_at(const struct term_stream *s)
{
	(void)s;
	return printed_at;
}

bool vm_watch_hint(const struct vm *vm, char *out, size_t size)
{
	(void)vm;
	if (hint)
		snprintf(out, size, "%s", hint);
	return hint != NULL;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / 100;
}

void lifecycle_shutdown_machine(void)
{
	shutdowns++;
}

const char *vm_state_name(enum vm_state state)
{
	return state == VM_RUNNING ? "running" : "other";
}

uint64_t vcpu_hsm_status(const struct vcpu *v)
{
	return v->hsm;
}

bool term_own_room(struct work *w)
{
	assert_ptr_equal(w, menu);
	if (room == 0)
		return false;
	room--;
	return true;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	if (se->state == SCHED_BLOCKED && at > se->since)
		return (struct sched_times){ .run = se->run_ticks, .block = at - se->since };
	return (struct sched_times){ .run = se->run_ticks, .wait = se->wait_ticks };
}

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * 100;
}

/* --- some VMs ------------------------------------------------------------------------------------- */

struct vm *vms[VM_MAX];
unsigned int nr_vms;

static const struct vm *stopped;
static enum vm_stop stopped_how;

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	(void)why;
	stopped = vm;
	stopped_how = how;
	return vm->state == VM_RUNNING;
}

bool vm_start(struct vm *vm)
{
	if (!vm->made || !vm_has_ended(vm->state))
		return false;
	vm->state = VM_BUILDING;
	return true;
}

bool vm_pause(struct vm *vm)
{
	vm->paused = vm->state == VM_RUNNING;
	return vm->paused;
}

bool vm_resume(struct vm *vm)
{
	bool was = vm->paused;

	vm->paused = 0;
	return was;
}

static struct vm machines[VM_MAX];
static struct vcpu vcpus[VM_MAX][VM_MAX_VCPUS];
static char streams[VM_MAX];

static struct term_stream *stream(unsigned int i)
{
	return (struct term_stream *)(void *)&streams[i];
}

static void make_vms(unsigned int n, unsigned int nr_vcpus)
{
	nr_vms = n;
	for (unsigned int i = 0; i < n; i++) {
		vms[i] = &machines[i];
		memset(vms[i], 0, sizeof(*vms[i]));
		snprintf(vms[i]->name, sizeof(vms[i]->name), "vm-%u", i + 1);
		vms[i]->state = VM_RUNNING;
		vms[i]->made = i != 1;
		vms[i]->stream = stream(i);
		vms[i]->nr_vcpus = nr_vcpus;
		for (unsigned int j = 0; j < nr_vcpus; j++) {
			vms[i]->vcpus[j] = &vcpus[i][j];
			memset(vms[i]->vcpus[j], 0, sizeof(struct vcpu));
			vms[i]->vcpus[j]->vm = vms[i];
		}
	}
	focused = n ? stream(0) : NULL;
}

static int setup(void **state)
{
	(void)state;
	text[0] = 0;
	widest = holds = shutdowns = released = 0;
	stopped = NULL;
	prompt[0] = 0;
	keys = "";
	room = UINT_MAX;
	armed = NULL;
	printed_at = now;
	hint = NULL;
	make_vms(3, 2);
	menu_init();
	return 0;
}

static void press(const char *what)
{
	keys = what;
	for (const char *k = what; *k; k++)
		if ((k == what || k[-1] != '.'))
			(void)menu_rule(*k);
	work_queue(menu);
	do {
		while (work_run_one())
			;
		if (!armed || !next_row_is_armed)
			break;
		now = armed->deadline;
		armed->fn(armed);
		armed = NULL;
	} while (true);
	if (room)
		assert_string_equal(keys, "");
	assert_int_equal(is_held, room == 0);
}

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

static void the_list_says_where_vcpus_are(void **state)
{
	(void)state;
	vms[1]->vcpus[0]->se.state = SCHED_RUNNING;
	vms[1]->vcpus[0]->se.pcpu = 3;
	vms[1]->vcpus[1]->hsm = SBI_HSM_STATE_STOPPED;
	vms[0]->state = VM_OFF;
	press("l");
	assert_non_null(strstr(text, "* 1  vm-1"));
	assert_non_null(strstr(text, "  2  vm-2"));
	assert_non_null(strstr(text, "0 running on 3, 1 stopped"));
}

static void the_list_says_who_is_silent(void **state)
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

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
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
	v->se.run_ticks = 50000;
	v->se.switches = 7;
	v->se.max_latency = 90;
	v->stats.wakeups = 11;
	v->stats.exits[EXIT_WFI] = 12;
	assert_memory_equal(columns("vm-2/1 "), "         5         0          0          7", 41);
	press("z");
	assert_non_null(strstr(text, "statistics count from now on"));
	v->se.run_ticks += 20000;
	v->stats.exits[EXIT_WFI] += 3;
	assert_memory_equal(columns("vm-2/1 "), "         2         0          0          0", 41);
	assert_int_equal(v->se.max_latency, 0);
	assert_null(strstr(text, " 11 "));
	assert_non_null(strstr(text, " 3 "));
}

static void the_clocks_of_what_is_off_stand_still(void **state)
{
	(void)state;
	vms[1]->state = VM_OFF;
	vms[1]->ended_at = 40000;
	vms[1]->vcpus[0]->se.state = SCHED_BLOCKED;
	vms[1]->vcpus[0]->se.since = 10000;
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
		assert_int_equal(setup(state), 0);
		press(rows[i].keys);
		assert_ptr_equal(stopped, rows[i].vm ? &machines[rows[i].vm - 1] : NULL);
		assert_non_null(strstr(text, " vm-2? "));
		assert_int_equal(strstr(text, "vm-2: no") != NULL, rows[i].vm != 2 || i == 14);
	}
	/* It is about the VM that was in focus then; and a key that cancels is a command if it came with ^]. */
	assert_int_equal(setup(state), 0);
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
		assert_int_equal(setup(state), 0);
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
		cmocka_unit_test_setup(digits_choose_by_the_lists_number, setup),
		cmocka_unit_test_setup(next_goes_round_and_passes_vms_without_a_console, setup),
		cmocka_unit_test_setup(without_vms_nothing_breaks, setup),
		cmocka_unit_test_setup(the_list_says_where_vcpus_are, setup),
		cmocka_unit_test_setup(the_list_says_who_is_silent, setup),
		cmocka_unit_test_setup(big_machines_fit_the_lines, setup),
		cmocka_unit_test_setup(tables_go_as_fast_as_the_wire_and_keys_wait, setup),
		cmocka_unit_test_setup(a_table_is_cut_short, setup),
		cmocka_unit_test_setup(statistics_count_from_the_zero_on, setup),
		cmocka_unit_test_setup(the_clocks_of_what_is_off_stand_still, setup),
		cmocka_unit_test_setup(own_memory_is_what_is_neither_free_nor_a_guests, setup),
		cmocka_unit_test_setup(quit_ends_the_machine_and_strangers_do_not, setup),
		cmocka_unit_test_setup(help_names_every_command, setup),
		cmocka_unit_test_setup(what_cannot_be_taken_back_is_asked_for, setup),
		cmocka_unit_test_setup(a_question_is_open_for_five_seconds, setup),
		cmocka_unit_test_setup(names_and_numbers_beyond_nine_are_reached, setup),
		cmocka_unit_test_setup(the_list_says_why_a_vm_does_not_run, setup),
		cmocka_unit_test_setup(what_is_off_can_be_started, setup),
		cmocka_unit_test_setup(commands_mean_the_vm_in_focus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
