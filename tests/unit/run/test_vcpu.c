// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_vcpu.h
/* The vcpu's run loop: what is called in which order. What several harts make of it is the explorer's. */
#include "fake/run_vcpu.h"

/* --- the loop ------------------------------------------------------------------------------------------- */

static void it_runs_until_something_else_is_to_run(void **state)
{
	(void)state;
	assert_null(vcpu_run(&one));
	CALLS("enter exit look switch-preempted ");
	assert_int_equal(slice, 1000000);
	assert_int_equal(one.guest_seq, 1);
	assert_ptr_equal(this_pcpu()->current, &one);
}

static unsigned int left;

static void leaves_later(struct vcpu *v)
{
	(void)v;
	this_pcpu()->need_resched = 1;
	must_switch = --left == 0;
}

static void a_look_that_finds_nothing_lets_it_go_on(void **state)
{
	(void)state;
	in_exit = leaves_later;
	left = 2;
	(void)vcpu_run(&one);
	CALLS("enter exit look enter exit look switch-preempted ");
}

static void work_that_is_due_takes_the_hart(void **state)
{
	(void)state;
	work_count = 1;
	assert_null(vcpu_run(&one));
	/* The pcpu loop does it, and then picks the next vcpu. */
	CALLS("put-preempted ");
	setup(state);
	work_count = 1;
	this_pcpu()->work_at = 1000000;
	(void)vcpu_run(&one);
	CALLS("slice enter exit look switch-preempted ");
}

static void interrupts_come_before_the_next_one(void **state)
{
	(void)state;
	csr_write(CSR_SIP, BIT(IRQ_S_TIMER));
	next = &two.se;
	assert_null(vcpu_run(&one));
	CALLS("enter exit look put-preempted ");
}

static void the_next_one_is_loaded_and_runs(void **state)
{
	(void)state;
	this_pcpu()->current = &two;
	next = &other;
	assert_ptr_equal(vcpu_run(&one), &other);
	CALLS("unloaded-two enter exit look switch-preempted ");
	assert_ptr_equal(this_pcpu()->current, &one);
}

static void a_request_is_handled_before_the_next_entry(struct vcpu *v)
{
	if (--left)
		v->requests = BIT(3);
	else
		this_pcpu()->need_resched = 1;
}

static void requests_are_handled_between_stays(void **state)
{
	(void)state;
	in_exit = a_request_is_handled_before_the_next_entry;
	left = 2;
	verdicts[0] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("enter exit requests enter exit look switch-preempted ");
}

/* Not STARTED, not RUNNING, halted, or with a request: each is looked at before the guest runs. */
static void the_short_look_misses_nothing(void **state)
{
	for (unsigned int why = 0; why < 4; why++) {
		setup(state);
		one.requests = why == 0 ? BIT(3) : 0;
		one.halt.ends = why == 1 ? sleep_ends(SLEEP_WFI) : 0;
		vm.state = why == 2 ? VM_PAUSED : VM_RUNNING;
		one.hsm.state = why == 3 ? SBI_HSM_STATE_STOPPED : SBI_HSM_STATE_STARTED;
		verdicts[0] = VCPU_MUST_BLOCK;
		blocks = true;
		assert_null(vcpu_run(&one));
		CALLS("requests rest block hand-back switch-blocks ");
	}
}

static void it_polls_rests_and_blocks_in_this_order(void **state)
{
	(void)state;
	one.requests = 1;
	vm.halt_poll_max = 1;
	verdicts[0] = verdicts[1] = VCPU_MUST_BLOCK;
	verdicts[2] = VCPU_MAY_RUN;
	one.hsm.state = SBI_HSM_STATE_STOPPED;
	polls = true;
	one.halt.poll_since = 1;
	verdicts[1] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("requests poll requests adapt enter exit look switch-preempted ");
	setup(state);
	one.hsm.state = SBI_HSM_STATE_STOPPED;
	rests = true;
	verdicts[0] = VCPU_MUST_BLOCK;
	verdicts[1] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("requests rest requests enter exit look switch-preempted ");
	setup(state);
	one.hsm.state = SBI_HSM_STATE_STOPPED;
	verdicts[0] = VCPU_MUST_BLOCK; /* something came: block() says so */
	verdicts[1] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("requests rest block requests enter exit look switch-preempted ");
}

static void the_vcpu_that_handed_over_the_hart_gets_it_back(void **state)
{
	(void)state;
	one.hsm.state = SBI_HSM_STATE_STOPPED;
	verdicts[0] = VCPU_MUST_BLOCK;
	blocks = true;
	hands_back = &other;
	assert_ptr_equal(vcpu_run(&one), &other);
	CALLS("requests rest block hand-back ");
}

static void halts(struct vcpu *v)
{
	v->halt.ends = sleep_ends(SLEEP_WFI);
}

/* Where others wait it neither polls nor rests. */
static void a_halt_where_others_wait_blocks_at_once(void **state)
{
	(void)state;
	in_exit = halts;
	others_wait = blocks = true;
	vm.halt_poll_max = 1;
	assert_null(vcpu_run(&one));
	CALLS("enter exit block hand-back switch-blocks ");
	setup(state);
	in_exit = halts;
	others_wait = blocks = true;
	one.halt.kicked = 1;
	verdicts[0] = VCPU_MUST_BLOCK;
	(void)vcpu_run(&one);
	CALLS("enter exit requests rest block hand-back switch-blocks ");
}

static void the_last_one_that_ends_tells_its_vm(void **state)
{
	(void)state;
	one.requests = two.requests = 1;
	verdicts[0] = verdicts[1] = VCPU_IS_DEAD;
	assert_null(vcpu_run(&one));
	CALLS("requests park put-blocks unloaded-one ");
	assert_null(this_pcpu()->current);
	trace[0] = 0;
	assert_null(vcpu_run(&two));
	CALLS("requests park put-blocks unloaded-two wake-task ");
}

/* --- what others see of it ------------------------------------------------------------------------------ */

static void pages_and_structures_are_kept_up_to_date(void **state)
{
	(void)state;
	one.pv.magic.mapped = (void *)&one;
	(void)vcpu_run(&one);
	CALLS("runs enter exit look mark switch-preempted ");
	setup(state);
	one.pv.magic.mapped = (void *)&one;
	one.hsm.state = SBI_HSM_STATE_STOPPED;
	verdicts[0] = VCPU_MUST_BLOCK;
	blocks = true;
	(void)vcpu_run(&one);
	CALLS("requests rest block halted hand-back switch-blocks ");
	setup(state);
	one.pv.marked = true;
	verdicts[0] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("news requests enter exit look switch-preempted ");
}

static void wants_the_hart_once(void)
{
	this_pcpu()->need_resched = 1;
	in_page = NULL;
	must_switch = false;
	in_exit = preempts_now;
}

/* Behind the look at the slice and before the guest: seen by the last check, and counted. */
static void an_entry_that_is_given_up_is_counted(void **state)
{
	(void)state;
	one.pv.magic.mapped = (void *)&one;
	in_page = wants_the_hart_once;
	(void)vcpu_run(&one);
	CALLS("runs look runs enter exit look mark switch-preempted ");
	assert_int_equal(one.stats.aborted_entries, 1);
	assert_int_equal(one.guest_seq, 2);
}

static struct next clears_its_interrupt(struct vcpu *v)
{
	(void)v;
	assert_true(csr_read(CSR_HVIP) & BIT(IRQ_VS_SOFT));
	csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
	return next_is(NEXT_EXIT);
}

static void what_the_guest_clears_stays_cleared(void **state)
{
	(void)state;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	stays[0] = clears_its_interrupt;
	(void)vcpu_run(&one);
	assert_int_equal(one.irq.shadow & BIT(IRQ_VS_SOFT), 0);
}

/* --- spinners and yields -------------------------------------------------------------------------------- */

static void a_spinner_yields_or_goes_on(void **state)
{
	(void)state;
	how = next_is(NEXT_SPIN);
	spin_yields = true;
	(void)vcpu_run(&one);
	CALLS("enter exit spin-yield switch-yielded ");
	assert_true(one.se.spin.on && one.se.spin.renewed);
	setup(state);
	how = next_is(NEXT_SPIN);
	(void)vcpu_run(&one);
	CALLS("enter exit spin-yield look switch-preempted ");
}

static void goes_on_then_leaves(struct vcpu *v)
{
	if (--left == 0)
		leaves(v);
}

/* One that executed little between two WRS.NTO still spins; without a count of instructions nothing is known. */
static void a_spinner_that_got_on_is_known_by_its_instructions(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		setup(state);
		hart_features.instret = i != 2;
		how = next_is(NEXT_SPIN);
		one.se.spin.on = true;
		retires = i == 0 ? 256 : 257;
		(void)vcpu_run(&one);
		assert_int_equal(one.se.spin.renewed, i != 0);
	}
	setup(state);
	one.se.spin.on = true;
	in_exit = goes_on_then_leaves;
	left = 2;
	(void)vcpu_run(&one);
	assert_false(one.se.spin.on);
	assert_true(one.se.spin.renewed);
}

static void a_yield_goes_to_the_one_that_was_named(void **state)
{
	(void)state;
	how = next_yield(&two, false);
	switches_to = SCHED_PUT_ME;
	(void)vcpu_run(&one);
	CALLS("enter exit switch-to switch-yielded ");
	setup(state);
	how = next_yield(&two, false);
	(void)vcpu_run(&one);
	CALLS("enter exit switch-to look switch-preempted ");
}

static void makes_a_request(struct vcpu *v)
{
	v->requests = BIT(3);
	this_pcpu()->need_resched = 1;
}

/* The wake that a call has claimed is done whatever else there is to do. */
static void one_that_was_asleep_is_woken_by_the_yield(void **state)
{
	(void)state;
	how = next_yield(&two, true);
	in_exit = makes_a_request;
	verdicts[0] = VCPU_MAY_RUN;
	(void)vcpu_run(&one);
	CALLS("enter exit wake-and-switch-to requests look switch-preempted ");
}

static void a_hart_that_is_switched_already_needs_no_switch(void **state)
{
	(void)state;
	how = next_yield(&two, true);
	switches_to = SCHED_SWITCHED;
	assert_ptr_equal(vcpu_run(&one), &other);
	CALLS("enter exit wake-and-switch-to running ");
	setup(state);
	one.pv.magic.mapped = (void *)&one;
	how = next_yield(&two, true);
	switches_to = SCHED_SWITCHED;
	(void)vcpu_run(&one);
	CALLS("runs enter exit wake-and-switch-to mark running ");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(it_runs_until_something_else_is_to_run),
		TEST(a_look_that_finds_nothing_lets_it_go_on),
		TEST(work_that_is_due_takes_the_hart),
		TEST(interrupts_come_before_the_next_one),
		TEST(the_next_one_is_loaded_and_runs),
		TEST(requests_are_handled_between_stays),
		TEST(the_short_look_misses_nothing),
		TEST(it_polls_rests_and_blocks_in_this_order),
		TEST(the_vcpu_that_handed_over_the_hart_gets_it_back),
		TEST(a_halt_where_others_wait_blocks_at_once),
		TEST(the_last_one_that_ends_tells_its_vm),
		TEST(pages_and_structures_are_kept_up_to_date),
		TEST(an_entry_that_is_given_up_is_counted),
		TEST(what_the_guest_clears_stays_cleared),
		TEST(a_spinner_yields_or_goes_on),
		TEST(a_spinner_that_got_on_is_known_by_its_instructions),
		TEST(a_yield_goes_to_the_one_that_was_named),
		TEST(one_that_was_asleep_is_woken_by_the_yield),
		TEST(a_hart_that_is_switched_already_needs_no_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
