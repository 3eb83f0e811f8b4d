/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "arch/timer.h"
#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/registry.h"
#include "vm/operator.h"

#define STATS_WIDTH 120
#define NAME_WIDTH  18

static uint64_t ms(uint64_t ticks)
{
	return timer_ticks_to_ns(ticks) / 1000000;
}

static void print_sched(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	term_printf("%-*s %8s %4u %10" PRIu64 " %9" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
		    " %9" PRIu64 " %9" PRIu64,
		    NAME_WIDTH, name, vm_vcpu_state(v), (unsigned int)sched_pcpu(&v->se),
		    ms(c->times.run), ms(c->times.wait), ms(c->times.block), c->switches,
		    c->migrations, c->yields,
		    timer_ticks_to_ns(sched_counts(&v->se).max_latency) / 1000);
}

static void print_run(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	const struct vcpu_stats *s = &c->stats;

	(void)v;
	term_printf("%-*s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
		    " %9" PRIu64 " %9" PRIu64,
		    NAME_WIDTH, name, s->wakeups, s->polls_won, s->kicks_asked, s->ipis_sent,
		    s->ipis_saved, s->spurious_exits, s->aborted_entries);
}

static void print_exits(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	char line[STATS_WIDTH];
	size_t len = 0;

	(void)v;
	for (unsigned int i = 0; i < NR_VCPU_EXITS && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9" PRIu64,
					c->stats.exits[i]);
	term_printf("%-*s%s", NAME_WIDTH, name, line);
}

static void head_sched(void)
{
	term_printf("%-*s %8s %4s %10s %9s %10s %10s %10s %9s %9s", NAME_WIDTH, "vcpu", "state",
		    "hart", "run ms", "steal ms", "block ms", "switches", "migrations", "yields to",
		    "worst us");
}

static void head_run(void)
{
	term_printf("%-*s %9s %9s %9s %9s %9s %9s %9s", NAME_WIDTH, "events", "wakeups",
		    "polls won", "kicks", "ipis sent", "saved", "spurious", "aborted");
}

static void head_exits(void)
{
	char line[STATS_WIDTH];
	size_t len = 0;

	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9s", vcpu_exit_names[i]);
	term_printf("%-*s%s", NAME_WIDTH, "exits", line);
}

static const struct {
	void (*head)(void);
	void (*row)(const char *name, const struct vcpu *v, const struct vcpu_counts *c);
} parts[] = {
	{ head_sched, print_sched },
	{ head_run, print_run },
	{ head_exits, print_exits },
};

/* Where the next row is: vcpu number @vcpu of the VM with the id @id. */
static unsigned int part, id, vcpu;
static bool headed;

/* The VM of the next vcpu that exists in this part of the table, with a reference; NULL: there are no more. */
static struct vm *settle(void)
{
	for (; id < VM_MAX; id++, vcpu = 0) {
		struct vm *vm = vm_get(id);

		if (vm && vcpu < vm->nr_vcpus)
			return vm;
		if (vm)
			vm_put(vm);
	}
	return NULL;
}

static void next_part(void)
{
	part++;
	id = vcpu = 0;
	headed = false;
}

static bool stats_row(bool first)
{
	struct vcpu_counts counts;
	const struct vcpu *v;
	struct vm *vm = NULL;
	char name[32];

	if (first) {
		part = id = vcpu = 0;
		headed = false;
	}
	if (headed && part < ARRAY_SIZE(parts)) {
		vm = settle();
		if (!vm)
			next_part();
	}
	if (part >= ARRAY_SIZE(parts))
		return net_row(part++ == ARRAY_SIZE(parts));
	if (!vm) {
		parts[part].head();
		headed = true;
		return true;
	}
	v = vm->vcpus[index_below(vcpu, VM_MAX_VCPUS)];
	snprintf(name, sizeof(name), "%.14s/%u", vm->name, vcpu);
	vcpu++;
	vcpu_stats_read(v, &counts);
	parts[part].row(name, v, &counts);
	vm_put(vm);
	return true;
}

void cmd_stats(void)
{
	table_begin(stats_row);
}

/* A VM at a time: of all that would be a long stretch, too. */
static bool zero_row(bool first)
{
	struct vm *vm;

	if (first)
		id = vcpu = 0;
	vm = settle();
	if (!vm) {
		term_printf("statistics count from now on");
		return false;
	}
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_stats_zero(vm->vcpus[i]);
	vm_put(vm);
	id++;
	return true;
}

void cmd_zero(void)
{
	table_begin(zero_row);
}
