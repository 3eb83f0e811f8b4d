// SPDX-License-Identifier: BSD-2-Clause
/*
 * Steal time (SBI STA): what the call refuses, what the structure looks like, what its figures are worth.
 * alone=1 says that all vcpus share one hart that no other VM uses: then at any time just one of them
 * runs, and their figures must add up.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"

GUEST("steal");

#define OFF	    (~0UL)
#define SET_SHMEM   0
#define SPIN_MS	    150
#define SLEEP_MS    120
#define GARBAGE	    0xa5
#define RETRIES_MAX 100000000UL

struct sta {
	volatile uint32_t sequence;
	volatile uint32_t flags;
	volatile uint64_t steal;
	volatile uint8_t preempted;
	volatile uint8_t pad[47];
};

_Static_assert(sizeof(struct sta) == 64, "STA");

/* One for each vcpu, and one before and behind that belong to no vcpu. */
static struct sta room[MAX_HARTS + 2] __attribute__((aligned(64)));
static struct sta *const shared = &room[1];
static struct barrier barrier;
static volatile bool asleep, awake;
static volatile unsigned long ran[MAX_HARTS];
static bool alone;

static long set(unsigned long lo, unsigned long hi, unsigned long flags)
{
	return sbi_call(SBI_EXT_STA, SET_SHMEM, lo, hi, flags, 0, 0).error;
}

static void enable(const struct cpu *cpu)
{
	CHECK_EQ(set((unsigned long)&shared[cpu->index], 0, 0), SBI_SUCCESS);
}

static bool all_are(const volatile void *p, int c, size_t n)
{
	const volatile uint8_t *byte = p;

	while (n && *byte == (uint8_t)c)
		byte++, n--;
	return n == 0;
}

/* As the specification has it: the same even sequence before and after. */
static uint64_t steal_of(const struct sta *s)
{
	for (unsigned long i = 0; i < RETRIES_MAX; i++) {
		uint32_t before = s->sequence;
		uint64_t steal;

		mb();
		steal = s->steal;
		mb();
		if (!(before & 1) && s->sequence == before)
			return steal;
	}
	test_fail("a sequence stays odd, or never rests");
}

/* --- the call --------------------------------------------------------------------------------------- */

static void test_arguments(void)
{
	unsigned long at = (unsigned long)&shared[0], ram_end = machine.ram_base + machine.ram_size;

	(void)memset((void *)room, GARBAGE, sizeof(room));
	CHECK_EQ(set(at, 0, 1), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(set(OFF, OFF, 1), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(set(at, 0, 1UL << 63), SBI_ERR_INVALID_PARAM);
	for (unsigned long off = 1; off < 64; off <<= 1)
		CHECK_EQ(set(at + off, 0, 0), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(set(OFF, 0, 0), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(set(at, 1, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(at, OFF, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(0, 0, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(0x10000000, 0, 0), SBI_ERR_INVALID_ADDRESS); /* the UART */
	CHECK_EQ(set(machine.ram_base - 64, 0, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(ram_end, 0, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(1UL << 55, 0, 0), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(set(-64UL, 0, 0), SBI_ERR_INVALID_ADDRESS);
	for (unsigned long fid = 1; fid < 70; fid++)
		CHECK_EQ(sbi_call(SBI_EXT_STA, fid, at, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
	CHECK(all_are(room, GARBAGE, sizeof(room)));
	CHECK_EQ(set(ram_end - 64, 0, 0), SBI_SUCCESS);
	CHECK(all_are(((struct sta *)(ram_end - 64))->pad, 0, 47));
	CHECK_EQ(set(OFF, OFF, 0), SBI_SUCCESS);
}

static void test_layout(struct cpu *cpu)
{
	const struct sta *s = &shared[cpu->index];

	enable(cpu);
	mb();
	CHECK_EQ(s->sequence & 1, 0);
	CHECK_EQ(s->flags, 0);
	CHECK_EQ(s->preempted, 0);
	CHECK(all_are(s->pad, 0, sizeof(s->pad)));
	CHECK(all_are(&shared[-1], GARBAGE, 64));
	CHECK(all_are(&shared[1], GARBAGE, 64));
}

/* --- the figures ------------------------------------------------------------------------------------ */

static void look(const struct cpu *cpu, uint64_t *newest)
{
	for (unsigned int i = 0; i < nr_cpus; i++) {
		uint64_t steal = steal_of(&shared[i]);

		if (steal < newest[i])
			test_fail("steal of vcpu %u went back from %lu to %lu", i, newest[i],
				  steal);
		newest[i] = steal;
	}
	if (shared[cpu->index].preempted)
		test_fail("vcpu %lu runs and is said to be preempted", cpu->index);
}

/* No vcpu sleeps. Where there is one hart, the vcpu that looks is the one that runs. */
static void spin(struct cpu *cpu)
{
	uint64_t newest[MAX_HARTS] = { 0 }, steal, ns = 1000000000 / machine.timebase;
	unsigned long from, now;

	barrier_wait(&barrier, nr_cpus);
	steal = steal_of(&shared[cpu->index]);
	from = time_now();
	do {
		look(cpu, newest);
		for (unsigned int i = 0; alone && i < nr_cpus; i++)
			if (i != cpu->index && !shared[i].preempted)
				test_fail("vcpu %u waits and is not said to be preempted", i);
		now = time_now();
	} while (now - from < SPIN_MS * (machine.timebase / 1000));
	steal = steal_of(&shared[cpu->index]) - steal;
	if (steal > (now - from) * ns)
		test_fail("%lu of %lu ns were stolen", (unsigned long)steal, (now - from) * ns);
	ran[cpu->index] = (now - from) * ns - steal;
	barrier_wait(&barrier, nr_cpus);
}

/* On one hart that is busy all the time the parts make the whole. */
static void check_sum(void)
{
	unsigned long sum = 0, whole = SPIN_MS * 1000000UL;

	for (unsigned int i = 0; i < nr_cpus; i++)
		sum += ran[i];
	print("steal: %u vcpus ran for %lu us of %lu\n", nr_cpus, sum / 1000, whole / 1000);
	/* They began and ended within a few slices of each other. */
	if (alone && (sum < whole * 85 / 100 || sum > whole * 115 / 100))
		test_fail("what was not stolen is not what ran");
}

/* Suspended, not by WFI: others can ask the SBI whether it sleeps. */
static void sleep_ms(unsigned long ms)
{
	unsigned long until = time_in_ms(ms);

	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(until);
	while (time_now() < until)
		CHECK_EQ(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, 0, 0, 0, 0, 0).error,
			 SBI_SUCCESS);
	timer_set(~0UL);
	csr_write(sie, 0);
}

/* The boot vcpu sleeps, the others spin: its sleep is not stolen, and it is not preempted. */
static void sleeper(const struct cpu *cpu)
{
	uint64_t steal = steal_of(&shared[cpu->index]);

	asleep = true;
	sleep_ms(SLEEP_MS);
	awake = true;
	steal = steal_of(&shared[cpu->index]) - steal;
	if (steal > SLEEP_MS * 1000000UL / 2)
		test_fail("of %u ms of sleep %lu ns were stolen", SLEEP_MS, (unsigned long)steal);
}

static bool sleeps(const struct cpu *cpu)
{
	return sbi_hart_status(cpu->hartid) == SBI_HSM_STATE_SUSPENDED;
}

/* On the way to its sleep and after it, it may be preempted; not while the SBI says that it is suspended. */
static void watcher(void)
{
	const struct cpu *boot = &cpus[0];
	unsigned long seen = 0;

	while (!asleep)
		;
	while (!awake) {
		bool before = sleeps(boot), preempted = shared[0].preempted;

		if (!before || !sleeps(boot))
			continue;
		if (preempted)
			test_fail("a sleeper is said to be preempted, at look %lu", seen);
		seen++;
	}
}

/* What is written there is the guest's own business, and gone with the next update. */
static void scribble(struct cpu *cpu)
{
	struct sta *s = &shared[cpu->index];
	uint64_t steal = steal_of(s);
	unsigned long limit = time_in_ms(SPIN_MS), from = time_now();

	s->sequence = 12345;
	s->steal = 1UL << 60;
	s->preempted = 77;
	while (s->sequence == 12345 && time_now() < limit)
		;
	if (s->sequence == 12345)
		return; /* it had its hart for itself */
	CHECK_EQ(s->preempted, 0);
	steal = steal_of(s) - steal;
	CHECK(steal <= (time_now() - from) * (1000000000 / machine.timebase));
}

static void unchanged_while_busy(const struct cpu *cpu, const char *when)
{
	unsigned long until = time_in_ms(SPIN_MS / 4);

	while (time_now() < until)
		;
	if (!all_are(&shared[cpu->index], GARBAGE, 64))
		test_fail("the structure is written after %s", when);
}

static void disable(struct cpu *cpu)
{
	CHECK_EQ(set(OFF, OFF, 0), SBI_SUCCESS);
	(void)memset((void *)&shared[cpu->index], GARBAGE, 64);
	barrier_wait(&barrier, nr_cpus);
	unchanged_while_busy(cpu, "it was switched off");
	barrier_wait(&barrier, nr_cpus);
	/* On again, for what comes next. */
	enable(cpu);
}

static void figures(struct cpu *cpu)
{
	enable(cpu);
	barrier_wait(&barrier, nr_cpus);
	spin(cpu);
	if (cpu->index == 0)
		check_sum();
	if (cpu->index == 0)
		sleeper(cpu);
	else
		watcher();
	barrier_wait(&barrier, nr_cpus);
	scribble(cpu);
	barrier_wait(&barrier, nr_cpus);
	disable(cpu);
}

/* They stopped with it on, and start without. */
static void second_life(struct cpu *cpu)
{
	(void)memset((void *)&shared[cpu->index], GARBAGE, 64);
	barrier_wait(&barrier, nr_cpus);
	unchanged_while_busy(cpu, "its hart was stopped and started");
	barrier_wait(&barrier, nr_cpus);
}

void guest_main(void)
{
	alone = machine_arg("alone", 0);
	CHECK(sbi_probe(SBI_EXT_STA));
	CHECK(nr_cpus >= 2);
	test_arguments();
	test_layout(this_cpu());
	smp_start_others(figures);
	figures(this_cpu());
	smp_wait_others_stopped();
	smp_start_others(second_life);
	CHECK_EQ(set(OFF, OFF, 0), SBI_SUCCESS);
	second_life(this_cpu());
	smp_wait_others_stopped();
}
