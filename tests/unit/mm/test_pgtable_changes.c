// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/hart_walk.h
/* Page tables that change: against a model, under a reader without a lock, and what is left when they are empty. */
#include <pthread.h>

#include "fake/hart_walk.h"
#include "lib/atomic.h"

/* --- against a model --- */

/* Six 2 MiB blocks across a 1 GiB boundary; what each page maps to, 0: nothing. */
#define MODEL_PAGES (6 * 512)
#define MODEL_BASE  (GIB(5) - MIB(6))

static struct {
	uint64_t pa, prot;
} model[MODEL_PAGES];

static void check_model(unsigned int page)
{
	uint64_t va = MODEL_BASE + page * PAGE_SIZE;

	if (model[page].pa)
		check_mapped(va, model[page].pa, model[page].prot);
	else
		check_hole(va);
}

static unsigned int random_below(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* Often just the edges of large leaves. */
static unsigned int random_edge(void)
{
	return random_below(3) ? random_below(MODEL_PAGES) : random_below(6) * 512;
}

static void random_step(void)
{
	unsigned int from = random_edge(), to = random_edge();
	unsigned int first = from < to ? from : to;
	unsigned int count = (from < to ? to : from) - first;
	uint64_t va = MODEL_BASE + first * PAGE_SIZE, size = count * PAGE_SIZE;
	uint64_t pa = GIB(9) + (random_below(2) ? first : random_below(MODEL_PAGES)) * PAGE_SIZE;
	uint64_t prot = prots[random_below(ARRAY_SIZE(prots))];
	bool map = random_below(2), hole = true;

	for (unsigned int i = 0; i < count; i++)
		hole = hole && !model[first + i].pa;
	if (map)
		assert_int_equal(pgtable_map(&pt, va, hpa(pa), size, prot),
				 hole ? HV_OK : HV_EEXIST);
	else
		assert_int_equal(pgtable_unmap(&pt, va, size), HV_OK);
	for (unsigned int i = 0; i < count && (!map || hole); i++) {
		model[first + i].pa = map ? pa + i * PAGE_SIZE : 0;
		model[first + i].prot = prot;
	}
}

static void random_sequences_agree_with_a_model(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 20; round++) {
		memset(model, 0, sizeof(model));
		assert_int_equal(pgtable_init(&pt, 3 + round % 3, round % 2 ? 2 : 0), HV_OK);
		for (unsigned int step = 0; step < 400; step++) {
			random_step();
			for (unsigned int i = 0; i < 32; i++)
				check_model(random_below(MODEL_PAGES));
			if (step % 20 == 0)
				pgtable_prune(&pt);
		}
		for (unsigned int i = 0; i < MODEL_PAGES; i++)
			check_model(i);
		check_hole(MODEL_BASE - 1);
		check_hole(MODEL_BASE + MODEL_PAGES * PAGE_SIZE);
		assert_int_equal(page_free_bytes() + pt.tables + spare_bytes(&pt), MIB(16));
		pgtable_destroy(&pt);
		assert_int_equal(page_free_bytes(), MIB(16));
	}
}

static void prune_at_frees_the_tables_of_one_way_alone(void **state)
{
	const uint64_t root = PAGE_SIZE * 4, a = GIB(1), b = GIB(1) + MIB(2), c = GIB(5);

	(void)state;
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, a, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pgtable_map(&pt, b, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pgtable_map(&pt, c, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pt.tables, root + 5 * PAGE_SIZE);
	pgtable_prune_at(&pt, a); /* in use */
	assert_int_equal(pt.tables, root + 5 * PAGE_SIZE);
	assert_int_equal(pgtable_unmap(&pt, a, PAGE_SIZE), HV_OK);
	assert_int_equal(pgtable_unmap(&pt, c, PAGE_SIZE), HV_OK);
	pgtable_prune_at(&pt, a);
	assert_int_equal(pt.tables, root + 4 * PAGE_SIZE);
	pgtable_prune_at(&pt, a);
	assert_int_equal(pt.tables, root + 4 * PAGE_SIZE);
	check_mapped(b, 0, PTE_R);
	pgtable_prune_at(&pt, c);
	assert_int_equal(pt.tables, root + 2 * PAGE_SIZE);
	pgtable_prune_at(&pt, BIT(41)); /* no address */
	pgtable_prune_at(&pt, UINT64_MAX);
	assert_int_equal(pgtable_unmap(&pt, b, PAGE_SIZE), HV_OK);
	pgtable_prune_at(&pt, b);
	assert_int_equal(pt.tables, root);
}

/* A hart may walk a G-stage table after it was pruned, until its vcpu next enters. */
static void a_pruned_table_of_an_x4_format_is_not_reused_for_other_data(void **state)
{
	uint64_t held;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(1), hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	held = page_free_bytes();
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t at = GIB(2 + i);

		assert_int_equal(pgtable_map(&pt, at, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
		assert_int_equal(pgtable_unmap(&pt, at, PAGE_SIZE), HV_OK);
		pgtable_prune_at(&pt, at);
		assert_int_equal(spare_bytes(&pt), 2 * PAGE_SIZE);
		/* Nor does one that maps here and there for ever take more of them. */
		assert_int_equal(page_free_bytes(), held - 2 * PAGE_SIZE);
	}
}

static void prune_frees_the_empty_tables_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(pgtable_init(&pt, 5, 0), HV_OK);
	assert_int_equal(pgtable_map(&pt, 0, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(1), hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pt.tables, 7 * PAGE_SIZE);
	assert_int_equal(pgtable_unmap(&pt, 0, PAGE_SIZE), HV_OK);
	assert_int_equal(pt.tables, 7 * PAGE_SIZE); /* a reader may be in them */
	pgtable_prune(&pt);
	assert_int_equal(pt.tables, 5 * PAGE_SIZE);
	check_mapped(GIB(1), 0, PTE_R);
	assert_int_equal(pgtable_unmap(&pt, GIB(1), PAGE_SIZE), HV_OK);
	pgtable_prune(&pt);
	assert_int_equal(pt.tables, PAGE_SIZE);
	assert_int_equal(page_free_bytes(), MIB(16) - PAGE_SIZE);
}

static void what_was_in_the_structure_before_does_not_matter(void **state)
{
	(void)state;
	memset(&pt, 0xa5, sizeof(pt));
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(1), hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	check_mapped(GIB(1), 0, PTE_R);
	assert_int_equal(pt.tables, (4 + 2) * PAGE_SIZE);
}

/* --- a reader without a lock --- */

static uint32_t writer_done;

static void *reader(void *arg)
{
	struct pgtable_leaf leaf;

	(void)arg;
	while (!atomic_read(&writer_done)) {
		for (uint64_t at = 0; at < MIB(4); at += KIB(64)) {
			uint64_t va = GIB(1) + at; /* its even pages stay mapped throughout */

			if (pgtable_walk(&pt, va, &leaf) || leaf.pa.hpa != at || leaf.prot != PTE_R)
				return (void *)1;
		}
	}
	return NULL;
}

static void a_page_that_stays_mapped_is_found_while_its_leaf_is_split(void **state)
{
	pthread_t thread;
	void *missed;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(1), hpa(0), GIB(1), PTE_R), HV_OK);
	writer_done = 0;
	assert_int_equal(pthread_create(&thread, NULL, reader, NULL), 0);
	for (uint64_t at = KIB(4); at < MIB(4); at += KIB(8))
		assert_int_equal(pgtable_unmap(&pt, GIB(1) + at, PAGE_SIZE), HV_OK);
	for (uint64_t at = KIB(4); at < MIB(4); at += KIB(8))
		assert_int_equal(pgtable_map(&pt, GIB(1) + at, hpa(at), PAGE_SIZE, PTE_R), HV_OK);
	atomic_set(&writer_done, 1);
	pthread_join(thread, &missed);
	assert_null(missed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(random_sequences_agree_with_a_model),
		TEST(prune_at_frees_the_tables_of_one_way_alone),
		TEST(a_pruned_table_of_an_x4_format_is_not_reused_for_other_data),
		TEST(prune_frees_the_empty_tables_and_no_other),
		TEST(what_was_in_the_structure_before_does_not_matter),
		TEST(a_page_that_stays_mapped_is_found_while_its_leaf_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
