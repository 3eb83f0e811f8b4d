// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/stats.h"

#include "vcpu/vm.h"
#include "vcpu/vcpu.h"

const char *const vcpu_exit_names[NR_VCPU_EXITS] = {
	[EXIT_IRQ_SOFT] = "ipi", [EXIT_IRQ_TIMER] = "timer", [EXIT_IRQ_EXTERNAL] = "irq",
	[EXIT_SBI] = "sbi",	 [EXIT_WFI] = "wfi",	     [EXIT_WRS] = "wrs",
	[EXIT_CSR] = "csr",	 [EXIT_MMIO] = "mmio",	     [EXIT_GUEST_FAULT] = "fault",
	[EXIT_OTHER] = "other",
};

/* struct vcpu_counts and the counters within are nothing but these. */
#define WORDS (sizeof(struct vcpu_counts) / sizeof(uint64_t))

/* All that was ever counted. */
static void count(const struct vcpu *v, struct vcpu_counts *out)
{
	struct sched_counts counts = sched_counts(&v->se);
	const struct vm *vm = v->vm;
	uint64_t now = timer_now();

	if (vm_has_ended(atomic_read_acquire(&vm->state)))
		now = min_u64(now, atomic_read(&vm->ended_at));
	out->times = sched_times(&v->se, now);
	out->switches = counts.switches;
	out->migrations = counts.migrations;
	out->yields = counts.yields;
	for (unsigned int i = 0; i < sizeof(v->stats) / sizeof(uint64_t); i++)
		((uint64_t *)&out->stats)[i] = atomic_read((const uint64_t *)&v->stats + i);
}

void vcpu_stats_read(const struct vcpu *v, struct vcpu_counts *out)
{
	const uint64_t *before = (const uint64_t *)&v->counted;
	uint64_t *words = (uint64_t *)out;

	count(v, out);
	/* A snapshot without a lock may be a little behind the one before it. */
	for (unsigned int i = 0; i < WORDS; i++)
		words[i] -= min_u64(words[i], atomic_read(&before[i]));
}

void vcpu_stats_zero(struct vcpu *v)
{
	struct vcpu_counts now;

	count(v, &now);
	for (unsigned int i = 0; i < WORDS; i++)
		atomic_set((uint64_t *)&v->counted + i, ((uint64_t *)&now)[i]);
	sched_clear_latency(&v->se);
}
