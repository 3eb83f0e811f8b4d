// SPDX-License-Identifier: BSD-2-Clause
/*
 * Something for a debugger to look at: every vcpu counts for ever, by a function that takes an LR/SC sequence, a branch, a call
 * and a division. Vcpu 0 also executes an ebreak of its own every so often, which its own handler takes.
 */
#include "csr.h"
#include "smp.h"
#include "test.h"
#include "trap.h"

GUEST("debug");

#define CPUS	   8
#define LATER	   1000000
#define OWN_BREAKS 50000 /* rounds from one ebreak to the next */

volatile unsigned long counts[CPUS], own_breaks, total;
volatile double halves[CPUS], stored[CPUS];

/* Not the compiler's AMO. */
__attribute__((noinline)) void add_total(unsigned long n)
{
	unsigned long value, failed;

	__asm__ volatile("1: lr.d %0, (%2)\n"
			 "   add %0, %0, %3\n"
			 "   sc.d %1, %0, (%2)\n"
			 "   bnez %1, 1b"
			 : "=&r"(value), "=&r"(failed)
			 : "r"(&total), "r"(n)
			 : "memory");
}

/* Of fs11, which nothing here writes. */
__attribute__((noinline)) void store_fs11(unsigned long cpu)
{
	__asm__ volatile("fsd fs11, 0(%0)" : : "r"(&stored[cpu]) : "memory");
}

__attribute__((noinline)) unsigned long next_count(unsigned long n)
{
	halves[n % CPUS] = (double)n / 2;
	if (n % 3 == 0)
		add_total(3);
	return n + 1;
}

__attribute__((noinline)) void own_break(void)
{
	struct trap t = TRAP_TRY(__asm__ volatile("ebreak"));

	if (t.count == 1 && t.cause == CAUSE_BREAKPOINT)
		own_breaks++;
}

/* Once in each life. */
__attribute__((noinline)) void later(void)
{
	print("LATER\n");
}

static void count(struct cpu *cpu)
{
	csr_set(sstatus, SSTATUS_FS);
	for (;;) {
		counts[cpu->index % CPUS] = next_count(counts[cpu->index % CPUS]);
		store_fs11(cpu->index % CPUS);
		if (cpu->index == 0 && counts[0] % OWN_BREAKS == 0)
			own_break();
		if (cpu->index == 0 && counts[0] == LATER)
			later();
	}
}

void guest_main(void)
{
	print("DEBUG on %u vcpus\n", nr_cpus);
	smp_start_others(count);
	count(this_cpu());
}
