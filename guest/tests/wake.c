// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every reason against every sleep (hyp/vcpu/sleep.h): vcpu 1 sleeps in each way, and each reason comes
 * before, within and after its way into the sleep. Where the table says that the reason ends the sleep, it
 * must end; where not, the vcpu must sleep on until a kick. n=: how many times. wfi=, suspend=, pv-wait=,
 * pv-wait-irq=, stopped=: the table's rows, bits as of enum wake_reason. busy=: vcpus from 2 on that
 * always want a hart. All others sleep as long as they can, so that without them vcpu 1's hart is idle.
 *
 * stay=1: vcpu 1 goes from one sleep to the next and nothing ends any but a timer, for ever (stay=2: nothing at
 * all), so that the operator can pause, reset or destroy the VM meanwhile.
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "pv.h"
#include "random.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "uart.h"

GUEST("wake");

#define WATCHDOG_MS 60000
#define LONG_ENOUGH 400 /* us: a vcpu that was about to sleep does */
#define DELAY	    3000

/* Bits of the table's rows. */
enum { REQUEST = 1, KICK = 2, IRQ = 4, TIMER = 8 };

enum sleep { WFI, SUSPEND, PV_WAIT, PV_WAIT_IRQ, STOPPED, NR_SLEEPS };
enum cause { BY_REQUEST, BY_KICK, BY_IPI, BY_LEVEL, BY_TIMER, NR_CAUSES };
enum when { BEFORE, WITHIN, AFTER, NR_WHENS };

static const char *const sleep_names[] = { "wfi", "suspend", "pv-wait", "pv-wait-irq", "stopped" };
static const char *const cause_names[] = { "request", "kick", "ipi", "level", "timer" };
static const char *const when_names[] = { "before", "within", "after" };
static const unsigned int bit_of[] = { REQUEST, KICK, IRQ, IRQ, TIMER };

static unsigned long ends[NR_SLEEPS];

/* The cell that is tried; the numbers grow, so that no answer is taken for one of another round. */
static volatile enum sleep kind;
static volatile enum cause cause;
static volatile enum when when;
static volatile unsigned long asked, about_to, awake, started;
static volatile bool may_end; /* the reason has been made, or is the sleeper's own */
static volatile unsigned long seeds[2] = { 0x9e3779b97f4a7c15UL, 0xd1b54a32d192ed03UL };

static struct cpu *sleeper(void)
{
	return &cpus[1];
}

static void lose(const char *what)
{
	test_fail("%s, %s %s: %s", sleep_names[kind], cause_names[cause], when_names[when], what);
}

static void delay(unsigned int index)
{
	unsigned long seed = seeds[index];

	random_delay(&seed, DELAY);
	seeds[index] = seed;
}

/* For the conductor: its hart is the sleeper's while it waits. */
static void doze(unsigned long us)
{
	unsigned long until = time_in_us(us);

	timer_set(until);
	while (time_now() < until)
		wfi();
	timer_set(~0UL);
}

static void wait_for(volatile unsigned long *word, unsigned long number, const char *what)
{
	unsigned long limit = time_in_ms(WATCHDOG_MS), us = 20;

	while (*word != number) {
		if (time_now() > limit)
			lose(what);
		doze(us);
		us = us < 2000 ? us * 2 : us;
	}
}

/* --- reasons ---------------------------------------------------------------------------------------- */

static void level_on(void)
{
	*uart_reg(UART_IER) = UART_IER_THRE;
}

static void level_off(void)
{
	unsigned long context = plic_context(sleeper()->hartid);
	uint32_t source;

	*uart_reg(UART_IER) = 0;
	while ((source = *plic_claim(context)) != 0)
		*plic_claim(context) = source;
}

static void level_setup(void)
{
	unsigned long context = plic_context(sleeper()->hartid);

	*uart_reg(UART_IER) = 0;
	*plic_priority(UART_IRQ) = 1;
	*plic_threshold(context) = 0;
	*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
}

/* By any vcpu; the timer is the sleeper's own. */
static void make(void)
{
	unsigned long hartid = sleeper()->hartid;

	switch (cause) {
	case BY_REQUEST:
		CHECK_EQ(sbi_remote_fence_i(1UL << hartid, 0), SBI_SUCCESS);
		break;
	case BY_KICK:
		CHECK_EQ(pv_kick(hartid), SBI_SUCCESS);
		break;
	case BY_IPI:
		CHECK_EQ(sbi_send_ipi(1UL << hartid, 0), SBI_SUCCESS);
		break;
	case BY_LEVEL:
		level_on();
		break;
	default:
		break;
	}
}

/* --- the sleeper ------------------------------------------------------------------------------------ */

/* Nothing of an earlier cell is left: no interrupt, no deadline, and the kick that was kept is used up. */
static void calm_down(struct cpu *cpu)
{
	timer_set(~0UL);
	csr_clear(sip, 1UL << IRQ_SOFT);
	level_off();
	CHECK_EQ(pv_kick(cpu->hartid), SBI_SUCCESS);
	CHECK_EQ(pv_wait(0), SBI_SUCCESS);
	csr_write(sie, 1UL << IRQ_SOFT | 1UL << IRQ_TIMER | 1UL << IRQ_EXT);
}

static void halt(void)
{
	switch (kind) {
	case WFI:
		wfi();
		break;
	case SUSPEND:
		CHECK_EQ(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, 0, 0, 0, 0, 0).error,
			 SBI_SUCCESS);
		break;
	case PV_WAIT:
		CHECK_EQ(pv_wait(0), SBI_SUCCESS);
		break;
	default:
		CHECK_EQ(pv_wait(HARTVISOR_PV_WAIT_IRQ), SBI_SUCCESS);
		break;
	}
}

static void set_own_timer(void)
{
	unsigned long now = time_now(), seed = seeds[1], at;

	switch (when) {
	case BEFORE: /* due before the sleep: the deadline passes while it runs */
		at = now + 20;
		timer_set(at);
		while (time_now() < at + 100)
			cpu_relax();
		break;
	case WITHIN:
		timer_set(now + random_next(&seed) % 400);
		break;
	default:
		timer_set(time_in_us(LONG_ENOUGH));
		break;
	}
	seeds[1] = seed;
}

/* By the one IPI that comes after the question: were it left behind it would end the next halt. */
static void wait_until_asked(unsigned long number)
{
	csr_write(sie, 1UL << IRQ_SOFT);
	while (!(csr_read(sip) & 1UL << IRQ_SOFT))
		wfi();
	csr_clear(sip, 1UL << IRQ_SOFT);
	if (asked != number)
		lose("an IPI came that belongs to no question");
}

/* Until the conductor wants it to stop. */
static void sleeps(struct cpu *cpu)
{
	started = 1; /* an IPI that comes before is no longer pending after the start */
	for (unsigned long number = awake + 1;; number++) {
		wait_until_asked(number);
		if (kind == STOPPED) {
			about_to = number;
			delay(1);
			return;
		}
		calm_down(cpu);
		if (cause == BY_TIMER)
			may_end = true;
		if (when == BEFORE)
			make();
		if (when != BEFORE)
			about_to = number;
		delay(1);
		if (cause == BY_TIMER)
			set_own_timer();
		if (when == BEFORE) {
			may_end = true;
			about_to = number;
		}
		halt();
		if (!may_end)
			lose("it woke before there was a reason");
		csr_clear(sip, 1UL << IRQ_SOFT);
		awake = number;
	}
}

/* It was stopped, and a start ended that. */
static void starts_again(struct cpu *cpu)
{
	if (!may_end)
		lose("it runs though nothing has started it");
	awake = asked;
	sleeps(cpu);
}

/* --- the conductor ---------------------------------------------------------------------------------- */

static void ask(void)
{
	may_end = false;
	mb();
	asked = asked + 1;
	CHECK_EQ(sbi_send_ipi(1UL << sleeper()->hartid, 0), SBI_SUCCESS);
	wait_for(&about_to, asked, "it did not come to the sleep");
}

/* The reason at its time. */
static void conduct(bool must_end)
{
	if (when == BEFORE || cause == BY_TIMER)
		return;
	if (when == WITHIN) {
		delay(0);
	} else {
		doze(LONG_ENOUGH);
		if (awake == asked)
			lose("it woke before there was a reason");
	}
	if (must_end)
		may_end = true;
	mb();
	make();
}

static void sleeps_on(void)
{
	doze(when == AFTER || cause == BY_TIMER ? 3 * LONG_ENOUGH : LONG_ENOUGH);
	if (awake == asked)
		lose("it must sleep on, and does not");
}

static void try_halt(void)
{
	/* A request is served and does not end a halt (the sleeper looks, and sleeps on). */
	bool must_end = cause != BY_REQUEST && (ends[kind] & bit_of[cause]);

	ask();
	conduct(must_end);
	if (!must_end) {
		sleeps_on();
		may_end = true;
		mb();
		CHECK_EQ(pv_kick(sleeper()->hartid), SBI_SUCCESS);
	}
	wait_for(&awake, asked, must_end ? "its wake-up is lost" : "a kick after it is lost");
}

/* A start is the request that ends this one: "within" asks for it until the hart has stopped. */
static void try_stopped(void)
{
	long error;

	ask();
	if (cause == BY_TIMER || (cause == BY_REQUEST && when == BEFORE)) {
		cause = BY_REQUEST;
		when = WITHIN;
	}
	if (when == AFTER)
		smp_wait_stopped(sleeper());
	if (cause != BY_REQUEST) {
		make();
		smp_wait_stopped(sleeper());
		doze(LONG_ENOUGH);
	}
	may_end = true;
	do {
		error = smp_start(sleeper(), starts_again);
		if (error != SBI_SUCCESS)
			doze(20);
	} while (error == SBI_ERR_ALREADY_AVAILABLE);
	CHECK_EQ(error, SBI_SUCCESS);
	wait_for(&awake, asked, "its start is lost");
	level_off();
}

static void try_all(void)
{
	for (int k = 0; k < NR_SLEEPS; k++) {
		for (int c = 0; c < NR_CAUSES; c++) {
			for (int w = 0; w < NR_WHENS; w++) {
				kind = (enum sleep)k;
				cause = (enum cause)c;
				when = (enum when)w;
				if (k == STOPPED)
					try_stopped();
				else
					try_halt();
			}
		}
	}
}

/* --- for an operator -------------------------------------------------------------------------------- */

static unsigned long stay;

static void stays(struct cpu *cpu)
{
	for (unsigned long round = 0;; round++) {
		kind = (enum sleep)(round % STOPPED);
		calm_down(cpu);
		timer_set(stay == 1 && (ends[kind] & TIMER) ? time_in_us(LONG_ENOUGH) : ~0UL);
		about_to = round + 1;
		/* A wait for a kick alone has no other end. */
		if (stay == 1 && !(ends[kind] & TIMER))
			CHECK_EQ(pv_kick(cpu->hartid), SBI_SUCCESS);
		halt();
		if (stay == 2)
			test_fail("%s ended, and nothing has ended it", sleep_names[kind]);
		awake = round + 1;
	}
}

static void watch(void)
{
	unsigned long limit, before;

	CHECK_EQ(smp_start(sleeper(), stays), SBI_SUCCESS);
	for (;;) {
		before = awake;
		limit = time_in_ms(WATCHDOG_MS);
		while (stay == 1 && awake == before) {
			if (time_now() > limit)
				lose("its timer's wake-up is lost");
			doze(1000);
		}
		print("WAKE sleeps\n");
		doze(200000);
	}
}

static void spins(struct cpu *cpu)
{
	(void)cpu;
	for (;;)
		cpu_relax();
}

void guest_main(void)
{
	unsigned long rounds = machine_arg("n", 3), busy = machine_arg("busy", 0);

	stay = machine_arg("stay", 0);
	CHECK(nr_cpus >= 2 + busy);
	ends[WFI] = machine_arg("wfi", 0);
	ends[SUSPEND] = machine_arg("suspend", 0);
	ends[PV_WAIT] = machine_arg("pv-wait", 0);
	ends[PV_WAIT_IRQ] = machine_arg("pv-wait-irq", 0);
	ends[STOPPED] = machine_arg("stopped", 0);
	for (int k = 0; k < NR_SLEEPS; k++)
		CHECK(ends[k] &
		      REQUEST); /* VM_DEAD ends every sleep, so the table has it everywhere */
	csr_write(sie, 1UL << IRQ_TIMER);
	level_setup();
	for (unsigned long i = 0; i < busy; i++)
		CHECK_EQ(smp_start(&cpus[2 + i], spins), SBI_SUCCESS);
	if (stay)
		watch();
	CHECK_EQ(smp_start(sleeper(), sleeps), SBI_SUCCESS);
	wait_for(&started, 1, "it did not start");
	for (unsigned long i = 0; i < rounds; i++)
		try_all();
	print("wake: %lu times %d sleeps, %d reasons, %d moments, %s\n", rounds, NR_SLEEPS,
	      NR_CAUSES, NR_WHENS, timer_is_sstc() ? "Sstc" : "no Sstc");
}
