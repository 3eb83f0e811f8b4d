// SPDX-License-Identifier: BSD-2-Clause
/*
 * Remote fences do what they say: a page that another vcpu reads, under an ASID other than 0, is
 * mapped elsewhere and fenced by each kind of call; code that it runs is patched and fenced. (n=: rounds)
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("fence");

#define VA   PAGING_VA(5)
#define ASID 9
#define RET  0x8067U

enum { KINDS = 9 };

static unsigned long page_a[512] __attribute__((aligned(4096)));
static unsigned long page_b[512] __attribute__((aligned(4096)));
static uint32_t code[2] __attribute__((aligned(64)));
static struct barrier barrier;
static volatile unsigned long seen[MAX_HARTS];
static volatile bool stop;
static unsigned long rounds;
static unsigned long asid; /* ASID where the hart has any */

static long fence(unsigned int kind, struct cpu *target)
{
	unsigned long hart = target->hartid;

	switch (kind) {
	case 0:
		return sbi_remote_sfence_vma(1, hart, 0, 0);
	case 1:
		return sbi_remote_sfence_vma(1, hart, 0, ~0UL);
	case 2:
		return sbi_remote_sfence_vma(1, hart, VA, 4096);
	case 3:
		return sbi_remote_sfence_vma(0, ~0UL, VA - 4096, 3 * 4096);
	case 4:
		return sbi_remote_sfence_vma_asid(1, hart, VA, 4096, asid);
	case 5:
		return sbi_remote_sfence_vma_asid(1, hart, 0, 0, asid);
	case 6:
		return sbi_remote_sfence_vma_asid(0, ~0UL, 0, ~0UL, asid);
	case 7: /* more pages than are fenced one by one */
		return sbi_remote_sfence_vma(1, hart, VA - (1UL << 30), 1UL << 31);
	default: /* nothing is said about alignment */
		return sbi_remote_sfence_vma_asid(1, hart, VA + 1, 2, asid);
	}
}

static void reader(struct cpu *cpu)
{
	paging_enable(asid);
	for (;;) {
		barrier_wait(&barrier, nr_cpus); /* mapped and fenced */
		if (stop)
			break;
		seen[cpu->index] = *(volatile unsigned long *)VA;
		barrier_wait(&barrier, nr_cpus);
	}
	paging_disable();
}

static void remap(volatile unsigned long *pte, unsigned long round)
{
	*pte = pte_make((unsigned long)(round & 1 ? page_a : page_b), PTE_RW);
	mb();
}

static void test_sfence(void)
{
	volatile unsigned long *pte;

	page_a[0] = 1;
	page_b[0] = 0;
	paging_init();
	pte = paging_map(VA, (unsigned long)page_b, PTE_RW);
	smp_start_others(reader);
	for (unsigned long i = 0; i < rounds * KINDS; i++) {
		remap(pte, i);
		for (unsigned int c = 1; c < nr_cpus; c++)
			CHECK_EQ(fence((unsigned int)(i / 2 % KINDS), &cpus[c]), SBI_SUCCESS);
		barrier_wait(&barrier, nr_cpus);
		barrier_wait(&barrier, nr_cpus);
		for (unsigned int c = 1; c < nr_cpus; c++)
			if (seen[c] != (i & 1))
				test_fail("hart %lu reads the old page after a fence of kind %lu",
					  cpus[c].hartid, i / 2 % KINDS);
	}
	stop = true;
	barrier_wait(&barrier, nr_cpus);
	smp_wait_others_stopped();
}

static void runner(struct cpu *cpu)
{
	for (;;) {
		barrier_wait(&barrier, nr_cpus);
		if (stop)
			break;
		seen[cpu->index] = ((unsigned long (*)(void))code)();
		barrier_wait(&barrier, nr_cpus);
	}
}

static void test_fence_i(void)
{
	stop = false;
	code[0] = 0x00000513; /* li a0, 0 */
	code[1] = RET;
	fence_i();
	smp_start_others(runner);
	for (unsigned long i = 0; i < rounds * 2; i++) {
		unsigned long value = i & 0x7ff;

		code[0] = 0x00000513 | (uint32_t)value << 20;
		mb();
		if (i & 1)
			CHECK_EQ(sbi_remote_fence_i(0, ~0UL), SBI_SUCCESS);
		else
			for (unsigned int c = 1; c < nr_cpus; c++)
				CHECK_EQ(sbi_remote_fence_i(1, cpus[c].hartid), SBI_SUCCESS);
		barrier_wait(&barrier, nr_cpus);
		barrier_wait(&barrier, nr_cpus);
		for (unsigned int c = 1; c < nr_cpus; c++)
			CHECK_EQ(seen[c], value);
	}
	stop = true;
	barrier_wait(&barrier, nr_cpus);
	smp_wait_others_stopped();
}

/* A hart's own sfence.vma has to hold wherever it is run next: moved, or after a sibling on its hart. */
static void own_fences(struct cpu *cpu)
{
	unsigned long va = PAGING_VA(16 + cpu->index);
	static volatile unsigned long *ptes[MAX_HARTS];

	if (cpu->index == 0)
		for (unsigned int c = 0; c < nr_cpus; c++)
			ptes[c] = paging_map(PAGING_VA(16 + c), (unsigned long)page_b, PTE_RW);
	barrier_wait(&barrier, nr_cpus);
	paging_enable(asid + cpu->index % 2);
	for (unsigned long i = 0; i < rounds * 50; i++) {
		remap(ptes[cpu->index], i);
		__asm__ volatile("sfence.vma %0, zero" : : "r"(va) : "memory");
		for (int again = 0; again < 20; again++)
			if (*(volatile unsigned long *)va != (i & 1))
				test_fail("hart %lu reads the old page after its own sfence.vma",
					  cpu->hartid);
	}
	paging_disable();
	barrier_wait(&barrier, nr_cpus);
}

static unsigned long probe_asid(void)
{
	unsigned long satp;

	csr_write(satp, SATP_SV39 | 0xffffUL << 44 | (unsigned long)paging_root >> 12);
	satp = csr_read(satp);
	paging_disable();
	return satp >> 44 & ASID;
}

void guest_main(void)
{
	rounds = machine_arg("n", 40);
	CHECK(nr_cpus >= 2);
	paging_init();
	asid = probe_asid();
	test_sfence();
	test_fence_i();
	smp_start_others(own_fences);
	own_fences(this_cpu());
	smp_wait_others_stopped();
	print("fence: %u vcpus, ASID %lu, %lu rounds\n", nr_cpus, asid, rounds);
}
