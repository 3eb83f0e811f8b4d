// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/gstage.h"
#include "mm/page.h"

#define RAM GIB(2) /* where guests have it */

static struct gstage gs;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(16), MIB(16));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
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

/* --- RAM --- */

static void ram_is_mapped_by_the_largest_leaves_with_all_rights(void **state)
{
	struct pgtable_leaf leaf;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(6) + KIB(12)), HV_OK);
	assert_int_equal(gs.nr_ram, 1);
	assert_int_equal(gs.ram_bytes, MIB(6) + KIB(12));
	for (uint64_t at = 0; at < MIB(6) + KIB(12); at += KIB(4)) {
		assert_int_equal(pgtable_walk(&gs.pt, RAM + at, &leaf), HV_OK);
		assert_int_equal(leaf.level, at < MIB(6) ? 1 : 0);
		assert_int_equal(leaf.prot, PTE_R | PTE_W | PTE_X | PTE_U | PTE_RAM);
		assert_int_equal(leaf.pa.hpa, gs.ram[0].hpa.hpa + at);
	}
}

static void a_gigabyte_gets_gigabyte_leaves(void **state)
{
	/* Reserved, not committed: the allocator writes to a page here and there only. */
	uint64_t size = GIB(4);
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct pgtable_leaf leaf;

	(void)state;
	assert_true(map != MAP_FAILED);
	page_add(ptr_to_hpa(map), size);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), GIB(2) + MIB(2)), HV_OK);
	assert_int_equal(gs.nr_ram, 1);
	assert_int_equal(pgtable_walk(&gs.pt, RAM + GIB(2) - 1, &leaf), HV_OK);
	assert_int_equal(leaf.level, 2);
	assert_int_equal(pgtable_walk(&gs.pt, RAM + GIB(2), &leaf), HV_OK);
	assert_int_equal(leaf.level, 1);
	gstage_destroy(&gs);
	page_reserve(ptr_to_hpa(map), size);
	munmap(map, size);
}

static hpa_t all; /* the 16 MiB, while they are in holes */

/* Give back what lies between the @n holes, and behind them up to the 64 KiB for tables. */
static void fragment_free_rest(unsigned int n, uint64_t size)
{
	for (unsigned int i = 0; i + 1 < n; i++)
		page_free(hpa(all.hpa + (2 * i + 1) * size), size);
	page_free(hpa(all.hpa + (2 * n - 1) * size), MIB(16) - KIB(64) - (2 * n - 1) * size);
}

/* Leave @n holes of @size bytes, one size apart, and 64 KiB for tables at the end. */
static void fragment(unsigned int n, uint64_t size)
{
	assert_true(page_alloc(MIB(16), MIB(16), &all));
	for (unsigned int i = 0; i < n; i++)
		page_free(hpa(all.hpa + 2 * i * size), size);
	page_free(hpa(all.hpa + MIB(16) - KIB(64)), KIB(64));
}

static void scattered_memory_is_put_together_from_pieces(void **state)
{
	static char out[MIB(1)], in[MIB(1)];

	(void)state;
	gstage_destroy(&gs);
	fragment(4, MIB(2));
	assert_int_equal(gstage_init(&gs, RAM + GIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(8)), HV_OK);
	assert_int_equal(gs.nr_ram, 4);
	assert_int_equal(gs.ram_bytes, MIB(8));
	for (unsigned int i = 0; i < gs.nr_ram; i++)
		assert_true(is_aligned(gs.ram[i].hpa.hpa | gs.ram[i].size, MIB(2)));
	assert_true(gstage_is_ram(&gs, gpa(RAM), MIB(8)));

	memset(in, 0x5a, sizeof(in)); /* across two pieces */
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(2) - KIB(512)), in, sizeof(in)), HV_OK);
	assert_int_equal(gstage_read(&gs, gpa(RAM + MIB(2) - KIB(512)), out, sizeof(out)), HV_OK);
	assert_memory_equal(in, out, sizeof(in));
	assert_null(gstage_ptr(&gs, gpa(RAM + MIB(2) - 1), 2));

	fragment_free_rest(4, MIB(2));
}

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

static void more_pieces_than_fit_is_no_memory_and_gives_all_back(void **state)
{
	uint64_t before;

	(void)state;
	gstage_destroy(&gs);
	fragment(GSTAGE_MAX_RAM + 4, KIB(128));
	assert_int_equal(gstage_init(&gs, RAM + GIB(1)), HV_OK);
	before = page_free_bytes();
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), (GSTAGE_MAX_RAM + 1) * KIB(128)),
			 HV_ENOMEM);
	assert_int_equal(page_free_bytes() + spare_bytes(&gs.pt), before);
	assert_int_equal(gs.nr_ram, 0);
	assert_int_equal(gs.ram_bytes, 0);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), GSTAGE_MAX_RAM * KIB(128)), HV_OK);
	assert_int_equal(gs.nr_ram, GSTAGE_MAX_RAM);
	fragment_free_rest(GSTAGE_MAX_RAM + 4, KIB(128));
}

static void no_memory_gives_everything_back_at_every_step(void **state)
{
	int err = HV_ENOMEM;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	for (unsigned int pages = 0; err != HV_OK; pages++) {
		uint64_t tables = gs.pt.tables;

		fake_page_starve(pages * PAGE_SIZE);
		err = gstage_alloc_ram(&gs, gpa(RAM + GIB(1)), KIB(200));
		if (err != HV_OK) {
			assert_int_equal(err, HV_ENOMEM);
			assert_int_equal(page_free_bytes() + spare_bytes(&gs.pt),
					 pages * PAGE_SIZE);
			assert_int_equal(gs.pt.tables, tables);
			assert_int_equal(gs.nr_ram, 1);
			assert_int_equal(gs.ram_bytes, MIB(2));
			assert_non_null(gstage_ptr(&gs, gpa(RAM), MIB(2)));
			assert_null(gstage_ptr(&gs, gpa(RAM + GIB(1)), 1));
		}
		fake_page_feed();
	}
	assert_int_equal(gs.ram_bytes, MIB(2) + KIB(200));
	assert_true(gstage_is_ram(&gs, gpa(RAM), MIB(2)));
}

static void wrong_ram_is_refused(void **state)
{
	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), 0), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), 1), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM + 1), PAGE_SIZE), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(BIT(41)), PAGE_SIZE), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(BIT(41) - PAGE_SIZE), 2 * PAGE_SIZE), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), UINT64_MAX - PAGE_SIZE + 1), HV_EINVAL);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM + MIB(1) - PAGE_SIZE), MIB(1)), HV_EEXIST);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM - MIB(1)), MIB(3)), HV_EEXIST);
	assert_int_equal(gs.ram_bytes, MIB(1));
	assert_true(gstage_is_ram(&gs, gpa(RAM), MIB(1)));
}

/* --- access --- */

static void is_ram_knows_every_edge(void **state)
{
	(void)state;
	assert_false(gstage_is_ram(&gs, gpa(RAM), 1));
	/* Added in falling order; the last two are neighbours. */
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM + MIB(2)), MIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(MIB(16)), MIB(1)), HV_OK);
	assert_true(gstage_is_ram(&gs, gpa(RAM), MIB(3)));
	assert_true(gstage_is_ram(&gs, gpa(RAM + MIB(2) - 1), 2));
	assert_true(gstage_is_ram(&gs, gpa(RAM + MIB(3) - 1), 1));
	assert_false(gstage_is_ram(&gs, gpa(RAM + MIB(3) - 1), 2));
	assert_false(gstage_is_ram(&gs, gpa(RAM + MIB(3)), 1));
	assert_false(gstage_is_ram(&gs, gpa(RAM - 1), 1));
	assert_false(gstage_is_ram(&gs, gpa(RAM - 1), 2));
	assert_false(gstage_is_ram(&gs, gpa(MIB(16)), RAM));
	assert_false(gstage_is_ram(&gs, gpa(RAM), UINT64_MAX));
	assert_false(gstage_is_ram(&gs, gpa(RAM), UINT64_MAX - RAM + 2));
	assert_false(gstage_is_ram(&gs, gpa(UINT64_MAX), UINT64_MAX));
	assert_false(gstage_is_ram(&gs, gpa(UINT64_MAX), 1));
	assert_false(gstage_is_ram(&gs, gpa(0), 1));
	assert_true(gstage_is_ram(&gs, gpa(0), 0));
}

static void access_outside_ram_or_rights_faults_and_writes_nothing(void **state)
{
	char buf[64] = { 0 }, *p;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	p = hpa_to_ptr(gs.ram[0].hpa);
	memset(p, 1, MIB(2));
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(2) - 32), buf, 64), HV_EFAULT);
	assert_int_equal(p[MIB(2) - 1], 1);
	assert_int_equal(gstage_write(&gs, gpa(RAM - 32), buf, 64), HV_EFAULT);
	buf[0] = 7;
	assert_int_equal(gstage_read(&gs, gpa(RAM + MIB(2) - 32), buf, 64), HV_EFAULT);
	assert_int_equal(buf[0], 7);
	buf[0] = 0;
	assert_int_equal(gstage_read(&gs, gpa(RAM - 1), buf, 1), HV_EFAULT);
	assert_int_equal(gstage_read(&gs, gpa(UINT64_MAX - 8), buf, 64), HV_EFAULT);
	assert_int_equal(gstage_read(&gs, gpa(BIT(41) + RAM), buf, 1), HV_EFAULT);
	assert_int_equal(gstage_read(&gs, gpa(0), buf, 0), HV_OK);

	/* Device windows are mapped, too, but are no RAM. */
	assert_int_equal(pgtable_map(&gs.pt, MIB(16), gs.ram[0].hpa, PAGE_SIZE,
				     PTE_R | PTE_W | PTE_U),
			 HV_OK);
	assert_int_equal(gstage_read(&gs, gpa(MIB(16)), buf, 1), HV_EFAULT);
	assert_int_equal(pgtable_unmap(&gs.pt, MIB(16), PAGE_SIZE), HV_OK);

	/* Read-only, execute-only and taken-away pages of RAM. */
	assert_int_equal(pgtable_unmap(&gs.pt, RAM, 3 * PAGE_SIZE), HV_OK);
	assert_int_equal(
		pgtable_map(&gs.pt, RAM, gs.ram[0].hpa, PAGE_SIZE, PTE_R | PTE_U | PTE_RAM), HV_OK);
	assert_int_equal(pgtable_map(&gs.pt, RAM + PAGE_SIZE, hpa(gs.ram[0].hpa.hpa + PAGE_SIZE),
				     PAGE_SIZE, PTE_X | PTE_U | PTE_RAM),
			 HV_OK);
	assert_int_equal(gstage_read(&gs, gpa(RAM), buf, 64), HV_OK);
	assert_int_equal(gstage_write(&gs, gpa(RAM), buf, 64), HV_EFAULT);
	assert_int_equal(gstage_read(&gs, gpa(RAM + PAGE_SIZE), buf, 64), HV_EFAULT);
	assert_int_equal(gstage_read(&gs, gpa(RAM + 2 * PAGE_SIZE), buf, 64), HV_EFAULT);
	assert_null(gstage_ptr(&gs, gpa(RAM + 2 * PAGE_SIZE), 1));
	assert_int_equal(gstage_read(&gs, gpa(RAM + 3 * PAGE_SIZE), buf, 64), HV_OK);
	assert_int_equal(p[0], 1);
}

static void copies_cross_leaves_and_find_the_right_bytes(void **state)
{
	static unsigned char in[KIB(20)], out[KIB(20)];
	unsigned char *p;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(4) + KIB(64)), HV_OK);
	p = hpa_to_ptr(gs.ram[0].hpa);
	srandom(1);
	for (unsigned int i = 0; i < 500; i++) {
		uint64_t len = (uint64_t)random() % sizeof(in);
		uint64_t at = (uint64_t)random() % (MIB(4) + KIB(64) - len);

		memset(in, (int)i, len);
		assert_int_equal(gstage_write(&gs, gpa(RAM + at), in, len), HV_OK);
		assert_memory_equal(p + at, in, len);
		p[at + len / 2] = (unsigned char)~i;
		assert_int_equal(gstage_read(&gs, gpa(RAM + at), out, len), HV_OK);
		assert_memory_equal(p + at, out, len);
	}
	assert_ptr_equal(gstage_ptr(&gs, gpa(RAM + MIB(2)), MIB(2)), p + MIB(2));
	assert_ptr_equal(gstage_ptr(&gs, gpa(RAM + MIB(4) + 1), 1), p + MIB(4) + 1);
	assert_null(gstage_ptr(&gs, gpa(RAM + MIB(2) - 1), 2)); /* two leaves */
	assert_null(gstage_ptr(&gs, gpa(RAM + MIB(4) + KIB(64)), 0));
}

static void clearing_in_steps_reaches_every_byte_once(void **state)
{
	uint64_t offset = 0, n;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(MIB(16)), KIB(12)), HV_OK);
	for (unsigned int i = 0; i < 2; i++)
		memset(hpa_to_ptr(gs.ram[i].hpa), 0xff, gs.ram[i].size);
	fake_cleaned_bytes = 0;
	while ((n = gstage_clear_step(&gs, offset, 100000)) != 0) {
		assert_true(n <= 100000);
		offset += n;
	}
	assert_int_equal(offset, gs.ram_bytes);
	/* A guest with Svpbmt may look past the caches. */
	assert_int_equal(fake_cleaned_bytes, gs.ram_bytes);
	assert_int_equal(gstage_clear_step(&gs, UINT64_MAX, 1), 0);
	for (unsigned int i = 0; i < 2; i++) {
		const uint64_t *p = hpa_to_ptr(gs.ram[i].hpa);

		for (uint64_t w = 0; w < gs.ram[i].size / 8; w++)
			assert_true(p[w] == 0);
	}
}

static void given_back_ram_holds_nothing(void **state)
{
	struct gstage_ram out[GSTAGE_MAX_RAM];
	const uint64_t *p;
	unsigned int nr;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(4)), HV_OK);
	memset(hpa_to_ptr(gs.ram[0].hpa), 0x5a, gs.ram[0].size);
	assert_int_equal(
		gstage_unmap_ram(&gs, gpa(RAM + MIB(2)), MIB(1), out, ARRAY_SIZE(out), &nr), HV_OK);
	assert_int_equal(nr, 1);
	gstage_free_pieces(out, nr);
	p = hpa_to_ptr(out[0].hpa);
	for (uint64_t w = 2; w < MIB(1) / 8; w++) /* behind the allocator's own node */
		assert_true(p[w] == 0);
}

static void a_region_that_is_given_back_whole_leaves_the_others(void **state)
{
	struct gstage_ram out[GSTAGE_MAX_RAM];
	unsigned int nr;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(MIB(16)), MIB(1)), HV_OK);
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	assert_int_equal(gstage_unmap_ram(&gs, gpa(RAM), MIB(2), out, ARRAY_SIZE(out), &nr), HV_OK);
	gstage_free_pieces(out, nr);
	assert_int_equal(gs.nr_ram, 1);
	assert_int_equal(gs.ram_bytes, MIB(1));
	assert_true(gstage_is_ram(&gs, gpa(MIB(16)), MIB(1)));
	assert_false(gstage_is_ram(&gs, gpa(RAM), 1));
}

static void given_back_ram_is_gone_and_the_rest_stays(void **state)
{
	struct gstage_ram out[GSTAGE_MAX_RAM];
	unsigned int nr;
	uint64_t before = page_free_bytes();
	char c = 'x';

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(8)), HV_OK);
	assert_int_equal(gstage_unmap_ram(&gs, gpa(RAM + MIB(3)), MIB(2) + PAGE_SIZE, out,
					  ARRAY_SIZE(out), &nr),
			 HV_OK);
	assert_int_equal(nr, 1);
	assert_int_equal(out[0].size, MIB(2) + PAGE_SIZE);
	assert_int_equal(gs.ram_bytes, MIB(6) - PAGE_SIZE);
	/* Unmapped, and no other VM's before it is freed. */
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(3)), &c, 1), HV_EFAULT);
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(5)), &c, 1), HV_EFAULT);
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(3) - 1), &c, 1), HV_OK);
	assert_int_equal(gstage_write(&gs, gpa(RAM + MIB(5) + PAGE_SIZE), &c, 1), HV_OK);
	assert_false(gstage_is_ram(&gs, gpa(RAM + MIB(4)), 1));
	nr = page_free_bytes() < before ? nr : 0;
	before = page_free_bytes();
	gstage_free_pieces(out, nr);
	assert_true(page_free_bytes() >= before + MIB(2) + PAGE_SIZE);
	/* What is not all RAM is refused, and stays. */
	assert_int_equal(gstage_unmap_ram(&gs, gpa(RAM + MIB(2)), MIB(2), out, ARRAY_SIZE(out),
					  &nr),
			 HV_EINVAL);
	assert_int_equal(gstage_unmap_ram(&gs, gpa(RAM), MIB(1), out, 0, &nr), HV_ENOMEM);
	assert_true(gstage_is_ram(&gs, gpa(RAM), MIB(3)));
}

static void a_page_of_ours_is_read_by_the_guest_and_no_other(void **state)
{
	const gpa_t at = gpa(GIB(1));
	struct pgtable_leaf leaf;
	uint64_t word;
	hpa_t page;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	assert_true(page_alloc(PAGE_SIZE, PAGE_SIZE, &page));
	assert_int_equal(gstage_map_page(&gs, gpa(RAM), page), HV_EEXIST);
	assert_int_equal(gstage_map_page(&gs, gpa(RAM + MIB(2) - PAGE_SIZE), page), HV_EEXIST);
	assert_int_equal(gstage_map_page(&gs, gpa(RAM + 8), page), HV_EINVAL);
	assert_int_equal(gstage_map_page(&gs, gpa(BIT(63)), page), HV_EINVAL);
	assert_int_equal(gstage_map_page(&gs, at, page), HV_OK);
	assert_int_equal(gstage_map_page(&gs, at, page), HV_EEXIST);
	assert_int_equal(pgtable_walk(&gs.pt, at.gpa, &leaf), HV_OK);
	assert_int_equal(leaf.pa.hpa, page.hpa);
	assert_int_equal(leaf.left, PAGE_SIZE);
	assert_int_equal(leaf.prot, PTE_R | PTE_U);
	assert_false(gstage_is_ram(&gs, at, 8));
	assert_int_equal(gstage_read(&gs, at, &word, 8), HV_EFAULT);
	assert_int_equal(gstage_write(&gs, at, &word, 8), HV_EFAULT);
	assert_null(gstage_write_ptr(&gs, at, 8));
	gstage_unmap_page(&gs, at);
	assert_int_equal(pgtable_walk(&gs.pt, at.gpa, &leaf), HV_ENOENT);
	page_free(page, PAGE_SIZE);
}

static void a_pointer_to_write_to_is_within_one_leaf_of_ram(void **state)
{
	uint64_t word = 0, *to;

	(void)state;
	assert_int_equal(gstage_alloc_ram(&gs, gpa(RAM), MIB(2)), HV_OK);
	to = gstage_write_ptr(&gs, gpa(RAM + 64), 8);
	assert_non_null(to);
	*to = UINT64_C(0x123456789abcdef0);
	assert_int_equal(gstage_read(&gs, gpa(RAM + 64), &word, 8), HV_OK);
	assert_true(word == UINT64_C(0x123456789abcdef0));
	assert_non_null(gstage_write_ptr(&gs, gpa(RAM + MIB(2) - 8), 8));
	assert_null(gstage_write_ptr(&gs, gpa(RAM + MIB(2) - 4), 8));
	assert_null(gstage_write_ptr(&gs, gpa(RAM + MIB(2)), 8));
	assert_null(gstage_write_ptr(&gs, gpa(RAM - 8), 8));
	assert_null(gstage_write_ptr(&gs, gpa(0), 8));
	assert_null(gstage_write_ptr(&gs, gpa(UINT64_MAX - 7), 8));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ram_is_mapped_by_the_largest_leaves_with_all_rights),
		TEST(a_gigabyte_gets_gigabyte_leaves),
		TEST(scattered_memory_is_put_together_from_pieces),
		TEST(more_pieces_than_fit_is_no_memory_and_gives_all_back),
		TEST(no_memory_gives_everything_back_at_every_step),
		TEST(wrong_ram_is_refused),
		TEST(is_ram_knows_every_edge),
		TEST(access_outside_ram_or_rights_faults_and_writes_nothing),
		TEST(copies_cross_leaves_and_find_the_right_bytes),
		TEST(clearing_in_steps_reaches_every_byte_once),
		TEST(a_page_of_ours_is_read_by_the_guest_and_no_other),
		TEST(a_pointer_to_write_to_is_within_one_leaf_of_ram),
		TEST(given_back_ram_is_gone_and_the_rest_stays),
		TEST(given_back_ram_holds_nothing),
		TEST(a_region_that_is_given_back_whole_leaves_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
