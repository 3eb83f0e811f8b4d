// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/hart_walk.h
/* Page tables: what a mapping of any size at any place is made of, and what is refused. */
#include "fake/hart_walk.h"

/* --- the matrix --- */

/* The largest aligned block around @at that lies in the mapping and whose two addresses agree. */
static unsigned int best_level(uint64_t at, uint64_t va, uint64_t pa, uint64_t size)
{
	unsigned int best = 0;

	for (unsigned int l = 1; l < pt.levels; l++) {
		uint64_t block = PAGE_SIZE << 9 * l, start = at / block * block;

		if (start >= va && start + block - 1 <= va + size - 1 && (va - pa) % block == 0)
			best = l;
	}
	return best;
}

static void check_whole_mapping(uint64_t va, uint64_t pa, uint64_t size, uint64_t prot)
{
	struct pgtable_leaf leaf;

	for (uint64_t done = 0; done < size; done += leaf.left) {
		check_mapped(va + done, pa + done, prot);
		assert_int_equal(pgtable_walk(&pt, va + done, &leaf), HV_OK);
		assert_int_equal(leaf.level, best_level(va + done, va, pa, size));
	}
	check_mapped(va + size - 1, pa + size - 1, prot);
}

static const uint64_t sizes[] = {
	KIB(4),		 KIB(8), MIB(2) - KIB(4),	   MIB(2), MIB(2) + KIB(4), MIB(6),
	GIB(1) - KIB(4), GIB(1), GIB(1) + MIB(2) + KIB(4), GIB(3),
};
static const uint64_t offsets[] = { 0, KIB(4), MIB(2), MIB(2) - KIB(4), GIB(1), GIB(1) - KIB(4) };
static unsigned int address_bits(void)
{
	return 12 + 9 * pt.levels + pt.root_bits;
}

/* One cell: map, look, map again in vain, unmap, look. */
static void check_cell(uint64_t va, uint64_t pa, uint64_t size, uint64_t prot)
{
	/* Gigabytes of 4 KiB pages take a minute and show nothing that megabytes do not. */
	if (size > MIB(8) && (va - pa) % MIB(2))
		return;
	assert_int_equal(pgtable_map(&pt, va, hpa(pa), size, prot), HV_OK);
	check_whole_mapping(va, pa, size, prot);
	if (va & ((UINT64_C(1) << (address_bits() - 1)) - 1))
		check_hole(va - 1);
	if (va + size < UINT64_C(1) << (address_bits() - 1))
		check_hole(va + size);
	assert_int_equal(pgtable_map(&pt, va + size - PAGE_SIZE, hpa(0), PAGE_SIZE, PTE_R),
			 HV_EEXIST);
	assert_int_equal(pgtable_map(&pt, va, hpa(0), PAGE_SIZE, PTE_R), HV_EEXIST);
	check_whole_mapping(va, pa, size, prot);
	assert_int_equal(pgtable_unmap(&pt, va, size), HV_OK);
	check_hole(va);
	check_hole(va + size / 2);
	check_hole(va + size - 1);
	pgtable_prune(&pt);
	assert_int_equal(pt.tables, PAGE_SIZE << pt.root_bits);
}

static void check_matrix(unsigned int levels, unsigned int root_bits)
{
	uint64_t free_before = page_free_bytes();
	unsigned int n = 0;

	assert_int_equal(pgtable_init(&pt, levels, root_bits), HV_OK);
	assert_true(is_aligned((uintptr_t)pt.root, PAGE_SIZE << root_bits));
	for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (unsigned int v = 0; v < ARRAY_SIZE(offsets); v++) {
			/*
			 * Both ends of what can be translated; and of an upper half if there is
			 * one.
			 */
			uint64_t low = offsets[v];
			uint64_t high = (UINT64_C(1) << (address_bits() - !root_bits)) - sizes[s] -
					offsets[v];
			uint64_t top = UINT64_MAX - sizes[s] - offsets[v] + 1;

			for (unsigned int p = 0; p < ARRAY_SIZE(offsets); p++) {
				uint64_t pa = GIB(8) + offsets[p];
				uint64_t last_pa = (UINT64_C(1) << 56) - sizes[s];
				uint64_t prot = prots[n++ % ARRAY_SIZE(prots)];

				check_cell(low, pa, sizes[s], prot);
				check_cell(high, last_pa, sizes[s], prot);
				if (!root_bits)
					check_cell(top, pa, sizes[s], prot);
			}
		}
	}
	pgtable_destroy(&pt);
	assert_int_equal(page_free_bytes(), free_before);
}

static void matrix_of_sizes_offsets_and_permissions(void **state)
{
	(void)state;
	for (unsigned int levels = 3; levels <= 5; levels++) {
		check_matrix(levels, 0);
		check_matrix(levels, 2);
	}
}

static void the_whole_space_takes_only_its_root(void **state)
{
	(void)state;
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, 0, hpa(0), BIT(41), PTE_R | PTE_U), HV_OK);
	assert_int_equal(pt.tables, 4 * PAGE_SIZE);
	check_mapped(BIT(41) - 1, BIT(41) - 1, PTE_R | PTE_U);
	assert_int_equal(pgtable_unmap(&pt, 0, BIT(41)), HV_OK);
	check_hole(0);
}

static void leaves_go_beyond_a_gigabyte(void **state)
{
	(void)state;
	assert_int_equal(pgtable_init(&pt, 5, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(512), hpa(GIB(1024)), GIB(512), PTE_R), HV_OK);
	check_whole_mapping(GIB(512), GIB(1024), GIB(512), PTE_R);
}

/* --- refusals --- */

static void wrong_arguments_change_nothing(void **state)
{
	uint64_t tables;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 2, 0), HV_EINVAL);
	assert_int_equal(pgtable_init(&pt, 6, 0), HV_EINVAL);
	assert_int_equal(pgtable_init(&pt, 3, 1), HV_EINVAL);
	for (unsigned int root_bits = 0; root_bits <= 2; root_bits += 2) {
		uint64_t end = BIT(39 - !root_bits + root_bits);

		assert_int_equal(pgtable_init(&pt, 3, root_bits), HV_OK);
		tables = pt.tables;
#define REFUSED(va, pa, size, prot) \
	assert_int_equal(pgtable_map(&pt, (va), hpa(pa), (size), (prot)), HV_EINVAL)
		REFUSED(1, 0, PAGE_SIZE, PTE_R);
		REFUSED(0, 1, PAGE_SIZE, PTE_R);
		REFUSED(0, 0, PAGE_SIZE - 1, PTE_R);
		REFUSED(end, 0, PAGE_SIZE, PTE_R);
		REFUSED(end - PAGE_SIZE, 0, 2 * PAGE_SIZE, PTE_R);
		REFUSED(0, 0, end + PAGE_SIZE, PTE_R);
		REFUSED(0, 0, UINT64_MAX - PAGE_SIZE + 1, PTE_R);
		REFUSED(UINT64_MAX - PAGE_SIZE + 1, 0, 2 * PAGE_SIZE, PTE_R);
		REFUSED(UINT64_C(0xffff000000000000), 0, PAGE_SIZE, PTE_R);
		REFUSED(0, BIT(56), PAGE_SIZE, PTE_R);
		REFUSED(0, BIT(56) - PAGE_SIZE, 2 * PAGE_SIZE, PTE_R);
		REFUSED(0, 0, PAGE_SIZE, 0);
		REFUSED(0, 0, PAGE_SIZE, PTE_W);
		REFUSED(0, 0, PAGE_SIZE, PTE_W | PTE_X);
		REFUSED(0, 0, PAGE_SIZE, PTE_R | PTE_V);
		REFUSED(0, 0, PAGE_SIZE, PTE_R | BIT(61));
		assert_int_equal(pgtable_unmap(&pt, 1, PAGE_SIZE), HV_EINVAL);
		assert_int_equal(pgtable_unmap(&pt, 0, 1), HV_EINVAL);
		assert_int_equal(pgtable_unmap(&pt, end, PAGE_SIZE), HV_EINVAL);
		assert_int_equal(pgtable_map(&pt, 0, hpa(0), 0, PTE_R), HV_OK);
		assert_int_equal(pgtable_unmap(&pt, 0, 0), HV_OK);
		assert_int_equal(pt.tables, tables);
		check_hole(0);
		check_hole(end - 1);
		pgtable_destroy(&pt);
	}
}

static void walks_outside_the_address_space_find_nothing(void **state)
{
	struct pgtable_leaf leaf;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, 0, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	assert_int_equal(pgtable_walk(&pt, BIT(41), &leaf), HV_ENOENT); /* would alias 0 */
	assert_int_equal(pgtable_walk(&pt, BIT(63), &leaf), HV_ENOENT);
	assert_int_equal(pgtable_walk(&pt, UINT64_MAX, &leaf), HV_ENOENT);
}

static void a_mapping_over_a_distant_one_is_refused_whole(void **state)
{
	uint64_t tables;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 4, 2), HV_OK);
	assert_int_equal(pgtable_map(&pt, GIB(3) + MIB(7) * 4, hpa(0), PAGE_SIZE, PTE_R), HV_OK);
	tables = pt.tables;
	assert_int_equal(pgtable_map(&pt, 0, hpa(0), GIB(8), PTE_R), HV_EEXIST);
	assert_int_equal(pt.tables, tables);
	check_hole(0);
	check_hole(GIB(3));
}

/* --- no memory --- */

static void a_map_that_runs_out_of_memory_is_undone_at_every_step(void **state)
{
	const uint64_t va = GIB(512) - MIB(2) - KIB(8), size = GIB(1) + MIB(4) + KIB(20);
	unsigned int pages;
	int err = HV_ENOMEM;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 5, 2), HV_OK);
	for (pages = 0; err != HV_OK; pages++) {
		fake_page_starve(pages * PAGE_SIZE);
		err = pgtable_map(&pt, va, hpa(va), size, PTE_R);
		if (err != HV_OK) {
			assert_int_equal(err, HV_ENOMEM);
			for (uint64_t at = va; at < va + size; at += MIB(1))
				check_hole(at);
			check_hole(va + size - 1);
			pgtable_prune(&pt);
			assert_int_equal(pt.tables, 4 * PAGE_SIZE);
			assert_int_equal(page_free_bytes() + spare_bytes(&pt), pages * PAGE_SIZE);
			pgtable_destroy(&pt);
			assert_int_equal(page_free_bytes(), (pages + 4) * PAGE_SIZE);
			assert_int_equal(pgtable_init(&pt, 5, 2), HV_OK);
		}
		fake_page_feed();
	}
	assert_true(pages > 5);
	check_whole_mapping(va, va, size, PTE_R);
}

static void an_unmap_that_cannot_split_leaves_everything_mapped(void **state)
{
	const uint64_t at = GIB(1) + MIB(6) - KIB(8), size = GIB(1) + KIB(16);
	unsigned int pages;
	int err = HV_ENOMEM;

	(void)state;
	assert_int_equal(pgtable_init(&pt, 4, 0), HV_OK);
	assert_int_equal(pgtable_map(&pt, 0, hpa(0), GIB(4), PTE_R | PTE_X), HV_OK);
	for (pages = 0; err != HV_OK; pages++) {
		fake_page_starve(pages * PAGE_SIZE);
		err = pgtable_unmap(&pt, at, size);
		if (err != HV_OK) {
			assert_int_equal(err, HV_ENOMEM);
			for (uint64_t a = 0; a < GIB(4); a += MIB(1))
				check_mapped(a, a, PTE_R | PTE_X);
			check_mapped(at, at, PTE_R | PTE_X);
		}
		fake_page_feed();
	}
	check_mapped(at - 1, at - 1, PTE_R | PTE_X);
	check_hole(at);
	check_hole(at + size - 1);
	check_mapped(at + size, at + size, PTE_R | PTE_X);
	check_mapped(GIB(4) - 1, GIB(4) - 1, PTE_R | PTE_X);
}

static void no_root_no_table(void **state)
{
	(void)state;
	fake_page_starve(0);
	assert_int_equal(pgtable_init(&pt, 3, 2), HV_ENOMEM);
	assert_int_equal(pt.tables, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(matrix_of_sizes_offsets_and_permissions),
		TEST(the_whole_space_takes_only_its_root),
		TEST(leaves_go_beyond_a_gigabyte),
		TEST(wrong_arguments_change_nothing),
		TEST(walks_outside_the_address_space_find_nothing),
		TEST(a_mapping_over_a_distant_one_is_refused_whole),
		TEST(a_map_that_runs_out_of_memory_is_undone_at_every_step),
		TEST(an_unmap_that_cannot_split_leaves_everything_mapped),
		TEST(no_root_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
