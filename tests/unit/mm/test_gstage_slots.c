// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/fence.c
/* What a guest finds at its addresses: slots of each kind, more than one of RAM. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/memmap.h"
#include "fake/page.h"
#include "mm/gstage.h"
#include "mm/page.h"

#define LOW  GIB(2)
#define HIGH GIB(16)

static struct gstage gs;
static uint64_t hgatp, free_at_first;
static hpa_t memory; /* the caller's */
static char *words;  /* the same, in the direct map */

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return hgatp;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr;
	hgatp = val;
}

static int setup(void **state)
{
	(void)state;
	fake_page_setup(MIB(64), MIB(64));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	assert_true(page_alloc(MIB(2), PAGE_SIZE, &memory));
	words = hpa_to_ptr(memory);
	memset(words, 0x11, MIB(2));
	free_at_first = page_free_bytes();
	assert_int_equal(gstage_init(&gs, GIB(64)), HV_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gstage_destroy(&gs);
	assert_int_equal(page_free_bytes(), free_at_first);
	(void)fake_page_teardown();
	return 0;
}

static bool reads(uint64_t at)
{
	uint64_t word;

	return gstage_read(&gs, gpa(at), &word, sizeof(word)) == HV_OK;
}

static bool writes(uint64_t at)
{
	uint64_t word = 0x22;

	return gstage_write(&gs, gpa(at), &word, sizeof(word)) == HV_OK;
}

static uint64_t prot_of(uint64_t at)
{
	struct pgtable_leaf leaf;

	if (pgtable_walk(&gs.pt, at, &leaf) != HV_OK)
		return 0;
	return leaf.prot & (PTE_R | PTE_W | PTE_X | PTE_U);
}

static void each_kind_has_its_rights(void **state)
{
	static const struct {
		enum gstage_kind kind;
		uint64_t guest;
		bool reads, writes; /* device code */
	} rows[] = {
		{ GSTAGE_ROM, PTE_R | PTE_X | PTE_U, true, false },
		{ GSTAGE_SHARED, PTE_R | PTE_W | PTE_U, true, true },
		{ GSTAGE_DEVICE, PTE_R | PTE_W | PTE_U, false, false },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(words, 0x11, MIB(2));
		assert_int_equal(gstage_add_slot(&gs, gpa(HIGH), MIB(2), rows[i].kind, memory),
				 HV_OK);
		assert_int_equal(prot_of(HIGH), rows[i].guest);
		assert_int_equal(prot_of(HIGH + MIB(2) - 1), rows[i].guest);
		assert_int_equal(prot_of(HIGH + MIB(2)), 0);
		assert_int_equal(reads(HIGH), rows[i].reads);
		assert_int_equal(writes(HIGH), rows[i].writes);
		assert_int_equal(words[0], rows[i].writes ? 0x22 : 0x11);
		assert_false(gstage_is_ram(&gs, gpa(HIGH), 8));
		assert_int_equal(gstage_clear_step(&gs, 0, MIB(2)), 0); /* it is another's */
		assert_int_equal(gstage_remove_slot(&gs, gpa(HIGH)), HV_OK);
		assert_int_equal(prot_of(HIGH), 0);
		assert_int_equal(gstage_remove_slot(&gs, gpa(HIGH)), HV_ENOENT);
	}
}

static void there_may_be_more_ram_than_one_piece(void **state)
{
	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(HIGH), MIB(4)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(2)), HV_OK);
	assert_int_equal(gs.nr_slots, 2);
	assert_int_equal(gs.ram_bytes, MIB(6));
	assert_true(gstage_is_ram(&gs, gpa(LOW), MIB(2)));
	assert_true(gstage_is_ram(&gs, gpa(HIGH), MIB(4)));
	assert_false(gstage_is_ram(&gs, gpa(LOW), MIB(2) + 1));
	assert_true(reads(LOW) && writes(HIGH + MIB(4) - 8));
	assert_false(reads(LOW + MIB(2)));
	assert_int_equal(gstage_remove_slot(&gs, gpa(LOW)), HV_ENOENT); /* RAM goes another way */
	/* All of both is cleared. */
	for (uint64_t at = 0, n; (n = gstage_clear_step(&gs, at, KIB(64))) != 0; at += n)
		assert_true(at < MIB(6));
}

static void ram_that_was_given_back_comes_back(void **state)
{
	struct gstage_ram pieces[GSTAGE_MAX_RAM];
	unsigned int nr;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(8)), HV_OK);
	assert_int_equal(gstage_unmap_ram(&gs, gpa(LOW + MIB(2)), MIB(4), pieces,
					  ARRAY_SIZE(pieces), &nr),
			 HV_OK);
	gstage_free_pieces(pieces, nr);
	assert_false(reads(LOW + MIB(2)));
	/* Its place is still RAM's: nothing else comes there, nor does more than was given back. */
	assert_int_equal(gstage_add_slot(&gs, gpa(LOW + MIB(2)), MIB(2), GSTAGE_ROM, memory),
			 HV_EEXIST);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(4)), HV_EEXIST);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW + MIB(4)), MIB(4)), HV_EEXIST);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW + MIB(4)), MIB(8)), HV_EEXIST);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW + MIB(2)), MIB(2)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW + MIB(4)), MIB(2)), HV_OK);
	assert_true(gstage_is_ram(&gs, gpa(LOW), MIB(8)));
	assert_true(reads(LOW + MIB(2)) && writes(LOW + MIB(6) - 8));
	assert_int_equal(gs.nr_slots, 1);
	assert_int_equal(gs.ram_bytes, MIB(8));
}

static void slots_do_not_overlap(void **state)
{
	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(2)), HV_OK);
	assert_int_equal(gstage_add_slot(&gs, gpa(HIGH), MIB(2), GSTAGE_ROM, memory), HV_OK);
	for (uint64_t at = HIGH - MIB(1); at < HIGH + MIB(2); at += MIB(1)) {
		assert_int_equal(gstage_add_slot(&gs, gpa(at), MIB(2), GSTAGE_SHARED, memory),
				 HV_EEXIST);
		assert_int_equal(gstage_alloc_ram(&gs, gpa(at), MIB(2)), HV_EEXIST);
	}
	assert_int_equal(gstage_add_slot(&gs, gpa(LOW), PAGE_SIZE, GSTAGE_DEVICE, memory),
			 HV_EEXIST);
	assert_int_equal(gs.nr_slots, 2);
}

static void wrong_slots_are_refused(void **state)
{
	(void)state;
	assert_int_equal(gstage_add_slot(&gs, gpa(HIGH), 0, GSTAGE_ROM, memory), HV_EINVAL);
	assert_int_equal(gstage_add_slot(&gs, gpa(HIGH + 1), PAGE_SIZE, GSTAGE_ROM, memory),
			 HV_EINVAL);
	assert_int_equal(gstage_add_slot(&gs, gpa(HIGH), PAGE_SIZE, GSTAGE_ROM,
					 hpa(memory.hpa + 8)),
			 HV_EINVAL);
	assert_int_equal(gstage_add_slot(&gs, gpa(HIGH), PAGE_SIZE, GSTAGE_RAM, memory), HV_EINVAL);
	assert_int_equal(gstage_add_slot(&gs, gpa(BIT(63)), PAGE_SIZE, GSTAGE_ROM, memory),
			 HV_EINVAL);
	assert_int_equal(gs.nr_slots, 0);
}

static void there_are_so_many_and_no_more(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < GSTAGE_MAX_SLOTS; i++)
		assert_int_equal(gstage_add_slot(&gs, gpa(HIGH + i * MIB(4)), MIB(2), GSTAGE_SHARED,
						 memory),
				 HV_OK);
	assert_int_equal(gstage_add_slot(&gs, gpa(LOW), MIB(2), GSTAGE_SHARED, memory), HV_ENOMEM);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(2)), HV_ENOMEM);
	assert_int_equal(gstage_remove_slot(&gs, gpa(HIGH + MIB(4))), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(LOW), MIB(2)), HV_OK);
	assert_true(reads(HIGH) && reads(HIGH + MIB(8)) && !reads(HIGH + MIB(4)));
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_kind_has_its_rights),
		test(there_may_be_more_ram_than_one_piece),
		test(ram_that_was_given_back_comes_back),
		test(slots_do_not_overlap),
		test(wrong_slots_are_refused),
		test(there_are_so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
