// SPDX-License-Identifier: BSD-2-Clause
/*
 * KICK_CPU against halts: vcpus in pairs throw a ball (n= times each), and each waits a random time before
 * it throws, and before it halts, so that the kick comes before, within and after the other's way into
 * its halt. It halts by WFI, by PV_WAIT until an interrupt, or by PV_WAIT until a kick (kind= 0, 1, 2; else
 * in turn). No interrupt is sent: a kick that is lost is found by the watchdog's timer or, where no
 * interrupt ends the halt, by the guest's never ending.
 */
#include "csr.h"
#include "pv.h"
#include "random.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("kick");

#define WATCHDOG_MS 60000
#define ANY_KIND    3

static unsigned long rounds, most, only;
static volatile unsigned long balls[MAX_HARTS]; /* by index: how many were thrown to it */
static struct barrier barrier;

static void halt(unsigned long kind)
{
	switch (only == ANY_KIND ? kind % 3 : only) {
	case 0:
		wfi();
		break;
	case 1:
		CHECK_EQ(pv_wait(HARTVISOR_PV_WAIT_IRQ), SBI_SUCCESS);
		break;
	default:
		CHECK_EQ(pv_wait(0), SBI_SUCCESS);
		break;
	}
}

static void catch_ball(struct cpu *cpu, unsigned long want, unsigned long *random)
{
	unsigned long limit = time_in_ms(WATCHDOG_MS);

	timer_set(limit);
	while (balls[cpu->index] < want) {
		if (time_now() >= limit)
			test_fail("hart %lu: a kick was lost (ball %lu, not %lu)", cpu->hartid,
				  balls[cpu->index], want);
		random_delay(random, most);
		halt(random_next(random) >> 20);
	}
}

static void throw_ball(struct cpu *to, unsigned long *random)
{
	random_delay(random, most);
	balls[to->index]++;
	CHECK_EQ(pv_kick(to->hartid), SBI_SUCCESS);
}

static void play(struct cpu *cpu)
{
	unsigned long random = 0x9e3779b97f4a7c15UL * (cpu->index + 1);
	struct cpu *partner = &cpus[cpu->index ^ 1];

	csr_write(sie, 1UL << IRQ_TIMER);
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

/* Many kicks are one, of oneself, too: the first halt ends at once, the second by its timer. */
static void test_kicks_before_a_halt_are_one(unsigned long kind)
{
	unsigned long me = this_cpu()->hartid, until;

	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(pv_kick(me), SBI_SUCCESS);
	csr_write(sie, 1UL << IRQ_TIMER);
	only = kind;
	timer_set(time_in_ms(WATCHDOG_MS));
	until = time_in_ms(WATCHDOG_MS / 2);
	halt(kind);
	CHECK(time_now() < until);

	until = time_in_ms(2);
	timer_set(until);
	halt(kind);
	CHECK(time_now() >= until);
	timer_set(~0UL);
}

/* The halt that an interrupt ended has taken the kick along that came meanwhile. */
static void test_every_way_out_forgets_the_kick(void)
{
	unsigned long until;

	csr_write(sie, 1UL << IRQ_SOFT | 1UL << IRQ_TIMER);
	CHECK_EQ(sbi_send_ipi(1, this_cpu()->hartid), SBI_SUCCESS);
	CHECK_EQ(pv_kick(this_cpu()->hartid), SBI_SUCCESS);
	wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
	until = time_in_ms(2);
	timer_set(until);
	wfi();
	CHECK(time_now() >= until);
	timer_set(~0UL);
	csr_write(sie, 0);
}

static volatile unsigned long woke_at;

static void waits_for_its_timer(struct cpu *cpu)
{
	unsigned long until = time_in_ms(2);

	(void)cpu;
	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(until);
	wfi();
	CHECK(time_now() >= until);
	timer_set(~0UL);
	woke_at = time_now();
}

/* A hart that is off takes no kick, and is started without it. */
static void test_a_kick_does_not_survive_a_start(void)
{
	struct cpu *other = &cpus[1];

	smp_wait_stopped(other);
	CHECK_EQ(pv_kick(other->hartid), SBI_SUCCESS);
	woke_at = 0;
	CHECK_EQ(smp_start(other, waits_for_its_timer), SBI_SUCCESS);
	while (!woke_at)
		cpu_relax();
	smp_wait_stopped(other);
}

void guest_main(void)
{
	unsigned long kind = machine_arg("kind", ANY_KIND), since;

	rounds = machine_arg("n", 5000);
	most = machine_arg("delay", 4000);
	CHECK(nr_cpus >= 2);
	test_kicks_before_a_halt_are_one(0);
	test_kicks_before_a_halt_are_one(1);
	test_every_way_out_forgets_the_kick();
	test_a_kick_does_not_survive_a_start();
	only = kind;
	smp_start_others(play);
	since = time_now();
	play(this_cpu());
	since = time_now() - since;
	smp_sleep_until_others_done();
	smp_wait_others_stopped();
	print("kick: %u vcpus, %lu rounds, %lu ns each, there and back\n", nr_cpus, rounds,
	      since * (1000000000 / machine.timebase) / rounds);
}
