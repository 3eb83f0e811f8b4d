// SPDX-License-Identifier: BSD-2-Clause
// The allocator's source is included, not linked: a fresh boot needs its static state cleared.
#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fake/log.h"
#include "mm/page.c"

#define PAGES 512

static char *memory;

static void fresh_boot(void)
{
	extents = NULL;
	bytes_total = bytes_free = 0;
	nr_boot_ranges = 0;
	booted = false;
	fake_log_reset();
}

static int setup(void **state)
{
	(void)state;
	fresh_boot();
	memory = aligned_alloc(PAGES * PAGE_SIZE, PAGES * PAGE_SIZE);
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ASAN_UNPOISON_MEMORY_REGION(memory, PAGES * PAGE_SIZE);
	free(memory);
	return 0;
}

static hpa_t page_at(uint64_t n)
{
	return hpa((uint64_t)(uintptr_t)memory + n * PAGE_SIZE);
}

static uint64_t page_nr(hpa_t a)
{
	return (a.hpa - (uint64_t)(uintptr_t)memory) / PAGE_SIZE;
}

static hpa_t alloc_ok(uint64_t pages, uint64_t align_pages)
{
	hpa_t a = hpa(0);

	assert_true(page_alloc(pages * PAGE_SIZE, align_pages * PAGE_SIZE, &a));
	assert_true(is_aligned(a.hpa, align_pages * PAGE_SIZE));
	return a;
}

/* --- boot --- */

static void reserve_poisoned(uint64_t from, uint64_t count)
{
	page_reserve(page_at(from), count * PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(memory + from * PAGE_SIZE, count * PAGE_SIZE);
}

static void reserved_memory_is_neither_touched_nor_given(void **state)
{
	uint64_t given = 0;
	hpa_t a;

	(void)state;
	page_add(page_at(0), PAGES * PAGE_SIZE);
	reserve_poisoned(0, 16); /* the firmware's, where the first list node would lie */
	reserve_poisoned(100, 1);
	reserve_poisoned(200, 50);
	reserve_poisoned(PAGES - 3, 3);
	assert_int_equal(page_total(), (PAGES - 70) * PAGE_SIZE);
	assert_int_equal(page_free_bytes(), page_total());

	while (page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE))
		given++;
	assert_int_equal(given, PAGES - 70);
	assert_int_equal(page_free_bytes(), 0);
	assert_int_equal(page_total(), (PAGES - 70) * PAGE_SIZE);
	assert_false(page_alloc(PAGE_SIZE, PAGE_SIZE, &a));
}

/* Not even a list node lies there, nor behind it. */
static void memory_that_is_reserved_to_its_last_byte_leaves_nothing(void **state)
{
	(void)state;
	page_add(page_at(0), 10 * PAGE_SIZE);
	page_add(page_at(20), 10 * PAGE_SIZE);
	reserve_poisoned(20, 10);
	ASAN_POISON_MEMORY_REGION(memory + 30 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(page_nr(alloc_ok(10, 1)), 0);
	assert_int_equal(page_free_bytes(), 0);
}

static void added_is_trimmed_inwards_and_reserved_outwards(void **state)
{
	(void)state;
	page_add(hpa(page_at(10).hpa + 1), 10 * PAGE_SIZE); /* 11 to 19 and a bit */
	assert_int_equal(page_total(), 9 * PAGE_SIZE);
	page_reserve(hpa(page_at(13).hpa - 1), 2); /* the last byte of 12 and the first of 13 */
	assert_int_equal(page_total(), 7 * PAGE_SIZE);
	page_reserve(page_at(15), 1);
	assert_int_equal(page_total(), 6 * PAGE_SIZE);
	page_reserve(page_at(16), 0);
	page_reserve(hpa(page_at(16).hpa + 1), 0);
	assert_int_equal(page_total(), 6 * PAGE_SIZE);
	page_add(page_at(300), PAGE_SIZE - 1);
	page_add(hpa(page_at(300).hpa + 1), 1);
	assert_int_equal(page_total(), 6 * PAGE_SIZE);
}

static void memory_named_twice_is_counted_once(void **state)
{
	(void)state;
	page_add(page_at(10), 10 * PAGE_SIZE);
	page_add(page_at(15), 10 * PAGE_SIZE);
	page_add(page_at(25), 5 * PAGE_SIZE);
	page_add(page_at(0), 4 * PAGE_SIZE);
	page_add(page_at(4), 6 * PAGE_SIZE);
	page_add(page_at(2), 20 * PAGE_SIZE);
	assert_int_equal(page_total(), 30 * PAGE_SIZE);
	assert_int_equal(page_nr(alloc_ok(30, 1)), 0);
}

static void wild_ranges_of_a_device_tree_do_no_harm(void **state)
{
	(void)state;
	page_add(hpa(UINT64_MAX - 5), 100);
	page_add(hpa(DIRECT_MAP_SIZE), GIB(1)); /* the direct map ends here */
	page_add(hpa(UINT64_MAX), UINT64_MAX);
	page_add(hpa(0x1000), 0);
	page_reserve(hpa(UINT64_MAX), UINT64_MAX);
	assert_int_equal(page_total(), 0);
	page_add(hpa(DIRECT_MAP_SIZE - MIB(1)), UINT64_MAX);
	assert_int_equal(page_total(), MIB(1));
	page_reserve(hpa(1), UINT64_MAX);
	assert_int_equal(page_total(), 0);
}

static void more_reservations_than_fit_lose_memory_but_give_none_of_it(void **state)
{
	unsigned int given = 0;
	hpa_t a;

	(void)state;
	page_add(page_at(0), PAGES * PAGE_SIZE);
	for (unsigned int i = 1; i < PAGES; i += 2)
		reserve_poisoned(i, 1);
	assert_true(fake_log_count > 0);
	while (page_alloc(PAGE_SIZE, PAGE_SIZE, &a)) {
		assert_int_equal(page_nr(a) % 2, 0);
		memset(hpa_to_ptr(a), 0, PAGE_SIZE);
		given++;
	}
	assert_int_equal(given, BOOT_RANGES);
}

static void late_additions_and_reservations_work_on_the_list(void **state)
{
	(void)state;
	page_add(page_at(0), 10 * PAGE_SIZE);
	alloc_ok(1, 1); /* the last: 9 */
	page_add(page_at(20), 10 * PAGE_SIZE);
	assert_int_equal(page_total(), 20 * PAGE_SIZE);
	page_reserve(page_at(2), 23 * PAGE_SIZE); /* of 2 to 24 all but page 9 and the gap */
	assert_int_equal(page_total(), 8 * PAGE_SIZE);
	assert_int_equal(page_free_bytes(), 7 * PAGE_SIZE);
	assert_int_equal(page_largest(PAGE_SIZE), 5 * PAGE_SIZE);
}

/* --- allocation --- */

static void single_pages_leave_the_large_blocks_whole(void **state)
{
	(void)state;
	page_add(page_at(0), 256 * PAGE_SIZE);
	page_add(page_at(300), 20 * PAGE_SIZE);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(page_nr(alloc_ok(1, 1)) >= 300);
	assert_int_equal(page_nr(alloc_ok(256, 256)), 0);
}

static void what_is_freed_merges_with_both_neighbours(void **state)
{
	(void)state;
	page_add(page_at(0), 64 * PAGE_SIZE);
	alloc_ok(64, 64);
	assert_int_equal(page_free_bytes(), 0);
	page_free(page_at(0), 10 * PAGE_SIZE); /* in parts, in any order */
	page_free(page_at(20), 44 * PAGE_SIZE);
	assert_int_equal(page_largest(PAGE_SIZE), 44 * PAGE_SIZE);
	page_free(page_at(10), 10 * PAGE_SIZE);
	assert_int_equal(page_nr(alloc_ok(64, 64)), 0);
	assert_int_equal(fake_log_count, 0);
}

static void freeing_what_is_free_is_refused(void **state)
{
	(void)state;
	page_add(page_at(0), 64 * PAGE_SIZE);
	hpa_t a = alloc_ok(8, 1);

	page_free(a, 4 * PAGE_SIZE);
	page_free(a, PAGE_SIZE);
	page_free(a, 8 * PAGE_SIZE);
	page_free(hpa(a.hpa - PAGE_SIZE), 2 * PAGE_SIZE);
	page_free(hpa(a.hpa + 1), PAGE_SIZE);
	page_free(a, 0);
	assert_int_equal(fake_log_count, 5);
	assert_int_equal(page_free_bytes(), 60 * PAGE_SIZE);
}

static void freeing_before_the_first_allocation_is_refused(void **state)
{
	(void)state;
	page_add(page_at(0), 64 * PAGE_SIZE);
	page_free(page_at(3), PAGE_SIZE);
	assert_int_equal(fake_log_count, 1);
	assert_int_equal(page_nr(alloc_ok(64, 1)), 0);
}

static void impossible_sizes_are_refused(void **state)
{
	hpa_t a;

	(void)state;
	page_add(page_at(0), 64 * PAGE_SIZE);
	assert_false(page_alloc(0, PAGE_SIZE, &a));
	assert_false(page_alloc(1, PAGE_SIZE, &a));
	assert_false(page_alloc(UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, &a));
	assert_false(page_alloc(65 * PAGE_SIZE, PAGE_SIZE, &a));
	assert_false(page_alloc(PAGE_SIZE, BIT(63), &a));
	assert_int_equal(page_largest(BIT(63)), 0);
}

static void zeroed_memory_is_zero(void **state)
{
	(void)state;
	memset(memory, 0xa5, PAGES * PAGE_SIZE);
	page_add(page_at(0), 64 * PAGE_SIZE);
	const char *p = page_alloc_zeroed(3 * PAGE_SIZE, PAGE_SIZE);

	for (unsigned int i = 0; i < 3 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
}

/* --- against a model --- */

static bool used[PAGES]; /* the model: allocated, or never ours */

struct block {
	uint64_t at, pages;
};

static uint64_t model_largest(uint64_t align)
{
	uint64_t best = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t n = 0;

		while (is_aligned(page_at(i).hpa, align * PAGE_SIZE) && i + n < PAGES &&
		       !used[i + n])
			n++;
		best = max_u64(best, n);
	}
	return best;
}

static uint64_t model_free(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		n += !used[i];
	return n;
}

static void random_sequences_agree_with_a_bitmap(void **state)
{
	static struct block blocks[PAGES];
	unsigned int nr = 0;

	(void)state;
	srandom(1);
	memset(used, 0, sizeof(used));
	page_add(page_at(0), PAGES * PAGE_SIZE);
	page_reserve(page_at(77), 5 * PAGE_SIZE);
	memset(&used[77], 1, 5);

	for (unsigned int round = 0; round < 20000; round++) {
		if (random() % 2 && nr < PAGES) {
			uint64_t pages = 1 + (uint64_t)random() % (random() % 4 ? 4 : 60);
			uint64_t align = BIT(random() % 6);
			bool possible = model_largest(align) >= pages;
			hpa_t a;

			assert_int_equal(page_largest(align * PAGE_SIZE),
					 model_largest(align) * PAGE_SIZE);
			assert_int_equal(page_alloc(pages * PAGE_SIZE, align * PAGE_SIZE, &a),
					 possible);
			if (!possible)
				continue;
			assert_true(is_aligned(a.hpa, align * PAGE_SIZE));
			for (uint64_t i = 0; i < pages; i++) {
				assert_false(used[page_nr(a) + i]);
				used[page_nr(a) + i] = true;
			}
			memset(hpa_to_ptr(a), 0xff, pages * PAGE_SIZE);
			blocks[nr++] = (struct block){ page_nr(a), pages };
		} else if (nr > 0) {
			struct block *b = &blocks[(unsigned long)random() % nr];
			uint64_t part = 1 + (uint64_t)random() % b->pages;

			page_free(page_at(b->at), part * PAGE_SIZE);
			memset(&used[b->at], 0, part);
			b->at += part;
			b->pages -= part;
			if (b->pages == 0)
				*b = blocks[--nr];
		}
		assert_int_equal(page_free_bytes(), model_free() * PAGE_SIZE);
	}
	assert_int_equal(fake_log_count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reserved_memory_is_neither_touched_nor_given),
		TEST(memory_that_is_reserved_to_its_last_byte_leaves_nothing),
		TEST(added_is_trimmed_inwards_and_reserved_outwards),
		TEST(memory_named_twice_is_counted_once),
		TEST(wild_ranges_of_a_device_tree_do_no_harm),
		TEST(more_reservations_than_fit_lose_memory_but_give_none_of_it),
		TEST(late_additions_and_reservations_work_on_the_list),
		TEST(single_pages_leave_the_large_blocks_whole),
		TEST(what_is_freed_merges_with_both_neighbours),
		TEST(freeing_what_is_free_is_refused),
		TEST(freeing_before_the_first_allocation_is_refused),
		TEST(impossible_sizes_are_refused),
		TEST(zeroed_memory_is_zero),
		TEST(random_sequences_agree_with_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
