// SPDX-License-Identifier: BSD-2-Clause
/*
 * `preempted` of the PV-lock structure, and the magic page. Vcpu 0 looks at vcpu 1 while a third one keeps
 * it off the hart: non-zero, and zero again. A vcpu that halts of its own will is not preempted, and
 * no vcpu ever sees itself so. n= is how many looks each takes at itself.
 *
 * Torn reads of the magic page: for a vcpu that never halts, run + steal - time is the same in every
 * snapshot, to the tick. With careless=1 the reader does not look at the sequence, and must find some.
 */
#include "csr.h"
#include "pv.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("preempt");

#define MAGIC_GPA 0x40000000UL
#define LIMIT_MS  120000

static unsigned long looks;
static const volatile struct hartvisor_pv_lock *locks[MAX_HARTS];
static volatile bool stop;
static volatile unsigned long spun[MAX_HARTS];
static volatile bool halts;

static const volatile struct hartvisor_pv_lock *my_lock(void)
{
	struct sbiret at = pv_call(HARTVISOR_PV_LOCK_PREEMPTED, 0, 0);

	CHECK_EQ(at.error, SBI_SUCCESS);
	return (const volatile struct hartvisor_pv_lock *)at.value;
}

/* Runs all the time, and calls all the time, for its magic page is written at each entry. */
static void spin(struct cpu *cpu)
{
	locks[cpu->index] = my_lock();
	if (cpu->index == 1)
		CHECK_EQ(pv_call(HARTVISOR_MAP_MAGIC_PAGE, MAGIC_GPA, 0).error, SBI_SUCCESS);
	while (!stop) {
		if (locks[cpu->index]->preempted != 0)
			test_fail("hart %lu sees itself preempted", cpu->hartid);
		spun[cpu->index]++;
		(void)pv_call(HARTVISOR_POLL_IRQ, 0, 0);
	}
}

static void wait_until_spinning(unsigned int index)
{
	unsigned long limit = time_in_ms(LIMIT_MS), was = spun[index];

	while (spun[index] == was)
		if (time_now() > limit)
			test_fail("hart %lu does not get on", cpus[index].hartid);
}

/*
 * What is seen of vcpu 1: preempted, and not, again and again; with always=1, on one hart, it never runs
 * while we look.
 */
static void watch(void)
{
	unsigned long limit = time_in_ms(LIMIT_MS), changes = 0;
	bool always = machine_arg("always", 0), last = false;

	while (changes < (always ? 1 : 20)) {
		bool is = locks[1]->preempted != 0;

		changes += is != last;
		last = is;
		if (always && !is)
			test_fail("not preempted, and its reader has the only hart");
		if (time_now() > limit)
			test_fail("preempted changed %lu times only", changes);
	}
}

/* With @slowly its owner surely runs between two of the fields. */
static bool read_magic(struct hartvisor_magic *out, bool careless, bool slowly)
{
	const volatile struct hartvisor_magic *m = (void *)MAGIC_GPA;
	unsigned int sequence = m->sequence;

	mb();
	out->since = m->since;
	if (slowly)
		(void)pv_call(HARTVISOR_YIELD_TO, cpus[1].hartid, 0);
	out->run = m->run;
	out->steal = m->steal;
	out->exits = m->exits;
	out->state = m->state;
	mb();
	return careless || (sequence % 2 == 0 && m->sequence == sequence);
}

static void check_torn(unsigned long n, bool careless)
{
	unsigned long per_tick = 1000000000 / machine.timebase, good = 0, found = 0, news = 0;
	struct hartvisor_magic m;
	unsigned long long exits = 0;
	unsigned long limit = time_in_ms(60000);
	long first = 0, is;

	/* The owner's hart may stop in the middle of a change, for as long as the machine that emulates it likes. */
	for (unsigned long i = 0; i < n || (good < n / 100 && time_now() < limit); i++) {
		if (!read_magic(&m, careless, i % 64 == 0))
			continue;
		is = (long)(m.run + m.steal - m.since * per_tick);
		if (good++ == 0)
			first = is;
		found += is != first;
		news += m.exits != exits;
		exits = m.exits;
	}
	print("preempt: %lu of %lu snapshots were good, %lu new, %lu torn\n", good, n, news, found);
	/* Only on one hart does its owner surely run while we look slowly. */
	if (good < n / 100 || (machine_arg("always", 0) && news < n / 100))
		test_fail("hardly a snapshot was good, or new");
	if (careless ? found == 0 : found != 0)
		test_fail("%lu torn reads", found);
}

static void halt_till_stopped(struct cpu *cpu)
{
	locks[cpu->index] = my_lock();
	halts = true;
	mb();
	while (!stop)
		wfi();
}

/* One that sleeps is not preempted, however long others want its hart. */
static void test_halted_is_not_preempted(void)
{
	stop = false;
	halts = false;
	CHECK_EQ(smp_start(&cpus[1], halt_till_stopped), SBI_SUCCESS);
	for (unsigned long limit = time_in_ms(LIMIT_MS); !halts;)
		CHECK(time_now() < limit);
	for (unsigned long until = time_in_ms(50); time_now() < until;)
		cpu_relax(); /* till it is in its halt: a slice or more */
	for (unsigned long i = 0; i < 100000; i++)
		CHECK_EQ(locks[1]->preempted, 0);
	stop = true;
	CHECK_EQ(pv_kick(cpus[1].hartid), SBI_SUCCESS);
	smp_wait_stopped(&cpus[1]);
	CHECK_EQ(locks[1]->preempted, 0);
}

void guest_main(void)
{
	unsigned long n;

	looks = n = machine_arg("n", 20000);
	CHECK(nr_cpus >= 3);
	locks[0] = my_lock();
	smp_start_others(spin);
	for (unsigned int i = 1; i < nr_cpus; i++)
		wait_until_spinning(i);
	watch();
	for (unsigned long i = 0; i < looks; i++)
		CHECK_EQ(locks[0]->preempted, 0);
	check_torn(n, machine_arg("careless", 0));
	stop = true;
	smp_wait_others_stopped();
	for (unsigned int i = 0; i < nr_cpus; i++)
		CHECK_EQ(locks[i]->preempted, 0);
	test_halted_is_not_preempted();
	print("preempt: %u vcpus, %lu looks\n", nr_cpus, looks);
}
