// SPDX-License-Identifier: BSD-2-Clause
/*
 * WFI against IPI: vcpus in pairs throw a ball (n= times each), and each waits a random time before it
 * throws, and before it sleeps, so that the IPI comes before, within and after the other's way into its
 * halt. It halts by WFI, by WFI after a call, or by HSM's hart_suspend. A timer is the watchdog.
 */
#include "csr.h"
#include "fdt.h"
#include "random.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("race");

#define WATCHDOG_MS 60000

static unsigned long rounds, most;
static volatile unsigned long balls[MAX_HARTS]; /* by index: how many were thrown to it */
static struct barrier barrier;

static void halt(unsigned long kind)
{
	switch (kind % 3) {
	case 0:
		wfi();
		break;
	case 1:
		(void)sbi_hart_status(this_cpu()->hartid);
		wfi();
		break;
	default:
		CHECK_EQ(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE, 0,
				  0, 0, 0)
				 .error,
			 SBI_SUCCESS);
		break;
	}
}

static void catch_ball(struct cpu *cpu, unsigned long want, unsigned long *random)
{
	unsigned long limit = time_in_ms(WATCHDOG_MS);

	timer_set(limit);
	for (;;) {
		csr_clear(sip, 1UL << IRQ_SOFT);
		mb();
		if (balls[cpu->index] >= want)
			return;
		if (time_now() >= limit)
			test_fail("hart %lu: a wake-up was lost (ball %lu, not %lu)", cpu->hartid,
				  balls[cpu->index], want);
		random_delay(random, most);
		halt(random_next(random) >> 20);
	}
}

static void throw_ball(struct cpu *to, unsigned long *random)
{
	random_delay(random, most);
	balls[to->index]++;
	CHECK_EQ(sbi_send_ipi(1, to->hartid), SBI_SUCCESS);
}

static void play(struct cpu *cpu)
{
	unsigned long random = 0x9e3779b97f4a7c15UL * (cpu->index + 1);
	struct cpu *partner = &cpus[cpu->index ^ 1];

	csr_write(sie, 1UL << IRQ_SOFT | 1UL << IRQ_TIMER);
	csr_clear(sip, 1UL << IRQ_SOFT);
	barrier_wait(&barrier, nr_cpus);
	for (unsigned long i = 1; i <= rounds && partner->index < nr_cpus; i++) {
		if (cpu->index & 1)
			catch_ball(cpu, i, &random);
		throw_ball(partner, &random);
		if (!(cpu->index & 1))
			catch_ball(cpu, i, &random);
	}
	timer_set(~0UL);
	csr_write(sie, 0);
}

void guest_main(void)
{
	rounds = machine_arg("n", 5000);
	most = machine_arg("delay", 4000);
	CHECK(nr_cpus >= 2);
	smp_start_others(play);
	play(this_cpu());
	smp_sleep_until_others_done();
	smp_wait_others_stopped();
	print("race: %u vcpus, %lu rounds\n", nr_cpus, rounds);
}
