// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/fence.c
/* Modes of the G-stage: which ones a hart has, which one a guest gets, and what hgatp holds then. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/gstage.h"
#include "mm/page.h"

#define RAM GIB(2) /* where guests have it */

static struct gstage gs;

/* --- a hart's hgatp --- */

#define PROBE_ROOT UINT64_C(0x12344000)

static uint64_t hgatp;
static uint64_t hart_modes;

uint64_t fake_csr_read(unsigned int csr)
{
	assert_int_equal(csr, CSR_HGATP);
	return hgatp;
}

/* An unknown mode leaves all as it is; Bare with anything else set is not allowed. */
void fake_csr_write(unsigned int csr, uint64_t val)
{
	uint64_t mode = val >> HGATP_MODE_SHIFT;

	assert_int_equal(csr, CSR_HGATP);
	assert_true(mode != HGATP_MODE_BARE || val == 0);
	/* The hart may walk from there at once. */
	assert_true(val == 0 || (val & (BIT(44) - 1)) == PROBE_ROOT >> PAGE_SHIFT);
	if (mode == HGATP_MODE_BARE || (hart_modes & BIT(mode)))
		hgatp = val;
}

static void probe(uint64_t modes)
{
	hart_modes = modes;
	assert_int_equal(gstage_probe(hpa(PROBE_ROOT)), modes ? HV_OK : HV_ENOTSUP);
	assert_int_equal(hgatp, 0);
}

#define ALL_MODES (BIT(HGATP_MODE_SV39X4) | BIT(HGATP_MODE_SV48X4) | BIT(HGATP_MODE_SV57X4))

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(16), MIB(16));
	probe(ALL_MODES);
	return gstage_init(&gs, RAM + GIB(4));
}

/* Whatever a test did: after gstage_destroy() every page is back. */
static int teardown(void **state)
{
	(void)state;
	fake_page_feed();
	gstage_destroy(&gs);
	return fake_page_teardown() && fake_log_count == 0 ? 0 : -1;
}

/* --- modes --- */

static void the_narrowest_mode_that_serves_is_taken(void **state)
{
	static const struct {
		uint64_t limit;
		unsigned int levels;
	} want[] = { { 1, 3 },	     { BIT(41), 3 },	 { BIT(41) + 1, 4 },
		     { BIT(50), 4 }, { BIT(50) + 1, 5 }, { BIT(59), 5 } };

	(void)state;
	gstage_destroy(&gs);
	for (unsigned int i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(gstage_init(&gs, want[i].limit), HV_OK);
		assert_int_equal(gs.pt.levels, want[i].levels);
		assert_int_equal(gs.pt.root_bits, 2);
		assert_int_equal(gstage_hgatp(&gs, 0) >> 60, 8 + want[i].levels - 3);
		gstage_destroy(&gs);
	}
	assert_int_equal(gstage_init(&gs, BIT(59) + 1), HV_ENOTSUP);
}

static void what_the_hart_has_not_is_not_used(void **state)
{
	(void)state;
	gstage_destroy(&gs);
	probe(BIT(HGATP_MODE_SV39X4));
	assert_int_equal(gstage_init(&gs, BIT(41) + 1), HV_ENOTSUP);
	assert_int_equal(gstage_init(&gs, BIT(41)), HV_OK);
	gstage_destroy(&gs);
	probe(BIT(HGATP_MODE_SV48X4));
	assert_int_equal(gstage_init(&gs, BIT(32)), HV_OK);
	assert_int_equal(gs.pt.levels, 4);
	gstage_destroy(&gs);
	probe(0);
	assert_int_equal(gstage_init(&gs, BIT(32)), HV_ENOTSUP);
}

static void hgatp_holds_mode_vmid_and_root(void **state)
{
	uint64_t value = gstage_hgatp(&gs, 0x3ffe);

	(void)state;
	assert_int_equal(value >> 60, HGATP_MODE_SV39X4);
	assert_int_equal(value >> 44 & 0x3fff, 0x3ffe);
	assert_int_equal((value & (BIT(44) - 1)) << 12, (uintptr_t)gs.pt.root);
	assert_int_equal(gstage_hgatp(&gs, 0xffff) >> 58, HGATP_MODE_SV39X4 << 2);
	assert_true(is_aligned((uintptr_t)gs.pt.root, KIB(16)));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_narrowest_mode_that_serves_is_taken),
		TEST(what_the_hart_has_not_is_not_used),
		TEST(hgatp_holds_mode_vmid_and_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
