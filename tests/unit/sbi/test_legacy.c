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

static int setup(void **state)
{
	(void)state;
	world_setup(4);
	return 0;
}

/* That a1 stays as it is, world_call() checks for each of them. */
#define LEGACY(eid, ...) call5(eid, 0, __VA_ARGS__)

static void set_timer_sets_the_callers_timer(void **state)
{
	(void)state;
	assert_error(call1(SBI_EXT_LEGACY_SET_TIMER, 0, 99), 0);
	assert_int_equal(w.timer, 99);
}

static void putchar_writes_one_byte(void **state)
{
	(void)state;
	assert_error(call1(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, 'a'), 0);
	assert_error(call1(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, UINT64_MAX - 0xff + 'b'), 0);
	assert_int_equal(w.out_len, 2);
	assert_memory_equal(w.out, "ab", 2);
}

static void getchar_gives_a_byte_or_minus_one(void **state)
{
	(void)state;
	assert_error(call0(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0), -1);
	w.in_len = 2;
	memcpy(w.in, "a\xff", 2);
	assert_error(call0(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0), 'a');
	assert_error(call0(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0), 0xff);
	assert_error(call0(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0), -1);
}

static void without_a_console_nothing_is_written_or_read(void **state)
{
	(void)state;
	w.vm.stream = NULL;
	assert_error(call1(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, 'a'), 0);
	assert_error(call0(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0), -1);
}

static void clear_ipi_takes_a_posted_and_a_latched_one(void **state)
{
	struct vcpu_irq *irq = &world_me()->irq;

	(void)state;
	assert_error(call0(SBI_EXT_LEGACY_CLEAR_IPI, 0), 0);
	irq->inject = BIT(2) | BIT(13);
	assert_error(call0(SBI_EXT_LEGACY_CLEAR_IPI, 0), 1);
	assert_int_equal(irq->inject, BIT(13));
	irq->shadow = BIT(2);
	assert_error(call0(SBI_EXT_LEGACY_CLEAR_IPI, 0), 1);
	assert_int_equal(irq->shadow, 0);
	assert_error(call0(SBI_EXT_LEGACY_CLEAR_IPI, 0), 0);
}

static void a_mask_is_read_from_the_guests_own_address_space(void **state)
{
	(void)state;
	w.virt_addr = UINT64_C(0xffffffff80001000);
	w.virt_value = 6;
	assert_error(call1(SBI_EXT_LEGACY_SEND_IPI, 0, w.virt_addr), 0);
	assert_int_equal(w.injected, 6);
	assert_error(call1(SBI_EXT_LEGACY_REMOTE_FENCE_I, 0, w.virt_addr), 0);
	assert_int_equal(w.fence_i_set, 6);
	assert_error(LEGACY(SBI_EXT_LEGACY_REMOTE_SFENCE_VMA, w.virt_addr, 0x1000, 0x2000, 7, 0),
		     0);
	assert_int_equal(w.vvma_set, 6);
	assert_int_equal(w.vvma.start.gva, 0x1000);
	assert_int_equal(w.vvma.size, 0x2000);
	assert_false(w.vvma.by_asid);
	assert_error(
		LEGACY(SBI_EXT_LEGACY_REMOTE_SFENCE_VMA_ASID, w.virt_addr, 0, UINT64_MAX, 7, 0), 0);
	assert_int_equal(w.vvma.size, 0);
	assert_true(w.vvma.by_asid);
	assert_int_equal(w.vvma.asid, 7);
}

static void no_mask_means_all_harts(void **state)
{
	(void)state;
	assert_error(call1(SBI_EXT_LEGACY_SEND_IPI, 0, 0), 0);
	assert_int_equal(w.injected, 0xf);
	assert_error(call1(SBI_EXT_LEGACY_REMOTE_FENCE_I, 0, 0), 0);
	assert_int_equal(w.fence_i_set, 0xf);
}

static void a_mask_that_is_bad_or_cannot_be_read_does_nothing(void **state)
{
	(void)state;
	w.virt_addr = 0x1000;
	for (uint64_t eid = SBI_EXT_LEGACY_SEND_IPI; eid <= SBI_EXT_LEGACY_REMOTE_SFENCE_VMA_ASID;
	     eid++) {
		assert_error(LEGACY(eid, 0x2000, 0, 0, 0, 0), SBI_ERR_INVALID_ADDRESS);
		w.virt_value = 0x10;
		assert_error(LEGACY(eid, 0x1000, 0, 0, 0, 0), SBI_ERR_INVALID_PARAM);
		w.virt_value = 0;
		assert_error(LEGACY(eid, 0x1000, 0, 0, 0, 0), 0);
	}
	assert_int_equal(w.calls, 0);
}

static void shutdown_powers_the_vm_off(void **state)
{
	(void)state;
	(void)call0(SBI_EXT_LEGACY_SHUTDOWN, 0);
	assert_int_equal(w.stop, VM_STOP_POWEROFF);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(set_timer_sets_the_callers_timer),
		TEST(putchar_writes_one_byte),
		TEST(getchar_gives_a_byte_or_minus_one),
		TEST(without_a_console_nothing_is_written_or_read),
		TEST(clear_ipi_takes_a_posted_and_a_latched_one),
		TEST(a_mask_is_read_from_the_guests_own_address_space),
		TEST(no_mask_means_all_harts),
		TEST(a_mask_that_is_bad_or_cannot_be_read_does_nothing),
		TEST(shutdown_powers_the_vm_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
