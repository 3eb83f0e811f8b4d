// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/run/times.c hyp/run/trace.c tests/unit/fake/pcpu.c tests/unit/fake/csr.c
// CFLAGS: -DFAKE_TRACE
/* What a hart does with its time, what exits take, and how late timers are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/csr.h"
#include "arch/smp.h"
#include "fake/pcpu.h"
#include "mm/page.h"
#include "run/run.h"
#include "run/times.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

bool timer_sstc;
static struct vm vm;
static struct vcpu v[2];
static struct vcpu_timed timed[2];
static uint64_t now;
static bool wanted, has_memory, timed_vector[2];
static unsigned int kicks, events;

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return 100 * ticks;
}

void timer_cancel(struct timer *t)
{
	(void)t;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	return has_memory ? memset(aligned_alloc(align, size), 0, size) : NULL;
}

void smp_kick(struct pcpu_set set)
{
	assert_true(pcpu_set_has(&set, 0) && pcpu_set_has(&set, 1));
	kicks++;
}

void trace_set_timed(bool on)
{
	timed_vector[this_pcpu()->index] = on;
}

bool trace_follow(void)
{
	this_pcpu()->trace.is_asked = 0;
	return false;
}

void sched_trace_begin(void)
{
	abort();
}

void trace_exit(const struct guest_regs *r)
{
	assert_ptr_equal(r, &v[0].regs);
	events++;
}

void trace_enter(void)
{
	events++;
}

void vcpu_timed_want(bool on)
{
	wanted = on;
}

bool vcpu_timed_is_wanted(void)
{
	return wanted;
}

static void follow(unsigned int hart)
{
	fake_pcpu_become(hart);
	assert_true(trace_is_asked());
	pcpu_follow_trace();
}

static void switch_to(bool on)
{
	times_want(on);
	follow(1);
	follow(0);
	assert_true(times_are_settled());
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(2);
	memset(v, 0, sizeof(v));
	memset(timed, 0, sizeof(timed));
	vm = (struct vm){ .state = VM_RUNNING };
	for (unsigned int i = 0; i < 2; i++) {
		v[i].vm = &vm;
		v[i].timed = &timed[i];
		v[i].timer.deadline = TIMER_NEVER;
	}
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, 0);
	csr_write(CSR_HIE, BIT(IRQ_VS_TIMER));
	csr_write(CSR_VSTIMECMP, TIMER_NEVER);
	timer_sstc = has_memory = true;
	kicks = events = 0;
	now += 1000;
	assert_true(times_make());
	now += 1000;
	switch_to(true);
	times_zero(0);
	times_zero(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	switch_to(false);
	return 0;
}

static void hart_has(unsigned int hart, uint64_t guest, uint64_t own, uint64_t idle)
{
	struct times t;

	assert_true(times_read(hart, &t) == (guest + own + idle != 0));
	assert_int_equal(t.guest, guest);
	assert_int_equal(t.own, own);
	assert_int_equal(t.idle, idle);
}

/* The guest of @w leaves, and what it left by takes @ticks and counts as @cause. */
static void leave(struct vcpu *w, enum vcpu_exit cause, uint64_t ticks)
{
	times_left(&w->regs);
	now += ticks;
	w->stats.exits[cause]++;
}

static void without_memory_nothing_is_measured(void **state)
{
	struct times t;

	(void)state;
	fake_pcpu_setup(2);
	has_memory = false;
	assert_false(times_make());
	assert_false(times_read(0, &t));
	times_zero(0);
	assert_false(times_are_known());
	times_want(false);
	follow(0);
	assert_true(times_are_settled());
	assert_false(timed_vector[0]);
}

static void harts_begin_and_end_when_they_follow(void **state)
{
	(void)state;
	assert_true(timed_vector[0] && timed_vector[1]);
	kicks = 0;
	times_want(false);
	assert_int_equal(kicks, 1);
	assert_false(times_are_settled());
	follow(1);
	assert_false(times_are_settled());
	assert_true(timed_vector[0]);
	now += 50;
	follow(0);
	assert_true(times_are_settled());
	assert_false(timed_vector[0] || timed_vector[1]);
	hart_has(0, 0, 50, 0);
	hart_has(1, 0, 0, 0);
	now += 1000;
	hart_has(0, 0, 50, 0); /* it measures no more */
	assert_true(times_are_known());
	times_zero(0);
	assert_false(times_are_known());
}

static void the_three_add_up(void **state)
{
	(void)state;
	now += 10;
	times_enters(&v[0].regs);
	now += 200;
	hart_has(0, 200, 10, 0); /* it is in the guest still */
	leave(&v[0], EXIT_WFI, 30);
	times_sleep(true);
	now += 4000;
	hart_has(0, 200, 40, 4000);
	times_sleep(false);
	now += 500;
	times_enters(&v[0].regs);
	hart_has(0, 200, 540, 4000);
	times_zero(0);
	hart_has(0, 0, 0, 0);
	now += 7;
	hart_has(0, 7, 0, 0);
	hart_has(1, 0, 4747, 0);
}

static void an_exit_takes_until_its_guest_goes_on(void **state)
{
	(void)state;
	times_enters(&v[0].regs);
	leave(&v[0], EXIT_SBI, 30);
	times_enters(&v[0].regs);
	now += 100;
	leave(&v[0], EXIT_SBI, 50);
	times_enters(&v[0].regs);
	leave(&v[0], EXIT_SBI, 20);
	times_enters(&v[0].regs);
	assert_int_equal(timed[0].exits[EXIT_SBI], 3);
	assert_int_equal(timed[0].ticks[EXIT_SBI], 100);
	assert_int_equal(timed[0].worst[EXIT_SBI], 50);
	/* One that no counter moved for is no cause's. */
	times_left(&v[0].regs);
	now += 1000;
	times_enters(&v[0].regs);
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		assert_int_equal(timed[0].exits[i], i == EXIT_SBI ? 3 : 0);
}

static void an_exit_is_over_when_the_hart_does_something_else(void **state)
{
	(void)state;
	times_enters(&v[0].regs);
	leave(&v[0], EXIT_WFI, 30);
	times_sleep(true);
	now += 1000;
	times_sleep(false);
	now += 1000;
	times_enters(&v[0].regs);
	assert_int_equal(timed[0].ticks[EXIT_WFI], 30);
	leave(&v[0], EXIT_IRQ_TIMER, 40);
	times_done(); /* another vcpu is loaded */
	now += 1000;
	times_done();
	times_enters(&v[1].regs);
	assert_int_equal(timed[0].exits[EXIT_IRQ_TIMER], 1);
	assert_int_equal(timed[0].ticks[EXIT_IRQ_TIMER], 40);
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		assert_int_equal(timed[1].exits[i], 0);
	/* Nor is it going on when times are measured again. */
	leave(&v[1], EXIT_SBI, 50);
	switch_to(false);
	switch_to(true);
	times_enters(&v[1].regs);
	assert_int_equal(timed[1].exits[EXIT_SBI], 0);
}

static void without_its_memory_a_vcpu_has_no_times(void **state)
{
	(void)state;
	v[0].timed = NULL;
	times_enters(&v[0].regs);
	now += 10;
	leave(&v[0], EXIT_SBI, 30);
	times_enters(&v[0].regs);
	hart_has(0, 10, 30, 0);
	assert_int_equal(timed[0].exits[EXIT_SBI], 0);
}

static void late_by(uint64_t n, uint64_t ns)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += timed[0].late.count[i];
	assert_int_equal(count, n);
	assert_int_equal(timed[0].late.sum, ns);
}

static void a_deadline_that_passes_outside_is_late_once(void **state)
{
	(void)state;
	vm.htimedelta = (uint64_t)-500;
	times_enters(&v[0].regs);
	csr_write(CSR_VSTIMECMP, now - 500 + 100);
	leave(&v[0], EXIT_WFI, 103);
	times_enters(&v[0].regs);
	late_by(1, 300);
	leave(&v[0], EXIT_SBI, 100);
	times_enters(&v[0].regs);
	late_by(1, 300);
	csr_write(CSR_VSTIMECMP, now - 500 + 100);
	leave(&v[0], EXIT_WFI, 99); /* not yet */
	times_enters(&v[0].regs);
	late_by(1, 300);
}

static void a_deadline_that_passes_in_the_guest_is_the_harts_own(void **state)
{
	(void)state;
	times_enters(&v[0].regs);
	csr_write(CSR_VSTIMECMP, now + 100);
	now += 200;
	leave(&v[0], EXIT_SBI, 100);
	times_enters(&v[0].regs);
	late_by(0, 0);
	/* Without Sstc the guest is told by an entry alone. */
	timer_sstc = false;
	v[0].timer.deadline = now + 100;
	now += 120;
	leave(&v[0], EXIT_IRQ_TIMER, 3);
	times_enters(&v[0].regs);
	late_by(1, 300);
}

/* SBI set_timer with a time that is long past, to have an interrupt at once. */
static void no_lateness_is_longer_than_the_guest_was_out(void **state)
{
	(void)state;
	times_enters(&v[0].regs);
	now += 100;
	leave(&v[0], EXIT_SBI, 7);
	csr_write(CSR_VSTIMECMP, 1);
	times_enters(&v[0].regs);
	late_by(1, 700);
	/* A clock that is behind by a hair, on another hart. */
	now += 100;
	leave(&v[0], EXIT_SBI, 0);
	csr_write(CSR_VSTIMECMP, 2);
	now--;
	times_enters(&v[0].regs);
	late_by(2, 700);
}

static void a_timer_that_the_guest_does_not_want_is_not_late(void **state)
{
	(void)state;
	csr_write(CSR_HIE, 0);
	times_enters(&v[0].regs);
	csr_write(CSR_VSTIMECMP, now + 10);
	leave(&v[0], EXIT_SBI, 100);
	times_enters(&v[0].regs);
	late_by(0, 0);
}

/* What was before is not known. */
static void the_first_entry_says_nothing_of_lateness(void **state)
{
	(void)state;
	csr_write(CSR_VSTIMECMP, now - 100);
	times_enters(&v[0].regs);
	late_by(0, 0);
	leave(&v[0], EXIT_SBI, 10);
	switch_to(false);
	now += 1000;
	csr_write(CSR_VSTIMECMP, now);
	now += 1000;
	switch_to(true);
	times_enters(&v[0].regs);
	late_by(0, 0);
}

static void the_timeline_has_its_exits_all_the_same(void **state)
{
	uint64_t event[8];

	(void)state;
	times_enters(&v[0].regs);
	assert_int_equal(events, 0);
	this_pcpu()->trace.at = event;
	leave(&v[0], EXIT_SBI, 10);
	times_enters(&v[0].regs);
	assert_int_equal(events, 2);
	this_pcpu()->trace.at = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_nothing_is_measured),
		TEST(harts_begin_and_end_when_they_follow),
		TEST(the_three_add_up),
		TEST(an_exit_takes_until_its_guest_goes_on),
		TEST(an_exit_is_over_when_the_hart_does_something_else),
		TEST(without_its_memory_a_vcpu_has_no_times),
		TEST(a_deadline_that_passes_outside_is_late_once),
		TEST(a_deadline_that_passes_in_the_guest_is_the_harts_own),
		TEST(no_lateness_is_longer_than_the_guest_was_out),
		TEST(a_timer_that_the_guest_does_not_want_is_not_late),
		TEST(the_first_entry_says_nothing_of_lateness),
		TEST(the_timeline_has_its_exits_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
