/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "arch/timer.h"
#include "console/cmd.h"
#include "run/times.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/registry.h"
#include "vcpu/timed.h"
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

/* A column for each cause. */
static void print_causes(const char *name, const uint64_t values[NR_VCPU_EXITS])
{
	char line[STATS_WIDTH];
	size_t len = 0;

	for (unsigned int i = 0; i < NR_VCPU_EXITS && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9" PRIu64, values[i]);
	term_printf("%-*s%s", NAME_WIDTH, name, line);
}

static void print_exits(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	(void)v;
	print_causes(name, c->stats.exits);
}

static void print_times(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	struct vcpu_timed_counts t;
	uint64_t us[NR_VCPU_EXITS];

	(void)c;
	if (!vcpu_timed_read(v, &t))
		return;
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		us[i] = timer_ticks_to_ns(t.ticks[i]) / 1000;
	print_causes(name, us);
}

static void print_worst(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	uint64_t ns[NR_VCPU_EXITS];

	(void)c;
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		ns[i] = timer_ticks_to_ns(vcpu_timed_worst(v, i));
	print_causes(name, ns);
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

static void head_causes(const char *what)
{
	char line[STATS_WIDTH];
	size_t len = 0;

	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9s", vcpu_exit_names[i]);
	term_printf("%-*s%s", NAME_WIDTH, what, line);
}

static void head_exits(void)
{
	head_causes("exits");
}

static void head_times(void)
{
	head_causes("exits, us");
}

static void head_worst(void)
{
	head_causes("worst exit, ns");
}

/* The limit of the first bucket with which there are @percent of all. */
static uint64_t within(const struct histogram *h, uint64_t all, unsigned int percent)
{
	uint64_t n = 0;
	unsigned int i = 0;

	for (; i + 1 < HISTOGRAM_BUCKETS; i++) {
		n += h->count[i];
		if (100 * n >= all * percent)
			break;
	}
	return histogram_limit(i);
}

static void print_histogram(char *line, size_t size, const struct histogram *h)
{
	static const unsigned int percent[] = { 50, 99, 100 };
	uint64_t all = 0;
	size_t len;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		all += h->count[i];
	len = (size_t)snprintf(line, size, " %9" PRIu64, all);
	for (unsigned int i = 0; i < ARRAY_SIZE(percent) && len < size; i++) {
		uint64_t ns = all ? within(h, all, percent[i]) : 0;

		if (ns == UINT64_MAX)
			len += (size_t)snprintf(line + len, size - len, " %8s", "more");
		else
			len += (size_t)snprintf(line + len, size - len, " %8" PRIu64, ns >> 10);
	}
}

/* In units of 1024 ns, which are as good as microseconds here. */
static void print_latency(const char *name, const struct vcpu *v, const struct vcpu_counts *c)
{
	char woken[STATS_WIDTH / 2], late[STATS_WIDTH / 2];
	struct vcpu_timed_counts t;

	(void)c;
	if (!vcpu_timed_read(v, &t))
		return;
	print_histogram(woken, sizeof(woken), &t.woken);
	print_histogram(late, sizeof(late), &t.late);
	term_printf("%-*s%s%s", NAME_WIDTH, name, woken, late);
}

static void head_latency(void)
{
	term_printf("%-*s %9s %8s %8s %8s %9s %8s %8s %8s", NAME_WIDTH, "within us", "wakes",
		    "50 %", "99 %", "all", "timers", "50 %", "99 %", "all");
}

static const struct {
	bool times; /* only if they have been measured */
	void (*head)(void);
	void (*row)(const char *name, const struct vcpu *v, const struct vcpu_counts *c);
} parts[] = {
	{ false, head_sched, print_sched }, { false, head_run, print_run },
	{ false, head_exits, print_exits }, { true, head_times, print_times },
	{ true, head_worst, print_worst },  { true, head_latency, print_latency },
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

/* What is not of vcpus. */
static bool other_row(void)
{
	static bool (*const rows[])(bool first) = { times_row, queue_row, net_row };

	for (; part < ARRAY_SIZE(parts) + ARRAY_SIZE(rows); next_part())
		if (rows[part - ARRAY_SIZE(parts)](!headed)) {
			headed = true;
			return true;
		}
	return false;
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
	while (part < ARRAY_SIZE(parts) && parts[part].times && !times_are_known())
		next_part();
	if (part >= ARRAY_SIZE(parts))
		return other_row();
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
		for (unsigned int i = 0; i < nr_pcpus; i++)
			times_zero(i);
		net_zero();
		term_printf("statistics count from now on");
		return false;
	}
	vm_zero_counts(vm);
	vm_put(vm);
	id++;
	return true;
}

void cmd_zero(void)
{
	table_begin(zero_row);
}
