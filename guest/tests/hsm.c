// SPDX-License-Identifier: BSD-2-Clause
/*
 * Harts started and stopped over and over (n=), and one hart started by several at once: exactly one of
 * them may succeed. A stopped hart keeps nothing: pending interrupts sent to it do not count.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("hsm");

static unsigned long rounds;
static volatile unsigned long runs[MAX_HARTS];
static struct barrier barrier;
static volatile unsigned long successes;

static void count(struct cpu *cpu)
{
	CHECK_EQ(csr_read(satp), 0);
	CHECK_EQ(csr_read(sstatus) & SSTATUS_SIE, 0);
	runs[cpu->index]++;
}

static void test_start_stop(void)
{
	for (unsigned long i = 1; i <= rounds; i++) {
		for (unsigned int c = 1; c < nr_cpus; c++) {
			long status = sbi_hart_status(cpus[c].hartid);

			CHECK_EQ(status, SBI_HSM_STATE_STOPPED);
			CHECK_EQ(smp_start(&cpus[c], count), SBI_SUCCESS);
		}
		for (unsigned int c = 1; c < nr_cpus; c++) {
			smp_wait_stopped(&cpus[c]);
			CHECK_EQ(runs[c], i);
		}
	}
}

static void start_the_last(struct cpu *cpu)
{
	struct cpu *last = &cpus[nr_cpus - 1];

	(void)cpu;
	for (unsigned long i = 0; i < rounds; i++) {
		long error;

		barrier_wait(&barrier, nr_cpus - 1);
		error = smp_start(last, count);
		if (error == SBI_SUCCESS)
			__atomic_add_fetch(&successes, 1, __ATOMIC_SEQ_CST);
		else
			CHECK(error == SBI_ERR_ALREADY_AVAILABLE || error == SBI_ERR_FAILED ||
			      error == SBI_ERR_INVALID_PARAM);
		barrier_wait(&barrier, nr_cpus - 1);
		/* If it ended before another hart's call, that call was right to succeed as well. */
		smp_wait_stopped(last);
		barrier_wait(&barrier, nr_cpus - 1);
	}
}

static void test_start_race(void)
{
	struct cpu *last = &cpus[nr_cpus - 1];
	unsigned long before = runs[last->index];

	for (unsigned int c = 1; c < nr_cpus - 1; c++)
		CHECK_EQ(smp_start(&cpus[c], start_the_last), SBI_SUCCESS);
	start_the_last(this_cpu());
	smp_wait_others_stopped();
	CHECK(successes >= rounds);
	CHECK_EQ(runs[last->index] - before, successes);
}

static void expect_nothing_pending(struct cpu *cpu)
{
	CHECK_EQ(csr_read(sip) & 1UL << IRQ_SOFT, 0);
	count(cpu);
}

static void test_ipi_to_stopped(void)
{
	for (unsigned int c = 1; c < nr_cpus; c++) {
		sbi_send_ipi(1, cpus[c].hartid); /* an error, or nothing */
		CHECK_EQ(sbi_hart_status(cpus[c].hartid), SBI_HSM_STATE_STOPPED);
		CHECK_EQ(smp_start(&cpus[c], guest_is_virtual() ? expect_nothing_pending : count),
			 SBI_SUCCESS);
		smp_wait_stopped(&cpus[c]);
	}
}

void guest_main(void)
{
	rounds = machine_arg("n", 100);
	CHECK(nr_cpus >= 2);
	test_start_stop();
	test_ipi_to_stopped();
	if (nr_cpus >= 3)
		test_start_race();
	print("hsm: %u vcpus, %lu rounds\n", nr_cpus, rounds);
}
