// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_vcpu.h
/* Light exits: SBI calls that are answered from the trap vector. */
#include "fake/run_vcpu.h"

static uint64_t eid, fid;
static enum light_verdict said;

/* One ecall, and out of the guest at the next trap. */
static bool calls(struct vcpu *v, light_fn *light)
{
	struct light_end end;

	v->regs.x[REG_A7] = eid;
	v->regs.x[REG_A6] = fid;
	v->regs.x[REG_A0] = v->regs.x[REG_A1] = 77;
	end = light(&v->regs);
	said = light_verdict(end);
	assert_ptr_equal((void *)(end.regs_and_verdict & ~(uintptr_t)LIGHT_VERDICT), &v->regs);
	return said == LIGHT_LEAVE;
}

/* --- light exits ---------------------------------------------------------------------------------------- */

/* Makes one call; returns how many calls were counted by it. */
static uint64_t light(uint64_t e, uint64_t f)
{
	uint64_t before = one.stats.exits[EXIT_SBI];

	eid = e;
	fid = f;
	nr_stays = 2;
	stays[0] = calls;
	stays[1] = traps;
	(void)vcpu_run(&one);
	return one.stats.exits[EXIT_SBI] - before;
}

#define ANSWER(error, value)                                             \
	do {                                                             \
		assert_int_equal(one.regs.x[REG_A0], (uint64_t)(error)); \
		assert_int_equal(one.regs.x[REG_A1], (value));           \
	} while (0)

static void each_kind_of_call_is_answered_and_counted_once(void **state)
{
	(void)state;
	assert_int_equal(light(EID, 1), 1);
	ANSWER(SBI_SUCCESS, 22);
	assert_int_equal(said, LIGHT_DONE);
	setup(state);
	assert_int_equal(light(EID, 2), 1);
	ANSWER(SBI_SUCCESS, 55);
	assert_int_equal(said, LIGHT_DONE);
	setup(state);
	assert_int_equal(light(EID, 4), 1);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
	assert_int_equal(said, LIGHT_DONE);
	setup(state);
	assert_int_equal(light(EID_PROBED, 4), 1);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
	setup(state);
	assert_int_equal(light(EID_RANGE, 4), 1);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
}

static void what_nobody_serves_is_not_supported(void **state)
{
	static const uint64_t eids[] = { EID_NONE, EID | BIT(32), EID_PROBED, EID_RANGE };

	for (unsigned int i = 0; i < ARRAY_SIZE(eids); i++) {
		setup(state);
		has_it = 0;
		assert_int_equal(light(eids[i], 4), 1);
		ANSWER(SBI_ERR_NOT_SUPPORTED, 0);
		assert_int_equal(said, LIGHT_DONE);
		assert_null(strstr(trace, "handle"));
	}
}

/* Those are done behind the world switch, and counted there. */
static void other_functions_are_exits_like_others(void **state)
{
	static const uint64_t fids[] = { 3, 5, 63, 64, 68, UINT64_MAX };
	static const uint64_t eids[] = { EID, EID_PROBED, EID_RANGE };

	for (unsigned int e = 0; e < ARRAY_SIZE(eids); e++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(fids); i++) {
			setup(state);
			assert_int_equal(light(eids[e], fids[i]), 0);
			assert_int_equal(said, LIGHT_NOT);
			ANSWER(77, 77);
		}
	}
}

static void names_one_that_waits(struct vcpu *v)
{
	v->yield_to = &two;
	two.se.state = SCHED_RUNNABLE;
}

static void names_one_that_sleeps(struct vcpu *v)
{
	v->yield_to = &two;
	two.se.state = SCHED_BLOCKED;
}

static void a_yield_leaves_if_there_is_somebody_to_yield_to(void **state)
{
	(void)state;
	in_call = names_one_that_waits;
	yields_to = true;
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_LEAVE);
	CALLS("enter handle yield-to switch-yielded ");
	setup(state);
	in_call = names_one_that_sleeps;
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_DONE);
	assert_null(one.yield_to);
	CALLS("enter handle exit look switch-preempted ");
}

static void hands_over_in_a_call(struct vcpu *v)
{
	names_one_that_sleeps(v);
	v->hands_over = true;
}

static void a_hand_over_leaves(void **state)
{
	(void)state;
	in_call = hands_over_in_a_call;
	hands_over = true;
	(void)light(EID, 2);
	assert_int_equal(said, LIGHT_LEAVE);
	CALLS("enter quick hand-over running ");
}

static void waits_for_others(struct vcpu *v)
{
	vcpu_leave(v);
}

static void waits_for_others_and_is_asked(struct vcpu *v)
{
	vcpu_leave(v);
	v->requests = BIT(3);
}

/* It was not in guest mode meanwhile: it enters as the protocol has it. */
static void a_call_that_waited_enters_anew(void **state)
{
	(void)state;
	in_call = waits_for_others;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_DONE);
	setup(state);
	in_call = waits_for_others_and_is_asked;
	verdicts[0] = VCPU_MAY_RUN;
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_LEAVE);
	CALLS("enter handle requests enter exit look switch-preempted ");
}

/* And another interrupt comes, so that hvip is written anew. */
static void clears_and_waits(struct vcpu *v)
{
	csr_clear(CSR_HVIP, BIT(IRQ_VS_SOFT));
	v->irq.levels = BIT(IRQ_VS_EXT);
	vcpu_leave(v);
}

static void what_the_guest_cleared_before_stays_cleared(void **state)
{
	(void)state;
	in_call = clears_and_waits;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	(void)light(EID, 4);
	assert_int_equal(one.irq.shadow & BIT(IRQ_VS_SOFT), 0);
	assert_int_equal(csr_read(CSR_HVIP) & BIT(IRQ_VS_SOFT), 0);
}

static void wants_the_hart(struct vcpu *v)
{
	(void)v;
	this_pcpu()->need_resched = 1;
}

static void a_call_that_makes_another_runnable_looks(void **state)
{
	(void)state;
	in_call = wants_the_hart;
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_LEAVE);
	CALLS("enter handle look look switch-preempted ");
	setup(state);
	in_call = wants_the_hart;
	must_switch = false;
	in_exit = preempts_now;
	(void)light(EID, 4);
	assert_int_equal(said, LIGHT_DONE);
	CALLS("enter handle look exit look switch-preempted ");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_call_is_answered_and_counted_once),
		TEST(what_nobody_serves_is_not_supported),
		TEST(other_functions_are_exits_like_others),
		TEST(a_yield_leaves_if_there_is_somebody_to_yield_to),
		TEST(a_hand_over_leaves),
		TEST(a_call_that_waited_enters_anew),
		TEST(what_the_guest_cleared_before_stays_cleared),
		TEST(a_call_that_makes_another_runnable_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
