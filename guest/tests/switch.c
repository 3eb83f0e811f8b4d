// SPDX-License-Identifier: BSD-2-Clause
/*
 * What it costs to go from one vcpu to another on the same hart, two vcpus of one guest on one hart. Both
 * write down the time as fast as they can. A vcpu that finds a time of the other one's since its own last
 * one knows how long neither ran. Then they take turns: by IPIs out of WFI, and by WRS.NTO. n= times each,
 * as Linux would, with a steal time structure each (unless sta=0).
 *
 * The clock is coarse (100 ns), but the moments are random in it: the mean is finer. Under -icount
 * shift=0 a nanosecond is an instruction; LOOP of them are the guest's own.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("switch");

#define LOOP 8

static volatile unsigned long stamps[2], switches, sum, balls;
static volatile unsigned long least = ~0UL, worst;
static char shmem[2][64] __attribute__((aligned(64)));
static struct barrier barrier;

static void note(unsigned long gap)
{
	sum += gap;
	switches++;
	least = gap < least ? gap : least;
	worst = gap > worst ? gap : worst;
}

static void stamp(const struct cpu *cpu, unsigned long n)
{
	const volatile unsigned long *other = &stamps[cpu->index ^ 1];
	unsigned long mine = time_now();

	while (switches < n) {
		unsigned long now = time_now(), theirs = *other;

		/* Looked at again: the other one may be done, and stamp no more. */
		if (theirs > mine && now > theirs && switches < n)
			note(now - theirs);
		stamps[cpu->index] = mine = now;
	}
}

static void wait_wfi(void)
{
	wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
	mb();
}

static void wait_wrs(void)
{
	__asm__ volatile(".word 0x00d00073" : : : "memory"); /* wrs.nto */
}

/* To and fro @n times. Returns what one time took, in ns. */
static unsigned long play(struct cpu *cpu, unsigned long n, void (*wait)(void))
{
	const struct cpu *other = &cpus[cpu->index ^ 1];
	unsigned long from;

	csr_write(sie, 1UL << IRQ_SOFT);
	barrier_wait(&barrier, 2);
	balls = 0;
	barrier_wait(&barrier, 2);
	from = time_now();
	while (balls < 2 * n) {
		if ((balls & 1) != cpu->index) {
			wait();
			continue;
		}
		balls++;
		mb();
		if (wait == wait_wfi)
			CHECK_EQ(sbi_send_ipi(1, other->hartid), SBI_SUCCESS);
	}
	csr_write(sie, 0);
	return (time_now() - from) * (1000000000 / machine.timebase) / n;
}

static void run(struct cpu *cpu)
{
	unsigned long n = machine_arg("n", 1000), ns = 1000000000 / machine.timebase, ipi, wrs = 0;

	if (machine_arg("sta", 1))
		(void)sbi_call(SBI_EXT_STA, 0, (unsigned long)shmem[cpu->index], 0, 0, 0, 0);
	barrier_wait(&barrier, 2);
	stamp(cpu, n);
	ipi = play(cpu, n, wait_wfi);
	if (machine_has("zawrs"))
		wrs = play(cpu, n, wait_wrs);
	if (cpu->index)
		return;
	print("SWITCH %lu times: mean %lu ns, least %lu ns, worst %lu ns\n", switches,
	      sum * ns / switches - LOOP, least * ns, worst * ns);
	print("SWITCH to and fro: %lu ns by IPI out of WFI, %lu ns by WRS.NTO\n", ipi, wrs);
}

void guest_main(void)
{
	CHECK(nr_cpus == 2);
	smp_start_others(run);
	run(this_cpu());
	smp_wait_others_stopped();
}
