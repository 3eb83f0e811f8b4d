// SPDX-License-Identifier: BSD-2-Clause
/*
 * Time does not go back, neither on one vcpu nor from one to another, while they move from hart to hart:
 * for ms= every vcpu reads the clock in turn with the others, and sleeps now and then so that it wakes
 * up elsewhere. Meanwhile no more is stolen from one than passes on its clock. It says so every second.
 */
#include "csr.h"
#include "fdt.h"
#include "random.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("clock");

struct sta {
	uint32_t sequence;
	uint32_t flags;
	uint64_t steal;
	uint64_t rest[6];
};

static struct sta shared[MAX_HARTS] __attribute__((aligned(64)));
static volatile unsigned long newest, looks;
static struct barrier barrier;

/* What the others have read is not newer than what is read after it. */
static unsigned long look(const struct cpu *cpu, unsigned long last)
{
	unsigned long before = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), now;

	mb();
	now = time_now();
	if ((long)(now - last) < 0 || (long)(now - before) < 0)
		test_fail("hart %lu: %lu, after %lu on this hart and %lu on some", cpu->hartid, now,
			  last, before);
	while ((long)(now - before) > 0 &&
	       !__atomic_compare_exchange_n(&newest, &before, now, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	return now;
}

/* The vcpu's own structure is not written while it runs; when it did not run, the sequence tells. */
static uint64_t steal_now(const struct cpu *cpu, unsigned long *now)
{
	const volatile struct sta *s = &shared[cpu->index];
	uint64_t steal;
	uint32_t sequence;

	do {
		sequence = s->sequence;
		mb();
		steal = s->steal;
		*now = time_now();
		mb();
	} while (s->sequence != sequence);
	return steal;
}

static void check_steal(const struct cpu *cpu, unsigned long *last, uint64_t *last_steal)
{
	unsigned long now, ns = 1000000000 / machine.timebase;
	uint64_t steal = steal_now(cpu, &now);

	/* Clock and account are read at two moments of the same switch. */
	if (steal - *last_steal > (now - *last) * ns + 1000000)
		test_fail("hart %lu: %lu ns were stolen in %lu ns", cpu->hartid,
			  (unsigned long)(steal - *last_steal), (now - *last) * ns);
	*last = now;
	*last_steal = steal;
}

static void nap(unsigned long us)
{
	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(time_in_us(us));
	wfi();
	timer_set(~0UL);
	csr_write(sie, 0);
}

static void run(struct cpu *cpu)
{
	unsigned long random = cpu->index + 1, until, now, said, last_account;
	uint64_t last_steal;
	bool sta = sbi_call(SBI_EXT_STA, 0, (unsigned long)&shared[cpu->index], 0, 0, 0, 0).error ==
		   SBI_SUCCESS;

	barrier_wait(&barrier, nr_cpus);
	now = said = time_now();
	until = now + machine_arg("ms", 1000) * (machine.timebase / 1000);
	last_steal = steal_now(cpu, &last_account);
	while (now < until) {
		for (int i = 0; i < 500; i++)
			now = look(cpu, now);
		(void)__atomic_add_fetch(&looks, 500, __ATOMIC_RELAXED);
		if (sta)
			check_steal(cpu, &last_account, &last_steal);
		if (random_next(&random) % 8 == 0)
			nap(random_next(&random) % 500);
		if (cpu->index == 0 && now - said >= machine.timebase) {
			said = now;
			print("CLOCK at %lu ms\n", now / (machine.timebase / 1000));
		}
	}
}

void guest_main(void)
{
	smp_start_others(run);
	run(this_cpu());
	smp_wait_others_stopped();
	print("clock: %u vcpus, %lu looks\n", nr_cpus, looks);
}
