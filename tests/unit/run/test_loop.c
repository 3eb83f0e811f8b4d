// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h
// SOURCES: hyp/run/task.c hyp/run/rest.c hyp/run/pcpu_loop.c
/*
 * The pcpu's loop, tasks, and halts on a hart that nothing else wants: what is called in which order, and what is looked
 * at between. The scheduler, the clock and the WFI are the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/features.h"
#include "arch/guest.h"
#include "arch/smp.h"
#include "fake/run_calls.h"
#include "platform/driver.h"
#include "run/run.h"
#include "vcpu/load.h"
#include "vcpu/vm.h"
#include "vcpu/vtimer.h"

/* --- the fakes ------------------------------------------------------------------------------------------ */

static jmp_buf out;

static bool must_switch, idle, rest_begins;
static struct sched_entity *picks[4];
static unsigned int nr_picks, picked;
static unsigned int steps, steps_left; /* of the task: taken, and to come */
static void (*in_step)(void), (*in_wfi)(void), (*in_rest)(void);
static struct sched_entity *after_vcpu; /* what vcpu_run() returns */

static struct vm vm;
static struct vcpu vcpu;
static struct sched_entity task;

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_run(void)
{
	called("timer");
	csr_clear(CSR_SIP, BIT(IRQ_S_TIMER));
}

void host_irq_handle(void)
{
	called("external");
	csr_clear(CSR_SIP, BIT(IRQ_S_EXT));
}

void smp_ipi_taken(void)
{
	called("ipi");
}

void cpu_wait_for_interrupt(void)
{
	called("wfi");
	assert_int_equal(this_pcpu()->idle, 1);
	if (in_wfi)
		in_wfi();
}

bool work_run_one(void)
{
	called("work");
	if (!work_count)
		return false;
	work_count--;
	return true;
}

struct sched_entity *sched_pick(uint64_t at)
{
	(void)at;
	assert_int_equal(this_pcpu()->need_resched, 0);
	if (picked == nr_picks)
		longjmp(out, 1);
	called("pick");
	return picks[picked++];
}

void sched_unloaded(struct sched_entity *se)
{
	called(se == &task ? "unloaded-task" : "unloaded");
	assert_null(this_pcpu()->current);
}

bool sched_idle_begin(void)
{
	return idle;
}

void sched_idle_end(void)
{
}

bool sched_should_switch(struct sched_entity *se)
{
	(void)se;
	assert_int_equal(this_pcpu()->need_resched, 0);
	called("look");
	return must_switch;
}

bool sched_rest_begin(struct sched_entity *se, uint64_t at)
{
	(void)se;
	(void)at;
	called("rest");
	if (in_rest)
		in_rest();
	return rest_begins;
}

void sched_rest_end(struct sched_entity *se, uint64_t at)
{
	(void)se;
	(void)at;
	called("rested");
}

void sched_take_wake(struct sched_entity *se)
{
	(void)se;
	called("take-wake");
}

struct sched_entity *vcpu_run(struct vcpu *v)
{
	assert_ptr_equal(v, &vcpu);
	called("run");
	return after_vcpu;
}

static bool step(struct sched_entity *se)
{
	assert_ptr_equal(se, &task);
	called("step");
	steps++;
	if (in_step)
		in_step();
	return --steps_left != 0;
}

static int setup(void **state)
{
	(void)state;
	fake_pcpu_setup(1);
	this_pcpu()->current = NULL;
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	vm.state = VM_RUNNING;
	vcpu.vm = &vm;
	vcpu.halt_ends = sleep_ends(SLEEP_WFI);
	vcpu.halted_at = 1;
	task = (struct sched_entity){ .step = step };
	now = 1000;
	slice = 0;
	work_count = 0;
	timer_sstc = idle = rest_begins = true;
	others_wait = must_switch = false;
	nr_picks = picked = steps = 0;
	steps_left = 1;
	in_step = in_wfi = in_rest = NULL;
	after_vcpu = NULL;
	trace[0] = 0;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, 0);
	csr_write(CSR_SIE, BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT));
	csr_write(CSR_VSTIMECMP, UINT64_MAX);
	return 0;
}

/* --- tasks ---------------------------------------------------------------------------------------------- */

static void a_task_that_has_no_more_to_do_blocks(void **state)
{
	(void)state;
	steps_left = 3;
	task_run(&task);
	CALLS("step step step put-blocks unloaded-task ");
	assert_int_equal(slice, 1000000);
}

/* Another hart may take the vcpu at once, and its tables go with its VM: nothing of it is left here. */
static void the_vcpu_that_was_loaded_goes_first(void **state)
{
	(void)state;
	this_pcpu()->current = &vcpu;
	task_run(&task);
	CALLS("park unloaded step put-blocks unloaded-task ");
}

static void interrupts_come(void)
{
	if (steps == 1)
		csr_write(CSR_SIP, BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT) | BIT(IRQ_S_SOFT));
}

static void interrupts_are_taken_after_each_step(void **state)
{
	(void)state;
	steps_left = 2;
	in_step = interrupts_come;
	task_run(&task);
	CALLS("step ipi timer external step put-blocks unloaded-task ");
	assert_int_equal(csr_read(CSR_SIP), 0);
}

static void each_interrupt_is_taken_for_itself(void **state)
{
	static const struct {
		unsigned int irq;
		const char *calls;
	} all[] = { { IRQ_S_SOFT, "ipi " }, { IRQ_S_TIMER, "timer " }, { IRQ_S_EXT, "external " } };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		setup(state);
		csr_write(CSR_SIP, BIT(all[i].irq));
		pcpu_poll_interrupts();
		CALLS(all[i].calls);
		setup(state);
		csr_write(CSR_SIP, BIT(all[i].irq));
		csr_write(CSR_SIE, ~BIT(all[i].irq));
		pcpu_poll_interrupts();
		CALLS("");
	}
}

static void something_wants_the_hart(void)
{
	if (steps == 2)
		this_pcpu()->need_resched = 1;
}

static void a_task_gives_way_when_it_must(void **state)
{
	(void)state;
	steps_left = 5;
	in_step = something_wants_the_hart;
	must_switch = true;
	task_run(&task);
	CALLS("step step look put-preempted unloaded-task ");
}

static void a_task_that_need_not_give_way_goes_on_with_a_new_slice(void **state)
{
	(void)state;
	steps_left = 3;
	in_step = something_wants_the_hart;
	this_pcpu()->work_at = 5000;
	task_run(&task);
	CALLS("step step look step put-blocks unloaded-task ");
	assert_int_equal(slice,
			 5000); /* the next work item comes before the scheduler's next look */
}

static void work_comes(void)
{
	work_count = 1;
}

static void a_task_gives_way_to_work_that_is_due(void **state)
{
	(void)state;
	steps_left = 5;
	in_step = work_comes;
	task_run(&task);
	CALLS("step put-preempted unloaded-task ");
	setup(state);
	steps_left = 2;
	in_step = work_comes;
	this_pcpu()->work_at = 1000000;
	task_run(&task);
	CALLS("step step put-blocks unloaded-task ");
}

/* --- halts on a hart that nothing else wants ------------------------------------------------------------ */

static void look_blocked(void)
{
	assert_int_equal(vcpu.blocked, 1);
}

static void a_halt_sleeps_where_it_is(void **state)
{
	(void)state;
	in_wfi = look_blocked;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ");
	assert_int_equal(vcpu.blocked, 0);
	assert_int_equal(this_pcpu()->idle, 0);
}

static void interrupts_that_end_it_are_taken(void **state)
{
	(void)state;
	in_wfi = interrupts_come;
	steps = 1;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ipi timer external ");
}

static void look_for_interrupts(void)
{
	assert_int_equal(csr_read(CSR_HVIP), 0);
}

/* One that the guest has cleared, or that is no more, would end each WFI at once. */
static void no_old_interrupt_ends_the_sleep(void **state)
{
	(void)state;
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	vcpu.irq.hvip = BIT(IRQ_VS_SOFT);
	in_wfi = look_for_interrupts;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested ");
}

static void a_hart_that_is_wanted_does_not_rest(void **state)
{
	for (unsigned int why = 0; why < 5; why++) {
		setup(state);
		this_pcpu()->need_resched = why == 0;
		others_wait = why == 1;
		work_count = why == 2;
		if (why == 3)
			timer_sstc = false;
		if (why == 4)
			vcpu.halt_ends = sleep_ends(SLEEP_PV_WAIT);
		assert_false(vcpu_rest(&vcpu));
		CALLS("");
		assert_int_equal(vcpu.blocked, 0);
	}
}

static void what_has_come_already_is_not_slept_over(void **state)
{
	for (unsigned int why = 0; why < 4; why++) {
		setup(state);
		vcpu.requests = why == 0;
		vcpu.kicked = why == 1;
		vm.state = why == 2 ? VM_PAUSED : VM_RUNNING;
		rest_begins = why != 3;
		assert_false(vcpu_rest(&vcpu));
		CALLS(why == 3 ? "rest " : "");
		assert_int_equal(vcpu.blocked, 0);
	}
}

static void is_woken(void)
{
	vcpu.blocked = 0;
}

/* Its wake-up is on its way: taken here, and the vcpu looks again, even if the hart has found something else. */
static void whoever_clears_blocked_wakes(void **state)
{
	(void)state;
	in_wfi = is_woken;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest wfi rested take-wake ");
}

/* The same when it came to no sleep: it must not go on to block. */
static void whoever_clears_blocked_before_the_sleep_wakes(void **state)
{
	(void)state;
	in_rest = is_woken;
	rest_begins = false;
	assert_true(vcpu_rest(&vcpu));
	CALLS("rest take-wake ");
}

static void another_hart_has_work_for_this_one(void **state)
{
	(void)state;
	idle = false;
	assert_false(vcpu_rest(&vcpu));
	CALLS("rest rested ");
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static void loop(void)
{
	if (setjmp(out) == 0)
		pcpu_loop();
}

static void what_is_picked_runs(void **state)
{
	(void)state;
	picks[0] = &task;
	picks[1] = &vcpu.se;
	nr_picks = 2;
	loop();
	CALLS("pick step put-blocks unloaded-task pick run ");
}

static void a_task_that_follows_a_vcpu_needs_no_pick(void **state)
{
	(void)state;
	picks[0] = &vcpu.se;
	nr_picks = 1;
	after_vcpu = &task;
	this_pcpu()->need_resched = 1;
	loop();
	CALLS("pick run step put-blocks unloaded-task ");
}

static void without_anything_the_hart_sleeps_without_a_slice(void **state)
{
	(void)state;
	nr_picks = 1;
	picks[0] = NULL;
	this_pcpu()->work_at = 77;
	loop();
	CALLS("pick wfi ");
	assert_true(slice == TIMER_NEVER);
	assert_int_equal(this_pcpu()->work_at, 0);
}

static void a_hart_that_is_wanted_does_not_sleep(void **state)
{
	for (unsigned int why = 0; why < 2; why++) {
		setup(state);
		idle = why != 0;
		this_pcpu()->need_resched = why == 1;
		assert_int_equal(pcpu_sleep(), why == 1);
		CALLS("");
		assert_int_equal(this_pcpu()->idle, 0);
	}
	setup(state);
	work_count = 1;
	assert_true(pcpu_sleep());
	CALLS("");
}

/* One item, and then whatever is picked has the hart for 100 us; on an idle hart the next one comes at once. */
static void work_items_take_turns_with_what_is_picked(void **state)
{
	(void)state;
	work_count = 2;
	picks[0] = &vcpu.se;
	picks[1] = &vcpu.se;
	nr_picks = 2;
	loop();
	CALLS("work pick run pick run ");
	assert_in_range(this_pcpu()->work_at, 101000, 101100);
	setup(state);
	work_count = 2;
	picks[0] = picks[1] = picks[2] = NULL;
	nr_picks = 3;
	loop();
	CALLS("work pick work pick wfi pick wfi ");
}

static void the_time_of_the_next_item_is_forgotten_when_it_has_come(void **state)
{
	(void)state;
	this_pcpu()->work_at = now;
	pcpu_set_slice(&task, this_pcpu());
	assert_int_equal(this_pcpu()->work_at, 0);
	assert_int_equal(slice, 1000000);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_task_that_has_no_more_to_do_blocks),
		TEST(the_vcpu_that_was_loaded_goes_first),
		TEST(interrupts_are_taken_after_each_step),
		TEST(each_interrupt_is_taken_for_itself),
		TEST(a_task_gives_way_when_it_must),
		TEST(a_task_that_need_not_give_way_goes_on_with_a_new_slice),
		TEST(a_task_gives_way_to_work_that_is_due),
		TEST(a_halt_sleeps_where_it_is),
		TEST(interrupts_that_end_it_are_taken),
		TEST(no_old_interrupt_ends_the_sleep),
		TEST(a_hart_that_is_wanted_does_not_rest),
		TEST(what_has_come_already_is_not_slept_over),
		TEST(whoever_clears_blocked_wakes),
		TEST(whoever_clears_blocked_before_the_sleep_wakes),
		TEST(another_hart_has_work_for_this_one),
		TEST(what_is_picked_runs),
		TEST(a_task_that_follows_a_vcpu_needs_no_pick),
		TEST(without_anything_the_hart_sleeps_without_a_slice),
		TEST(a_hart_that_is_wanted_does_not_sleep),
		TEST(work_items_take_turns_with_what_is_picked),
		TEST(the_time_of_the_next_item_is_forgotten_when_it_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
