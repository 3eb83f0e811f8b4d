// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/plic.h
/* The virtual PLIC, through its registers as a guest sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/plic.h"

static void enabled_source_reaches_its_vcpu_only(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(1), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_false(fake_vseip(0));
	assert_true(fake_vseip(1));
	assert_false(fake_vseip(2));
	assert_int_equal(claim(S(0)), 0);
	assert_int_equal(claim(S(1)), 10);
	assert_false(fake_vseip(1));
	assert_int_equal(claim(S(1)), 0);
}

static void line_still_high_at_completion_is_delivered_again(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_int_equal(claim(S(0)), 10);
	virq_set_level((struct virq){ plic, 10 }, true); /* the gateway is shut */
	assert_false(pending(10));
	assert_false(fake_vseip(0));
	complete(S(0), 10);
	assert_true(pending(10));
	assert_true(fake_vseip(0));
	assert_int_equal(claim(S(0)), 10);
	virq_set_level((struct virq){ plic, 10 }, false);
	complete(S(0), 10);
	assert_false(pending(10));
	assert_false(fake_vseip(0));
}

static void line_that_falls_before_the_claim_stays_pending(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	virq_set_level((struct virq){ plic, 10 }, false);
	assert_true(fake_vseip(0));
	assert_int_equal(claim(S(0)), 10);
	complete(S(0), 10);
	assert_false(fake_vseip(0));
}

static void pulse_in_service_is_kept_once(void **state)
{
	(void)state;
	priority(7, 3);
	enable(S(0), 7);
	virq_pulse((struct virq){ plic, 7 });
	assert_int_equal(claim(S(0)), 7);
	virq_pulse((struct virq){ plic, 7 });
	virq_pulse((struct virq){ plic, 7 });
	assert_int_equal(claim(S(0)), 0);
	complete(S(0), 7);
	assert_int_equal(claim(S(0)), 7);
	complete(S(0), 7);
	assert_int_equal(claim(S(0)), 0);
}

static void source_pends_before_it_is_enabled(void **state)
{
	(void)state;
	virq_pulse((struct virq){ plic, 95 });
	assert_true(pending(95));
	enable(S(2), 95);
	assert_false(fake_vseip(2)); /* priority 0: never */
	assert_int_equal(claim(S(2)), 0);
	priority(95, 1);
	assert_true(fake_vseip(2));
	disable(S(2), 95);
	assert_false(fake_vseip(2));
	assert_int_equal(claim(S(2)), 0);
	assert_true(pending(95));
}

static void highest_priority_wins_then_lowest_number(void **state)
{
	static const struct {
		unsigned int source, prio;
	} order[] = { { 900, 7 }, { 3, 5 }, { 64, 5 }, { 1023, 5 }, { 1, 1 }, { 63, 1 } };

	(void)state;
	for (size_t i = ARRAY_SIZE(order); i-- > 0;) {
		priority(order[i].source, order[i].prio);
		enable(S(0), order[i].source);
		virq_pulse((struct virq){ plic, order[i].source });
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		assert_int_equal(claim(S(0)), order[i].source);
	assert_int_equal(claim(S(0)), 0);
}

static void threshold_masks_the_line_but_not_the_claim(void **state)
{
	(void)state;
	priority(5, 3);
	enable(S(0), 5);
	threshold(S(0), 3);
	virq_pulse((struct virq){ plic, 5 });
	assert_false(fake_vseip(0));
	threshold(S(0), 2);
	assert_true(fake_vseip(0));
	threshold(S(0), 7);
	assert_false(fake_vseip(0));
	assert_int_equal(claim(S(0)), 5);
}

static void claim_by_one_vcpu_lowers_the_others_line(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	enable(S(2), 10);
	virq_pulse((struct virq){ plic, 10 });
	assert_true(fake_vseip(0) && fake_vseip(2));
	assert_int_equal(claim(S(2)), 10);
	assert_false(fake_vseip(0) || fake_vseip(2));
	assert_int_equal(claim(S(0)), 0);
}

static void completion_counts_only_where_the_source_is_enabled(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_int_equal(claim(S(0)), 10);
	complete(S(1), 10); /* not enabled there */
	complete(M(0), 10); /* inert */
	complete(99, 10);   /* no such context */
	disable(S(0), 10);
	complete(S(0), 10);
	enable(S(0), 10);
	assert_false(pending(10));
	complete(S(0), 0);
	complete(S(0), 11);
	complete(S(0), 1024);
	complete(S(0), UINT32_MAX);
	assert_false(pending(10));
	complete(S(0), 10);
	assert_true(pending(10));
}

static void completion_of_an_unclaimed_source_changes_nothing(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	complete(S(0), 10);
	assert_int_equal(claim(S(0)), 10);
	assert_int_equal(claim(S(0)), 0);
}

static void m_contexts_keep_values_and_deliver_nothing(void **state)
{
	(void)state;
	priority(10, 7);
	enable(M(1), 10);
	threshold(M(1), 2);
	assert_int_equal(rd(enable_reg(M(1), 10)), 1 << 10);
	assert_int_equal(rd(0x200000 + 0x1000 * M(1)), 2);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_int_equal(fake_vseip_calls, 0);
	assert_int_equal(claim(M(1)), 0);
	assert_true(pending(10));
}

static void registers_keep_only_their_bits(void **state)
{
	(void)state;
	for (unsigned int s = 1; s < VPLIC_NR_SOURCES; s++) {
		priority(s, s + 8);
		assert_int_equal(rd(4 * s), s % 8);
	}
	priority(0, 7);
	assert_int_equal(rd(0), 0);
	threshold(S(0), 0xffffffff);
	assert_int_equal(rd(0x200000 + 0x1000 * S(0)), 7);
	wr(enable_reg(S(0), 0), UINT32_MAX);
	assert_int_equal(rd(enable_reg(S(0), 0)), UINT32_MAX - 1);
	wr(0x1000, UINT32_MAX); /* pending is read-only */
	assert_int_equal(rd(0x1000), 0);
}

static void reserved_registers_read_zero_everywhere(void **state)
{
	(void)state;
	virq_pulse((struct virq){ plic, 10 });
	priority(10, 1);
	enable(S(0), 10);
	for (uint64_t off = 0x1080; off < VPLIC_SIZE; off += 4) {
		if (off >= 0x2000 && off < 0x2000 + 0x80 * 2 * VCPUS)
			continue;
		if (off >= 0x200000 && off < 0x200000 + 0x1000 * 2 * VCPUS && off % 0x1000 < 8)
			continue;
		wr(off, UINT32_MAX);
		assert_int_equal(rd(off), 0);
	}
	assert_int_equal(claim(2 * VCPUS + 1), 0);
	assert_int_equal(claim(S(0)), 10);
}

static void odd_accesses_neither_claim_nor_write(void **state)
{
	uint64_t claim_at = VPLIC_BASE + 0x200004 + 0x1000 * S(0);

	(void)state;
	priority(10, 3);
	enable(S(0), 10);
	virq_pulse((struct virq){ plic, 10 });
	assert_int_equal(guest_read(claim_at, 1), 0);
	assert_int_equal(guest_read(claim_at, 2), 0);
	assert_int_equal(guest_read(claim_at - 4, 8), 0);
	assert_true(pending(10));
	assert_int_equal(guest_read(VPLIC_BASE + 0x1001, 1), 0x04); /* bits 8 to 15 of pending */
	assert_int_equal(guest_read(VPLIC_BASE + 4 * 10, 8), 3);
	assert_int_equal(guest_read(VPLIC_BASE + 4 * 9, 4), 0);
	assert_int_equal(guest_read(VPLIC_BASE + 0x1000, 8), 1 << 10);
	guest_write(VPLIC_BASE + 4 * 10, 1, 7);
	guest_write(VPLIC_BASE + 4 * 10, 8, 7);
	assert_int_equal(rd(4 * 10), 3);
}

/* A double word is two registers. */
static void both_halves_of_a_double_word_are_read(void **state)
{
	(void)state;
	priority(10, 3);
	priority(11, 5);
	virq_pulse((struct virq){ plic, 10 });
	virq_pulse((struct virq){ plic, 33 });
	assert_true(guest_read(VPLIC_BASE + 4 * 10, 8) == (UINT64_C(5) << 32 | 3));
	assert_true(guest_read(VPLIC_BASE + 0x1000, 8) == (UINT64_C(2) << 32 | 1 << 10));
	assert_int_equal(guest_read(VPLIC_BASE + 4 * 10, 4), 3);
}

/* Behind the last register of a set the first one does not come again. */
static void sets_end_with_their_last_register(void **state)
{
	(void)state;
	virq_pulse((struct virq){ plic, 10 });
	for (uint64_t off = 0x1080; off < 0x1100; off += 4)
		assert_int_equal(rd(off), 0);
}

/* Two are pending, and one of them is given another priority. */
static void a_pending_source_may_get_another_priority(void **state)
{
	(void)state;
	priority(10, 2);
	priority(11, 3);
	enable(S(0), 10);
	enable(S(0), 11);
	virq_pulse((struct virq){ plic, 10 });
	virq_pulse((struct virq){ plic, 11 });
	priority(10, 6);
	assert_int_equal(claim(S(0)), 10);
	complete(S(0), 10);
	virq_pulse((struct virq){ plic, 10 });
	priority(10, 1);
	assert_int_equal(claim(S(0)), 11);
	assert_int_equal(claim(S(0)), 10);
	assert_int_equal(claim(S(0)), 0);
}

/* M-mode's context has the source enabled, and completes nothing. */
static void m_contexts_complete_nothing(void **state)
{
	(void)state;
	priority(10, 1);
	enable(S(0), 10);
	enable(M(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_int_equal(claim(S(0)), 10);
	complete(M(0), 10);
	assert_false(pending(10));
	complete(S(0), 10);
	assert_true(pending(10));
}

static void sources_that_do_not_exist_are_ignored(void **state)
{
	(void)state;
	wr(enable_reg(S(0), 0), UINT32_MAX);
	virq_set_level((struct virq){ plic, 0 }, true);
	virq_set_level((struct virq){ plic, 1024 }, true);
	virq_pulse((struct virq){ plic, 0 });
	virq_pulse((struct virq){ plic, UINT32_MAX });
	virq_pulse((struct virq){ plic, 1024 });
	for (uint64_t off = 0x1000; off < 0x1080; off += 4)
		assert_int_equal(rd(off), 0);
	assert_int_equal(claim(S(0)), 0);
	assert_int_equal(fake_vseip_calls, 0);
}

static void reset_is_as_after_power_on(void **state)
{
	(void)state;
	priority(10, 1);
	priority(11, 1);
	enable(S(0), 10);
	enable(S(0), 11);
	threshold(S(1), 5);
	virq_set_level((struct virq){ plic, 10 }, true);
	virq_pulse((struct virq){ plic, 11 });
	assert_int_equal(claim(S(0)), 10);
	assert_true(fake_vseip(0));
	vplic_reset(plic);
	assert_false(fake_vseip(0));
	for (uint64_t off = 0; off < 0x2000 + 0x80 * 2 * VCPUS; off += 4)
		assert_int_equal(rd(off), 0);
	assert_int_equal(rd(0x200000 + 0x1000 * S(1)), 0);
	/* Not in service any more, and the same source works anew. */
	priority(10, 1);
	enable(S(0), 10);
	virq_set_level((struct virq){ plic, 10 }, true);
	assert_int_equal(claim(S(0)), 10);
}

static void sixty_four_vcpus_fit_the_window(void **state)
{
	struct virqchip *p;

	(void)state;
	fake_vm_teardown();
	fake_vm_setup(64);
	p = vplic_new(&fake_vm);
	assert_non_null(p);
	priority(1023, 1);
	enable(S(63), 1023);
	virq_pulse((struct virq){ p, 1023 });
	assert_true(fake_vseip(63));
	assert_int_equal(claim(S(63)), 1023);
}

/* A guest reads them there without an exit. */
static void the_enable_registers_are_a_page_of_memory(void **state)
{
	uint64_t size;
	const uint32_t *page = (const uint32_t *)(const void *)vplic_enables(plic, &size);

	(void)state;
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal((uintptr_t)page % PAGE_SIZE, 0);
	for (unsigned int c = 0; c < vplic_nr_contexts(plic); c++)
		for (unsigned int i = 0; i < 32; i++)
			wr(0x2000 + 0x80 * c + 4 * i, 0x01010101 * (8 * c + i));
	for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
		assert_int_equal(page[i], rd(0x2000 + 4 * i));
	assert_int_equal(page[32 + 1], 0x01010101 * 9);
	vplic_reset(plic);
	for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
		assert_int_equal(page[i], 0);
}

static void no_memory_is_an_answer(void **state)
{
	(void)state;
	fake_arena_left = 0;
	assert_null(vplic_new(&fake_vm));
	fake_arena_left = 1;
	assert_null(vplic_new(&fake_vm));
	fake_arena_left = 2;
	assert_null(vplic_new(&fake_vm));
}

static void a_window_that_is_taken_is_an_answer(void **state)
{
	(void)state;
	assert_null(vplic_new(&fake_vm));
	priority(10, 1);
	enable(S(0), 10);
	virq_pulse((struct virq){ plic, 10 });
	assert_int_equal(claim(S(0)), 10);
}

static uint32_t pattern(unsigned int ctx, unsigned int reg)
{
	return (ctx * 0x01010101u + reg * 0x10204081u + 1) & ~1u;
}

/* All of all contexts, written in both orders. */
static void each_enable_register_is_its_own(void **state)
{
	(void)state;
	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int n = 0; n < 2 * VCPUS * VPLIC_NR_SOURCES / 32; n++) {
			unsigned int at = turn ? 2 * VCPUS * VPLIC_NR_SOURCES / 32 - 1 - n : n;

			wr(enable_reg(at / 32, at % 32 * 32), pattern(at / 32, at % 32 + turn));
		}
		for (unsigned int n = 0; n < 2 * VCPUS * VPLIC_NR_SOURCES / 32; n++)
			assert_int_equal(rd(enable_reg(n / 32, n % 32 * 32)),
					 pattern(n / 32, n % 32 + turn));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLIC_TEST(each_enable_register_is_its_own),
		PLIC_TEST(enabled_source_reaches_its_vcpu_only),
		PLIC_TEST(the_enable_registers_are_a_page_of_memory),
		PLIC_TEST(line_still_high_at_completion_is_delivered_again),
		PLIC_TEST(line_that_falls_before_the_claim_stays_pending),
		PLIC_TEST(pulse_in_service_is_kept_once),
		PLIC_TEST(source_pends_before_it_is_enabled),
		PLIC_TEST(highest_priority_wins_then_lowest_number),
		PLIC_TEST(threshold_masks_the_line_but_not_the_claim),
		PLIC_TEST(claim_by_one_vcpu_lowers_the_others_line),
		PLIC_TEST(completion_counts_only_where_the_source_is_enabled),
		PLIC_TEST(completion_of_an_unclaimed_source_changes_nothing),
		PLIC_TEST(m_contexts_keep_values_and_deliver_nothing),
		PLIC_TEST(registers_keep_only_their_bits),
		PLIC_TEST(reserved_registers_read_zero_everywhere),
		PLIC_TEST(odd_accesses_neither_claim_nor_write),
		PLIC_TEST(both_halves_of_a_double_word_are_read),
		PLIC_TEST(sets_end_with_their_last_register),
		PLIC_TEST(a_pending_source_may_get_another_priority),
		PLIC_TEST(m_contexts_complete_nothing),
		PLIC_TEST(sources_that_do_not_exist_are_ignored),
		PLIC_TEST(reset_is_as_after_power_on),
		PLIC_TEST(sixty_four_vcpus_fit_the_window),
		PLIC_TEST(no_memory_is_an_answer),
		PLIC_TEST(a_window_that_is_taken_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
