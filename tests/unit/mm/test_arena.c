// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/arena.c hyp/mm/page.c tests/unit/fake/page.c
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/arena.h"
#include "mm/page.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(1), MIB(1));
	arena_init(&arena);
	return 0;
}

/* Whatever a test did: after arena_destroy() all memory is back. */
static int teardown(void **state)
{
	(void)state;
	fake_page_feed();
	arena_destroy(&arena);
	return fake_page_teardown() && fake_log_count == 0 && arena.bytes == 0 ? 0 : -1;
}

static void what_is_allocated_is_zero_aligned_and_in_no_other_use(void **state)
{
	static unsigned char *p[500];
	static uint64_t size[500];

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		uint64_t align = BIT(random() % 10);

		size[i] = 1 + (uint64_t)random() % 1500;
		p[i] = arena_alloc(&arena, size[i], align);
		assert_non_null(p[i]);
		assert_true(is_aligned((uintptr_t)p[i], align));
		for (uint64_t j = 0; j < size[i]; j++)
			assert_int_equal(p[i][j], 0);
		memset(p[i], (int)i, size[i]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		for (uint64_t j = 0; j < size[i]; j++)
			assert_int_equal(p[i][j], i & 0xff);
	}
	assert_int_equal(arena.bytes, MIB(1) - page_free_bytes());
}

static void page_alignment_and_large_sizes_work(void **state)
{
	(void)state;
	char *small = arena_alloc(&arena, 8, 8);
	char *large = arena_alloc(&arena, 100000, PAGE_SIZE);
	char *after = arena_alloc(&arena, 8, 8);

	assert_true(is_aligned((uintptr_t)large, PAGE_SIZE));
	memset(large, 1, 100000);
	assert_ptr_equal(after, small + 8); /* the block that was begun is still used */
	assert_non_null(arena_alloc(&arena, PAGE_SIZE, PAGE_SIZE));
	assert_non_null(arena_alloc(&arena, 0, 1));
	/* A block's own first bytes have to fit as well. */
	for (uint64_t size = 5 * PAGE_SIZE - 64; size <= 5 * PAGE_SIZE; size += 8)
		memset(arena_alloc(&arena, size, 8), 1, size);
}

static void what_it_gives_back_holds_nothing(void **state)
{
	const unsigned char *all;
	hpa_t a;

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		memset(arena_alloc(&arena, 1000, 8), 0x5a, 1000);
	arena_destroy(&arena);
	assert_true(page_alloc(MIB(1), PAGE_SIZE, &a));
	all = hpa_to_ptr(a);
	for (uint64_t i = 0; i < MIB(1); i++)
		assert_int_not_equal(all[i], 0x5a);
	page_free(a, MIB(1));
}

static void it_goes_block_by_block(void **state)
{
	uint64_t before = page_free_bytes();
	unsigned int steps = 0;

	(void)state;
	assert_false(arena_destroy_step(&arena));
	for (unsigned int i = 0; i < 3; i++)
		assert_non_null(arena_alloc(&arena, 3 * PAGE_SIZE, 8));
	assert_non_null(arena_alloc(&arena, 5 * PAGE_SIZE, 8));
	assert_int_equal(before - page_free_bytes(), arena.bytes);
	for (uint64_t left = arena.bytes; arena_destroy_step(&arena); left = arena.bytes) {
		assert_true(arena.bytes < left);
		assert_int_equal(before - page_free_bytes(), arena.bytes);
		steps++;
	}
	assert_int_equal(steps, 4);
	assert_int_equal(arena.bytes, 0);
	assert_non_null(arena_alloc(&arena, 8, 8));
}

static void no_memory_is_null_and_leaves_the_rest_usable(void **state)
{
	(void)state;
	assert_non_null(arena_alloc(&arena, 100, 8));
	assert_null(arena_alloc(&arena, UINT64_MAX - 4000, 8));
	assert_int_equal(arena.bytes, 4 * PAGE_SIZE); /* no block was taken in vain */
	fake_page_starve(0);
	assert_null(arena_alloc(&arena, MIB(4), 8));
	assert_null(arena_alloc(&arena, UINT64_MAX, 8));
	assert_null(arena_alloc(&arena, UINT64_MAX - 4000, PAGE_SIZE));
	assert_null(arena_alloc(&arena, 8, 2 * PAGE_SIZE));
	assert_null(arena_alloc(&arena, 8, 0));
	assert_non_null(arena_alloc(&arena, 100, 8));
}

static void copies_of_strings_end_where_they_must(void **state)
{
	const char unterminated[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	assert_string_equal(arena_strdup(&arena, "console=ttyS0", 100), "console=ttyS0");
	assert_string_equal(arena_strdup(&arena, "console=ttyS0", 7), "console");
	assert_string_equal(arena_strdup(&arena, unterminated, 4), "abcd");
	assert_string_equal(arena_strdup(&arena, "x", 0), "");
	/* The end of a copy is its own. */
	const char *copy = arena_strdup(&arena, "abcd", 4);
	char *next = arena_alloc(&arena, 1, 1);

	*next = 'x';
	assert_string_equal(copy, "abcd");
}

struct extra {
	struct arena_extra extra;
	unsigned int left, *order, number;
};

static bool free_extra(struct arena_extra *e)
{
	struct extra *x = container_of(e, struct extra, extra);

	assert_int_not_equal(arena.bytes, 0);
	*x->order = *x->order * 10 + x->number;
	x->left--;
	return x->left > 0;
}

/* A step each, until it says that there is none left; its own structure is good as long. */
static void what_goes_with_it_goes_first_and_in_steps(void **state)
{
	unsigned int order = 0;

	(void)state;
	for (unsigned int i = 1; i <= 2; i++) {
		struct extra *x = arena_new(&arena, struct extra);

		*x = (struct extra){ { .free_step = free_extra }, 4 - i, &order, i };
		arena_add_extra(&arena, &x->extra);
	}
	for (unsigned int i = 0; i < 5; i++)
		assert_true(arena_destroy_step(&arena));
	assert_int_equal(order, 22111);
	assert_true(arena_destroy_step(&arena));
	assert_int_equal(arena.bytes, 0);
	assert_false(arena_destroy_step(&arena));
}

/* Of a block nothing is lost by them, and they go with the arena, cleared. */
static void pages_lie_by_themselves(void **state)
{
	uint64_t before = page_free_bytes();
	uint8_t *small, *pages;

	(void)state;
	small = arena_alloc(&arena, 64, 8);
	pages = arena_pages(&arena, 3 * PAGE_SIZE);
	assert_non_null(pages);
	assert_true(is_aligned((uintptr_t)pages, PAGE_SIZE));
	for (uint64_t i = 0; i < 3 * PAGE_SIZE; i++)
		assert_int_equal(pages[i], 0);
	memset(pages, 0xee, 3 * PAGE_SIZE);
	assert_int_equal(arena.bytes, 4 * PAGE_SIZE + 3 * PAGE_SIZE);
	assert_true((uint8_t *)arena_alloc(&arena, 64, 8) - small < 256);
	while (arena_destroy_step(&arena))
		;
	assert_int_equal(arena.bytes, 0);
	assert_int_equal(page_free_bytes(), before);
	assert_int_equal(pages[0] | pages[3 * PAGE_SIZE - 1], 0);
	fake_page_starve(2 * PAGE_SIZE);
	assert_null(arena_pages(&arena, 3 * PAGE_SIZE));
	fake_page_feed();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_allocated_is_zero_aligned_and_in_no_other_use),
		TEST(page_alignment_and_large_sizes_work),
		TEST(what_it_gives_back_holds_nothing),
		TEST(it_goes_block_by_block),
		TEST(no_memory_is_null_and_leaves_the_rest_usable),
		TEST(copies_of_strings_end_where_they_must),
		TEST(what_goes_with_it_goes_first_and_in_steps),
		TEST(pages_lie_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
