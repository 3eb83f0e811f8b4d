// SPDX-License-Identifier: BSD-2-Clause

#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"

struct cpu *cpu_init_boot(unsigned long hartid, const void *fdt);
void smp_entry(unsigned long hartid, struct cpu *cpu);

extern char secondary_start[];

struct cpu cpus[MAX_HARTS];
unsigned int nr_cpus;
char cpu_stacks[MAX_HARTS][STACK_SIZE] __attribute__((aligned(16)));
static char trap_stacks[MAX_HARTS][STACK_SIZE / 2] __attribute__((aligned(16)));

static void cpu_init(unsigned long hartid)
{
	struct cpu *cpu = &cpus[nr_cpus];

	cpu->hartid = hartid;
	cpu->index = nr_cpus;
	cpu->stack_sp = (unsigned long)cpu_stacks[nr_cpus] + STACK_SIZE;
	cpu->trap_sp = (unsigned long)trap_stacks[nr_cpus] + STACK_SIZE / 2;
	nr_cpus++;
}

struct cpu *cpu_init_boot(unsigned long hartid, const void *fdt)
{
	machine_init(fdt);
	cpu_init(hartid);
	cpus[0].state = CPU_RUNNING;
	for (unsigned int i = 0; i < machine.nr_harts; i++)
		if (machine.hartids[i] != hartid)
			cpu_init(machine.hartids[i]);
	return &cpus[0];
}

void smp_entry(unsigned long hartid, struct cpu *cpu)
{
	CHECK_EQ(hartid, cpu->hartid);
	cpu->state = CPU_RUNNING;
	mb();
	cpu->fn(cpu);
	mb();
	cpu->state = CPU_DONE;
	irq_off();
	csr_write(sie, 0);
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0, 0, 0);
	test_fail("hart_stop came back");
}

long smp_start(struct cpu *cpu, void (*fn)(struct cpu *))
{
	cpu->fn = fn;
	cpu->state = CPU_STARTING;
	cpu->in_trap = false;
	cpu->expecting = false;
	mb();
	return sbi_hart_start(cpu->hartid, (unsigned long)secondary_start, (unsigned long)cpu);
}

void smp_start_others(void (*fn)(struct cpu *))
{
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (&cpus[i] != this_cpu())
			CHECK_EQ(smp_start(&cpus[i], fn), SBI_SUCCESS);
	for (unsigned int i = 0; i < nr_cpus; i++) {
		unsigned long limit = time_in_ms(60000);

		while (&cpus[i] != this_cpu() && cpus[i].state == CPU_STARTING)
			if (time_now() > limit)
				test_fail("hart %lu did not start", cpus[i].hartid);
	}
}

void smp_wait_stopped(struct cpu *cpu)
{
	unsigned long limit = time_in_ms(60000);

	while (sbi_hart_status(cpu->hartid) != SBI_HSM_STATE_STOPPED)
		if (time_now() > limit)
			test_fail("hart %lu did not stop (HSM state %ld)", cpu->hartid,
				  sbi_hart_status(cpu->hartid));
}

void smp_wait_others_stopped(void)
{
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (&cpus[i] != this_cpu())
			smp_wait_stopped(&cpus[i]);
}

void smp_sleep_until_others_done(void)
{
	csr_write(sie, 1UL << IRQ_TIMER);
	for (unsigned int i = 0; i < nr_cpus; i++)
		while (&cpus[i] != this_cpu() && cpus[i].state != CPU_DONE) {
			timer_set(time_in_ms(10));
			wfi();
		}
	timer_set(~0UL);
	csr_write(sie, 0);
}

void barrier_wait(struct barrier *b, unsigned int n)
{
	unsigned int round = b->round;
	unsigned long limit = time_in_ms(600000);

	if (__atomic_add_fetch(&b->waiting, 1, __ATOMIC_SEQ_CST) == n) {
		b->waiting = 0;
		__atomic_add_fetch(&b->round, 1, __ATOMIC_SEQ_CST);
		return;
	}
	while (__atomic_load_n(&b->round, __ATOMIC_ACQUIRE) == round) {
		cpu_relax();
		if (time_now() > limit)
			test_fail("hart %lu waits at a barrier, %u of %u are there",
				  this_cpu()->hartid, b->waiting, n);
	}
}
