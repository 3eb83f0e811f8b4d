// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c
/* RAM with holes: leaves that go and come, and a VM that ends or begins anew with some missing. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/gstage.h"
#include "mm/page.h"

#define RAM  GIB(2)
#define SIZE MIB(9) /* from 1 MiB into a leaf on: four whole ones */
#define BASE (RAM + MIB(1))

static struct gstage gs;
static uint64_t at_first;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(24), MIB(2));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	assert_int_equal(gstage_init(&gs, RAM + GIB(4)), HV_OK);
	at_first = page_free_bytes();
	assert_int_equal(gstage_alloc_ram(&gs, gpa(BASE), MIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(BASE + MIB(1)), SIZE - MIB(1)), HV_OK);
	gstage_allow_holes(&gs);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gstage_destroy(&gs);
	return fake_page_teardown() ? 0 : -1;
}

static uint64_t leaf(unsigned int i)
{
	return RAM + MIB(2) + i * GSTAGE_LEAF;
}

static hpa_t take(unsigned int i)
{
	hpa_t pa;

	assert_int_equal(gstage_take_leaf(&gs, gpa(leaf(i)), &pa), HV_OK);
	return pa;
}

static void a_leaf_that_is_taken_is_a_hole(void **state)
{
	uint8_t byte = 1;
	hpa_t pa, other;

	(void)state;
	assert_false(gstage_is_hole(&gs, gpa(leaf(1))));
	pa = take(1);
	assert_true(gstage_is_hole(&gs, gpa(leaf(1))));
	assert_true(gstage_is_hole(&gs, gpa(leaf(2) - 1)));
	assert_false(gstage_is_hole(&gs, gpa(leaf(1) - 1)) || gstage_is_hole(&gs, gpa(leaf(2))));
	assert_int_equal(gstage_ram_bytes(&gs), SIZE - GSTAGE_LEAF);
	assert_true(gstage_is_ram(&gs, gpa(BASE), SIZE));
	assert_int_equal(gstage_write(&gs, gpa(leaf(1)), &byte, 1), HV_EFAULT);
	assert_int_equal(gstage_piece(&gs, gpa(leaf(1))).size, 0);
	assert_int_equal(gstage_piece(&gs, gpa(leaf(2))).size, 0); /* the tables decide */
	assert_int_equal(gstage_take_leaf(&gs, gpa(leaf(1)), &other), HV_EINVAL);
	/* The guest gets nothing else there. */
	assert_int_equal(gstage_map_page(&gs, gpa(leaf(1)), hpa(0)), HV_EEXIST);
	assert_int_equal(gstage_put_leaf(&gs, gpa(leaf(1)), pa), HV_OK);
	assert_int_equal(gstage_put_leaf(&gs, gpa(leaf(1)), pa), HV_EEXIST);
	assert_int_equal(gstage_write(&gs, gpa(leaf(1)), &byte, 1), HV_OK);
	assert_int_equal(gstage_ram_bytes(&gs), SIZE);
}

static void what_is_no_whole_leaf_stays(void **state)
{
	hpa_t pa;

	(void)state;
	assert_int_equal(gstage_take_leaf(&gs, gpa(RAM), &pa), HV_EINVAL); /* half of it */
	assert_int_equal(gstage_take_leaf(&gs, gpa(leaf(0) + PAGE_SIZE), &pa), HV_EINVAL);
	assert_int_equal(gstage_take_leaf(&gs, gpa(leaf(4)), &pa), HV_EINVAL);
	assert_int_equal(gstage_take_leaf(&gs, gpa(0), &pa), HV_EINVAL);
	gs.has_holes = false;
	assert_int_equal(gstage_take_leaf(&gs, gpa(leaf(0)), &pa), HV_EINVAL);
	assert_int_equal(gstage_ram_bytes(&gs), SIZE);
}

/* Counted over all of it, the half leaf before them, too. */
static void holes_are_filled_for_the_next_life_and_all_is_cleared(void **state)
{
	hpa_t first = take(0), last = take(3);
	uint64_t at = 0, seen = 0;
	int64_t n;
	uint8_t byte;

	(void)state;
	page_free(first, GSTAGE_LEAF);
	page_free(last, GSTAGE_LEAF);
	for (uint64_t off = 0; off < SIZE; off += MIB(1)) {
		byte = 0x5a;
		(void)gstage_write(&gs, gpa(BASE + off), &byte, 1);
	}
	while ((n = gstage_refill_step(&gs, at)) > 0) {
		assert_true(n <= (int64_t)GSTAGE_LEAF);
		at += (uint64_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, SIZE);
	assert_int_equal(gstage_ram_bytes(&gs), SIZE);
	for (uint64_t c; (c = gstage_clear_step(&gs, seen, KIB(32))) != 0; seen += c)
		assert_true(c <= KIB(32));
	assert_int_equal(seen, SIZE);
	for (uint64_t off = 0; off < SIZE; off += MIB(1)) {
		assert_int_equal(gstage_read(&gs, gpa(BASE + off), &byte, 1), HV_OK);
		assert_int_equal(byte, 0);
	}
}

static void a_hole_is_skipped_by_the_clearing(void **state)
{
	hpa_t pa = take(1);
	uint64_t seen = 0;

	(void)state;
	for (uint64_t c; (c = gstage_clear_step(&gs, seen, MIB(3))) != 0; seen += c)
		;
	assert_int_equal(seen, SIZE);
	page_free(pa, GSTAGE_LEAF);
}

static void no_memory_for_a_hole_changes_nothing(void **state)
{
	hpa_t pa = take(1), page;
	unsigned int n = 0;
	hpa_t taken[16];

	(void)state;
	while (page_alloc(GSTAGE_LEAF, GSTAGE_LEAF, &page))
		taken[n++] = page;
	assert_int_equal(gstage_refill_step(&gs, MIB(1) + GSTAGE_LEAF), HV_ENOMEM);
	assert_true(gstage_is_hole(&gs, gpa(leaf(1))));
	while (n > 0)
		page_free(taken[--n], GSTAGE_LEAF);
	assert_int_equal(gstage_put_leaf(&gs, gpa(leaf(1)), pa), HV_OK);
}

static void all_memory_goes_back_whatever_was_missing(void **state)
{
	hpa_t pa = take(2);
	unsigned int n = 0;

	(void)state;
	page_free(pa, GSTAGE_LEAF);
	page_free(take(0), GSTAGE_LEAF);
	while (gstage_free_step(&gs))
		n++;
	assert_true(gs.is_going);
	assert_int_equal(n, 5); /* a half leaf, and four */
	assert_int_equal(gstage_ram_bytes(&gs), 0);
	gstage_destroy(&gs);
	assert_false(gs.is_going || gs.has_holes);
	assert_true(page_free_bytes() > at_first);
	assert_int_equal(gstage_init(&gs, RAM + GIB(4)), HV_OK);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_leaf_that_is_taken_is_a_hole),
		TEST(what_is_no_whole_leaf_stays),
		TEST(holes_are_filled_for_the_next_life_and_all_is_cleared),
		TEST(a_hole_is_skipped_by_the_clearing),
		TEST(no_memory_for_a_hole_changes_nothing),
		TEST(all_memory_goes_back_whatever_was_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
