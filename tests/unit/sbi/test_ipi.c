// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sbi/sbi_dispatch.c hyp/sbi/base.c hyp/sbi/time.c hyp/sbi/ipi.c hyp/sbi/rfence.c
// SOURCES: hyp/sbi/hsm.c hyp/sbi/srst.c hyp/pv/sta.c hyp/sbi/dbcn.c hyp/sbi/legacy.c hyp/pv/vendor.c hyp/pv/pvlk.c
// SOURCES: tests/unit/fake/sbi_world.c tests/unit/fake/csr.c tests/unit/fake/fence.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "fake/sbi_world.h"

static int setup(void **state)
{
	(void)state;
	world_setup(4);
	return 0;
}

static void the_named_harts_get_it_and_no_other(void **state)
{
	(void)state;
	assert_value(call2(SBI_EXT_IPI, 0, 6, 0), 0);
	assert_int_equal(w.injected, 6);
	w.injected = 0;
	assert_value(call2(SBI_EXT_IPI, 0, 3, 2), 0);
	assert_int_equal(w.injected, 0xc);
}

static void base_of_all_ones_reaches_all(void **state)
{
	(void)state;
	assert_value(call2(SBI_EXT_IPI, 0, 0, UINT64_MAX), 0);
	/* To itself it needs no kick. */
	assert_int_equal(w.injected, 0xe);
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_SOFT));
	assert_int_equal(world_me()->irq.shadow, BIT(IRQ_VS_SOFT));
}

static void one_wrong_hart_and_no_vcpu_gets_it(void **state)
{
	(void)state;
	assert_error(call2(SBI_EXT_IPI, 0, 0x1f, 0), SBI_ERR_INVALID_PARAM);
	assert_error(call2(SBI_EXT_IPI, 0, 1, 4), SBI_ERR_INVALID_PARAM);
	assert_int_equal(w.injected, 0);
}

static void an_empty_mask_is_success_and_nothing_happens(void **state)
{
	(void)state;
	assert_value(call2(SBI_EXT_IPI, 0, 0, 0), 0);
	assert_value(call2(SBI_EXT_IPI, 0, 0, 99), 0);
	assert_int_equal(w.calls, 0);
}

static void sleeps_on(unsigned int id, uint32_t pcpu, uint32_t asleep)
{
	world_me()->vm->vcpus[id]->halt.blocked = asleep;
	world_me()->vm->vcpus[id]->se.pcpu = pcpu;
}

static struct vcpu *yields_after(uint64_t set)
{
	w.injected = 0;
	assert_value(call2(SBI_EXT_IPI, 0, set, 0), 0);
	assert_int_equal(w.injected, set);
	return next_why(w.next) == NEXT_GUEST ? NULL : next_to(w.next);
}

static void a_vcpu_asleep_on_this_hart_gets_it(void **state)
{
	(void)state;
	sleeps_on(2, world_me()->se.pcpu, 1);
	assert_ptr_equal(yields_after(4), world_me()->vm->vcpus[2]);
	assert_int_equal(next_why(w.next), NEXT_WAKE);
	/* The same in the form that Linux has. */
	w.injected = 0;
	assert_value(call2(SBI_EXT_IPI, 0, 1, 2), 0);
	assert_int_equal(w.injected, 4);
	assert_int_equal(next_why(w.next), NEXT_WAKE);
	assert_ptr_equal(next_to(w.next), world_me()->vm->vcpus[2]);
}

static void one_may_name_itself_in_either_form(void **state)
{
	(void)state;
	world_me()->id = 0;
	assert_value(call2(SBI_EXT_IPI, 0, 1, 0), 0);
	assert_int_equal(csr_read(CSR_HVIP), BIT(IRQ_VS_SOFT));
	assert_int_equal(w.injected, 0);
	assert_int_equal(next_why(w.next), NEXT_GUEST);
}

static void no_vcpu_yields_to_one_that_is_awake_or_elsewhere_or_to_many(void **state)
{
	(void)state;
	sleeps_on(1, world_me()->se.pcpu + 1, 1);
	sleeps_on(2, world_me()->se.pcpu, 1);
	sleeps_on(3, world_me()->se.pcpu, 0);
	assert_null(yields_after(2));
	assert_null(yields_after(8));
	assert_null(yields_after(0xc));
	assert_null(yields_after(0));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(the_named_harts_get_it_and_no_other),
		TEST(base_of_all_ones_reaches_all),
		TEST(one_wrong_hart_and_no_vcpu_gets_it),
		TEST(an_empty_mask_is_success_and_nothing_happens),
		TEST(a_vcpu_asleep_on_this_hart_gets_it),
		TEST(one_may_name_itself_in_either_form),
		TEST(no_vcpu_yields_to_one_that_is_awake_or_elsewhere_or_to_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
