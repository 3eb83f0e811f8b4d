/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "arch/timer.h"
#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define STATS_WIDTH 120
#define NAME_WIDTH  18

static const char *const exit_names[NR_VCPU_EXITS] = {
	[EXIT_IRQ_SOFT] = "ipi", [EXIT_IRQ_TIMER] = "timer", [EXIT_IRQ_EXTERNAL] = "irq",
	[EXIT_SBI] = "sbi",	 [EXIT_WFI] = "wfi",	     [EXIT_WRS] = "wrs",
	[EXIT_CSR] = "csr",	 [EXIT_MMIO] = "mmio",	     [EXIT_GUEST_FAULT] = "fault",
	[EXIT_OTHER] = "other",
};

static void stats_for_each(void (*fn)(const char *name, const struct vcpu *v))
{
	for (unsigned int i = 0; i < nr_vms; i++) {
		for (unsigned int j = 0; j < vms[i]->nr_vcpus; j++) {
			char name[32];

			if (!vms[i]->vcpus[j])
				continue;
			snprintf(name, sizeof(name), "%.14s/%u", vms[i]->name, j);
			fn(name, vms[i]->vcpus[j]);
		}
	}
}

static uint64_t ms(uint64_t ticks)
{
	return timer_ticks_to_ns(ticks) / 1000000;
}

static void stats_sched_line(const char *name, const struct vcpu *v)
{
	struct sched_times t = sched_times(&v->se);

	term_printf("%-*s %8s %4u %10" PRIu64 " %9" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
		    " %9" PRIu64 " %9" PRIu64,
		    NAME_WIDTH, name, vcpu_state_name(v), (unsigned int)atomic_read(&v->se.pcpu),
		    ms(t.run), ms(t.wait), ms(t.block), atomic_read(&v->se.switches),
		    atomic_read(&v->se.migrations), atomic_read(&v->se.yields),
		    timer_ticks_to_ns(atomic_read(&v->se.max_latency)) / 1000);
}

static void stats_run_line(const char *name, const struct vcpu *v)
{
	term_printf("%-*s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
		    " %9" PRIu64 " %9" PRIu64,
		    NAME_WIDTH, name, atomic_read(&v->stats.wakeups),
		    atomic_read(&v->stats.polls_won), atomic_read(&v->stats.kicks_asked),
		    atomic_read(&v->stats.ipis_sent), atomic_read(&v->stats.ipis_saved),
		    atomic_read(&v->stats.spurious_exits), atomic_read(&v->stats.aborted_entries));
}

static void stats_exit_line(const char *name, const struct vcpu *v)
{
	char line[STATS_WIDTH];
	size_t len = 0;

	for (unsigned int i = 0; i < NR_VCPU_EXITS && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9" PRIu64,
					atomic_read(&v->stats.exits[i]));
	term_printf("%-*s%s", NAME_WIDTH, name, line);
}

void cmd_stats(void)
{
	char line[STATS_WIDTH];
	size_t len = 0;

	term_printf("%-*s %8s %4s %10s %9s %10s %10s %10s %9s %9s", NAME_WIDTH, "vcpu", "state",
		    "hart", "run ms", "steal ms", "block ms", "switches", "migrations", "yields to",
		    "worst us");
	stats_for_each(stats_sched_line);
	term_printf("%-*s %9s %9s %9s %9s %9s %9s %9s", NAME_WIDTH, "events", "wakeups",
		    "polls won", "kicks", "ipis sent", "saved", "spurious", "aborted");
	stats_for_each(stats_run_line);

	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %9s", exit_names[i]);
	term_printf("%-*s%s", NAME_WIDTH, "exits", line);
	stats_for_each(stats_exit_line);
}
