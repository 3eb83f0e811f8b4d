// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/* The vcpu protocol in every order: pause, end, stop and start. */
#include "explorer/scene.h"
#include "arch/smp.h"
#include "vcpu/hsm.h"
#include <hartvisor/sbi.h>

static void final_resumed(void)
{
	final_common();
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (vcpu(i)->se.state != SCHED_RUNNING && world.guests[i].script == runs_on)
			explorer_fail("vcpu %u was not resumed", i);
}

static void pause_returns_when_no_vcpu_runs(void **state)
{
	static const enum guest_op script[] = { NOP, NOP, END };

	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, script);
	outsider("operator", pauses, 0);
	explore(5, NULL);
}

static void resume_is_not_lost(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, runs_on);
	outsider("operator", pauses_and_resumes, 0);
	explore(4, final_resumed);
}

static void an_interrupt_during_the_pause_is_seen_after_it(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, idles);
	outsider("operator", pauses_and_resumes, 0);
	outsider("sender", posts, 0);
	explore(4, final_common);
}

/* The pause of one operator is not to be ended before it has begun, nor by another one's time. */
static void final_toggled(void)
{
	final_common();
	if (world.vm.state == VM_PAUSING)
		explorer_fail("a pause was begun and not made");
	if (world.vm.state == VM_RUNNING && vcpu(0)->se.state != SCHED_RUNNING)
		explorer_fail("it was not resumed");
}

static void two_operators_pause_and_resume(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, runs_on);
	outsider("operator", toggles_twice, 0);
	outsider("operator 2", toggles_twice, 0);
	explore(2, final_toggled);
}

static void stops(void)
{
	uint64_t all = vm_all_vcpus(&world.vm).bits;

	calls(all, 1);
	(void)vm_stop(&world.vm, VM_STOP_DESTROY, NULL);
	calls(all, -1);
}

static void final_ended(void)
{
	if (world.vm.active != 0 || world.buried != 1)
		explorer_fail("%u vcpus still live, the end was told %u times", world.vm.active,
			      world.buried);
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (vcpu(i)->se.state != SCHED_BLOCKED || vcpu(i)->se.on_cpu)
			explorer_fail("dead vcpu %u is still somewhere", i);
}

static void destroys(void *arg)
{
	(void)arg;
	stops();
}

static void destroy_reaches_all(void **state)
{
	(void)state;
	scene(2, 1, 2, own_hart);
	runs(0, idles);
	runs(1, runs_on);
	outsider("operator", destroys, 0);
	explore(3, final_ended);
}

static void destroy_during_pause_and_interrupts(void **state)
{
	(void)state;
	scene(1, 3, 1, own_hart);
	runs(0, idles);
	outsider("operator", destroys, 0);
	outsider("operator 2", pauses_and_resumes, 0);
	outsider("sender", posts, 0);
	explore(2, final_ended);
}

/* What the console asks for is done by some hart's loop, in which the target may still be loaded. */
static void queues_work(void *arg)
{
	static struct work work;

	(void)arg;
	work_queue(&work);
	explorer_step();
	(void)smp_wake_one_idle();
	explorer_step();
	smp_kick(pcpu_set_of(0));
}

static void destroy_by_the_hart_that_has_it_loaded(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, idles);
	world.work_fn = stops;
	outsider("operator", queues_work, 0);
	explore(4, final_ended);
}

static bool stopped(void *v)
{
	return ((struct vcpu *)v)->hsm.state == SBI_HSM_STATE_STOPPED;
}

static void starts_again(void *arg)
{
	struct vcpu *v = vcpu((unsigned int)(uintptr_t)arg);

	calls(BIT(v->id), 1);
	do
		explorer_wait(stopped, v);
	while (vcpu_hsm_start(v, gpa(0x1000), 7) != HV_OK);
	calls(BIT(v->id), -1);
}

static void final_started(void)
{
	final_common();
	if (vcpu(0)->hsm.state != SBI_HSM_STATE_STARTED || vcpu(0)->se.state != SCHED_RUNNING)
		explorer_fail("it was not started");
	if (vcpu(0)->regs.sepc != 0x1000 || vcpu(0)->regs.x[REG_A1] != 7)
		explorer_fail("it was started elsewhere");
}

static void stop_then_start_is_not_lost(void **state)
{
	static const enum guest_op script[] = { STOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("starter", starts_again, 0);
	outsider("broadcaster", asks_fence_i, 1);
	explore(4, final_started);
}

static void stop_and_pause_and_start(void **state)
{
	static const enum guest_op script[] = { STOP, END };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("starter", starts_again, 0);
	outsider("operator", pauses_and_resumes, 0);
	explore(3, final_started);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pause_returns_when_no_vcpu_runs),
		cmocka_unit_test(resume_is_not_lost),
		WITHOUT_REST(resume_is_not_lost),
		cmocka_unit_test(an_interrupt_during_the_pause_is_seen_after_it),
		WITHOUT_REST(an_interrupt_during_the_pause_is_seen_after_it),
		cmocka_unit_test(two_operators_pause_and_resume),
		WITHOUT_REST(two_operators_pause_and_resume),
		cmocka_unit_test(destroy_reaches_all),
		cmocka_unit_test(destroy_during_pause_and_interrupts),
		WITHOUT_REST(destroy_during_pause_and_interrupts),
		cmocka_unit_test(destroy_by_the_hart_that_has_it_loaded),
		WITHOUT_REST(destroy_by_the_hart_that_has_it_loaded),
		cmocka_unit_test(stop_then_start_is_not_lost),
		cmocka_unit_test(stop_and_pause_and_start),
	};

	return run_scenes(tests, argc, argv);
}
