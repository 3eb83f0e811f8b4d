/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has become of a vcpu's time and why it left its guest, since its life began or the operator zeroed it. The
 * counters themselves only grow, each written without a lock. So a beginning is a copy of them that is
 * subtracted; only the worst latency, of which nothing can be subtracted, is written.
 */
#ifndef VCPU_STATS_H
#define VCPU_STATS_H

#include "sched/sched.h"

struct vcpu;

/* Why the guest left; index of vcpu->stats.exits and the rows of the console's table. */
enum vcpu_exit {
	EXIT_IRQ_SOFT,
	EXIT_IRQ_TIMER,
	EXIT_IRQ_EXTERNAL,
	EXIT_SBI,
	EXIT_WFI,
	EXIT_WRS,
	EXIT_CSR,
	EXIT_MMIO,
	EXIT_GUEST_FAULT,
	EXIT_OTHER,
	NR_VCPU_EXITS,
};

extern const char *const vcpu_exit_names[NR_VCPU_EXITS];

struct vcpu_stats {
	uint64_t exits[NR_VCPU_EXITS];
	uint64_t kicks_asked;	  /* atomic: by any hart */
	uint64_t ipis_sent;	  /* atomic */
	uint64_t ipis_saved;	  /* atomic: kicked while EXITING, or outside guest mode */
	uint64_t wakeups;	  /* atomic */
	uint64_t spurious_exits;  /* an IPI took it out, and nothing was there to be done */
	uint64_t polls_won;	  /* a halt ended before its vcpu gave the hart away */
	uint64_t aborted_entries; /* the last check before entry found something */
};

struct vcpu_counts {
	struct sched_times times; /* ticks; those of a VM that has ended stand still */
	uint64_t switches, migrations, yields;
	struct vcpu_stats stats;
};

/* vcpu_stats_read - what @v has counted; a snapshot. Any hart, no locks. */
void vcpu_stats_read(const struct vcpu *v, struct vcpu_counts *out);

/* vcpu_stats_zero - count from now on. Any hart, no locks; one that counts meanwhile may be missed or counted. */
void vcpu_stats_zero(struct vcpu *v);

#endif
