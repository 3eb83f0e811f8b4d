/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "arch/timer.h"
#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"
#include "vm/config_ram.h"
#include "vm/lifecycle.h"
#include "vm/operator.h"

#define LIST_WIDTH    92
#define SILENT_S      10 /* longer without output: it is shown */
#define LIST_VCPU_MAX 24 /* ", 63 running on 63" and some */

/* From vcpu @i on as many as fit on a line: "0 running on 1, 1 blocked on 0". Returns the one after them. */
static unsigned int list_vcpus(const struct vm *vm, unsigned int i)
{
	char line[LIST_WIDTH];
	size_t len = 0;

	for (; i < vm->nr_vcpus && len <= LIST_WIDTH - LIST_VCPU_MAX; i++) {
		const struct vcpu *v = vm->vcpus[i];

		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%u %s on %u",
					len ? ", " : "", i, vcpu_state_name(v),
					(unsigned int)sched_pcpu(&v->se));
	}
	if (len)
		term_printf("       vcpus %s", line);
	return i;
}

/* "fair w100", "fifo p5" or nothing, as long as it is not known. */
static void class_name(const struct vm *vm, char *out, size_t size)
{
	const struct sched_params *p = vm->config ? &vm->config->sched : NULL;

	if (!p)
		snprintf(out, size, "-");
	else if (p->class == SCHED_CLASS_FIFO)
		snprintf(out, size, "fifo p%u", (unsigned int)p->priority);
	else
		snprintf(out, size, "fair w%u",
			 (unsigned int)(p->weight ? p->weight : SCHED_WEIGHT_DEFAULT));
}

static void cap_name(const struct vm *vm, char *out, size_t size)
{
	if (vm->config && vm->config->cap)
		snprintf(out, size, "%u", (unsigned int)vm->config->cap);
	else
		snprintf(out, size, "-");
}

/* What the vcpus of @vm ran since the last list, in percent of one hart. */
static unsigned int run_percent(unsigned int number, const struct vm *vm, uint64_t since,
				uint64_t now)
{
	static uint64_t listed[VM_MAX];
	uint64_t run = 0, more;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		run += sched_times(&vm->vcpus[i]->se, now).run;
	more = run > listed[number] ? run - listed[number] : 0;
	listed[number] = run;
	return now > since ? (unsigned int)(more * 100 / (now - since)) : 0;
}

/* Signs of a guest that has stopped, on one line. */
static void list_silence(const struct vm *vm)
{
	uint64_t at = vm_written_at(vm);
	uint64_t silent = timer_ticks_to_ns(timer_now() - at) / UINT64_C(1000000000);
	char said[48] = "", hint[96] = "";

	if (at == 0)
		snprintf(said, sizeof(said), "has printed nothing");
	else if (silent >= SILENT_S)
		snprintf(said, sizeof(said), "has printed nothing for %" PRIu64 " s", silent);
	if (vm_watch_hint(vm, hint, sizeof(hint)) || said[0])
		term_printf("       %s%s%s", said, said[0] && hint[0] ? "; " : "", hint);
}

static void list_vm(unsigned int number, const struct vm *vm, uint64_t since, uint64_t now)
{
	bool focused = vm_has_stream(vm, term_focused());
	uint64_t memory = vm->config ? config_ram_bytes(vm->config) : 0;
	const char *why = vm_remark(vm);
	char class[24], cap[12], back[32];

	if (vm->balloon && vm_has_life(atomic_read(&vm->state))) {
		snprintf(back, sizeof(back), "gave %" PRIu64 " MiB back",
			 (memory - min_u64(memory, gstage_ram_bytes(&vm->gstage))) >> 20);
		why = back;
	}
	class_name(vm, class, sizeof(class));
	cap_name(vm, cap, sizeof(cap));
	term_printf("%c%2u  %-31s  %-8s %10" PRIu64 " %5u  %-11s %5s %5u%s%s", focused ? '*' : ' ',
		    number + 1, vm->name, vm_state_name(atomic_read(&vm->state)), memory >> 20,
		    vm->nr_vcpus, class, cap, run_percent(number, vm, since, now),
		    why[0] ? "  " : "", why);
}

static void list_own_memory(void)
{
	uint64_t image, own = vm_own_memory(&image);

	term_printf("    hartvisor's own memory: %" PRIu64 " KiB, its image %" PRIu64 " KiB of it",
		    own >> 10, image >> 10);
}

static void list_how_to_start(void)
{
	for_each_vm(vm) {
		if (!vm->made || !vm_has_ended(atomic_read(&vm->state)))
			continue;
		vm_put(vm);
		term_printf(
			"    ^] o starts a VM that is off, crashed or failed, when it is in focus (*)");
		return;
	}
}

/* The console number @i of @vm, from 1 on: its own one, 0, has its name. False: it has none. */
static bool list_console(const struct vm *vm, unsigned int i)
{
	const struct term_stream *s = vm_stream_after(vm, NULL);

	for (; s && i; i--)
		s = vm_stream_after(vm, s);
	if (s)
		term_printf("%c      console %s", s == term_focused() ? '*' : ' ',
			    term_stream_name(s));
	return s != NULL;
}

/* Where the next row is: the VM with the id @row, or of the one before the next further console, the next vcpu, and behind
 * these its silence. */
static unsigned int row, console, vcpu;
static uint64_t since, now;

/* A row of the VM that was listed last. False: there are no more. */
static bool list_more_of(const struct vm *vm)
{
	if (console && list_console(vm, console)) {
		console++;
		return true;
	}
	console = 0;
	if (vcpu > vm->nr_vcpus || !vm_has_life(atomic_read(&vm->state)))
		return false;
	if (vcpu == vm->nr_vcpus) {
		list_silence(vm);
		vcpu++;
	} else {
		vcpu = list_vcpus(vm, vcpu);
	}
	return true;
}

/* The next VM from @row on. False: there are no more. */
static bool list_next(void)
{
	for (; row < VM_MAX; row++) {
		struct vm *vm = vm_get(row);

		if (!vm)
			continue;
		list_vm(row, vm, since, now);
		vm_put(vm);
		row++;
		console = 1;
		vcpu = 0;
		return true;
	}
	return false;
}

static bool list_row(bool first)
{
	struct vm *before;
	bool more;

	if (first) {
		row = 0;
		now = timer_now();
		term_printf(" no  %-31s  %-8s %10s %5s  %-11s %5s %5s", "name", "state",
			    "memory MiB", "vcpus", "class", "cap %", "run %");
		return true;
	}
	before = row > 0 ? vm_get(row - 1) : NULL;
	more = before && list_more_of(before);
	if (before)
		vm_put(before);
	if (more || list_next())
		return true;
	since = now;
	list_how_to_start();
	list_own_memory();
	return false;
}

void cmd_list(void)
{
	table_begin(list_row);
}
