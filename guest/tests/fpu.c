// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each vcpu keeps its own pattern in f0 to f31, fcsr and (with 'v') the vector registers while it is
 * preempted, sleeps and is moved (n=: rounds); none may ever see another one's. Every second one does so
 * first with none at all, beside others that have; and the boot hart looks for what was left before it.
 */
#include "csr.h"
#include "fdt.h"
#include "fpregs.h"
#include "sbi.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("fpu");

static unsigned long rounds;
static bool has_v;
static struct barrier barrier;

static void fill(unsigned long *at, unsigned long n, unsigned long seed)
{
	for (unsigned long i = 0; i < n; i++)
		at[i] = (seed + 1) * 0x0101010101010101UL + i * 0x9e3779b97f4a7c15UL;
}

static void nap(struct cpu *cpu, unsigned long round)
{
	unsigned long until;

	switch (round % 3) {
	case 0: /* asleep */
		timer_set(time_in_us(100));
		csr_write(sie, 1UL << IRQ_TIMER);
		wfi();
		timer_set(~0UL);
		csr_write(sie, 0);
		break;
	case 1: /* kicked by a neighbour */
		sbi_send_ipi(1, cpus[(cpu->index + 1) % nr_cpus].hartid);
		break;
	default: /* preempted, with luck */
		for (until = time_in_us(2000); time_now() < until;)
			;
		break;
	}
}

static void look_for_leaks(const struct cpu *cpu, unsigned long round)
{
	struct fp got;

	fp_store(&got);
	for (int i = 0; i < 32; i++)
		if (got.f[i])
			test_fail("hart %lu: f%d holds %lx, round %lu", cpu->hartid, i, got.f[i],
				  round);
	CHECK_EQ(got.fcsr, 0);
}

static void fs_initial(void)
{
	csr_clear(sstatus, SSTATUS_FS);
	csr_set(sstatus, SSTATUS_FS_INITIAL);
}

/* With FS at Initial, and nothing written, there is nothing that had to be saved or restored for it. */
static void keep_none(struct cpu *cpu)
{
	fs_initial();
	for (unsigned long round = 0; round < rounds; round++) {
		look_for_leaks(cpu, round);
		nap(cpu, round);
	}
}

/* A neighbour that says of an fcsr which it has written that it is Initial still. */
static void lie_about_fcsr(struct cpu *cpu)
{
	for (unsigned long round = 0; round < rounds; round++) {
		fs_initial();
		csr_write(0x003, 0x7f);
		fs_initial();
		nap(cpu, round);
	}
}

static void keep_fp(struct cpu *cpu)
{
	struct fp want, got;

	for (unsigned long round = 0; round < rounds; round++) {
		fill(want.f, 32, cpu->index * 1000 + round);
		want.fcsr = (cpu->index + round) % 5 << 5 | (round & 31);
		memset(&got, 0, sizeof(got));
		fp_load(&want);
		nap(cpu, round);
		fp_store(&got);
		if (memcmp(&want, &got, sizeof(want)))
			test_fail(
				"hart %lu: FP registers changed, round %lu, f0 %lx (%lx), fcsr %lx (%lx)",
				cpu->hartid, round, got.f[0], want.f[0], got.fcsr, want.fcsr);
	}
}

/* By CSR instructions alone, which QEMU (10.0) does not count as a change of the hypervisor's FS and VS. */
static void keep_fp_csrs(struct cpu *cpu)
{
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned long fcsr = (cpu->index + round) % 5 << 5 | (round & 31);
		unsigned long vcsr = (cpu->index + round) & 7, got;

		csr_write(0x003, fcsr);
		if (has_v)
			csr_write(0x00f, vcsr);
		nap(cpu, round);
		got = csr_read(0x003);
		if (got != fcsr)
			test_fail("hart %lu: fcsr changed, round %lu: %lx (%lx)", cpu->hartid,
				  round, got, fcsr);
		got = has_v ? csr_read(0x00f) : vcsr;
		if (got != vcsr)
			test_fail("hart %lu: vcsr changed, round %lu: %lx (%lx)", cpu->hartid,
				  round, got, vcsr);
	}
}

static void keep_vectors(struct cpu *cpu)
{
	static struct vec wants[MAX_HARTS], gots[MAX_HARTS];
	struct vec *want = &wants[cpu->index], *got = &gots[cpu->index];
	unsigned long vlenb = csr_read(0xc22), words = 32 * vlenb / 8;

	CHECK(vlenb <= VLEN_MAX / 8);
	for (unsigned long round = 0; round < rounds; round++) {
		fill(want->v, words, cpu->index * 1000 + round);
		want->vl = 1 + (cpu->index + round) % (vlenb / 8);
		want->vtype = 3 << 3; /* e64, m1 */
		vec_load(want, vlenb);
		nap(cpu, round);
		vec_store(got, vlenb);
		if (memcmp(want->v, got->v, words * 8) || want->vl != got->vl ||
		    want->vtype != got->vtype)
			test_fail(
				"hart %lu: vector registers changed, round %lu, v0 %lx (%lx), vl %lu (%lu)",
				cpu->hartid, round, got->v[0], want->v[0], got->vl, want->vl);
	}
}

static void test_all(struct cpu *cpu)
{
	if (has_v)
		csr_set(sstatus, SSTATUS_VS);
	barrier_wait(&barrier, nr_cpus);
	if (guest_is_virtual()) {
		if (cpu->index % 2)
			keep_none(cpu);
		else
			lie_about_fcsr(cpu);
		barrier_wait(&barrier, nr_cpus);
		if (cpu->index % 2)
			keep_none(cpu);
	}
	csr_set(sstatus, SSTATUS_FS);
	keep_fp(cpu);
	keep_fp_csrs(cpu);
	if (has_v)
		keep_vectors(cpu);
	csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS);
}

void guest_main(void)
{
	rounds = machine_arg("n", 60);
	has_v = machine_has("v");
	if (guest_is_virtual()) {
		fs_initial();
		look_for_leaks(this_cpu(), 0);
		csr_clear(sstatus, SSTATUS_FS);
	}
	smp_start_others(test_all);
	test_all(this_cpu());
	smp_wait_others_stopped();
	print("fpu: %u vcpus, %lu rounds%s\n", nr_cpus, rounds, has_v ? ", vectors too" : "");
}
