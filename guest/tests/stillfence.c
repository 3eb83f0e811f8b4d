// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fences (n= in a row) at vcpus that do not run: stopped ones, ones asleep in WFI, ones that wait for the
 * hart that we have. Such a call waits for no vcpu, so it takes about as long as a fence of our own; what
 * is compared is the median of all calls, which other load on the machine does not move. And the fences
 * hold: a vcpu that runs again reads the page that was mapped last, under an ASID other than 0.
 *
 * busy=1 says that there is one hart for all: the others spin, then, and are preempted whenever we run.
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("stillfence");

#define VA	 PAGING_VA(5)
#define ASID	 9
#define MAX_N	 2000
#define TIMES	 30 /* as long as our own at most; a wait would be thousands of times as long */
#define GRACE_US 20

enum { KINDS = 5 };

static unsigned long pages[2][512] __attribute__((aligned(4096)));
static unsigned long took[MAX_N];
static unsigned long n;
static volatile unsigned long *pte;
static volatile unsigned long round;	       /* a vcpu that runs again reads this one's page */
static volatile unsigned long seen[MAX_HARTS]; /* by index: round << 1 | what it read */
static volatile bool over;

static long fence(unsigned long kind, unsigned long mask, unsigned long base)
{
	switch (kind % KINDS) {
	case 0:
		return sbi_remote_sfence_vma(mask, base, VA, 4096);
	case 1:
		return sbi_remote_sfence_vma_asid(mask, base, VA, 4096, ASID);
	case 2:
		return sbi_remote_sfence_vma_asid(mask, base, 0, ~0UL, ASID);
	case 3:
		return sbi_remote_fence_i(mask, base);
	default:
		return sbi_remote_sfence_vma(mask, base, 0, 0);
	}
}

/* The median of what one call of @n takes. */
static unsigned long measure(unsigned long mask, unsigned long base)
{
	for (unsigned long i = 0; i < n; i++) {
		unsigned long from = time_now(), at = i;

		CHECK_EQ(fence(i, mask, base), SBI_SUCCESS);
		from = time_now() - from;
		for (; at && took[at - 1] > from; at--)
			took[at] = took[at - 1];
		took[at] = from;
	}
	return took[n / 2];
}

static void look(struct cpu *cpu, unsigned long of)
{
	seen[cpu->index] = of << 1 | *(volatile unsigned long *)VA;
}

/* What the vcpus do meanwhile. Each has read the old page under the ASID. */
static void stopped(struct cpu *cpu)
{
	paging_enable(ASID);
	look(cpu, round);
}

static void asleep(struct cpu *cpu)
{
	unsigned long done = round;

	csr_write(sie, 1UL << IRQ_SOFT);
	paging_enable(ASID);
	look(cpu, done);
	while (!over) {
		wfi();
		csr_clear(sip, 1UL << IRQ_SOFT);
		if (done != round)
			look(cpu, done = round);
	}
	paging_disable();
}

static void busy(struct cpu *cpu)
{
	unsigned long done = round;

	paging_enable(ASID);
	look(cpu, done);
	while (!over)
		if (done != round)
			look(cpu, done = round);
	paging_disable();
}

static void await_seen(const char *name)
{
	for (unsigned int c = 1; c < nr_cpus; c++) {
		unsigned long limit = time_in_ms(60000), what;

		while ((what = seen[c]) >> 1 != round)
			if (time_now() > limit)
				test_fail("%s: hart %lu does not run again", name, cpus[c].hartid);
		if ((what & 1) != (round & 1))
			test_fail("%s: hart %lu reads the old page, round %lu", name,
				  cpus[c].hartid, round);
	}
}

static void let_settle(void (*how)(struct cpu *))
{
	unsigned long until = time_in_ms(30);

	if (how == stopped)
		smp_wait_others_stopped();
	else if (how == asleep)
		while (time_now() < until)
			;
}

static void wake(void (*how)(struct cpu *))
{
	if (how == stopped)
		smp_start_others(stopped);
	else if (how == asleep)
		CHECK_EQ(sbi_send_ipi(0, ~0UL), SBI_SUCCESS);
}

static void test(const char *name, void (*how)(struct cpu *))
{
	unsigned long others = ((1UL << nr_cpus) - 1) & ~(1UL << this_cpu()->hartid);
	unsigned long grace = machine.timebase / 1000000 * GRACE_US, own, theirs;

	over = false;
	round++;
	*pte = pte_make((unsigned long)pages[round & 1], PTE_RW);
	mb();
	smp_start_others(how);
	await_seen(name);
	let_settle(how);
	for (int again = 0; again < 4; again++) {
		own = measure(1, this_cpu()->hartid);
		*pte = pte_make((unsigned long)pages[(round + 1) & 1], PTE_RW);
		mb();
		theirs = measure(others, 0);
		print("%s: %lu fences, one took %lu ticks (%lu at most), our own %lu\n", name, n,
		      theirs, took[n - 1], own);
		if (theirs > TIMES * own + grace)
			test_fail("%s: a fence took %lu ticks, our own %lu", name, theirs, own);
		round++;
		wake(how);
		await_seen(name);
		let_settle(how);
	}
	over = true;
	wake(how);
	smp_wait_others_stopped();
}

void guest_main(void)
{
	n = machine_arg("n", 300);
	CHECK(nr_cpus >= 2 && n <= MAX_N);
	pages[1][0] = 1;
	paging_init();
	pte = paging_map(VA, (unsigned long)pages[0], PTE_RW);
	test("stopped", stopped);
	test("asleep", asleep);
	if (machine_arg("busy", 0))
		test("preempted", busy);
}
