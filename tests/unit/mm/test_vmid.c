// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/vmid.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/pcpu.h"
#include "mm/vmid.h"

/* hgatp as a hart has it: WARL modes and VMID width, and Bare only with all else zero. */
#define PROBE_ROOT UINT64_C(0x12344000)

static uint64_t hgatp;
static unsigned int hart_bits;
static uint64_t hart_modes;

uint64_t fake_csr_read(unsigned int csr)
{
	assert_int_equal(csr, CSR_HGATP);
	return hgatp;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	uint64_t mode = val >> HGATP_MODE_SHIFT;

	assert_int_equal(csr, CSR_HGATP);
	/* The hart may walk from there at once. */
	assert_true(val == 0 || mode != HGATP_MODE_BARE);
	assert_true(mode == HGATP_MODE_BARE || (val & (BIT(44) - 1)) == PROBE_ROOT >> PAGE_SHIFT);
	if (mode == HGATP_MODE_BARE)
		hgatp = 0;
	else if (hart_modes & BIT(mode))
		hgatp = val & (UINT64_C(15) << HGATP_MODE_SHIFT |
			       (BIT(hart_bits) - 1) << HGATP_VMID_SHIFT | (BIT(44) - 1));
}

static unsigned int next_pcpu;

/* A pcpu that no test has used before. */
static unsigned int new_pcpu(unsigned int bits, unsigned int limit)
{
	unsigned int pcpu = next_pcpu++;

	hart_bits = bits;
	hart_modes = BIT(HGATP_MODE_SV39X4);
	assert_int_equal(vmid_init_pcpu(pcpu, limit, hpa(PROBE_ROOT)), bits < limit ? bits : limit);
	assert_int_equal(hgatp, 0);
	return pcpu;
}

static void width_is_probed_with_a_mode_that_the_hart_has(void **state)
{
	(void)state;
	hart_bits = 7;
	for (uint64_t mode = HGATP_MODE_SV39X4; mode <= HGATP_MODE_SV57X4; mode++) {
		hart_modes = BIT(mode);
		assert_int_equal(vmid_init_pcpu(next_pcpu++, 14, hpa(PROBE_ROOT)), 7);
		assert_int_equal(hgatp, 0);
	}
	hart_bits = 14;
	assert_int_equal(vmid_init_pcpu(next_pcpu++, 14, hpa(PROBE_ROOT)), 14);
	assert_int_equal(vmid_init_pcpu(next_pcpu++, 3, hpa(PROBE_ROOT)), 3);
	assert_int_equal(vmid_init_pcpu(next_pcpu++, 0, hpa(PROBE_ROOT)), 0);
	hart_modes = 0;
	assert_int_equal(vmid_init_pcpu(next_pcpu++, 14, hpa(PROBE_ROOT)), 0);
}

static void a_fresh_vcpu_has_none(void **state)
{
	struct vmid v = { 0 };
	unsigned int pcpu = new_pcpu(14, 14);

	(void)state;
	assert_false(vmid_is_current(&v, pcpu));
	assert_false(vmid_is_current(&v, MAX_PCPUS - 1)); /* one that was never set up */
	/* A hart's first: hgatp was Bare before, and the firmware's. */
	assert_int_equal(vmid_alloc(&v, pcpu), VMID_FENCE_ALL);
	assert_true(vmid_is_current(&v, pcpu));
	vmid_drop(&v);
	assert_false(vmid_is_current(&v, pcpu));
}

static void siblings_on_one_hart_get_different_numbers(void **state)
{
	static struct vmid v[256];
	static bool seen[256];
	unsigned int pcpu = new_pcpu(8, 14);

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		assert_int_equal(vmid_alloc(&v[i], pcpu), i ? VMID_FENCE_NONE : VMID_FENCE_ALL);
		assert_true(v[i].id < 256);
		assert_false(seen[v[i].id]);
		seen[v[i].id] = true;
	}
	for (unsigned int i = 0; i < 256; i++)
		assert_true(vmid_is_current(&v[i], pcpu));
}

static void roll_over_asks_for_one_fence_of_all_and_makes_all_older_ones_stale(void **state)
{
	struct vmid v[4] = { 0 }, fresh[4] = { 0 };
	unsigned int pcpu = new_pcpu(2, 14);

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		vmid_alloc(&v[i], pcpu);
	assert_int_equal(vmid_alloc(&fresh[0], pcpu), VMID_FENCE_ALL);
	for (unsigned int i = 0; i < 4; i++)
		assert_false(vmid_is_current(&v[i], pcpu));
	assert_true(vmid_is_current(&fresh[0], pcpu));
	/* These numbers were others' before: the VS-stage entries under each are fenced by its new owner. */
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(vmid_alloc(&fresh[i], pcpu), VMID_FENCE_VVMA);
	assert_int_equal(vmid_alloc(&v[0], pcpu), VMID_FENCE_ALL);
	assert_false(vmid_is_current(&fresh[0], pcpu));
}

static void with_no_vmid_bits_every_switch_is_a_flush(void **state)
{
	struct vmid a = { 0 }, b = { 0 };
	unsigned int pcpu = new_pcpu(14, 0);

	(void)state;
	assert_int_equal(vmid_alloc(&a, pcpu), VMID_FENCE_ALL);
	for (unsigned int i = 1; i < 1000; i++) {
		struct vmid *next = i % 2 ? &b : &a, *last = i % 2 ? &a : &b;

		assert_true(vmid_is_current(last, pcpu));
		assert_false(vmid_is_current(next, pcpu));
		assert_int_equal(vmid_alloc(next, pcpu), VMID_FENCE_ALL);
		assert_int_equal(next->id, 0);
		assert_false(vmid_is_current(last, pcpu));
	}
}

static void a_vmid_of_one_pcpu_is_none_on_another(void **state)
{
	unsigned int p = new_pcpu(14, 14), q = new_pcpu(14, 14);
	struct vmid v = { 0 };

	(void)state;
	vmid_alloc(&v, p);
	assert_false(vmid_is_current(&v, q));
	vmid_alloc(&v, q);
	assert_true(vmid_is_current(&v, q));
	assert_false(vmid_is_current(&v, p));
}

static void numbers_fit_their_width_for_ever(void **state)
{
	unsigned int pcpu = new_pcpu(3, 14);
	struct vmid v = { 0 };
	uint64_t last = 0;

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		assert_int_equal(vmid_alloc(&v, pcpu), i % 8 == 0 ? VMID_FENCE_ALL :
						       i > 8	  ? VMID_FENCE_VVMA :
								    VMID_FENCE_NONE);
		assert_true(v.id < 8);
		assert_true(v.generation >= last);
		last = v.generation;
	}
}

/* MODE = Bare has VMID 0, and what is cached under it translates nothing: the number must not be trusted. */
static void a_parked_hart_has_no_vmids(void **state)
{
	struct vmid v[2] = { 0 };
	unsigned int pcpu = new_pcpu(7, 14);

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		vmid_alloc(&v[i], pcpu);
	hgatp = 1;
	vmid_park(pcpu);
	assert_int_equal(hgatp, 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_false(vmid_is_current(&v[i], pcpu));
	assert_int_equal(vmid_alloc(&v[0], pcpu), VMID_FENCE_ALL);
	assert_int_equal(vmid_alloc(&v[1], pcpu), VMID_FENCE_VVMA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_is_probed_with_a_mode_that_the_hart_has),
		cmocka_unit_test(a_fresh_vcpu_has_none),
		cmocka_unit_test(siblings_on_one_hart_get_different_numbers),
		cmocka_unit_test(
			roll_over_asks_for_one_fence_of_all_and_makes_all_older_ones_stale),
		cmocka_unit_test(with_no_vmid_bits_every_switch_is_a_flush),
		cmocka_unit_test(a_vmid_of_one_pcpu_is_none_on_another),
		cmocka_unit_test(numbers_fit_their_width_for_ever),
		cmocka_unit_test(a_parked_hart_has_no_vmids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
