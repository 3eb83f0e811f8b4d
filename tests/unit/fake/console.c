// SPDX-License-Identifier: BSD-2-Clause
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
#include "fake/console.h"
#include "fake/counts.h"
#include "vcpu/hsm.h"
#include "vm/bundle_store.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

/* --- the terminal, and the machine's end ---------------------------------------------------------- */

char text[131072];
char prompt[256];
unsigned int widest, holds, shutdowns, released;
uint64_t now = 1000;
struct timer *armed;
static bool next_row_is_armed;
static unsigned int is_held;
unsigned int room = UINT_MAX; /* rows that the wire takes */
static enum term_menu_more (*menu_rule)(char key);
const char *keys = "";
static struct work *menu;
struct term_stream *focused;

/* The machine's memory, and an image of 8 KiB. */
__asm__(".data\n"
	".globl __image_start\n__image_start: .zero 8192\n"
	".globl __image_end\n__image_end:\n"
	".text");

uint64_t page_total(void)
{
	return MIB(100);
}

uint64_t bundle_store_memory(void)
{
	return 0;
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

unsigned int attached;

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

uint64_t printed_at;
const char *hint; /* of all VMs */

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
	return state == VM_RUNNING ? "running" : vm_is_paused(state) ? "paused" : "other";
}

/* No key does these. */
bool vm_destroy(struct vm *vm)
{
	(void)vm;
	return false;
}

void sched_set_weight(struct sched_entity *se, uint32_t weight)
{
	(void)se, (void)weight;
}

void sched_set_affinity(struct sched_entity *se, const struct pcpu_set *set)
{
	(void)se, (void)set;
	fail();
}

void sched_group_set_cap(struct sched_group *g, uint32_t cap, struct sched_entity *task)
{
	(void)g, (void)cap, (void)task;
}

uint64_t vcpu_hsm_status(const struct vcpu *v)
{
	return v->hsm.state;
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
	if (se->state == SCHED_BLOCKED && at > se->account.since)
		return (struct sched_times){ .run = se->account.run,
					     .block = at - se->account.since };
	return (struct sched_times){ .run = se->account.run, .wait = se->account.wait };
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

struct vm_console further[2];

const char *term_stream_name(const struct term_stream *s)
{
	static const char *const names[VM_MAX][2] = { { "vm-1.con0", "vm-1.con1" },
						      { "vm-2.con0", "vm-2.con1" },
						      { "vm-3.con0", "vm-3.con1" } };
	unsigned int i = s == further[1].stream;

	assert_ptr_equal(s, further[i].stream);
	return names[further[i].vm->id][i];
}

void add_consoles(unsigned int vm)
{
	for (unsigned int i = 0; i < 2; i++)
		further[i] = (struct vm_console){ .vm = vms[vm],
						  .stream = (void *)&further[i],
						  .next = i ? NULL : &further[1] };
	vms[vm]->consoles = &further[0];
}

const struct vm *stopped;
enum vm_stop stopped_how;

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
	if (vm->state != VM_RUNNING)
		return false;
	vm->state = VM_PAUSED;
	return true;
}

bool vm_resume(struct vm *vm)
{
	if (vm->state != VM_PAUSED)
		return false;
	vm->state = VM_RUNNING;
	return true;
}

struct vm machines[VM_MAX];
static struct vcpu vcpus[VM_MAX][VM_MAX_VCPUS];
static char streams[VM_MAX];

struct term_stream *stream(unsigned int i)
{
	return (struct term_stream *)(void *)&streams[i];
}

void make_vms(unsigned int n, unsigned int nr_vcpus)
{
	nr_vms = n;
	assert_int_equal(fake_vm_refs, 0);
	for (unsigned int i = 0; i < n; i++) {
		vms[i] = &machines[i];
		memset(vms[i], 0, sizeof(*vms[i]));
		vms[i]->id = i;
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
	for (unsigned int i = n; i < VM_MAX; i++)
		vms[i] = NULL;
	focused = n ? stream(0) : NULL;
}

int console_setup(void **state)
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
	fake_counts_setup();
	make_vms(3, 2);
	menu_init();
	return 0;
}

void press(const char *what)
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

unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

void assert_row(const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p += n)
		if ((p == text || p[-1] == '\n') && p[n] == '\n')
			return;
	fail_msg("no row: %s\nbut:\n%s", line, text);
}
