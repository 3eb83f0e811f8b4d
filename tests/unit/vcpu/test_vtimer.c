// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/vtimer.c tests/unit/fake/csr.c tests/unit/fake/pcpu.c
/* The guest's timer on one hart: where its deadline is kept, when it is due, and what stands in for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "fake/pcpu.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

#define NOW   UINT64_C(1000000) /* of the host */
#define DELTA UINT64_C(5000)	/* the guest's clock is ahead */
#define GNOW  (NOW + DELTA)
#define VSTIP BIT(IRQ_VS_TIMER)

static struct vm vm;
static struct vcpu vcpu, *const v = &vcpu;
static uint64_t clock_now;
static unsigned int armings, cancels;
bool timer_sstc;

uint64_t timer_now(void)
{
	return clock_now;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	armings++;
	t->armed = true;
	t->pcpu = this_pcpu()->index;
	t->deadline = deadline;
}

void timer_cancel(struct timer *t)
{
	cancels++;
	t->armed = false;
}

static void begin(bool sstc)
{
	fake_pcpu_setup(2);
	timer_sstc = sstc;
	clock_now = NOW;
	vm = (struct vm){ .htimedelta = DELTA };
	vcpu = (struct vcpu){ .vm = &vm, .timer.deadline = TIMER_NEVER };
	v->vs.vstimecmp = TIMER_NEVER;
	csr_write(CSR_VSTIMECMP, TIMER_NEVER);
	csr_write(CSR_HIE, VSTIP);
	csr_write(CSR_HVIP, 0);
	armings = cancels = 0;
}

static int with_sstc(void **state)
{
	(void)state;
	begin(true);
	return 0;
}

static int without_sstc(void **state)
{
	(void)state;
	begin(false);
	return 0;
}

static void stands_in(uint64_t host_time)
{
	assert_true(v->timer.host.armed);
	assert_int_equal(v->timer.host.deadline, host_time);
}

/* --- without Sstc ------------------------------------------------------------------------------------ */

static void a_deadline_to_come_arms_the_host_timer(void **state)
{
	(void)state;
	v->irq.hvip = VSTIP | BIT(IRQ_VS_EXT);
	csr_write(CSR_HVIP, VSTIP | BIT(IRQ_VS_EXT));
	vcpu_timer_set(v, GNOW + 1);
	stands_in(NOW + 1);
	assert_int_equal(vcpu_timer_deadline(v), GNOW + 1);
	assert_false(vcpu_timer_pending(v));
	/* One that was pending is not any more; others are. */
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_EXT));
	assert_int_equal(v->irq.hvip, BIT(IRQ_VS_EXT));
}

static void a_deadline_that_is_due_is_a_level(void **state)
{
	(void)state;
	v->timer.host.armed = true;
	v->irq.hvip = BIT(IRQ_VS_SOFT);
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	vcpu_timer_set(v, GNOW);
	assert_false(v->timer.host.armed);
	assert_true(vcpu_timer_pending(v));
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_SOFT) | VSTIP);
	assert_int_equal(v->irq.hvip, BIT(IRQ_VS_SOFT) | VSTIP);
	assert_int_equal(vcpu_irq_timer_level(v), VSTIP);
	assert_int_equal(armings, 0);
}

static void no_deadline_is_never_due(void **state)
{
	(void)state;
	v->timer.host.armed = true;
	vcpu_timer_set(v, TIMER_NEVER);
	assert_false(v->timer.host.armed);
	assert_false(vcpu_timer_pending(v));
	assert_int_equal(armings, 0);
	/* Nor at the end of time. */
	clock_now = TIMER_NEVER - DELTA;
	assert_false(vcpu_timer_pending(v));
}

static void a_deadline_beyond_the_host_s_time_is_none(void **state)
{
	(void)state;
	vm.htimedelta = -(NOW - 10); /* the guest's clock is at 10 */
	vcpu_timer_set(v, TIMER_NEVER - 1);
	stands_in(TIMER_NEVER);
	vcpu_timer_set(v, TIMER_NEVER - NOW + 9);
	stands_in(TIMER_NEVER - 1);
	vcpu_timer_set(v, TIMER_NEVER - NOW + 10);
	stands_in(TIMER_NEVER);
}

static void what_is_armed_here_for_the_same_time_stays(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	assert_int_equal(armings, 1);
	vcpu_timer_arm_host(v);
	clock_now += 50;
	vcpu_timer_arm_host(v);
	assert_int_equal(armings, 1);
	/* Not when it has fired, for another time, or elsewhere. */
	v->timer.host.armed = false;
	vcpu_timer_arm_host(v);
	assert_int_equal(armings, 2);
	v->timer.deadline++;
	vcpu_timer_arm_host(v);
	assert_int_equal(armings, 3);
	fake_pcpu_become(1);
	vcpu_timer_arm_host(v);
	assert_int_equal(armings, 4);
	stands_in(NOW + 101);
}

static void an_overdue_host_timer_is_armed_for_now(void **state)
{
	(void)state;
	v->timer.deadline = GNOW - 100;
	vcpu_timer_arm_host(v);
	stands_in(NOW);
}

static void a_sleep_that_the_timer_ends_arms_it_anew(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	v->timer.host.armed = false; /* it came while the vcpu ran, by another clock */
	vcpu_halt(v, SLEEP_WFI);
	vcpu_timer_block(v);
	stands_in(NOW + 100);
	v->timer.host.armed = false;
	vcpu_timer_block(v);
	assert_false(v->timer.host.armed); /* again: no effect */
	vcpu_timer_unblock(v);
	stands_in(NOW + 100);
	v->timer.host.armed = false;
	vcpu_timer_unblock(v);
	assert_false(v->timer.host.armed);
}

static void a_sleep_that_the_timer_does_not_end_has_none(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		begin(false);
		vcpu_timer_set(v, GNOW + 100);
		vcpu_halt(v, i == 0 ? SLEEP_PV_WAIT : SLEEP_WFI);
		if (i == 1)
			vm.state = VM_PAUSED;
		if (i == 2)
			csr_write(CSR_HIE, ~VSTIP);
		if (i == 3)
			v->halt.ends = 0; /* it waits for its turn */
		vcpu_timer_block(v);
		assert_false(v->timer.host.armed);
		vcpu_timer_unblock(v);
		stands_in(NOW + 100);
	}
}

static void a_clock_that_was_put_back_moves_it(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	vm.htimedelta -= 70;
	vcpu_timer_clock_moved(v);
	stands_in(NOW + 170);
	/* Asleep it is armed for a sleep, or not at all. */
	vcpu_halt(v, SLEEP_PV_WAIT);
	vcpu_timer_block(v);
	vcpu_timer_clock_moved(v);
	assert_false(v->timer.host.armed);
}

static void a_reset_leaves_no_deadline(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	v->vs.vstimecmp = 1;
	csr_write(CSR_VSTIMECMP, 1);
	vcpu_timer_reset(v);
	assert_false(v->timer.host.armed);
	assert_true(v->timer.deadline == TIMER_NEVER);
	assert_true(v->vs.vstimecmp == TIMER_NEVER);
	assert_int_equal(csr_read(CSR_VSTIMECMP), 1); /* the machine has no such CSR */
}

/* --- with Sstc --------------------------------------------------------------------------------------- */

static void the_deadline_is_the_hart_s(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW);
	assert_int_equal(csr_read(CSR_VSTIMECMP), GNOW);
	assert_int_equal(vcpu_timer_deadline(v), GNOW);
	assert_true(vcpu_timer_pending(v));
	assert_true(vcpu_timer_wakes(v));
	assert_int_equal(vcpu_irq_timer_level(v), 0);
	csr_write(CSR_HIE, ~VSTIP);
	assert_false(vcpu_timer_wakes(v));
	csr_write(CSR_HIE, VSTIP);
	vcpu_timer_set(v, GNOW + 1);
	assert_false(vcpu_timer_wakes(v));
	assert_int_equal(armings + cancels, 0);
	vcpu_timer_clock_moved(v);
	assert_int_equal(armings + cancels, 0);
}

static void a_sleep_takes_it_out_of_the_hart(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	vcpu_halt(v, SLEEP_WFI);
	vcpu_timer_block(v);
	assert_true(csr_read(CSR_VSTIMECMP) == TIMER_NEVER);
	assert_int_equal(vcpu_timer_deadline(v), GNOW + 100);
	stands_in(NOW + 100);
	vcpu_timer_block(v);
	assert_int_equal(vcpu_timer_deadline(v), GNOW + 100);
	vcpu_timer_unblock(v);
	assert_int_equal(csr_read(CSR_VSTIMECMP), GNOW + 100);
	assert_false(v->timer.host.armed);
	/* The guest owns it from here on. */
	csr_write(CSR_VSTIMECMP, 7);
	vcpu_timer_unblock(v);
	assert_int_equal(csr_read(CSR_VSTIMECMP), 7);
}

static void no_deadline_needs_no_host_timer(void **state)
{
	(void)state;
	vcpu_halt(v, SLEEP_WFI);
	vcpu_timer_block(v);
	vcpu_timer_unblock(v);
	assert_int_equal(armings + cancels, 0);
	vcpu_timer_set(v, GNOW + 100);
	vcpu_halt(v, SLEEP_PV_WAIT);
	vcpu_timer_block(v);
	vcpu_timer_unblock(v);
	assert_int_equal(armings + cancels, 0);
}

static void a_reset_clears_the_hart_s(void **state)
{
	(void)state;
	vcpu_timer_set(v, GNOW + 100);
	v->timer.host.armed = true;
	vcpu_timer_reset(v);
	assert_true(csr_read(CSR_VSTIMECMP) == TIMER_NEVER);
	assert_true(v->vs.vstimecmp == TIMER_NEVER);
	assert_false(v->timer.host.armed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_deadline_to_come_arms_the_host_timer, without_sstc),
		cmocka_unit_test_setup(a_deadline_that_is_due_is_a_level, without_sstc),
		cmocka_unit_test_setup(no_deadline_is_never_due, without_sstc),
		cmocka_unit_test_setup(a_deadline_beyond_the_host_s_time_is_none, without_sstc),
		cmocka_unit_test_setup(what_is_armed_here_for_the_same_time_stays, without_sstc),
		cmocka_unit_test_setup(an_overdue_host_timer_is_armed_for_now, without_sstc),
		cmocka_unit_test_setup(a_sleep_that_the_timer_ends_arms_it_anew, without_sstc),
		cmocka_unit_test_setup(a_sleep_that_the_timer_does_not_end_has_none, without_sstc),
		cmocka_unit_test_setup(a_clock_that_was_put_back_moves_it, without_sstc),
		cmocka_unit_test_setup(a_reset_leaves_no_deadline, without_sstc),
		cmocka_unit_test_setup(the_deadline_is_the_hart_s, with_sstc),
		cmocka_unit_test_setup(a_sleep_takes_it_out_of_the_hart, with_sstc),
		cmocka_unit_test_setup(no_deadline_needs_no_host_timer, with_sstc),
		cmocka_unit_test_setup(a_reset_clears_the_hart_s, with_sstc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
