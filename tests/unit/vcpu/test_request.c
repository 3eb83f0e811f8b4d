// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/request.c hyp/vcpu/irq.c hyp/vcpu/hsm.c tests/unit/fake/csr.c tests/unit/fake/pcpu.c
/*
 * Requests, kicks, interrupts and HSM, as one hart sees them: which vcpus are woken, get an IPI, are waited for. What
 * several harts make of it is the explorer's (tests/unit/explorer).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/smp.h"
#include "fake/pcpu.h"
#include "lib/errno.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/vm.h"

#define VCPUS 4
#define ALL   (BIT(VCPUS) - 1)

static struct vm vm;
static struct vcpu vcpus[VCPUS];
static uint64_t woken;	     /* vcpus that the scheduler was told of */
static uint64_t ipis;	     /* pcpus that got one */
static unsigned int calls;   /* to the firmware for them */
static struct vcpu *leaves;  /* by the IPI, as its hart would */
static bool becomes_outside; /* by its mode; else by its count alone, as it has entered again */
bool timer_sstc = true;

uint64_t timer_now(void)
{
	return 0;
}

bool sched_wake(struct sched_entity *se)
{
	const struct vcpu *v = container_of(se, struct vcpu, se);

	assert_false(woken & BIT(v->id));
	woken |= BIT(v->id);
	return true;
}

void smp_kick(struct pcpu_set set)
{
	ipis |= set.word[0];
	calls++;
	if (!leaves)
		return;
	if (becomes_outside)
		leaves->mode = OUTSIDE_GUEST_MODE;
	else
		leaves->guest_seq++;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	vm = (struct vm){ .nr_vcpus = VCPUS };
	for (unsigned int i = 0; i < VCPUS; i++) {
		vcpus[i] = (struct vcpu){ .vm = &vm, .id = i, .place.pcpu = 10 + i };
		vcpus[i].se.pcpu = i;
		vm.vcpus[i] = &vcpus[i];
	}
	woken = ipis = 0;
	calls = 0;
	leaves = NULL;
	csr_write(CSR_HVIP, 0);
	return 0;
}

static uint64_t bit_of(enum vcpu_request req)
{
	return BIT(req & REQUEST_MASK);
}

/* --- one vcpu ------------------------------------------------------------------------------------------ */

static void a_request_is_a_bit_without_its_flags(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	vcpu_make_request(REQUEST_HFENCE, v);
	vcpu_make_request(REQUEST_RESET, v);
	assert_int_equal(v->requests, BIT(12) | BIT(9));
	assert_true(vcpu_test_request(REQUEST_HFENCE, v));
	assert_false(vcpu_test_request(REQUEST_FENCE_I, v));
	assert_true(vcpu_check_request(REQUEST_HFENCE, v));
	assert_false(vcpu_check_request(REQUEST_HFENCE, v));
	assert_int_equal(v->requests, BIT(9));
	vcpu_clear_request(REQUEST_RESET, v);
	assert_int_equal(v->requests, 0);
	assert_int_equal(woken | ipis, 0);
}

static void a_kick_wakes_what_sleeps(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->halt.blocked = 1;
	vcpu_kick(v);
	assert_int_equal(woken, BIT(1));
	assert_int_equal(v->halt.blocked, 0);
	assert_int_equal(ipis, 0);
	assert_int_equal(v->stats.wakeups, 1);
	assert_int_equal(v->stats.kicks_asked, 1);
	assert_int_equal(v->stats.ipis_sent, 0);
	assert_int_equal(v->stats.ipis_saved, 0);
}

static void a_kick_interrupts_what_runs_once(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->mode = IN_GUEST_MODE;
	vcpu_kick(v);
	assert_int_equal(ipis, BIT(11));
	assert_int_equal(v->mode, EXITING_GUEST_MODE);
	vcpu_kick(v);
	assert_int_equal(calls, 1);
	assert_int_equal(v->stats.kicks_asked, 2);
	assert_int_equal(v->stats.ipis_sent, 1);
	assert_int_equal(v->stats.ipis_saved, 1);
	assert_int_equal(woken, 0);
}

static void a_kick_leaves_others_alone(void **state)
{
	(void)state;
	vcpu_kick(&vcpus[1]);
	vcpus[1].mode = READING_SHADOW_PAGE_TABLES;
	vcpu_kick(&vcpus[1]);
	assert_int_equal(woken | ipis, 0);
	assert_int_equal(vcpus[1].stats.ipis_saved, 2);
}

/* The hart that claims it has cleared `blocked`, and the scheduler does not know yet. */
static void a_wake_may_be_claimed_for_a_yield(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	this_pcpu()->current = &vcpus[0];
	v->halt.blocked = 1;
	assert_true(vcpu_kick_claim(v));
	assert_int_equal(v->halt.blocked, 0);
	assert_int_equal(woken | ipis, 0);
	assert_int_equal(v->stats.wakeups, 1);
	assert_int_equal(v->stats.kicks_asked, 1);
	assert_false(vcpu_kick_claim(v));
	v->mode = IN_GUEST_MODE;
	assert_false(vcpu_kick_claim(v));
	assert_int_equal(v->mode, EXITING_GUEST_MODE);
	assert_int_equal(v->stats.ipis_sent, 1);
	v->halt.blocked = 1;
	assert_true(vcpu_unhalt_claim(v));
	assert_int_equal(v->halt.kicked, 1);
	assert_int_equal(woken, 0);
	assert_false(vcpu_unhalt_claim(v));
}

static void what_is_outside_is_asked_without_a_kick(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	assert_true(vcpu_ask_outside(v, REQUEST_HFENCE_VVMA_ALL));
	assert_true(vcpu_test_request(REQUEST_HFENCE_VVMA_ALL, v));
	assert_int_equal(v->stats.kicks_asked, 1);
	assert_int_equal(v->stats.ipis_saved, 1);
	v->mode = IN_GUEST_MODE;
	assert_false(vcpu_ask_outside(v, REQUEST_HFENCE_VVMA_ALL));
	assert_int_equal(v->mode, IN_GUEST_MODE);
	assert_int_equal(v->stats.kicks_asked, 1);
	assert_int_equal(woken | ipis, 0);
}

static void a_lock_s_kick_is_kept_and_sends_no_ipi(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->mode = IN_GUEST_MODE;
	vcpu_unhalt(v);
	assert_int_equal(v->halt.kicked, 1);
	assert_int_equal(ipis | woken, 0);
	v->mode = OUTSIDE_GUEST_MODE;
	v->halt.blocked = 1;
	vcpu_unhalt(v);
	assert_int_equal(woken, BIT(1));
	assert_int_equal(v->stats.kicks_asked, 2);
}

/* --- several ------------------------------------------------------------------------------------------- */

static void a_broadcast_wakes_interrupts_and_leaves_alone(void **state)
{
	(void)state;
	vcpus[0].halt.blocked = 1;
	vcpus[1].mode = IN_GUEST_MODE;
	vcpus[2].mode = IN_GUEST_MODE;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_UPDATE_CLOCK));
	for (unsigned int i = 0; i < VCPUS; i++) {
		assert_int_equal(vcpus[i].requests, bit_of(REQUEST_UPDATE_CLOCK));
		assert_int_equal(vcpus[i].stats.kicks_asked, 1);
	}
	assert_int_equal(woken, BIT(0));
	assert_int_equal(ipis, BIT(11) | BIT(12));
	assert_int_equal(calls, 1);
	assert_int_equal(vcpus[3].stats.ipis_saved, 1);
	assert_int_equal(vcpus[0].stats.ipis_saved, 0);
	assert_int_equal(vcpus[1].stats.ipis_saved, 0);
	assert_int_equal(vcpus[1].stats.ipis_sent, 1);
}

static void only_the_set_is_asked(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < VCPUS; i++)
		vcpus[i].halt.blocked = 1;
	assert_true(vcpus_make_request(&vm, (struct vcpu_set){ BIT(1) | BIT(3) },
				       REQUEST_UPDATE_CLOCK));
	assert_int_equal(woken, BIT(1) | BIT(3));
	assert_int_equal(vcpus[0].requests | vcpus[2].requests, 0);
	assert_false(vcpus_make_request(&vm, vcpu_set_none(), REQUEST_UPDATE_CLOCK));
}

static void it_says_whether_any_was_kicked(void **state)
{
	(void)state;
	assert_false(vm_make_all_vcpus_request(&vm, REQUEST_UPDATE_CLOCK));
	assert_false(vm_make_all_vcpus_request(&vm, REQUEST_STEAL_UPDATE));
	vcpus[1].mode = IN_GUEST_MODE;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_STEAL_UPDATE));
	/* It has its IPI already. */
	assert_false(vm_make_all_vcpus_request(&vm, REQUEST_STEAL_UPDATE));
	assert_int_equal(calls, 1);
}

static void no_wakeup_wakes_no_vcpu(void **state)
{
	(void)state;
	vcpus[0].halt.blocked = 1;
	vcpus[1].mode = IN_GUEST_MODE;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_STEAL_UPDATE));
	assert_int_equal(woken, 0);
	assert_int_equal(ipis, BIT(11));
	assert_int_equal(vcpus[0].requests, bit_of(REQUEST_STEAL_UPDATE));
}

static void no_action_logs_nothing(void **state)
{
	(void)state;
	vcpus[1].mode = IN_GUEST_MODE;
	leaves = &vcpus[1];
	becomes_outside = true;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_OUTSIDE_GUEST_MODE));
	assert_int_equal(vcpus[0].requests | vcpus[1].requests, 0);
	assert_int_equal(ipis, BIT(11));
}

static void the_caller_s_own_vcpu_is_not_interrupted(void **state)
{
	(void)state;
	this_pcpu()->current = &vcpus[1];
	vcpus[1].mode = IN_GUEST_MODE;
	assert_false(vm_make_all_vcpus_request(&vm, REQUEST_STEAL_UPDATE));
	assert_int_equal(ipis, 0);
	assert_int_equal(vcpus[1].requests, bit_of(REQUEST_STEAL_UPDATE));
	/* Asleep it is woken: the caller works for another VM. */
	vcpus[1].mode = OUTSIDE_GUEST_MODE;
	vcpus[1].halt.blocked = 1;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_UPDATE_CLOCK));
	assert_int_equal(woken, BIT(1));
}

/* These would wait for ever if it waited for the wrong thing. */
static void wait_ends_when_the_target_has_left(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		(void)setup(NULL);
		vcpus[2].mode = IN_GUEST_MODE;
		vcpus[2].guest_seq = 7;
		leaves = &vcpus[2];
		becomes_outside = i;
		assert_true(vm_make_all_vcpus_request(&vm, REQUEST_FENCE_I));
		assert_int_equal(ipis, BIT(12));
	}
}

static void a_waiter_is_not_in_guest_mode_itself(void **state)
{
	struct vcpu *self = &vcpus[0];

	(void)state;
	this_pcpu()->current = self;
	self->mode = IN_GUEST_MODE;
	self->guest_seq = 3;
	vcpus[2].mode = IN_GUEST_MODE;
	leaves = &vcpus[2];
	becomes_outside = true;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_FENCE_I));
	assert_int_equal(self->mode, OUTSIDE_GUEST_MODE);
	assert_int_equal(self->guest_seq, 4);
	/* Without anything to wait for it stays where it is; outside it is not left again. */
	self->mode = IN_GUEST_MODE;
	assert_false(vm_make_all_vcpus_request(&vm, REQUEST_FENCE_I));
	assert_int_equal(self->mode, IN_GUEST_MODE);
	self->mode = OUTSIDE_GUEST_MODE;
	vcpus[2].mode = IN_GUEST_MODE;
	assert_true(vm_make_all_vcpus_request(&vm, REQUEST_FENCE_I));
	assert_int_equal(self->guest_seq, 4);
}

/* --- interrupts ----------------------------------------------------------------------------------------- */

static void an_interrupt_is_posted_and_kicks(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->halt.blocked = 1;
	v->irq.inject = BIT(IRQ_VS_TIMER);
	vcpu_inject(v, BIT(IRQ_VS_SOFT));
	assert_int_equal(v->irq.inject, BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER));
	assert_int_equal(woken, BIT(1));
}

static void a_line_kicks_as_it_rises(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->mode = IN_GUEST_MODE;
	v->irq.levels = BIT(IRQ_VS_SOFT);
	vcpu_set_level(v, IRQ_VS_EXT, true);
	assert_int_equal(v->irq.levels, BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_EXT));
	assert_int_equal(ipis, BIT(11));
	v->mode = IN_GUEST_MODE;
	vcpu_set_level(v, IRQ_VS_EXT, false);
	assert_int_equal(v->irq.levels, BIT(IRQ_VS_SOFT));
	assert_int_equal(calls, 1);
}

static void a_reset_takes_what_was_posted_and_leaves_lines(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->irq = (struct vcpu_irq){ .inject = 2, .levels = 4, .shadow = 8 };
	vcpu_irq_reset(v);
	assert_int_equal(v->irq.inject, 0);
	assert_int_equal(v->irq.shadow, 0);
	assert_int_equal(v->irq.levels, 4);
}

/* --- HSM ------------------------------------------------------------------------------------------------ */

static void only_a_stopped_hart_is_started(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->hsm.state = SBI_HSM_STATE_STOPPED;
	v->halt.blocked = 1;
	assert_int_equal(vcpu_hsm_start(v, gpa(0x1000), 7), HV_OK);
	assert_int_equal(v->hsm.state, SBI_HSM_STATE_START_PENDING);
	assert_int_equal(v->hsm.start.gpa, 0x1000);
	assert_int_equal(v->hsm.arg, 7);
	assert_int_equal(v->requests, bit_of(REQUEST_RESET));
	assert_int_equal(woken, BIT(1));
	assert_int_equal(vcpu_hsm_start(v, gpa(0x2000), 8), HV_EEXIST);
	assert_int_equal(v->hsm.start.gpa, 0x1000);
	assert_int_equal(v->hsm.arg, 7);
}

static void one_that_is_prepared_is_not_kicked(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->hsm.state = SBI_HSM_STATE_STOPPED;
	v->halt.blocked = 1;
	assert_int_equal(vcpu_hsm_prepare(v, gpa(0x1000), 7), HV_OK);
	assert_int_equal(woken, 0);
	assert_int_equal(v->requests, bit_of(REQUEST_RESET));
	/* Nor one that cannot be started. */
	assert_int_equal(vcpu_hsm_start(v, gpa(0x1000), 7), HV_EEXIST);
	assert_int_equal(woken, 0);
}

static void a_stop_is_pending_till_it_is_served(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->hsm.state = SBI_HSM_STATE_STARTED;
	vcpu_hsm_stop(v);
	assert_int_equal(vcpu_hsm_status(v), SBI_HSM_STATE_STOP_PENDING);
	assert_int_equal(v->requests, bit_of(REQUEST_SLEEP));
}

static void a_suspended_hart_is_halted(void **state)
{
	struct vcpu *v = &vcpus[1];

	(void)state;
	v->hsm.state = SBI_HSM_STATE_STARTED;
	vcpu_hsm_suspend(v);
	assert_int_equal(vcpu_hsm_status(v), SBI_HSM_STATE_SUSPENDED);
	assert_int_equal(v->halt.ends, sleep_ends(SLEEP_SUSPEND));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_a_bit_without_its_flags),
		TEST(a_kick_wakes_what_sleeps),
		TEST(a_kick_interrupts_what_runs_once),
		TEST(a_kick_leaves_others_alone),
		TEST(a_wake_may_be_claimed_for_a_yield),
		TEST(what_is_outside_is_asked_without_a_kick),
		TEST(a_lock_s_kick_is_kept_and_sends_no_ipi),
		TEST(a_broadcast_wakes_interrupts_and_leaves_alone),
		TEST(only_the_set_is_asked),
		TEST(it_says_whether_any_was_kicked),
		TEST(no_wakeup_wakes_no_vcpu),
		TEST(no_action_logs_nothing),
		TEST(the_caller_s_own_vcpu_is_not_interrupted),
		TEST(wait_ends_when_the_target_has_left),
		TEST(a_waiter_is_not_in_guest_mode_itself),
		TEST(an_interrupt_is_posted_and_kicks),
		TEST(a_line_kicks_as_it_rises),
		TEST(a_reset_takes_what_was_posted_and_leaves_lines),
		TEST(only_a_stopped_hart_is_started),
		TEST(one_that_is_prepared_is_not_kicked),
		TEST(a_stop_is_pending_till_it_is_served),
		TEST(a_suspended_hart_is_halted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
