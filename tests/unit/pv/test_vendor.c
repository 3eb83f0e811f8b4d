// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/sbi/sbi_dispatch.c hyp/sbi/base.c hyp/sbi/time.c hyp/sbi/ipi.c hyp/sbi/rfence.c
// SOURCES: hyp/sbi/hsm.c hyp/sbi/srst.c hyp/pv/sta.c hyp/sbi/dbcn.c hyp/sbi/legacy.c hyp/pv/vendor.c hyp/pv/pvlk.c
// SOURCES: tests/unit/fake/sbi_world.c tests/unit/fake/csr.c tests/unit/fake/fence.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/sbi_world.h"

#define VENDOR (HARTVISOR_SBI_EXT_VENDOR_BASE + 0x11)
#define ALL                                                                                   \
	(BIT(HARTVISOR_POLL_IRQ) | BIT(HARTVISOR_FEATURES) | BIT(HARTVISOR_MAP_MAGIC_PAGE) |  \
	 BIT(HARTVISOR_KICK_CPU) | BIT(HARTVISOR_PV_WAIT) | BIT(HARTVISOR_PV_LOCK_FEATURES) | \
	 BIT(HARTVISOR_PV_LOCK_PREEMPTED) | BIT(HARTVISOR_YIELD_TO))
#define LOCKS (WORLD_RAM + 0x8000)

static const uint64_t bad_harts[] = { 4, 63, 64, BIT(32), BIT(63), UINT64_MAX };

static int setup(void **state)
{
	(void)state;
	world_setup(4);
	w.vm.pv = (struct vm_pv){ .calls = ALL, .locks = gpa(LOCKS) };
	return 0;
}

static struct vcpu *yields_to(void)
{
	return next_why(w.next) == NEXT_GUEST ? NULL : next_to(w.next);
}

static void the_eid_has_the_low_bits_of_mvendorid(void **state)
{
	(void)state;
	assert_value(call1(SBI_EXT_BASE, 3, VENDOR), 1);
	assert_value(call1(SBI_EXT_BASE, 3, VENDOR + 1), 0);
	assert_value(call1(SBI_EXT_BASE, 3, HARTVISOR_SBI_EXT_VENDOR_BASE), 0);
	assert_error(call0(VENDOR + 1, HARTVISOR_FEATURES), SBI_ERR_NOT_SUPPORTED);
	sbi_ids.mvendorid = UINT64_C(0xfff1234567);
	assert_int_equal(sbi_vendor_eid(), 0x09234567);
	assert_value(call1(SBI_EXT_BASE, 3, 0x09234567), 1);
	assert_value(call0(0x09234567, HARTVISOR_FEATURES), ALL);
	sbi_ids.mvendorid = 0;
	assert_value(call1(SBI_EXT_BASE, 3, 0x09000000), 1);
}

static void features_are_the_calls_there_are(void **state)
{
	(void)state;
	assert_value(call0(VENDOR, HARTVISOR_FEATURES), ALL);
	w.vm.pv.calls = BIT(HARTVISOR_FEATURES) | BIT(HARTVISOR_KICK_CPU);
	assert_value(call0(VENDOR, HARTVISOR_FEATURES), w.vm.pv.calls);
}

static void switched_off_a_call_is_as_one_that_does_not_exist(void **state)
{
	(void)state;
	for (uint64_t fid = 0; fid < 64; fid++) {
		w.vm.pv.calls = ALL & ~BIT(fid);
		assert_error(call2(VENDOR, fid, 0, 0), SBI_ERR_NOT_SUPPORTED);
	}
	w.vm.pv.calls = 0;
	assert_value(call1(SBI_EXT_BASE, 3, VENDOR), 0);
	for (uint64_t fid = 0; fid < 64; fid++)
		assert_error(call2(VENDOR, fid, 0, 0), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void numbers_beyond_the_bitmap_are_no_calls(void **state)
{
	(void)state;
	w.vm.pv.calls = UINT64_MAX;
	assert_error(call0(VENDOR, HARTVISOR_MMU_OP), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(VENDOR, 64 + HARTVISOR_FEATURES), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(VENDOR, 0x7fffffff), SBI_ERR_NOT_SUPPORTED);
	assert_error(call0(VENDOR, UINT64_MAX), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void a_kick_ends_the_halt_and_gives_the_hart(void **state)
{
	(void)state;
	assert_value(call2(VENDOR, HARTVISOR_KICK_CPU, 0, 2), 0);
	assert_int_equal(w.unhalts, 1);
	assert_ptr_equal(w.unhalted, &w.vcpus[2]);
	assert_ptr_equal(yields_to(), &w.vcpus[2]);
}

static void a_kick_of_oneself_is_kept(void **state)
{
	(void)state;
	assert_value(call2(VENDOR, HARTVISOR_KICK_CPU, 0, 0), 0);
	assert_int_equal(w.unhalts, 1);
	assert_ptr_equal(w.unhalted, world_me());
	assert_null(yields_to());
}

static void a_kick_of_a_stopped_hart_is_dropped(void **state)
{
	(void)state;
	w.running = 1;
	assert_value(call2(VENDOR, HARTVISOR_KICK_CPU, 0, 1), 0);
	assert_int_equal(w.unhalts, 0);
	assert_null(yields_to());
}

static void a_kick_with_wrong_arguments_does_nothing(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_harts); i++)
		assert_error(call2(VENDOR, HARTVISOR_KICK_CPU, 0, bad_harts[i]),
			     SBI_ERR_INVALID_PARAM);
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_error(call2(VENDOR, HARTVISOR_KICK_CPU, BIT(bit), 1), SBI_ERR_INVALID_PARAM);
	assert_int_equal(w.calls, 0);
	assert_null(yields_to());
}

static void a_wait_says_whether_interrupts_end_it(void **state)
{
	(void)state;
	assert_value(call1(VENDOR, HARTVISOR_PV_WAIT, 0), 0);
	assert_int_equal(world_me()->halt.ends, sleep_ends(SLEEP_PV_WAIT));
	assert_value(call1(VENDOR, HARTVISOR_PV_WAIT, HARTVISOR_PV_WAIT_IRQ), 0);
	assert_int_equal(world_me()->halt.ends, sleep_ends(SLEEP_PV_WAIT_IRQ));
	world_me()->halt.ends = 0;
	for (unsigned int bit = 1; bit < 64; bit++)
		assert_error(call1(VENDOR, HARTVISOR_PV_WAIT, BIT(bit)), SBI_ERR_INVALID_PARAM);
	assert_false(vcpu_is_halted(world_me()));
}

static void a_yield_names_a_sibling(void **state)
{
	(void)state;
	assert_value(call1(VENDOR, HARTVISOR_YIELD_TO, 3), 0);
	assert_ptr_equal(yields_to(), &w.vcpus[3]);
	assert_value(call1(VENDOR, HARTVISOR_YIELD_TO, 0), 0);
	assert_null(yields_to());
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_harts); i++)
		assert_error(call1(VENDOR, HARTVISOR_YIELD_TO, bad_harts[i]),
			     SBI_ERR_INVALID_PARAM);
	assert_null(yields_to());
	assert_int_equal(w.calls, 0);
}

static void poll_irq_does_nothing_else(void **state)
{
	(void)state;
	assert_value(call2(VENDOR, HARTVISOR_POLL_IRQ, UINT64_MAX, UINT64_MAX), 0);
	assert_int_equal(w.calls, 0);
}

static void pv_lock_calls_tell_what_and_where(void **state)
{
	(void)state;
	assert_value(call1(VENDOR, HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_PV_LOCK_FEATURES), 0);
	assert_value(call1(VENDOR, HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_PV_LOCK_PREEMPTED), 0);
	assert_error(call1(VENDOR, HARTVISOR_PV_LOCK_FEATURES, HARTVISOR_YIELD_TO),
		     SBI_ERR_NOT_SUPPORTED);
	assert_error(call1(VENDOR, HARTVISOR_PV_LOCK_FEATURES,
			   BIT(32) | HARTVISOR_PV_LOCK_PREEMPTED),
		     SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
	assert_value(call0(VENDOR, HARTVISOR_PV_LOCK_PREEMPTED), LOCKS);
	assert_int_equal(w.lock_at, LOCKS);
	world_me()->id = 3;
	assert_value(call0(VENDOR, HARTVISOR_PV_LOCK_PREEMPTED), LOCKS + 192);
}

static void without_a_place_there_is_no_pv_lock(void **state)
{
	(void)state;
	w.vm.pv.locks = gpa(0);
	assert_error(call0(VENDOR, HARTVISOR_PV_LOCK_PREEMPTED), SBI_ERR_NOT_SUPPORTED);
	w.vm.pv.locks = gpa(WORLD_RAM + WORLD_RAM_SIZE); /* given back meanwhile */
	assert_error(call0(VENDOR, HARTVISOR_PV_LOCK_PREEMPTED), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
}

static void the_magic_page_goes_where_nothing_is(void **state)
{
	(void)state;
	assert_value(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, 0x40000000), 0);
	assert_int_equal(w.magic_at, 0x40000000);
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, 0x40000004), SBI_ERR_INVALID_PARAM);
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, UINT64_MAX - 1),
		     SBI_ERR_INVALID_PARAM);
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, WORLD_DEVICE),
		     SBI_ERR_INVALID_ADDRESS);
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, WORLD_RAM), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(w.magic_at, 0x40000000);
	w.no_memory = true;
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, 0x50000000), SBI_ERR_FAILED);
	assert_int_equal(w.magic_at, 0x40000000);
	assert_value(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, HARTVISOR_MAGIC_UNMAP), 0);
	assert_int_equal(w.magic_at, 0);
	assert_error(call1(VENDOR, HARTVISOR_MAP_MAGIC_PAGE, HARTVISOR_MAGIC_UNMAP),
		     SBI_ERR_INVALID_STATE);
}

static void the_alias_kicks_when_it_was_asked_for(void **state)
{
	(void)state;
	assert_value(call1(SBI_EXT_BASE, 3, HARTVISOR_SBI_EXT_PVLK), 0);
	assert_error(call1(HARTVISOR_SBI_EXT_PVLK, 0, 1), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.calls, 0);
	w.vm.pv = (struct vm_pv){ .pvlk = true };
	assert_value(call1(SBI_EXT_BASE, 3, HARTVISOR_SBI_EXT_PVLK), 1);
	assert_value(call1(SBI_EXT_BASE, 3, VENDOR), 0);
	assert_value(call1(HARTVISOR_SBI_EXT_PVLK, 0, 1), 0);
	assert_ptr_equal(w.unhalted, &w.vcpus[1]);
	assert_ptr_equal(yields_to(), &w.vcpus[1]);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_harts); i++)
		assert_error(call1(HARTVISOR_SBI_EXT_PVLK, 0, bad_harts[i]), SBI_ERR_INVALID_PARAM);
	for (uint64_t fid = 1; fid < 64; fid++)
		assert_error(call1(HARTVISOR_SBI_EXT_PVLK, fid, 1), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(w.unhalts, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(the_eid_has_the_low_bits_of_mvendorid),
		TEST(features_are_the_calls_there_are),
		TEST(switched_off_a_call_is_as_one_that_does_not_exist),
		TEST(numbers_beyond_the_bitmap_are_no_calls),
		TEST(a_kick_ends_the_halt_and_gives_the_hart),
		TEST(a_kick_of_oneself_is_kept),
		TEST(a_kick_of_a_stopped_hart_is_dropped),
		TEST(a_kick_with_wrong_arguments_does_nothing),
		TEST(a_wait_says_whether_interrupts_end_it),
		TEST(a_yield_names_a_sibling),
		TEST(poll_irq_does_nothing_else),
		TEST(pv_lock_calls_tell_what_and_where),
		TEST(without_a_place_there_is_no_pv_lock),
		TEST(the_magic_page_goes_where_nothing_is),
		TEST(the_alias_kicks_when_it_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
