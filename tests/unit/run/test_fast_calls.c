// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_vcpu.h
/* The fast path of SBI calls and of virtual instructions: what is answered from the vector, and when the vcpu leaves. */
#include "fake/run_vcpu.h"

#include "fake/fence.h"

static uint64_t eid, fid, args[4];
static struct next said;

/* One ecall, and out of the guest at the next trap. */
static struct next calls(struct vcpu *v)
{
	v->regs.x[REG_A7] = eid;
	v->regs.x[REG_A6] = fid;
	for (unsigned int i = 0; i < ARRAY_SIZE(args); i++)
		v->regs.x[REG_A0 + i] = args[i];
	said = fast_ecall(&v->regs);
	return next_why(said) == NEXT_GUEST ? next_is(NEXT_EXIT) : said;
}

/* Makes one call with a0 and a1 = 77; returns how many calls were counted by it. */
static uint64_t fast(uint64_t e, uint64_t f)
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

#define SAID(why) assert_int_equal(next_why(said), why)

static int begin(void **state)
{
	(void)setup(state);
	for (unsigned int i = 0; i < ARRAY_SIZE(args); i++)
		args[i] = 77;
	fake_fences = (struct fake_fences){ 0 };
	return 0;
}

static void each_kind_of_call_is_answered_and_counted_once(void **state)
{
	static const uint64_t eids[] = { EID, EID_PROBED, EID_RANGE };

	for (unsigned int i = 0; i < ARRAY_SIZE(eids); i++) {
		begin(state);
		assert_int_equal(fast(eids[i], 4), 1);
		ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
		SAID(NEXT_GUEST);
		CALLS("enter handle exit look switch-preempted ");
	}
}

static void constants_take_no_handler(void **state)
{
	static const uint64_t says[] = { SBI_SPEC_VERSION, HARTVISOR_SBI_IMPL_ID,
					 SBI_IMPL_VERSION };

	for (unsigned int i = 0; i < ARRAY_SIZE(says); i++) {
		begin(state);
		assert_int_equal(fast(SBI_EXT_BASE, i), 1);
		ANSWER(SBI_SUCCESS, says[i]);
		SAID(NEXT_GUEST);
		assert_null(strstr(trace, "handle"));
	}
	begin(state);
	assert_int_equal(fast(SBI_EXT_BASE, 4), 1);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
	begin(state);
	assert_int_equal(fast(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION), 0);
	SAID(NEXT_EXIT); /* this handler's answer: it has been asked */
}

static void a_timer_is_set_in_the_hart_that_has_one(void **state)
{
	begin(state);
	assert_int_equal(fast(SBI_EXT_TIME, SBI_TIME_SET_TIMER), 1);
	ANSWER(SBI_SUCCESS, 0);
	assert_int_equal(csr_read(CSR_VSTIMECMP), 77);
	assert_null(strstr(trace, "handle"));
	begin(state);
	timer_sstc = false;
	(void)fast(SBI_EXT_TIME, 0);
	assert_int_equal(csr_read(CSR_VSTIMECMP), 0);
	SAID(NEXT_EXIT); /* this handler's answer to 0: it has been asked */
	begin(state);
	assert_int_equal(fast(SBI_EXT_TIME, 4), 1);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
}

/* The mode is what it was: the sync takes hvip from the hart, when it leaves. */
static void an_ipi_to_itself_is_a_bit_of_hvip(void **state)
{
	static const uint64_t ways[][2] = { { 1, 0 }, { 2, UINT64_MAX }, { 2, 0 },
					    { 1, 1 }, { 3, 0 },		 { 0, 0 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		begin(state);
		args[0] = ways[i][0];
		args[1] = ways[i][1];
		assert_int_equal(fast(SBI_EXT_IPI, SBI_IPI_SEND_IPI), 1);
		if (i == 0) {
			ANSWER(SBI_SUCCESS, 0);
			assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_SOFT));
			assert_int_equal(one.irq.shadow, BIT(IRQ_VS_SOFT));
			assert_null(strstr(trace, "send"));
		} else {
			ANSWER(SBI_ERR_ALREADY_AVAILABLE, 200);
			assert_int_equal(csr_read(CSR_HVIP), 0);
		}
	}
	begin(state);
	args[0] = 1;
	args[1] = 0;
	(void)fast(SBI_EXT_IPI, 4);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
}

static void a_fence_on_itself_is_one(void **state)
{
	begin(state);
	args[0] = 1;
	args[1] = 0;
	assert_int_equal(fast(SBI_EXT_RFNC, SBI_RFNC_REMOTE_FENCE_I), 1);
	ANSWER(SBI_SUCCESS, 0);
	assert_int_equal(fake_fences.of[FAKE_FENCE_I], 1);
	begin(state);
	args[0] = 1;
	args[1] = 0;
	args[2] = 0x1fff;
	args[3] = 2;
	assert_int_equal(fast(SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA), 1);
	ANSWER(SBI_SUCCESS, 0);
	assert_int_equal(fake_fences.of[FAKE_HFENCE_VVMA_ADDR], 2);
	assert_null(strstr(trace, "fence"));
	for (uint64_t f = 0; f < 2; f++) {
		begin(state);
		args[0] = 2;
		args[1] = 0;
		assert_int_equal(fast(SBI_EXT_RFNC, f), 1);
		ANSWER(SBI_ERR_ALREADY_AVAILABLE, 300 + f);
	}
	begin(state);
	args[0] = 1;
	args[1] = 0;
	(void)fast(SBI_EXT_RFNC, 4);
	ANSWER(SBI_ERR_ALREADY_AVAILABLE, 104);
}

static void what_no_extension_serves_is_not_supported(void **state)
{
	static const uint64_t eids[] = { EID_NONE, EID | BIT(32), EID_PROBED, EID_RANGE };

	for (unsigned int i = 0; i < ARRAY_SIZE(eids); i++) {
		begin(state);
		has_it = 0;
		assert_int_equal(fast(eids[i], 4), 1);
		ANSWER(SBI_ERR_NOT_SUPPORTED, 0);
		SAID(NEXT_GUEST);
		assert_null(strstr(trace, "handle"));
	}
}

/* Those are done behind the world switch, and counted there. */
static void other_functions_are_exits_like_others(void **state)
{
	static const uint64_t fids[] = { 0, 3, 5, 63, 64, 68, UINT64_MAX };
	static const uint64_t eids[] = { EID, EID_PROBED, EID_RANGE };

	for (unsigned int e = 0; e < ARRAY_SIZE(eids); e++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(fids); i++) {
			begin(state);
			assert_int_equal(fast(eids[e], fids[i]), 0);
			SAID(NEXT_EXIT);
			ANSWER(77, 77);
		}
	}
}

static void a_yield_leaves_if_there_is_something_to_yield_to(void **state)
{
	begin(state);
	call_next = next_yield(&two, false);
	two.se.state = SCHED_RUNNABLE;
	switches_to = SCHED_PUT_ME;
	(void)fast(EID, 4);
	SAID(NEXT_YIELD);
	CALLS("enter handle switch-to switch-yielded ");
	begin(state);
	call_next = next_yield(&two, false);
	two.se.state = SCHED_BLOCKED;
	(void)fast(EID, 4);
	SAID(NEXT_GUEST);
	CALLS("enter handle exit look switch-preempted ");
}

/* Whatever the scheduler says of it now: its wake is left to the yield. */
static void a_wake_that_was_claimed_leaves(void **state)
{
	static const uint64_t eids[] = { EID, SBI_EXT_IPI };

	for (unsigned int i = 0; i < ARRAY_SIZE(eids); i++) {
		begin(state);
		call_next = next_yield(&two, true);
		two.se.state = SCHED_BLOCKED;
		switches_to = SCHED_SWITCHED;
		(void)fast(eids[i], i ? 0 : 4);
		SAID(NEXT_WAKE);
		CALLS(i ? "enter send wake-and-switch-to running " :
			  "enter handle wake-and-switch-to running ");
	}
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
	begin(state);
	in_call = waits_for_others;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	(void)fast(EID, 4);
	SAID(NEXT_GUEST);
	begin(state);
	in_call = waits_for_others_and_is_asked;
	verdicts[0] = VCPU_MAY_RUN;
	(void)fast(SBI_EXT_RFNC, 1);
	SAID(NEXT_LOOK);
	CALLS("enter fence requests enter exit look switch-preempted ");
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
	begin(state);
	in_call = clears_and_waits;
	one.irq.inject = BIT(IRQ_VS_SOFT);
	(void)fast(EID, 4);
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
	begin(state);
	in_call = wants_the_hart;
	(void)fast(EID, 4);
	SAID(NEXT_LOOK);
	CALLS("enter handle look look switch-preempted ");
	begin(state);
	in_call = wants_the_hart;
	must_switch = false;
	in_exit = preempts_now;
	(void)fast(SBI_EXT_IPI, 0);
	SAID(NEXT_GUEST);
	CALLS("enter send look exit look switch-preempted ");
}

/* --- virtual instructions ------------------------------------------------------------------------------- */

#define CSRRS(csr, rd, rs1) ((uint64_t)(csr) << 20 | (rs1) << 15 | 2u << 12 | (rd) << 7 | 0x73u)

static void a_csr_that_the_guest_has_not_is_illegal_there(void **state)
{
	static const unsigned int csrs[] = { CSR_HSTATUS, CSR_HGATP,	 0x5c0,	       0x001,
					     CSR_TIME,	  CSR_CYCLE + 1, CSR_CYCLE + 3 };

	for (unsigned int i = 0; i < ARRAY_SIZE(csrs); i++) {
		begin(state);
		one.mode = IN_GUEST_MODE;
		csr_write(CSR_STVAL, CSRRS(csrs[i], 5, 0));
		assert_int_equal(next_why(fast_insn(&one.regs)), NEXT_GUEST);
		CALLS("inject ");
		assert_int_equal(injected, EXC_ILLEGAL_INSN);
		assert_true(injected_tval == CSRRS(csrs[i], 5, 0));
		assert_int_equal(one.stats.exits[EXIT_CSR], 1);
		assert_int_equal(one.mode, IN_GUEST_MODE);
	}
}

static void counters_are_read_by_the_long_way(void **state)
{
	static const unsigned int csrs[] = { CSR_CYCLE, CSR_INSTRET };

	for (unsigned int i = 0; i < ARRAY_SIZE(csrs); i++) {
		struct guest_regs before;

		begin(state);
		before = one.regs;
		csr_write(CSR_STVAL, CSRRS(csrs[i], 5, 0));
		assert_int_equal(next_why(fast_insn(&one.regs)), NEXT_EXIT);
		CALLS("");
		assert_memory_equal(&one.regs, &before, sizeof(before));
		assert_int_equal(one.stats.exits[EXIT_CSR], 0);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, begin)
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_call_is_answered_and_counted_once),
		TEST(constants_take_no_handler),
		TEST(a_timer_is_set_in_the_hart_that_has_one),
		TEST(an_ipi_to_itself_is_a_bit_of_hvip),
		TEST(a_fence_on_itself_is_one),
		TEST(what_no_extension_serves_is_not_supported),
		TEST(other_functions_are_exits_like_others),
		TEST(a_yield_leaves_if_there_is_something_to_yield_to),
		TEST(a_wake_that_was_claimed_leaves),
		TEST(a_call_that_waited_enters_anew),
		TEST(what_the_guest_cleared_before_stays_cleared),
		TEST(a_call_that_makes_another_runnable_looks),
		TEST(a_csr_that_the_guest_has_not_is_illegal_there),
		TEST(counters_are_read_by_the_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
