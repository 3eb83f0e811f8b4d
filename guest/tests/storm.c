// SPDX-License-Identifier: BSD-2-Clause
/*
 * Everything at once on every vcpu, for ever (n=: until its boot hart has said so many lines): IPIs, remote
 * fences, WFI, timers, harts that stop and are started again. The boot hart says every 20 ms what time it
 * is: "STORM line us", and that all others still do something.
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "random.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("storm");

#define SAY_US	   20000
#define PATIENCE_S 60

static volatile unsigned long work[MAX_HARTS];
static volatile unsigned long starts[MAX_HARTS];
static volatile unsigned long newest;
static volatile bool over;

static void see_time(void)
{
	unsigned long before = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), now;

	mb();
	now = time_now();
	if ((long)(now - before) < 0)
		test_fail("time went back from %lu to %lu", before, now);
	newest = now;
}

static void nap(unsigned long us)
{
	timer_set(time_in_us(us));
	csr_write(sie, 1UL << IRQ_TIMER | 1UL << IRQ_SOFT);
	wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
	csr_write(sie, 0);
	timer_set(~0UL);
}

static void do_something(unsigned long *random)
{
	unsigned long r = random_next(random), mask = (r >> 8) & ((1UL << nr_cpus) - 1);

	switch (r % 8) {
	case 0:
	case 1:
		CHECK_EQ(sbi_send_ipi(mask, 0), SBI_SUCCESS);
		break;
	case 2:
		CHECK_EQ(sbi_remote_sfence_vma(mask, 0, r & ~0xfffUL & 0xffffffff,
					       (r >> 40 & 127) << 12),
			 SBI_SUCCESS);
		break;
	case 3:
		CHECK_EQ(sbi_remote_sfence_vma_asid(mask, 0, 0, ~0UL, r >> 60), SBI_SUCCESS);
		break;
	case 4:
		CHECK_EQ(sbi_remote_fence_i(mask, 0), SBI_SUCCESS);
		break;
	case 5:
		nap(r >> 20 & 511);
		break;
	case 6:
		random_delay(random, 20000);
		break;
	default:
		see_time();
		break;
	}
}

static void worker(struct cpu *cpu)
{
	unsigned long random = 0x9e3779b97f4a7c15UL * (cpu->index + 1) + ++starts[cpu->index];
	unsigned long turns = random_next(&random) >> 8 & 255;

	CHECK_EQ(csr_read(sstatus) & SSTATUS_SIE, 0);
	if (random & 1)
		paging_enable(cpu->index & 3);
	while (turns-- && !over) {
		do_something(&random);
		work[cpu->index]++;
	}
	paging_disable();
}

static void start_stopped_ones(void)
{
	for (unsigned int c = 1; c < nr_cpus; c++)
		if (sbi_hart_status(cpus[c].hartid) == SBI_HSM_STATE_STOPPED)
			CHECK_EQ(smp_start(&cpus[c], worker), SBI_SUCCESS);
}

static void watch(void)
{
	static unsigned long old[MAX_HARTS], since[MAX_HARTS];

	for (unsigned int c = 1; c < nr_cpus; c++) {
		if (work[c] != old[c] || !since[c])
			since[c] = time_now();
		old[c] = work[c];
		if (time_now() - since[c] > PATIENCE_S * machine.timebase)
			test_fail("hart %lu does nothing any more (%lu, HSM state %ld)",
				  cpus[c].hartid, work[c], sbi_hart_status(cpus[c].hartid));
	}
}

void guest_main(void)
{
	unsigned long lines = machine_arg("n", ~0UL), random = 42;

	paging_init();
	print("STORM on %u vcpus\n", nr_cpus);
	for (unsigned long line = 1; line <= lines; line++) {
		unsigned long until = time_in_us(SAY_US);

		while (time_now() < until) {
			start_stopped_ones();
			do_something(&random);
			watch();
		}
		print("STORM %lu %lu\n", line, time_now() * 1000 / (machine.timebase / 1000));
	}
	over = true;
	smp_wait_others_stopped();
	for (unsigned int c = 1; c < nr_cpus; c++)
		CHECK(starts[c] >= 2);
}
