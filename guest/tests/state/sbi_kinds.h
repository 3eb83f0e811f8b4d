/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of state that hartvisor keeps for a vcpu because of an SBI call. */
#include "csr.h"
#include "pv.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "state.h"

/* --- hsm: the second hart, stopped or suspended --- */

static volatile bool hsm_wakes;

static bool hsm_exists(void)
{
	return nr_cpus > 1;
}

static void hsm_fresh(void)
{
	CHECK_EQ(sbi_hart_status(cpus[1].hartid), SBI_HSM_STATE_STOPPED);
}

static void hsm_sleeper(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 1UL << IRQ_SOFT);
	while (!hsm_wakes)
		CHECK_EQ(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE, 0,
				  0, 0, 0)
				 .error,
			 SBI_SUCCESS);
	csr_write(sie, 0);
	csr_clear(sip, 1UL << IRQ_SOFT);
}

static bool hsm_is_marked(unsigned long round)
{
	return (state_id + round) & 1;
}

static void hsm_mark(unsigned long round)
{
	unsigned long limit = time_in_ms(60000);

	if (!hsm_is_marked(round))
		return;
	hsm_wakes = false;
	CHECK_EQ(smp_start(&cpus[1], hsm_sleeper), SBI_SUCCESS);
	while (sbi_hart_status(cpus[1].hartid) != SBI_HSM_STATE_SUSPENDED)
		if (time_now() > limit)
			test_fail("the second hart does not sleep");
}

static void hsm_look(unsigned long round)
{
	state_check("the second hart", (unsigned long)sbi_hart_status(cpus[1].hartid),
		    hsm_is_marked(round) ? SBI_HSM_STATE_SUSPENDED : SBI_HSM_STATE_STOPPED);
}

static void hsm_unmark(void)
{
	hsm_wakes = true;
	sbi_send_ipi(1, cpus[1].hartid);
	smp_wait_stopped(&cpus[1]);
}

/* --- kick: one that came before its halt --- */

static bool kick_exists(void)
{
	return machine_pv("kick-cpu") && machine_pv("pv-wait");
}

/* Does a halt end before its interrupt, @us from now? */
static bool kick_is_there(unsigned long us)
{
	unsigned long end = time_in_us(us);
	bool early;

	timer_set(end);
	csr_write(sie, 1UL << IRQ_TIMER);
	CHECK_EQ(pv_wait(HARTVISOR_PV_WAIT_IRQ), SBI_SUCCESS);
	early = time_now() < end;
	csr_write(sie, 0);
	timer_set(~0UL);
	return early;
}

static void kick_fresh(void)
{
	CHECK(!kick_is_there(1000));
}

static void kick_mark(unsigned long round)
{
	if ((state_id + round) & 1)
		CHECK_EQ(pv_kick(this_cpu()->hartid), SBI_SUCCESS);
}

static void kick_look(unsigned long round)
{
	bool kicked = (state_id + round) & 1;

	state_check("the kick before a halt", kick_is_there(kicked ? 1000000 : 1000), kicked);
}

static void kick_unmark(void)
{
}

/* --- sta: where steal time is written --- */

static struct {
	uint32_t sequence, flags;
	uint64_t steal;
	uint8_t preempted, rest[47];
} sta_shared __attribute__((aligned(64)));

static bool sta_exists(void)
{
	return sbi_probe(SBI_EXT_STA);
}

static long sta_set(unsigned long at, unsigned long high)
{
	return sbi_call(SBI_EXT_STA, SBI_STA_SET_SHMEM, at, high, 0, 0, 0).error;
}

static bool sta_is_untouched(void)
{
	for (unsigned int i = 0; i < sizeof(sta_shared); i++)
		if (((const volatile uint8_t *)&sta_shared)[i])
			return false;
	return true;
}

static void sta_fresh(void)
{
	CHECK(sta_is_untouched());
}

static void sta_mark(unsigned long round)
{
	(void)round;
	CHECK(sta_is_untouched());
	CHECK_EQ(sta_set((unsigned long)&sta_shared, 0), SBI_SUCCESS);
}

/* No more than has gone since this life began; by 100 ns, what the machine's clock can tell apart. */
static void sta_look(unsigned long round)
{
	uint64_t most = (time_now() + 1) * (1000000000 / machine.timebase);

	(void)round;
	mb();
	state_check("the sequence of steal time", sta_shared.sequence & 1, 0);
	state_check("preempted", sta_shared.preempted, 0);
	if (sta_shared.steal > most)
		state_is_bad("steal time", sta_shared.steal, most);
}

static void sta_unmark(void)
{
	CHECK_EQ(sta_set(~0UL, ~0UL), SBI_SUCCESS);
	memset(&sta_shared, 0, sizeof(sta_shared));
}

/* --- magic: a page in the VM's address space --- */

#define MAGIC_GPA 0x40000000UL /* between virt's devices and RAM */

static bool magic_exists(void)
{
	return machine_pv("magic-page");
}

static const volatile struct hartvisor_magic *magic_page(void)
{
	return (const volatile struct hartvisor_magic *)MAGIC_GPA;
}

static bool magic_is_there(void)
{
	return TRAP_TRY((void)magic_page()->version).count == 0;
}

static void magic_fresh(void)
{
	CHECK(!magic_is_there());
}

static void magic_mark(unsigned long round)
{
	if ((state_id + round) & 1)
		CHECK_EQ(pv_call(HARTVISOR_MAP_MAGIC_PAGE, MAGIC_GPA, 0).error, SBI_SUCCESS);
}

static void magic_look(unsigned long round)
{
	bool mapped = (state_id + round) & 1;

	state_check("the magic page", magic_is_there(), mapped);
	if (!mapped || !magic_is_there())
		return;
	state_check("the magic page's hart", magic_page()->hartid, this_cpu()->hartid);
	state_check("the magic page's state", magic_page()->state, HARTVISOR_MAGIC_RUNS);
	if (magic_page()->since > time_now())
		state_is_bad("the magic page's time", magic_page()->since, time_now());
}

static void magic_unmark(void)
{
	(void)pv_call(HARTVISOR_MAP_MAGIC_PAGE, HARTVISOR_MAGIC_UNMAP, 0);
}
