// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/console/menu.c hyp/console/cmd_vm.c hyp/console/cmd_list.c hyp/console/cmd_stats.c hyp/lib/work.c
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
static unsigned int widest, holds, shutdowns;
static bool is_held;
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
	assert_int_not_equal(on, is_held);
	is_held = on;
	holds++;
}

void term_focus(struct term_stream *s)
{
	focused = s;
}

struct term_stream *term_focused(void)
{
	return focused;
}

void term_on_escape(struct work *w)
{
	menu = w;
}

int term_menu_key(void)
{
	return *keys ? (unsigned char)*keys++ : -1;
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

struct sched_times sched_times(const struct sched_entity *se)
{
	return (struct sched_times){ .run = se->run_ticks, .wait = se->wait_ticks };
}

uint64_t timer_now(void)
{
	return 1000;
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
		}
	}
	focused = n ? stream(0) : NULL;
}

static int setup(void **state)
{
	(void)state;
	text[0] = 0;
	widest = holds = shutdowns = 0;
	keys = "";
	make_vms(3, 2);
	menu_init();
	return 0;
}

static void press(const char *what)
{
	keys = what;
	work_queue(menu);
	while (work_run_one())
		;
	assert_string_equal(keys, "");
	assert_false(is_held);
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
	press("3r");
	assert_ptr_equal(stopped, &machines[2]);
	assert_int_equal(stopped_how, VM_STOP_REBOOT);
	press("1k");
	assert_ptr_equal(stopped, &machines[0]);
	assert_int_equal(stopped_how, VM_STOP_DESTROY);
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
	assert_non_null(strstr(text, "vm-2 can never be started"));
	press("3o");
	assert_non_null(strstr(text, "vm-3 is running"));
}

static void help_names_every_command(void **state)
{
	(void)state;
	press("h");
	for (const char *k = "hlnsoprkq"; *k; k++) {
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
		cmocka_unit_test_setup(big_machines_fit_the_lines, setup),
		cmocka_unit_test_setup(own_memory_is_what_is_neither_free_nor_a_guests, setup),
		cmocka_unit_test_setup(quit_ends_the_machine_and_strangers_do_not, setup),
		cmocka_unit_test_setup(help_names_every_command, setup),
		cmocka_unit_test_setup(what_is_off_can_be_started, setup),
		cmocka_unit_test_setup(commands_mean_the_vm_in_focus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
