// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPIs between all vcpus, thousands of them (n=) asleep in WFI, some (awake=) spinning, which takes a time
 * slice each where vcpus outnumber harts, then a storm (storm=, else n): none may be lost. A timer is the
 * watchdog: a vcpu that wakes by it, with its turn still not come, has found a lost one.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("ipi");

#define WATCHDOG_MS 60000

static unsigned long rounds, rounds_awake, rounds_storm;
static volatile unsigned long turn[MAX_HARTS]; /* by index: how many times its turn has come */
static volatile unsigned long got[MAX_HARTS];
static struct barrier barrier;

static void give_turn(unsigned int index)
{
	__atomic_add_fetch(&turn[index], 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(sbi_send_ipi(1, cpus[index].hartid), SBI_SUCCESS);
}

/* By WFI with interrupts off: the pending bit goes before turn is looked at, or one would be lost here. */
static void await_turn_asleep(struct cpu *cpu, unsigned long want)
{
	unsigned long limit = time_in_ms(WATCHDOG_MS);

	timer_set(limit);
	for (;;) {
		csr_clear(sip, 1UL << IRQ_SOFT);
		mb();
		if (turn[cpu->index] >= want)
			break;
		if (time_now() >= limit)
			test_fail("hart %lu: a wake-up was lost (turn %lu, not %lu)", cpu->hartid,
				  turn[cpu->index], want);
		wfi();
	}
}

/* By spinning with interrupts on, until the interrupt itself has come. */
static void await_turn_awake(struct cpu *cpu, unsigned long want)
{
	unsigned long limit = time_in_ms(WATCHDOG_MS);

	while (turn[cpu->index] < want || cpu->irqs[IRQ_SOFT] == got[cpu->index]) {
		irq_on();
		cpu_relax();
		irq_off();
		if (time_now() > limit)
			test_fail("hart %lu: an IPI was lost (turn %lu, not %lu)", cpu->hartid,
				  turn[cpu->index], want);
	}
	got[cpu->index] = cpu->irqs[IRQ_SOFT];
}

static void pass_around(struct cpu *cpu, bool asleep)
{
	unsigned int next = (cpu->index + 1) % nr_cpus;
	unsigned long n = asleep ? rounds : rounds_awake;

	csr_write(sie, 1UL << IRQ_SOFT | (asleep ? 1UL << IRQ_TIMER : 0));
	csr_clear(sip, 1UL << IRQ_SOFT);
	turn[cpu->index] = 0;
	got[cpu->index] = cpu->irqs[IRQ_SOFT];
	barrier_wait(&barrier, nr_cpus);
	if (cpu->index == 0)
		give_turn(0);
	for (unsigned long i = 1; i <= n; i++) {
		if (asleep)
			await_turn_asleep(cpu, i);
		else
			await_turn_awake(cpu, i);
		if (i < n || next)
			give_turn(next);
	}
	timer_set(~0UL);
	barrier_wait(&barrier, nr_cpus);
}

/* Every hart sends IPIs to every other, as fast as it can. The test is that the last one is seen. */
static void storm(struct cpu *cpu)
{
	unsigned long limit;

	csr_write(sie, 1UL << IRQ_SOFT);
	barrier_wait(&barrier, nr_cpus);
	irq_on();
	for (unsigned long i = 0; i < rounds_storm; i++)
		CHECK_EQ(sbi_send_ipi(0, ~0UL), SBI_SUCCESS);
	irq_off();
	barrier_wait(&barrier, nr_cpus);
	irq_on();
	irq_off();

	got[cpu->index] = cpu->irqs[IRQ_SOFT];
	barrier_wait(&barrier, nr_cpus);
	if (cpu->index == 0)
		CHECK_EQ(sbi_send_ipi(0, ~0UL), SBI_SUCCESS);
	limit = time_in_ms(WATCHDOG_MS);
	irq_on();
	while (cpu->irqs[IRQ_SOFT] == got[cpu->index])
		if (time_now() > limit)
			test_fail("hart %lu: an IPI to all did not come", cpu->hartid);
	irq_off();
	barrier_wait(&barrier, nr_cpus);
}

static void test_all(struct cpu *cpu)
{
	pass_around(cpu, true);
	pass_around(cpu, false);
	storm(cpu);
	csr_write(sie, 0);
}

void guest_main(void)
{
	rounds = machine_arg("n", 2000);
	rounds_awake = machine_arg("awake", 50);
	rounds_storm = machine_arg("storm", rounds);
	smp_start_others(test_all);
	test_all(this_cpu());
	smp_wait_others_stopped();
	print("ipi: %u vcpus, %lu rounds\n", nr_cpus, rounds);
}
