// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/poll.c tests/unit/fake/csr.c tests/unit/fake/pcpu.c
/* Halt polling: how long, until what, and how the time adapts. A tick is 100 ns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "fake/pcpu.h"
#include "lib/work.h"
#include "vcpu/poll.h"
#include "vcpu/vm.h"
#include "vcpu/wake.h"

#define START 100  /* ticks: 10 us */
#define MOST  1000 /* of the VM */

static struct vm vm;
static struct vcpu vcpu, *const v = &vcpu;
static uint64_t clock_now;
static unsigned int looks, others_come; /* with so many looks at the clock; 0: never */
static unsigned int kick_comes, work_comes, resched_comes, irq_comes;
bool timer_sstc = true;
uint32_t work_count;

static bool is_now(unsigned int look)
{
	return look && looks >= look;
}

uint64_t timer_now(void)
{
	looks++;
	v->halt.kicked = is_now(kick_comes);
	work_count = is_now(work_comes);
	this_pcpu()->need_resched = is_now(resched_comes);
	csr_write(CSR_SIP, is_now(irq_comes) ? BIT(IRQ_S_TIMER) : 0);
	return clock_now += 10;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / 100;
}

bool sched_others_wait(void)
{
	return is_now(others_come);
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	vm = (struct vm){ .halt_poll_max = MOST };
	vcpu = (struct vcpu){ .vm = &vm, .timer.deadline = TIMER_NEVER, .halt.poll_ticks = 200 };
	v->vs.vstimecmp = TIMER_NEVER;
	csr_write(CSR_VSTIMECMP, TIMER_NEVER);
	csr_write(CSR_HIE, 0);
	csr_write(CSR_SIE, BIT(IRQ_S_TIMER));
	vcpu_halt(v, SLEEP_WFI);
	clock_now = 5000;
	looks = others_come = kick_comes = work_comes = resched_comes = irq_comes = 0;
	timer_now();
	return 0;
}

/* How long it polled. */
static uint64_t polls(bool won)
{
	uint64_t begun = clock_now;

	assert_int_equal(vcpu_poll(v), won);
	assert_int_equal(v->stats.polls_won, won);
	return clock_now - begun;
}

static void it_polls_until_its_time_is_up(void **state)
{
	(void)state;
	assert_int_equal(polls(false), 10 + 200);
	assert_int_equal(v->halt.poll_since, 5020);
}

static void what_is_left_of_the_time_is_polled_next(void **state)
{
	(void)state;
	v->halt.poll_since = 4950; /* it was taken off for something else meanwhile */
	assert_int_equal(polls(false), 140);
	assert_int_equal(v->halt.poll_since, 4950);
	assert_int_equal(polls(false), 10);
}

static void a_reason_to_wake_ends_it(void **state)
{
	(void)state;
	kick_comes = 5;
	assert_int_equal(polls(true), 40);
}

static void a_reason_that_holds_already_ends_it_at_once(void **state)
{
	(void)state;
	v->requests = 1;
	assert_int_equal(polls(true), 10);
}

static void a_vcpu_that_wants_the_hart_ends_it(void **state)
{
	unsigned int *const comes[] = { &others_come, &work_comes, &resched_comes, &irq_comes };

	for (unsigned int i = 0; i < ARRAY_SIZE(comes); i++) {
		setup(state);
		*comes[i] = 5;
		assert_int_equal(polls(false), 40);
	}
	/* An interrupt that this hart has not enabled does not. */
	setup(state);
	irq_comes = 5;
	csr_write(CSR_SIE, 0);
	assert_in_range(polls(false), 200, 220);
}

static void only_a_halt_is_polled_for(void **state)
{
	(void)state;
	v->halt.ends = 0;
	kick_comes = 1;
	assert_int_equal(polls(false), 0);
	assert_int_equal(v->halt.poll_since, 0);
}

/* A halt of @lasted ticks, after which it polls @then. */
static void adapts(uint64_t lasted, uint64_t then)
{
	v->halt.poll_since = clock_now + 10 - lasted;
	vcpu_poll_adapt(v);
	assert_int_equal(v->halt.poll_since, 0);
	assert_int_equal(v->halt.poll_ticks, then);
}

static void the_time_grows_while_it_would_have_been_enough(void **state)
{
	(void)state;
	v->halt.poll_ticks = 0;
	adapts(50, START);
	adapts(START, START); /* it was enough */
	adapts(START + 1, 2 * START);
	adapts(600, 4 * START);
	adapts(MOST, 8 * START);
	adapts(900, MOST);
	adapts(MOST, MOST);
}

static void the_time_is_halved_when_halts_are_longer_than_the_limit(void **state)
{
	(void)state;
	v->halt.poll_ticks = 4 * START;
	adapts(MOST + 1, 2 * START);
	adapts(MOST + 1, START);
	adapts(MOST + 1, 0);
	adapts(MOST + 1, 0);
}

static void what_did_not_poll_changes_nothing(void **state)
{
	uint64_t before = clock_now;

	(void)state;
	v->halt.poll_since = 0;
	vcpu_poll_adapt(v);
	assert_int_equal(v->halt.poll_ticks, 200);
	assert_int_equal(clock_now, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_polls_until_its_time_is_up, setup),
		cmocka_unit_test_setup(what_is_left_of_the_time_is_polled_next, setup),
		cmocka_unit_test_setup(a_reason_to_wake_ends_it, setup),
		cmocka_unit_test_setup(a_reason_that_holds_already_ends_it_at_once, setup),
		cmocka_unit_test_setup(a_vcpu_that_wants_the_hart_ends_it, setup),
		cmocka_unit_test_setup(only_a_halt_is_polled_for, setup),
		cmocka_unit_test_setup(the_time_grows_while_it_would_have_been_enough, setup),
		cmocka_unit_test_setup(the_time_is_halved_when_halts_are_longer_than_the_limit,
				       setup),
		cmocka_unit_test_setup(what_did_not_poll_changes_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
