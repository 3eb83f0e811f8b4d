// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/pgtable.c hyp/mm/page.c tests/unit/fake/page.c
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/page.h"
#include "lib/atomic.h"
#include "mm/page.h"
#include "mm/pgtable.h"

static struct pgtable pt;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(16), MIB(16));
	memset(&pt, 0, sizeof(pt));
	return 0;
}

/* Whatever a test did: after pgtable_destroy() every page is back. */
static int teardown(void **state)
{
	(void)state;
	fake_page_feed();
	pgtable_destroy(&pt);
	return fake_page_teardown() && fake_log_count == 0 && pt.tables == 0 ? 0 : -1;
}

/*
 * What the hardware would find for @va: its own arithmetic, from the privileged specification's
 * "Virtual Address Translation Process", with the root's index as wide as the x4 formats have it.
 */
static bool hardware_walk(uint64_t va, uint64_t *pa, uint64_t *prot, unsigned int *level)
{
	uint64_t table = (uint64_t)(uintptr_t)pt.root;

	for (int i = (int)pt.levels - 1; i >= 0; i--) {
		uint64_t vpn = va >> (12 + 9 * i);
		uint64_t pte, low;

		vpn &= i == (int)pt.levels - 1 && pt.root_bits ? 0x7ff : 0x1ff;
		pte = ((const uint64_t *)(uintptr_t)table)[vpn];
		if (!(pte & 1))
			return false;
		assert_int_equal(pte >> 54, 0);
		assert_false((pte & 4) && !(pte & 2));
		table = (pte >> 10 & 0xfffffffffff) << 12;
		if (!(pte & 10)) {
			assert_int_equal(pte & 0xff, 1); /* D, A, U are reserved in a pointer */
			continue;
		}
		low = (UINT64_C(1) << (12 + 9 * i)) - 1;
		assert_int_equal(table & low, 0); /* else: misaligned superpage */
		assert_int_equal(pte & 0xc0, 0xc0);
		*pa = table | (va & low);
		*prot = pte & 0x3e;
		*level = (unsigned int)i;
		return true;
	}
	fail();
	return false;
}

static void check_mapped(uint64_t va, uint64_t pa, uint64_t prot)
{
	struct pgtable_leaf leaf;
	uint64_t hw_pa, hw_prot;
	unsigned int hw_level;

	assert_true(hardware_walk(va, &hw_pa, &hw_prot, &hw_level));
	assert_int_equal(hw_pa, pa);
	assert_int_equal(hw_prot, prot);
	assert_int_equal(pgtable_walk(&pt, va, &leaf), HV_OK);
	assert_int_equal(leaf.pa.hpa, pa);
	assert_int_equal(leaf.prot, prot);
	assert_int_equal(leaf.level, hw_level);
	assert_int_equal(leaf.left,
			 (PAGE_SIZE << 9 * hw_level) - (va & ((PAGE_SIZE << 9 * hw_level) - 1)));
}

static void check_hole(uint64_t va)
{
	struct pgtable_leaf leaf;
	uint64_t pa, prot;
	unsigned int level;

	assert_false(hardware_walk(va, &pa, &prot, &level));
	assert_int_equal(pgtable_walk(&pt, va, &leaf), HV_ENOENT);
}

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
static const uint64_t prots[] = {
	PTE_R, PTE_X, PTE_R | PTE_W | PTE_G, PTE_R | PTE_X, PTE_R | PTE_W | PTE_X | PTE_U,
};

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

/* What an x4 format keeps of pruned tables for its next map. */
static uint64_t spare_bytes(const struct pgtable *t)
{
	uint64_t n = 0;

	for (const pte_t *s = t->spare; s; s = (const pte_t *)(uintptr_t)s[0]) {
		assert_false(pte_is_valid(s[0])); /* a hart that still walks there finds nothing */
		for (unsigned int i = 1; i < PT_ENTRIES; i++)
			assert_int_equal(s[i], 0);
		n += PAGE_SIZE;
	}
	return n;
}

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
		TEST(matrix_of_sizes_offsets_and_permissions),
		TEST(the_whole_space_takes_only_its_root),
		TEST(leaves_go_beyond_a_gigabyte),
		TEST(wrong_arguments_change_nothing),
		TEST(walks_outside_the_address_space_find_nothing),
		TEST(a_mapping_over_a_distant_one_is_refused_whole),
		TEST(a_map_that_runs_out_of_memory_is_undone_at_every_step),
		TEST(an_unmap_that_cannot_split_leaves_everything_mapped),
		TEST(no_root_no_table),
		TEST(random_sequences_agree_with_a_model),
		TEST(prune_at_frees_the_tables_of_one_way_alone),
		TEST(a_pruned_table_of_an_x4_format_is_not_reused_for_other_data),
		TEST(prune_frees_the_empty_tables_and_no_other),
		TEST(what_was_in_the_structure_before_does_not_matter),
		TEST(a_page_that_stays_mapped_is_found_while_its_leaf_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
