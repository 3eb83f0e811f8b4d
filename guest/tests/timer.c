// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers, on every vcpu at once (n=: how many each): interrupts come, not too early, out of WFI and
 * out of a loop; a cancelled one does not; time never goes back, neither on one vcpu nor between two.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("timer");

static unsigned long rounds;
static volatile unsigned long newest;
static struct barrier barrier;
static volatile unsigned long worst;

static void see_time(void)
{
	unsigned long before = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), now;

	mb();
	now = time_now();
	if ((long)(now - before) < 0)
		test_fail("hart %lu: time went back from %lu to %lu", this_cpu()->hartid, before,
			  now);
	while ((long)(now - before) > 0 &&
	       !__atomic_compare_exchange_n(&newest, &before, now, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
}

static void arm(unsigned long when)
{
	timer_set(when);
	csr_set(sie, 1UL << IRQ_TIMER);
}

static void took_one(struct cpu *cpu, unsigned long before, unsigned long when)
{
	unsigned long now = time_now(), old = worst;

	CHECK_EQ(cpu->irqs[IRQ_TIMER], before + 1);
	CHECK((long)(now - when) >= 0);
	while (now - when > old && !__atomic_compare_exchange_n(&worst, &old, now - when, false,
								__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	see_time();
}

static void test_wfi(struct cpu *cpu)
{
	unsigned long when = time_in_us(100 + 37 * (cpu->index + 1)), before = cpu->irqs[IRQ_TIMER];

	arm(when);
	while (cpu->irqs[IRQ_TIMER] == before) {
		wfi();
		irq_on();
		irq_off();
	}
	took_one(cpu, before, when);
}

static void test_loop(struct cpu *cpu)
{
	unsigned long when = time_in_us(50), before = cpu->irqs[IRQ_TIMER],
		      limit = time_in_ms(60000);

	arm(when);
	irq_on();
	while (cpu->irqs[IRQ_TIMER] == before)
		CHECK(time_now() < limit);
	irq_off();
	took_one(cpu, before, when);
}

static void test_past(struct cpu *cpu)
{
	unsigned long before = cpu->irqs[IRQ_TIMER], limit = time_in_ms(60000);

	arm(0);
	irq_on();
	while (cpu->irqs[IRQ_TIMER] == before)
		CHECK(time_now() < limit);
	irq_off();
}

static void test_cancel(struct cpu *cpu)
{
	unsigned long before, limit;

	timer_set(time_in_us(3000));
	timer_set(~0UL);
	before = cpu->irqs[IRQ_TIMER];
	csr_set(sie, 1UL << IRQ_TIMER);
	irq_on();
	for (limit = time_in_ms(20); time_now() < limit;)
		see_time();
	irq_off();
	CHECK_EQ(cpu->irqs[IRQ_TIMER], before);
}

static void test_all(struct cpu *cpu)
{
	barrier_wait(&barrier, nr_cpus);
	for (unsigned long i = 0; i < rounds; i++) {
		test_wfi(cpu);
		test_loop(cpu);
		test_past(cpu);
	}
	timer_set(~0UL);
	test_cancel(cpu);
	for (int i = 0; i < 20000; i++)
		see_time();
}

void guest_main(void)
{
	rounds = machine_arg("n", 200);
	smp_start_others(test_all);
	test_all(this_cpu());
	smp_wait_others_stopped();
	print("timer: %s, %u vcpus, %lu times 3 interrupts each, the latest %lu us late\n",
	      timer_is_sstc() ? "Sstc" : "SBI", nr_cpus, rounds,
	      worst * 1000000 / machine.timebase);
}
