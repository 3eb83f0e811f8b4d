// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host timers in every order: two pcpus arm, move, cancel and run the same timers. At each end, what is armed has
 * its pcpu's hart timer set for it, and what was due has run.
 *
 * SOURCES: hyp/arch/timer.c tests/unit/fake/pcpu.c
 * SOURCES: tests/unit/explorer/thread.c tests/unit/explorer/memory.c tests/unit/explorer/state.c
 * SOURCES: tests/unit/explorer/search.c tests/unit/explorer/trace.c
 * SANITIZE: none
 * CFLAGS: -O2
 * INCLUDE: tests/unit/explorer
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/sbi_call.h"
#include "arch/timer.h"
#include "explorer/explorer.h"
#include "fake/pcpu.h"

#define HARTS	 2
#define TIMERS	 2
#define SOON	 100
#define LATER	 200
#define AT_START 1000

static struct {
	uint64_t time;
	uint64_t hart_timer[HARTS];
	struct timer timers[TIMERS];
	unsigned int fired[TIMERS];
	bool cancelled[TIMERS]; /* by the only one that does anything with it any more */
} world;

/* --- the harts -------------------------------------------------------------------------------------- */

uint64_t fake_csr_read(unsigned int csr)
{
	return csr == CSR_TIME ? world.time : 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	if (csr == CSR_STIMECMP)
		world.hart_timer[this_pcpu()->index] = val;
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)eid, (void)fid, (void)arg0, (void)arg1, (void)arg2, (void)arg3, (void)arg4,
		(void)arg5;
	return (struct sbi_call_ret){ 0, 0 };
}

static bool interrupt_pending(void *p)
{
	return world.time >= world.hart_timer[((struct pcpu *)p)->index];
}

/* For ever: a timer interrupt, and what it is for. */
static void takes_interrupts(void)
{
	for (;;) {
		explorer_wait(interrupt_pending, this_pcpu());
		timer_run();
	}
}

static void fires(struct timer *t)
{
	unsigned int i = (unsigned int)(t - world.timers);

	if (world.time < t->deadline)
		explorer_fail("timer %u runs before its time", i);
	world.fired[i]++;
}

static void time_passes(void *unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 3; i++) {
		explorer_step();
		world.time += SOON;
	}
}

static void waits(void *unused)
{
	(void)unused;
	takes_interrupts();
}

static void arms_soon(void *i)
{
	timer_arm(&world.timers[(uintptr_t)i], AT_START + SOON);
	takes_interrupts();
}

static void arms_later(void *i)
{
	timer_arm(&world.timers[(uintptr_t)i], AT_START + LATER);
	takes_interrupts();
}

static void arms_both(void *unused)
{
	(void)unused;
	timer_arm(&world.timers[0], AT_START + LATER);
	timer_arm(&world.timers[1], AT_START + SOON);
	takes_interrupts();
}

static void arms_and_cancels(void *i)
{
	timer_arm(&world.timers[(uintptr_t)i], AT_START + SOON);
	timer_cancel(&world.timers[(uintptr_t)i]);
	takes_interrupts();
}

static void cancels(void *i)
{
	timer_cancel(&world.timers[(uintptr_t)i]);
	world.cancelled[(uintptr_t)i] = true;
}

/* --- scenes ----------------------------------------------------------------------------------------- */

static void scene(void)
{
	fake_pcpu_setup(HARTS + 1);
	timer_setup(10000000, true);
	world.time = AT_START;
	explorer_begin();
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer_cancel(&world.timers[i]); /* of the scene before */
		timer_init(&world.timers[i], fires);
		world.fired[i] = 0;
		world.cancelled[i] = false;
	}
	for (unsigned int i = 0; i < HARTS; i++)
		world.hart_timer[i] = TIMER_NEVER;
}

static void on_hart(unsigned int i, const char *name, void (*fn)(void *), uintptr_t arg)
{
	explorer_thread(name, pcpus[i], fn, (void *)arg);
}

static void nothing_is_forgotten(void)
{
	for (unsigned int i = 0; i < TIMERS; i++) {
		const struct timer *t = &world.timers[i];

		if (t->armed && t->pcpu < HARTS && world.hart_timer[t->pcpu] > t->deadline)
			explorer_fail("timer %u is armed where no interrupt will come for it", i);
		if (t->armed && t->deadline <= world.time)
			explorer_fail("timer %u is due and does not run", i);
	}
}

static void final_fired(void)
{
	nothing_is_forgotten();
	if (!world.fired[0] || world.timers[0].armed)
		explorer_fail("timer 0 never ran");
}

static void final_both_fired(void)
{
	final_fired();
	if (!world.fired[1])
		explorer_fail("timer 1 never ran");
}

static void final_cancelled(void)
{
	nothing_is_forgotten();
	for (unsigned int i = 0; i < TIMERS; i++)
		if (world.cancelled[i] && world.timers[i].armed)
			explorer_fail("timer %u was cancelled, and is armed", i);
}

static void explore(const char *name, void (*final)(void))
{
	const struct explorer_options o = {
		.name = name,
		.preemptions = getenv("HV_LONG") ? 5 : 3,
		.max_states = getenv("HV_LONG") ? 1000000 : 60000,
		.final = final,
	};

	assert_true(explorer_run(&o));
}

static void two_pcpus_arm_one_timer(void **state)
{
	(void)state;
	scene();
	on_hart(0, "hart 0", arms_soon, 0);
	on_hart(1, "hart 1", arms_later, 0);
	on_hart(2, "clock", time_passes, 0);
	explore(__func__, final_fired);
}

/* It has been armed on pcpu 0, is to be on pcpu 1, and its time comes. */
static void a_timer_moves_as_it_comes_due(void **state)
{
	(void)state;
	scene();
	timer_arm(&world.timers[0], AT_START + SOON);
	on_hart(0, "hart 0", waits, 0);
	on_hart(1, "hart 1", arms_later, 0);
	on_hart(2, "clock", time_passes, 0);
	explore(__func__, final_fired);
}

static void a_timer_is_moved_from_below_another(void **state)
{
	(void)state;
	scene();
	on_hart(0, "hart 0", arms_both, 0);
	on_hart(1, "hart 1", arms_soon, 0);
	on_hart(2, "clock", time_passes, 0);
	explore(__func__, final_both_fired);
}

/* Where it is not armed, it is not armed afterwards. */
static void a_timer_is_cancelled_elsewhere(void **state)
{
	(void)state;
	scene();
	timer_arm(&world.timers[0], AT_START + SOON);
	on_hart(0, "hart 0", waits, 0);
	on_hart(1, "hart 1", cancels, 0);
	on_hart(2, "clock", time_passes, 0);
	explore(__func__, final_cancelled);
}

static void a_timer_is_cancelled_while_it_moves(void **state)
{
	(void)state;
	scene();
	timer_arm(&world.timers[0], AT_START + LATER);
	on_hart(0, "hart 0", waits, 0);
	on_hart(1, "hart 1", arms_and_cancels, 0);
	on_hart(2, "canceller", cancels, 0);
	explore(__func__, final_cancelled);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_pcpus_arm_one_timer),
		cmocka_unit_test(a_timer_moves_as_it_comes_due),
		cmocka_unit_test(a_timer_is_moved_from_below_another),
		cmocka_unit_test(a_timer_is_cancelled_elsewhere),
		cmocka_unit_test(a_timer_is_cancelled_while_it_moves),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
