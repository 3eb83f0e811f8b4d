// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two vcpus: on one hart (SET_PAIR), where the second one runs when the first sleeps or is made to wait,
 * or on two (SET_HARTS). The second one is told what to do by `task` and an IPI.
 */
#include "bench.h"

#include <hartvisor/pv.h>

#include "test.h"
#include "time.h"

#define A_PAGE 0x80400000UL

/* hartvisor's own extension, with the mvendorid of QEMU's virt. */
#define PV_EID HARTVISOR_SBI_EXT_VENDOR_BASE

#define PV_KICK(hart)  ((void)BENCH_SBI("ecall", PV_EID, HARTVISOR_KICK_CPU, 0, hart, 0, 0))
#define PV_HALT()      ((void)BENCH_SBI("ecall", PV_EID, HARTVISOR_PV_WAIT, 0, 0, 0, 0))
#define PV_YIELD(hart) ((void)BENCH_SBI("ecall", PV_EID, HARTVISOR_YIELD_TO, hart, 0, 0, 0))
#define SEND_IPI(hart) ((void)BENCH_SBI("ecall", SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, hart, 0, 0))

enum task {
	TASK_SLEEP,
	TASK_ANSWER,
	TASK_SPIN,
	TASK_PV_ANSWER,
	TASK_PV_NOTE,
	TASK_YIELD,
	TASK_END
};

static volatile enum task task;
static volatile bool busy;  /* the second vcpu is at its task */
static volatile long noted; /* when it last came to run, 0: not yet */

static void await_ipi(void)
{
	while (!(csr_read(sip) & 1UL << IRQ_SOFT))
		wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
}

/* Spin until the hart has been away for a while; the moment of being back. */
static long await_return(void)
{
	unsigned long before = time_now(), now;

	while ((now = time_now()) - before < 5) {
		if (task != TASK_YIELD)
			return 0;
		before = now;
	}
	return clock_now();
}

static void perform(unsigned long first)
{
	enum task mine = task;

	busy = true;
	while (task == mine) {
		switch (mine) {
		case TASK_ANSWER:
			await_ipi();
			SEND_IPI(first);
			break;
		case TASK_PV_ANSWER:
			PV_HALT();
			PV_KICK(first);
			break;
		case TASK_PV_NOTE:
			PV_HALT();
			noted = clock_now();
			break;
		case TASK_YIELD:
			noted = await_return();
			PV_YIELD(first);
			break;
		default:
			break;
		}
	}
	busy = false;
}

static void second(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 1UL << IRQ_SOFT);
	while (task != TASK_END) {
		if (task == TASK_SLEEP)
			await_ipi();
		else
			perform(cpus[0].hartid);
	}
	csr_write(sie, 0);
}

/* Let time pass asleep: a sibling on the same hart gets on, and one on another ends no turn of ours. */
static void doze(void)
{
	unsigned long old = csr_read(sie);

	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(time_in_us(100));
	wfi();
	timer_set(~0UL);
	csr_write(sie, old);
}

static void begin(enum task what)
{
	task = what;
	mb();
	SEND_IPI(cpus[1].hartid);
	while (!busy)
		doze();
	doze();
}

/* @nudge: what gets it out of where it waits. */
static void finish(bool by_kick)
{
	task = TASK_SLEEP;
	mb();
	while (busy) {
		if (by_kick)
			PV_KICK(cpus[1].hartid);
		else
			SEND_IPI(cpus[1].hartid);
		doze();
	}
	doze();
	csr_clear(sip, 1UL << IRQ_SOFT);
}

static void ping(unsigned long other)
{
	SEND_IPI(other);
	await_ipi();
}

static void pv_ping(unsigned long other)
{
	PV_KICK(other);
	PV_HALT();
}

static void pingpong(const char *row)
{
	unsigned long other = cpus[1].hartid;

	csr_write(sie, 1UL << IRQ_SOFT);
	begin(TASK_ANSWER);
	bench_result(row, BATCH_MEDIAN(50, ping(other)), 50);
	finish(false);
	csr_write(sie, 0);
}

static void fences(const char *row_asleep, const char *row_preempted)
{
	unsigned long other = cpus[1].hartid;

	BENCH_SBI_ROW(row_asleep, 20, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, 1, other, A_PAGE,
		      4096);
	if (!row_preempted)
		return;
	begin(TASK_SPIN);
	BENCH_SBI_ROW(row_preempted, 20, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, 1, other, A_PAGE,
		      4096);
	BENCH_SBI_ROW("ipi-preempted", 20, SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, other, 0, 0);
	finish(false);
}

/* From the call to the other's first instruction; the caller goes to sleep behind it. */
static void hart_start(const char *row)
{
	static volatile struct {
		long next, turns;
	} first;
	long samples[BATCHES];

	for (unsigned int i = 0; i < BATCHES; i++) {
		long began;

		first.next = 0;
		mb();
		began = clock_edge();
		(void)BENCH_SBI("ecall", SBI_EXT_HSM, SBI_HSM_HART_START, cpus[1].hartid,
				(unsigned long)bench_hart_entry, (unsigned long)&first, 0);
		while (!first.next)
			doze();
		samples[i] = clock_before(first.next, first.turns) - began;
		while (sbi_hart_status(cpus[1].hartid) != SBI_HSM_STATE_STOPPED)
			doze();
	}
	bench_result(row, bench_median(samples, BATCHES), 1);
}

/* From @call to when the other notes that it runs. */
#define BENCH_NOTED_ROW(row, call)                                     \
	do {                                                           \
		long samples_[BATCHES];                                \
		for (unsigned int b_ = 0; b_ < BATCHES; b_++) {        \
			long began_;                                   \
			noted = 0;                                     \
			mb();                                          \
			began_ = clock_edge();                         \
			call;                                          \
			while (!noted)                                 \
				doze();                                \
			samples_[b_] = noted - began_;                 \
			doze();                                        \
		}                                                      \
		bench_result(row, bench_median(samples_, BATCHES), 1); \
	} while (0)

static void paravirt(void)
{
	unsigned long other = cpus[1].hartid;

	if (!sbi_probe(PV_EID))
		return;
	begin(TASK_PV_ANSWER);
	bench_result("pv-wait-kick", BATCH_MEDIAN(50, pv_ping(other)), 50);
	finish(true);
	begin(TASK_PV_NOTE);
	BENCH_NOTED_ROW("pv-kick-halted", PV_KICK(other));
	finish(true);
	BENCH_SBI_ROW("pv-kick-self", 20, PV_EID, HARTVISOR_KICK_CPU, 0, cpus[0].hartid, 0, 0);
	PV_HALT(); /* the kick was remembered: this one does not halt */
	begin(TASK_YIELD);
	/* A kick is also a directed yield to one that has lost its hart. */
	BENCH_NOTED_ROW("pv-kick-preempted", PV_KICK(other));
	BENCH_NOTED_ROW("yield-to", PV_YIELD(other));
	finish(false);
}

static void start_second(void)
{
	task = TASK_SLEEP;
	CHECK_EQ(smp_start(&cpus[1], second), SBI_SUCCESS);
	doze();
	CHECK(cpus[1].state == CPU_RUNNING);
}

static void end_second(void)
{
	task = TASK_END;
	mb();
	SEND_IPI(cpus[1].hartid);
	while (sbi_hart_status(cpus[1].hartid) != SBI_HSM_STATE_STOPPED)
		doze();
}

void bench_pair(void)
{
	CHECK_EQ(nr_cpus, 2);
	start_second();
	pingpong("ipi-pingpong-1-hart");
	fences("fence-asleep", "fence-preempted");
	paravirt();
	end_second();
	hart_start("hsm-start-1-hart");
}

void bench_harts(void)
{
	CHECK_EQ(nr_cpus, 2);
	start_second();
	pingpong("ipi-pingpong-2-harts");
	/* Natively the caller waits for an answer, that is for the end of its turn (bench_running()). */
	if (guest_is_virtual())
		fences("fence-asleep-2-harts", NULL);
	end_second();
	hart_start("hsm-start");
}
