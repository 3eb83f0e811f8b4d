// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/irqchip/vplic.c hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/pcpu.c
/* The virtual PLIC, through its registers as a guest sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/devvm.h"
#include "irqchip/vplic.h"

#define VCPUS 3
#define M(h)  (2 * (h))
#define S(h)  (2 * (h) + 1)

static struct virqchip *plic;

static uint32_t rd(uint64_t off)
{
	return (uint32_t)guest_read(VPLIC_BASE + off, 4);
}

static void wr(uint64_t off, uint32_t val)
{
	guest_write(VPLIC_BASE + off, 4, val);
}

static uint64_t enable_reg(unsigned int ctx, unsigned int source)
{
	return 0x2000 + 0x80 * ctx + source / 32 * 4;
}

static void enable(unsigned int ctx, unsigned int source)
{
	wr(enable_reg(ctx, source), rd(enable_reg(ctx, source)) | 1u << (source % 32));
}

static void disable(unsigned int ctx, unsigned int source)
{
	wr(enable_reg(ctx, source), rd(enable_reg(ctx, source)) & ~(1u << (source % 32)));
}

static void priority(unsigned int source, uint32_t prio)
{
	wr(4 * source, prio);
}

static void threshold(unsigned int ctx, uint32_t prio)
{
	wr(0x200000 + 0x1000 * ctx, prio);
}

static uint32_t claim(unsigned int ctx)
{
	return rd(0x200004 + 0x1000 * ctx);
}

static void complete(unsigned int ctx, uint32_t source)
{
	wr(0x200004 + 0x1000 * ctx, source);
}

static bool pending(unsigned int source)
{
	return rd(0x1000 + source / 32 * 4) >> (source % 32) & 1;
}

static int setup(void **state)
{
	(void)state;
	fake_vm_setup(VCPUS);
	plic = vplic_new(&fake_vm);
	return plic ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

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

static void completion_of_what_nobody_claimed_changes_nothing(void **state)
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

/* A second, plain PLIC: sets are arrays of bool, everything is recomputed by walking all sources. */
static struct {
	bool level[1024], pending[1024], service[1024], pulsed[1024], enabled[VCPUS][1024];
	unsigned int prio[1024], threshold[VCPUS];
} model;

static unsigned int model_best(unsigned int hart, unsigned int above)
{
	unsigned int best = 0;
	unsigned int prio = above;

	for (unsigned int s = 1; s < 1024; s++) {
		if (model.pending[s] && model.enabled[hart][s] && model.prio[s] > prio) {
			best = s;
			prio = model.prio[s];
		}
	}
	return best;
}

static void model_step(unsigned int op, unsigned int s, unsigned int hart)
{
	unsigned int val = (unsigned int)rand() % 8;
	bool on = val & 1;

	switch (op) {
	case 0:
		priority(s, val);
		model.prio[s] = val;
		break;
	case 1:
		on ? enable(S(hart), s) : disable(S(hart), s);
		model.enabled[hart][s] = on;
		break;
	case 2:
		threshold(S(hart), val % 4);
		model.threshold[hart] = val % 4;
		break;
	case 3:
		virq_set_level((struct virq){ plic, s }, on);
		model.level[s] = on;
		if (on && !model.service[s])
			model.pending[s] = true;
		break;
	case 4:
		virq_pulse((struct virq){ plic, s });
		if (model.service[s])
			model.pulsed[s] = true;
		else
			model.pending[s] = true;
		break;
	case 5:
		s = model_best(hart, 0);
		assert_int_equal(claim(S(hart)), s);
		if (s) {
			model.pending[s] = false;
			model.service[s] = true;
		}
		break;
	default:
		complete(S(hart), s);
		if (!model.enabled[hart][s] || !model.service[s])
			break;
		model.service[s] = false;
		if (model.level[s] || model.pulsed[s])
			model.pending[s] = true;
		model.pulsed[s] = false;
		break;
	}
}

static void random_walk_agrees_with_a_plain_model(void **state)
{
	static const unsigned int sources[] = { 1, 2, 10, 31, 32, 63, 64, 511, 1023 };

	(void)state;
	srand(1);
	for (unsigned int i = 0; i < 20000; i++) {
		model_step((unsigned int)rand() % 8, sources[(size_t)rand() % ARRAY_SIZE(sources)],
			   (unsigned int)rand() % VCPUS);
		for (unsigned int h = 0; h < VCPUS; h++)
			assert_int_equal(fake_vseip(h), model_best(h, model.threshold[h]) != 0);
	}
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

static void no_memory_is_an_answer(void **state)
{
	(void)state;
	fake_arena_left = 0;
	assert_null(vplic_new(&fake_vm));
	fake_arena_left = 1;
	assert_null(vplic_new(&fake_vm));
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

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_enable_register_is_its_own),
		test(enabled_source_reaches_its_vcpu_only),
		test(line_still_high_at_completion_is_delivered_again),
		test(line_that_falls_before_the_claim_stays_pending),
		test(pulse_in_service_is_kept_once),
		test(source_pends_before_it_is_enabled),
		test(highest_priority_wins_then_lowest_number),
		test(threshold_masks_the_line_but_not_the_claim),
		test(claim_by_one_vcpu_lowers_the_others_line),
		test(completion_counts_only_where_the_source_is_enabled),
		test(completion_of_what_nobody_claimed_changes_nothing),
		test(m_contexts_keep_values_and_deliver_nothing),
		test(registers_keep_only_their_bits),
		test(reserved_registers_read_zero_everywhere),
		test(odd_accesses_neither_claim_nor_write),
		test(sources_that_do_not_exist_are_ignored),
		test(reset_is_as_after_power_on),
		test(random_walk_agrees_with_a_plain_model),
		test(sixty_four_vcpus_fit_the_window),
		test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
