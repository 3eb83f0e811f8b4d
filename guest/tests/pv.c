// SPDX-License-Identifier: BSD-2-Clause
/*
 * hartvisor's own calls as docs/abi.md has them: what is announced, what FEATURES says, and every call with
 * arguments that are wrong. With off=1: the VM has none of it, with pvlk=1: it has the alias.
 */
#include "csr.h"
#include "pv.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("pv");

#define NO_HART	  1000UL
#define VENDOR	  (HARTVISOR_SBI_EXT_VENDOR_BASE + mvendorid())
#define MAGIC_GPA 0x40000000UL /* between virt's devices and RAM */
#define UART_GPA  0x10000000UL

static const unsigned long bad_harts[] = { NO_HART, 64, 1UL << 32, 1UL << 63, ~0UL };

static unsigned long mvendorid(void)
{
	return (unsigned long)sbi_call(SBI_EXT_BASE, SBI_BASE_GET_MVENDORID, 0, 0, 0, 0, 0).value &
	       HARTVISOR_SBI_EXT_VENDOR_MASK;
}

static long error(unsigned long fid, unsigned long a0, unsigned long a1)
{
	return pv_call(fid, a0, a1).error;
}

static void test_off(void)
{
	CHECK_EQ(machine.pv_eid, 0);
	CHECK_EQ(machine.pv_lock_size, 0);
	CHECK(!sbi_probe(VENDOR));
	for (unsigned long fid = 0; fid < 64; fid++)
		CHECK_EQ(sbi_call(VENDOR, fid, 0, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
}

static void test_what_is_announced(void)
{
	static const struct {
		const char *name;
		unsigned long calls;
	} features[] = {
		{ "poll-irq", 1UL << HARTVISOR_POLL_IRQ },
		{ "magic-page", 1UL << HARTVISOR_MAP_MAGIC_PAGE },
		{ "kick-cpu", 1UL << HARTVISOR_KICK_CPU },
		{ "pv-wait", 1UL << HARTVISOR_PV_WAIT },
		{ "pv-lock",
		  1UL << HARTVISOR_PV_LOCK_FEATURES | 1UL << HARTVISOR_PV_LOCK_PREEMPTED },
		{ "yield-to", 1UL << HARTVISOR_YIELD_TO },
	};
	unsigned long calls = 1UL << HARTVISOR_FEATURES;
	struct sbiret has;

	CHECK_EQ(machine.pv_eid, VENDOR);
	CHECK(sbi_probe(VENDOR));
	CHECK(!sbi_probe(VENDOR + 1));
	for (unsigned int i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		calls |= machine_pv(features[i].name) ? features[i].calls : 0;
	has = pv_call(HARTVISOR_FEATURES, 0, 0);
	CHECK_EQ(has.error, SBI_SUCCESS);
	CHECK_EQ(has.value, calls);
	for (unsigned long fid = 0; fid < 256; fid++)
		if (fid > 63 || !(calls & 1UL << fid))
			CHECK_EQ(error(fid, 0, 0), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(error(1UL << 32 | HARTVISOR_FEATURES, 0, 0), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(error(HARTVISOR_MMU_OP, 0, 0), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(error(~0UL, 0, 0), SBI_ERR_NOT_SUPPORTED);
}

static void test_kick_and_wait(void)
{
	unsigned long me = this_cpu()->hartid;

	for (unsigned int i = 0; i < sizeof(bad_harts) / sizeof(bad_harts[0]); i++) {
		CHECK_EQ(error(HARTVISOR_KICK_CPU, 0, bad_harts[i]), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(error(HARTVISOR_YIELD_TO, bad_harts[i], 0), SBI_ERR_INVALID_PARAM);
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		CHECK_EQ(error(HARTVISOR_KICK_CPU, 1UL << bit, me), SBI_ERR_INVALID_PARAM);
		if (bit > 0)
			CHECK_EQ(error(HARTVISOR_PV_WAIT, 1UL << bit, 0), SBI_ERR_INVALID_PARAM);
	}
	CHECK_EQ(error(HARTVISOR_YIELD_TO, me, 0), SBI_SUCCESS);
	if (nr_cpus > 1) /* stopped */
		CHECK_EQ(error(HARTVISOR_YIELD_TO, cpus[1].hartid, 0), SBI_SUCCESS);
	CHECK_EQ(error(HARTVISOR_KICK_CPU, 0, me), SBI_SUCCESS);
	CHECK_EQ(error(HARTVISOR_PV_WAIT, 0, 0), SBI_SUCCESS);
}

static void test_poll_irq(void)
{
	csr_write(sie, 1UL << IRQ_SOFT);
	irq_on();
	CHECK_EQ(error(HARTVISOR_POLL_IRQ, ~0UL, ~0UL), SBI_SUCCESS);
	irq_off();
	csr_write(sie, 0);
}

static void test_pv_lock(void)
{
	struct sbiret at;

	CHECK_EQ(error(HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_PV_LOCK_FEATURES, 0), SBI_SUCCESS);
	CHECK_EQ(error(HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_PV_LOCK_PREEMPTED, 0), SBI_SUCCESS);
	CHECK_EQ(error(HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_YIELD_TO, 0), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(error(HARTVISOR_PV_LOCK_FEATURES, ~0UL, 0), SBI_ERR_NOT_SUPPORTED);
	for (unsigned int i = 0; i < 2; i++) {
		at = pv_call(HARTVISOR_PV_LOCK_PREEMPTED, ~0UL, ~0UL);
		CHECK_EQ(at.error, SBI_SUCCESS);
		CHECK_EQ(at.value % HARTVISOR_PV_LOCK_SIZE, 0);
		CHECK((unsigned long)at.value >= machine.pv_lock_base);
		CHECK(at.value + HARTVISOR_PV_LOCK_SIZE - machine.pv_lock_base <=
		      machine.pv_lock_size);
		CHECK_EQ(((const volatile struct hartvisor_pv_lock *)at.value)->preempted, 0);
	}
	CHECK(machine.pv_lock_base >= machine.ram_base);
	CHECK(machine.pv_lock_base + machine.pv_lock_size <= machine.ram_base + machine.ram_size);
}

static long map(unsigned long at)
{
	return error(HARTVISOR_MAP_MAGIC_PAGE, at, 0);
}

static unsigned long load_fault(unsigned long at)
{
	struct trap t = TRAP_TRY((void)*(volatile unsigned long *)at);

	return t.count ? t.cause : 0;
}

static void test_magic_page_is_refused(void)
{
	const unsigned long wrong[] = {
		machine.ram_base, machine.ram_base + machine.ram_size - 4096,
		UART_GPA,	  0x0c000000,
		0x0c5ff000,	  0x00100000,
		1UL << 41,	  1UL << 55,
		1UL << 63,	  ~0xfffUL,
	};

	CHECK_EQ(map(~0UL), SBI_ERR_INVALID_STATE);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(map(wrong[i]), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(map(MAGIC_GPA + 8), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(map(~1UL), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(load_fault(MAGIC_GPA), CAUSE_LOAD_ACCESS);
}

static volatile bool stolen;

/* Another vcpu's page is in the way: every vcpu can read it, and only its owner can take it away. */
static void maps_there_too(struct cpu *cpu)
{
	const volatile struct hartvisor_magic *m = (void *)MAGIC_GPA;

	(void)cpu;
	CHECK_EQ(m->hartid, cpus[0].hartid);
	CHECK_EQ(map(MAGIC_GPA), SBI_ERR_INVALID_ADDRESS);
	CHECK_EQ(map(~0UL), SBI_ERR_INVALID_STATE);
	CHECK_EQ(map(MAGIC_GPA + 4096), SBI_SUCCESS);
	m = (void *)(MAGIC_GPA + 4096);
	CHECK_EQ(m->hartid, cpu->hartid);
	stolen = true;
}

static void test_magic_page(void)
{
	volatile struct hartvisor_magic *m = (void *)MAGIC_GPA;
	unsigned long long exits, run, since;

	CHECK_EQ(map(MAGIC_GPA), SBI_SUCCESS);
	CHECK_EQ(m->version, HARTVISOR_MAGIC_VERSION);
	CHECK_EQ(m->sequence % 2, 0);
	CHECK_EQ(m->hartid, this_cpu()->hartid);
	CHECK_EQ(m->state, HARTVISOR_MAGIC_RUNS);
	exits = m->exits;
	run = m->run;
	since = m->since;
	CHECK(exits > 0 && run > 0 && since > 0 && since <= time_now());
	for (unsigned int i = 0; i < 10; i++)
		(void)pv_call(HARTVISOR_POLL_IRQ, 0, 0);
	CHECK(m->exits >= exits + 10 && m->run > run && m->since > since);
	for (unsigned int i = sizeof(*m); i < 4096; i += 8)
		CHECK_EQ(*(volatile unsigned long *)(MAGIC_GPA + i), 0);

	CHECK_EQ(TRAP_TRY(m->exits = 0).cause, CAUSE_STORE_ACCESS);
	CHECK(m->exits > exits);
	CHECK_EQ(map(machine.ram_base), SBI_ERR_INVALID_ADDRESS); /* and it stays */
	CHECK_EQ(map(MAGIC_GPA), SBI_SUCCESS);
	CHECK_EQ(m->hartid, this_cpu()->hartid);
	if (nr_cpus > 1) {
		CHECK_EQ(smp_start(&cpus[1], maps_there_too), SBI_SUCCESS);
		while (!stolen)
			cpu_relax();
		smp_wait_stopped(&cpus[1]);
	}
	/* It moves: here far away, with tables of its own, there and back many times. */
	for (unsigned long i = 1; i <= 300; i++) {
		m = (void *)(MAGIC_GPA + (i << 21));
		CHECK_EQ(map((unsigned long)m), SBI_SUCCESS);
		CHECK_EQ(m->version, HARTVISOR_MAGIC_VERSION);
		CHECK_EQ(load_fault(MAGIC_GPA + ((i - 1) << 21)), CAUSE_LOAD_ACCESS);
	}
	CHECK_EQ(map(~0UL), SBI_SUCCESS);
	CHECK_EQ(load_fault((unsigned long)m), CAUSE_LOAD_ACCESS);
	CHECK_EQ(map(~0UL), SBI_ERR_INVALID_STATE);
}

static void test_alias(bool on)
{
	CHECK_EQ(sbi_probe(HARTVISOR_SBI_EXT_PVLK), on);
	for (unsigned long fid = on; fid < 8; fid++)
		CHECK_EQ(sbi_call(HARTVISOR_SBI_EXT_PVLK, fid, 0, 0, 0, 0, 0).error,
			 SBI_ERR_NOT_SUPPORTED);
	for (unsigned int i = 0; on && i < sizeof(bad_harts) / sizeof(bad_harts[0]); i++)
		CHECK_EQ(sbi_call(HARTVISOR_SBI_EXT_PVLK, 0, bad_harts[i], 0, 0, 0, 0).error,
			 SBI_ERR_INVALID_PARAM);
	if (!on)
		return;
	CHECK_EQ(sbi_call(HARTVISOR_SBI_EXT_PVLK, 0, this_cpu()->hartid, 0, 0, 0, 0).error,
		 SBI_SUCCESS);
	wfi(); /* with nothing enabled: the kick alone ends it */
}

void guest_main(void)
{
	test_alias(machine_arg("pvlk", 0));
	if (machine_arg("off", 0)) {
		test_off();
		return;
	}
	test_what_is_announced();
	if (machine_pv("kick-cpu") && machine_pv("pv-wait") && machine_pv("yield-to"))
		test_kick_and_wait();
	if (machine_pv("poll-irq"))
		test_poll_irq();
	if (machine_pv("pv-lock"))
		test_pv_lock();
	if (machine_pv("magic-page")) {
		test_magic_page_is_refused();
		test_magic_page();
	}
	if (machine_arg("keep", 0)) /* for hold=1: the VM's next life must not find it */
		CHECK_EQ(map(MAGIC_GPA), SBI_SUCCESS);
	print("pv: %u vcpus, eid 0x%x, pv-lock at 0x%lx\n", nr_cpus, machine.pv_eid,
	      machine.pv_lock_base);
}
