// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/explorer/scene.h
/*
 * The vcpu protocol in every order: timers that come due before, within and after the way into a halt, with Sstc
 * and with the host timer that stands in for it.
 */
#include "explorer/scene.h"
#include "arch/csr.h"
#include "fake/pcpu.h"

/* The timer was armed, and then its time has passed: one interrupt. */
static void final_ticked(void)
{
	final_common();
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (world.guests[i].armed && world.guests[i].ticks != 1)
			explorer_fail("vcpu %u had %u timer interrupts, not 1", i,
				      world.guests[i].ticks);
}

/* Time may have stopped before the deadline, where the vcpu armed it late. */
static void final_ticked_if_due(void)
{
	final_common();
	for (unsigned int i = 0; i < world.vm.nr_vcpus; i++)
		if (world.guests[i].ticks > 1)
			explorer_fail("vcpu %u had %u timer interrupts", i, world.guests[i].ticks);
}

static void a_timer_ends_a_halt(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, arms_and_idles);
	outsider("clock", time_passes, 0);
	outsider("sender", posts, 0);
	explore(3, final_ticked);
}

/* The guest's clock stands still meanwhile, so host time passes once more afterwards. */
static void a_timer_ends_a_halt_after_a_pause(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, arms_and_idles);
	outsider("clock", time_passes, 0);
	outsider("operator", pauses_before_time_passes, 0);
	explore(2, final_ticked);
}

static void a_timer_interrupts_a_guest_after_a_pause(void **state)
{
	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, arms_and_takes);
	outsider("clock", time_passes, 0);
	outsider("operator", pauses_before_time_passes, 0);
	explore(2, final_ticked);
}

/* It halts without a look at what is pending, as a kernel does that has interrupts off. */
static void a_timer_ends_a_halt_beside_a_sibling(void **state)
{
	(void)state;
	scene(1, 2, 2, first_hart);
	runs(0, arms_and_halts);
	runs(1, idles);
	outsider("clock", time_passes, 0);
	outsider("sender", posts, 1);
	explore(3, final_ticked);
}

/* Armed on one pcpu, and due when the vcpu is on another. */
static void a_timer_follows_its_vcpu(void **state)
{
	(void)state;
	scene(2, 2, 2, any_hart);
	runs(0, arms_and_idles);
	runs(1, idles);
	outsider("clock", time_passes, 0);
	outsider("sender", posts, 0);
	explore(2, final_ticked);
}

/* The host's time for the deadline comes in the pause, when the guest's has not come. */
static void a_deadline_moves_with_the_guest_s_clock(void **state)
{
	(void)state;
	scene(1, 1, 1, own_hart);
	runs(0, arms_and_takes);
	outsider("operator", pauses_over_deadline, 0);
	explore(3, final_ticked);
	scene(1, 1, 1, own_hart);
	runs(0, arms_and_idles);
	outsider("operator", pauses_over_deadline, 0);
	explore(3, final_ticked);
}

static void it_is_time(void *unused)
{
	(void)unused;
	world.time += TIMER_TICKS;
}

/*
 * The vcpu slept on hart 0, whose pcpu has its host timer, and was woken on hart 1, whose clock is a tick behind. The
 * host timer comes on hart 0 to the tick, while the vcpu is on its way into the next sleep. It must not be all that would
 * have woken it.
 */
static void a_timer_follows_its_vcpu_to_a_slower_clock(void **state)
{
	static const uint64_t second_hart[VCPUS_MAX] = { BIT(1) };
	struct vcpu *v;

	(void)state;
	scene(2, 1, 1, second_hart);
	world.lag[1] = 1;
	runs(0, idles);
	v = vcpu(0);
	v->vs.vsie = BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER);
	v->vs.vstimecmp = v->timer.deadline = world.time + TIMER_TICKS;
	fake_pcpu_become(0);
	timer_arm(&v->timer.host, world.time + TIMER_TICKS);
	outsider("clock", it_is_time, 0);
	explore(3, final_ticked_if_due);
}

/* The first deadline is never reached, and the second one must not be taken for it. */
static void a_deadline_replaces_another(void **state)
{
	static const enum guest_op script[] = { ARM_LATE, WFI, ARM, IDLE };

	(void)state;
	scene(1, 2, 1, own_hart);
	runs(0, script);
	outsider("clock", time_passes, 0);
	outsider("sender", posts, 0);
	explore(3, final_ticked);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_ends_a_halt),
		WITHOUT_REST(a_timer_ends_a_halt),
		WITHOUT_SSTC(a_timer_ends_a_halt),
		cmocka_unit_test(a_timer_ends_a_halt_after_a_pause),
		WITHOUT_REST(a_timer_ends_a_halt_after_a_pause),
		WITHOUT_SSTC(a_timer_ends_a_halt_after_a_pause),
		cmocka_unit_test(a_timer_interrupts_a_guest_after_a_pause),
		WITHOUT_SSTC(a_timer_interrupts_a_guest_after_a_pause),
		cmocka_unit_test(a_deadline_moves_with_the_guest_s_clock),
		WITHOUT_SSTC(a_deadline_moves_with_the_guest_s_clock),
		cmocka_unit_test(a_timer_ends_a_halt_beside_a_sibling),
		WITHOUT_SSTC(a_timer_ends_a_halt_beside_a_sibling),
		cmocka_unit_test(a_timer_follows_its_vcpu),
		WITHOUT_REST(a_timer_follows_its_vcpu),
		WITHOUT_SSTC(a_timer_follows_its_vcpu),
		cmocka_unit_test(a_timer_follows_its_vcpu_to_a_slower_clock),
		WITHOUT_REST(a_timer_follows_its_vcpu_to_a_slower_clock),
		WITHOUT_SSTC(a_timer_follows_its_vcpu_to_a_slower_clock),
		cmocka_unit_test(a_deadline_replaces_another),
		WITHOUT_SSTC(a_deadline_replaces_another),
	};

	return run_scenes(tests, argc, argv);
}
