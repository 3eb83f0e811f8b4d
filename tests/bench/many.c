// SPDX-License-Identifier: BSD-2-Clause
/* Many vcpus: fences to several at once, a wake-up among sleepers, switches among those that compute. */
#include "bench.h"
#include "fdt.h"
#include "test.h"
#include "time.h"

#define A_PAGE 0x80400000UL

static volatile bool stop;

static void asleep(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 1UL << IRQ_SOFT);
	while (!stop) {
		wfi();
		csr_clear(sip, 1UL << IRQ_SOFT);
	}
}

static void awake(struct cpu *cpu)
{
	(void)cpu;
	while (!stop)
		;
}

static void stop_others(void)
{
	stop = true;
	mb();
	CHECK_EQ(sbi_send_ipi(0, ~0UL), SBI_SUCCESS);
	csr_clear(sip, 1UL << IRQ_SOFT);
	smp_wait_others_stopped();
	stop = false;
}

static void start_others(void (*fn)(struct cpu *))
{
	smp_start_others(fn);
	bench_wait_asleep();
}

/* The harts of the first @n other cpus. */
static unsigned long others(unsigned int n)
{
	unsigned long mask = 0;

	for (unsigned int i = 1; i <= n; i++)
		mask |= 1UL << cpus[i].hartid;
	return mask;
}

#define FENCE_ROW(row, n, mask) \
	BENCH_SBI_ROW(row, n, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, mask, 0, A_PAGE, 4096)

void bench_fences(void)
{
	CHECK_EQ(nr_cpus, 8);
	start_others(asleep);
	FENCE_ROW("rfence-1-blocked", 20, others(1));
	FENCE_ROW("rfence-3-blocked", 20, others(3));
	FENCE_ROW("rfence-7-blocked", 20, others(7));
	stop_others();
	start_others(awake);
	FENCE_ROW("rfence-1-preempted", 20, others(1));
	FENCE_ROW("rfence-3-preempted", 20, others(3));
	FENCE_ROW("rfence-7-preempted", 20, others(7));
	stop_others();
}

/*
 * Under icount the harts run in turn. A hart that waits for another one waits for the end of its own turn;
 * a turn ends before the next timer of any hart. All have one due soon, so that turns are short.
 */
static void take_short_turns(void)
{
	timer_set(time_now() + 50);
}

static void awake_in_turns(struct cpu *cpu)
{
	(void)cpu;
	while (!stop)
		take_short_turns();
	timer_set(~0UL);
}

static void fence_soon(unsigned long mask)
{
	take_short_turns();
	CHECK_EQ(sbi_remote_sfence_vma(mask, 0, A_PAGE, 4096), SBI_SUCCESS);
}

void bench_running(void)
{
	CHECK_EQ(nr_cpus, 8);
	for (unsigned int i = 1; i < nr_cpus; i++) {
		CHECK_EQ(smp_start(&cpus[i], awake_in_turns), SBI_SUCCESS);
		while (cpus[i].state == CPU_STARTING)
			take_short_turns();
	}
	bench_result("rfence-1-running", BATCH_MEDIAN(20, fence_soon(others(1))), 20);
	bench_result("rfence-3-running", BATCH_MEDIAN(20, fence_soon(others(3))), 20);
	bench_result("rfence-7-running", BATCH_MEDIAN(20, fence_soon(others(7))), 20);
	stop = true;
	for (unsigned int i = 1; i < nr_cpus; i++)
		while (sbi_hart_status(cpus[i].hartid) != SBI_HSM_STATE_STOPPED)
			take_short_turns();
	timer_set(~0UL);
}

/* --- a wake-up, and a fence to all, among those that sleep ------------------------------------------ */

static void answer(struct cpu *cpu)
{
	csr_write(sie, 1UL << IRQ_SOFT);
	while (!stop) {
		/* An IPI may be pending already. Which of the two vcpus has the hart when it comes is chance, and lasts. */
		if (!(csr_read(sip) & 1UL << IRQ_SOFT)) {
			wfi();
			continue;
		}
		csr_clear(sip, 1UL << IRQ_SOFT);
		if (cpu->index == nr_cpus - 1 && !stop)
			CHECK_EQ(sbi_send_ipi(1, cpus[0].hartid), SBI_SUCCESS);
	}
}

static void ping(unsigned long hart)
{
	(void)sbi_send_ipi(1, hart);
	while (!(csr_read(sip) & 1UL << IRQ_SOFT))
		wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
}

void bench_scale(void)
{
	unsigned long settled = time_in_ms(machine_arg("warm", 1));

	start_others(answer);
	while (time_now() < settled)
		bench_wait_asleep();
	csr_write(sie, 1UL << IRQ_SOFT);
	/* Two wake-ups a turn. */
	bench_result("wake", BATCH_MEDIAN(20, ping(cpus[nr_cpus - 1].hartid)), 40);
	csr_write(sie, 0);
	BENCH_SBI_ROW("fence-all", 10, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, 0, ~0UL, A_PAGE,
		      4096);
	stop_others();
}

static void forever_asleep(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 0);
	for (;;)
		wfi();
}

/* With no interrupt enabled they never come back; tools/bench.py ends the machine. */
void bench_idle(void)
{
	smp_start_others(forever_asleep);
	print("BENCH-IDLE\n");
	forever_asleep(this_cpu());
}

/* --- switches: all vcpus compute, on one hart ------------------------------------------------------- */

#define MAX_SAMPLES 2048

/* switch.S. The beginning of a tick, and turns of five instructions since then, or of three until then. */
struct moment {
	long tick, turns;
};

/*
 * bench_switch_wait - keep @now at this moment until the hart was away, since tick @back->tick if need be;
 * then *@back is the first moment.
 */
void bench_switch_wait(volatile struct moment *now, struct moment *back);

/* Of all vcpus of this VM together: one hart, so one runs. */
static struct {
	volatile struct moment last[MAX_HARTS]; /* by index: up to its last instruction */
	long began;				/* since when the one that runs has; 0: not yet */
	long from, to;				/* the window */
	long run, runs;
	volatile unsigned long nr_samples;
	unsigned long wanted, warm_until;
	long samples[MAX_SAMPLES];
} sw;

/* The last moment of the vcpu that ran before, which may be the caller itself. */
static long last_moment(void)
{
	long newest = 0;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		long moment = sw.last[i].tick * TICK + 5 * sw.last[i].turns + 4;

		if (moment > newest)
			newest = moment;
	}
	return newest;
}

static void came_back(long now, long last)
{
	if (time_now() < sw.warm_until || sw.nr_samples == sw.wanted)
		return;
	if (sw.began) {
		sw.run += last - sw.began;
		sw.runs++;
		sw.samples[sw.nr_samples++] = now - last;
	} else {
		sw.from = now;
	}
	sw.began = sw.to = now;
}

static void compute(struct cpu *cpu)
{
	struct moment back = { (long)time_now(), 0 };

	while (sw.nr_samples < sw.wanted && !stop) {
		bench_switch_wait(&sw.last[cpu->index], &back);
		came_back(clock_before(back.tick, back.turns), last_moment());
	}
}

static void compute_forever(struct cpu *cpu)
{
	compute(cpu);
	for (;;)
		;
}

/*
 * Among siblings the middle of the samples is what a switch takes. Where other VMs have their turns in
 * between, tools/bench.py finds it from how long each VM ran in how many stays; no VM may end before all
 * know enough (stay=1).
 */
void bench_switch(void)
{
	bool stay = machine_arg("stay", 0);
	unsigned long begin = time_in_ms(machine_arg("late", 0));

	/* Other VMs start meanwhile: a hart that computes makes that take seconds. */
	while (time_now() < begin)
		bench_wait_asleep();
	sw.wanted = machine_arg("samples", 256);
	sw.warm_until = time_in_ms(machine_arg("warm", 20));
	CHECK(sw.wanted <= MAX_SAMPLES);
	for (unsigned int i = 1; i < nr_cpus; i++)
		CHECK_EQ(smp_start(&cpus[i], stay ? compute_forever : compute), SBI_SUCCESS);
	compute(this_cpu());
	bench_result("window", sw.to - sw.from, 10);
	bench_result("window-run", sw.run, 10);
	bench_result("window-stays", sw.runs, 10);
	bench_result("switch", bench_middle(sw.samples, (unsigned int)sw.nr_samples), 10);
	if (!stay)
		return;
	bench_say_results();
	compute_forever(this_cpu());
}
