// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/virtio/blk_overlay.c hyp/mm/arena.c hyp/mm/page.c tests/unit/fake/page.c
/*
 * The overlay of a disk, by itself: what was written is there, what was not is the image's, the bound holds, and what is
 * given back holds nothing. The image ends in the middle of a block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "dev/virtio/blk_overlay.h"
#include "fake/log.h"
#include "fake/page.h"
#include "lib/errno.h"
#include "mm/page.h"

#define HOST	   MIB(8)
#define LEAF	   OVERLAY_LEAF_BLOCKS
#define BLOCKS	   (2 * LEAF + 10) /* the third leaf is one of ten blocks */
#define IMAGE_SIZE ((BLOCKS - 1) * OVERLAY_BLOCK + 700)
#define BOUND	   KIB(64)

static struct arena arena;
static struct overlay o;
static uint8_t *image, copy[IMAGE_SIZE];
static uint8_t block[OVERLAY_BLOCK];

/* Nothing has been written to one before. */
static void begin(uint64_t bound)
{
	arena.extras = NULL;
	assert_int_equal(overlay_init(&o, &arena, image, IMAGE_SIZE, bound), HV_OK);
}

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(HOST, MIB(1));
	arena_init(&arena);
	/* Of just its size, so that a sanitizer sees a read behind it. */
	image = malloc(IMAGE_SIZE);
	for (size_t i = 0; i < IMAGE_SIZE; i++)
		image[i] = (uint8_t)(1 + i / OVERLAY_BLOCK + i % 251);
	memcpy(copy, image, IMAGE_SIZE);
	begin(BOUND);
	return 0;
}

/* Whatever a test did: the image is as it was, and all memory is given back, as zeroes (but for the allocator's own words). */
static int teardown(void **state)
{
	bool same = memcmp(image, copy, IMAGE_SIZE) == 0;

	(void)state;
	fake_page_feed();
	arena_destroy(&arena);
	free(image);
	return same && fake_page_teardown() && fake_log_count == 0 ? 0 : -1;
}

/* What the image has at byte @at of the disk. */
static uint8_t of_image(uint64_t at)
{
	return at < IMAGE_SIZE ? copy[at] : 0;
}

static const uint8_t *read_block(uint64_t n)
{
	const uint8_t *page;

	switch (overlay_read(&o, 0, n, &page)) {
	case OVERLAY_IMAGE:
		for (uint64_t i = 0; i < OVERLAY_BLOCK; i++)
			block[i] = of_image(n * OVERLAY_BLOCK + i);
		break;
	case OVERLAY_ZERO:
		memset(block, 0, sizeof(block));
		break;
	case OVERLAY_PAGE:
		memcpy(block, page, sizeof(block));
		overlay_read_end(&o, 0);
		break;
	}
	return block;
}

static void assert_bytes(uint64_t n, uint64_t from, uint64_t to, uint8_t val)
{
	const uint8_t *b = read_block(n);

	for (uint64_t i = from; i < to; i++)
		assert_int_equal(b[i], val);
}

static void assert_image(uint64_t n, uint64_t from, uint64_t to)
{
	const uint8_t *b = read_block(n);

	for (uint64_t i = from; i < to; i++)
		assert_int_equal(b[i], of_image(n * OVERLAY_BLOCK + i));
}

static int write_as(unsigned int user, uint64_t n, uint64_t from, uint64_t len, uint8_t val)
{
	struct overlay_write w;
	int err = overlay_write(&o, user, n, from, len, &w);

	if (err != HV_OK)
		return err;
	memset(w.page + from, val, len);
	overlay_write_end(&o, user, &w, true);
	return HV_OK;
}

static int put(uint64_t n, uint64_t from, uint64_t len, uint8_t val)
{
	return write_as(0, n, from, len, val);
}

/* As a device does it: until all @nr blocks are zeroes. */
static int zero(uint64_t n, uint64_t nr, bool keep)
{
	while (nr > 0) {
		int64_t done = overlay_zero(&o, 0, n, nr, keep);

		if (done < 0)
			return (int)done;
		assert_in_range(done, 1, nr);
		n += (uint64_t)done;
		nr -= (uint64_t)done;
	}
	return HV_OK;
}

static enum overlay_kind kind(uint64_t n)
{
	const uint8_t *page;
	enum overlay_kind k = overlay_read(&o, 0, n, &page);

	if (k == OVERLAY_PAGE)
		overlay_read_end(&o, 0);
	return k;
}

/* --- writing -------------------------------------------------------------------------------------- */

static void what_was_not_written_is_the_images_and_costs_nothing(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < BLOCKS; n += 7)
		assert_int_equal(kind(n), OVERLAY_IMAGE);
	assert_int_equal(o.pages, 0);
}

static void a_part_that_is_written_leaves_the_rest_as_it_was(void **state)
{
	static const uint64_t blocks[] = { 0, 5, LEAF - 1, LEAF, BLOCKS - 1 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		assert_int_equal(put(blocks[i], 1024, 512, 0xab), HV_OK);
		assert_image(blocks[i], 0, 1024);
		assert_bytes(blocks[i], 1024, 1536, 0xab);
		assert_image(blocks[i], 1536, OVERLAY_BLOCK);
	}
	assert_int_equal(put(5, 0, 512, 0xcd), HV_OK);
	assert_bytes(5, 0, 512, 0xcd);
	assert_bytes(5, 1024, 1536, 0xab);
	assert_image(4, 0, OVERLAY_BLOCK);
	assert_image(6, 0, OVERLAY_BLOCK);
	assert_int_equal(o.pages, ARRAY_SIZE(blocks) + 3);
}

static void a_whole_block_is_what_was_written(void **state)
{
	(void)state;
	assert_int_equal(put(9, 0, OVERLAY_BLOCK, 0x11), HV_OK);
	assert_bytes(9, 0, OVERLAY_BLOCK, 0x11);
	assert_int_equal(put(9, 0, OVERLAY_BLOCK, 0x22), HV_OK);
	assert_bytes(9, 0, OVERLAY_BLOCK, 0x22);
	assert_int_equal(o.pages, 2);
}

static void a_write_that_came_to_no_end_changes_nothing(void **state)
{
	struct overlay_write w;

	(void)state;
	assert_int_equal(overlay_write(&o, 0, 3, 0, OVERLAY_BLOCK, &w), HV_OK);
	memset(w.page, 0x66, 100);
	overlay_write_end(&o, 0, &w, false);
	assert_image(3, 0, OVERLAY_BLOCK);
	assert_int_equal(o.pages, 1); /* the leaf */
}

static void no_reader_sees_a_block_before_all_of_it_is_written(void **state)
{
	struct overlay_write w;

	(void)state;
	assert_int_equal(overlay_write(&o, 1, 3, 0, OVERLAY_BLOCK, &w), HV_OK);
	assert_image(3, 0, OVERLAY_BLOCK);
	memset(w.page, 0x66, OVERLAY_BLOCK);
	overlay_write_end(&o, 1, &w, true);
	assert_bytes(3, 0, OVERLAY_BLOCK, 0x66);
}

/* --- the bound ------------------------------------------------------------------------------------ */

static void beyond_the_bound_nothing_is_written(void **state)
{
	const uint64_t data = BOUND / PAGE_SIZE - 1;
	uint64_t before = page_free_bytes();

	(void)state;
	for (uint64_t n = 0; n < data; n++)
		assert_int_equal(put(n, 0, 512, 0x33), HV_OK);
	assert_int_equal(before - page_free_bytes(), BOUND);
	assert_int_equal(put(data, 0, 512, 0x33), HV_ENOMEM);
	assert_int_equal(put(LEAF, 0, OVERLAY_BLOCK, 0x33), HV_ENOMEM);
	assert_image(data, 0, OVERLAY_BLOCK);
	assert_image(LEAF, 0, OVERLAY_BLOCK);
	assert_int_equal(before - page_free_bytes(), BOUND);
	/* What there is may be written again, and what is given back is used for others. */
	assert_int_equal(put(0, 512, 512, 0x44), HV_OK);
	assert_int_equal(zero(0, 1, false), HV_OK);
	assert_int_equal(put(LEAF, 0, 512, 0x33), HV_ENOMEM); /* a page, but no leaf */
	assert_int_equal(put(data, 0, 512, 0x33), HV_OK);
	assert_int_equal(put(0, 0, 512, 0x33), HV_ENOMEM);
}

static void the_least_bound_is_of_one_block(void **state)
{
	(void)state;
	begin(OVERLAY_MIN);
	assert_int_equal(put(4, 0, 512, 1), HV_OK);
	assert_int_equal(put(5, 0, 512, 1), HV_ENOMEM);
}

static void the_whole_disk_fits_into_what_it_is_said_to_take(void **state)
{
	(void)state;
	assert_int_equal(overlay_size_for(IMAGE_SIZE), (BLOCKS + 3) * PAGE_SIZE);
	assert_int_equal(overlay_size_for(1), 2 * PAGE_SIZE);
	begin(overlay_size_for(IMAGE_SIZE));
	for (uint64_t n = 0; n < BLOCKS; n++)
		assert_int_equal(put(n, 0, 512, 0x55), HV_OK);
	assert_int_equal(o.pages, o.max_pages);
}

static void without_memory_of_the_host_nothing_is_written(void **state)
{
	(void)state;
	for (unsigned int left = 0; left < 2; left++) {
		fake_page_starve(left * PAGE_SIZE);
		assert_int_equal(put(3, 0, 512, 0x33), HV_ENOMEM);
		assert_int_equal(o.pages, 0);
		assert_int_equal(page_free_bytes(), left * PAGE_SIZE);
		assert_image(3, 0, OVERLAY_BLOCK);
		fake_page_feed();
	}
	fake_page_starve(0);
	assert_int_equal(zero(3, 1, false), HV_ENOMEM);
	assert_int_equal(o.pages, 0);
	fake_page_feed();
	assert_int_equal(put(3, 0, 512, 0x33), HV_OK);
}

/* --- zeroes --------------------------------------------------------------------------------------- */

static void zeroes_give_the_page_back_and_erased(void **state)
{
	const uint8_t *page;
	uint64_t before, cleaned;

	(void)state;
	assert_int_equal(put(5, 0, OVERLAY_BLOCK, 0x77), HV_OK);
	assert_int_equal(put(6, 0, OVERLAY_BLOCK, 0x78), HV_OK);
	assert_int_equal(overlay_read(&o, 0, 5, &page), OVERLAY_PAGE);
	overlay_read_end(&o, 0);
	before = page_free_bytes();
	cleaned = fake_cleaned_bytes;
	assert_int_equal(zero(5, 1, false), HV_OK);
	assert_int_equal(page_free_bytes() - before, PAGE_SIZE);
	assert_int_equal(fake_cleaned_bytes - cleaned, PAGE_SIZE);
	/* The allocator has two words of its own in it. */
	for (uint64_t i = 16; i < PAGE_SIZE; i++)
		assert_int_equal(page[i], 0);
	assert_int_equal(kind(5), OVERLAY_ZERO);
	assert_bytes(6, 0, OVERLAY_BLOCK, 0x78);
	assert_int_equal(put(5, 512, 512, 0x79), HV_OK);
	assert_bytes(5, 0, 512, 0);
	assert_bytes(5, 512, 1024, 0x79);
	assert_bytes(5, 1024, OVERLAY_BLOCK, 0);
}

static void pages_that_are_to_be_kept_are_zeroes_where_they_are(void **state)
{
	(void)state;
	assert_int_equal(put(5, 0, OVERLAY_BLOCK, 0x77), HV_OK);
	assert_int_equal(zero(5, 1, true), HV_OK);
	assert_int_equal(o.pages, 2);
	assert_int_equal(kind(5), OVERLAY_PAGE);
	assert_bytes(5, 0, OVERLAY_BLOCK, 0);
}

/* All of the disk: a mark for each leaf that has no table, and no memory. */
static void zeroes_of_the_whole_disk_cost_no_memory(void **state)
{
	(void)state;
	assert_int_equal(zero(0, BLOCKS, false), HV_OK);
	assert_int_equal(o.pages, 0);
	for (uint64_t n = 0; n < BLOCKS; n++)
		assert_int_equal(kind(n), OVERLAY_ZERO);
	assert_int_equal(zero(3, LEAF, false), HV_OK);
	assert_int_equal(o.pages, 0);
	assert_int_equal(put(LEAF + 1, 0, 512, 0x12), HV_OK);
	assert_bytes(LEAF + 1, 512, OVERLAY_BLOCK, 0);
	assert_int_equal(kind(LEAF), OVERLAY_ZERO);
	assert_int_equal(kind(LEAF + 2), OVERLAY_ZERO);
}

static void zeroes_end_where_they_are_to(void **state)
{
	(void)state;
	assert_int_equal(zero(LEAF, 3, false),
			 HV_OK); /* from a leaf's begin on, but not to its end */
	assert_int_equal(kind(LEAF + 2), OVERLAY_ZERO);
	assert_int_equal(kind(LEAF + 3), OVERLAY_IMAGE);
	assert_int_equal(put(LEAF + 3, 0, 512, 0x12), HV_OK);
	assert_int_equal(zero(LEAF - 2, 4, false), HV_OK);
	assert_int_equal(kind(LEAF - 3), OVERLAY_IMAGE);
	for (uint64_t n = LEAF - 2; n < LEAF + 2; n++)
		assert_int_equal(kind(n), OVERLAY_ZERO);
	assert_bytes(LEAF + 3, 0, 512, 0x12);
	assert_int_equal(zero(2 * LEAF + 1, 9, false), HV_OK);
	assert_int_equal(kind(2 * LEAF), OVERLAY_IMAGE);
	assert_int_equal(kind(BLOCKS - 1), OVERLAY_ZERO);
}

static void one_call_does_not_do_more_than_a_little(void **state)
{
	(void)state;
	begin(MIB(4));
	for (uint64_t n = 0; n < 3; n++)
		assert_int_equal(put(n, 0, 512, 1), HV_OK);
	for (uint64_t n = 0; n < 3; n++)
		assert_int_equal(overlay_zero(&o, 0, n, LEAF - n, false), 1);
	assert_in_range(overlay_zero(&o, 0, 3, LEAF - 3, false), 2, 64);
}

static void without_memory_for_the_mark_the_block_stays(void **state)
{
	(void)state;
	begin(OVERLAY_MIN);
	assert_int_equal(put(LEAF, 0, 512, 1), HV_OK);
	assert_int_equal(zero(3, 1, false), HV_ENOMEM);
	assert_image(3, 0, OVERLAY_BLOCK);
	assert_int_equal(zero(0, LEAF, false), HV_OK); /* a leaf needs none */
}

/* --- several users -------------------------------------------------------------------------------- */

static void a_page_that_another_user_copies_is_not_freed(void **state)
{
	const uint8_t *page;
	uint64_t before;

	(void)state;
	assert_int_equal(put(5, 0, OVERLAY_BLOCK, 0x77), HV_OK);
	before = page_free_bytes();
	for (unsigned int user = 1; user < OVERLAY_USERS; user++) {
		assert_int_equal(overlay_read(&o, user, 5, &page), OVERLAY_PAGE);
		assert_int_equal(zero(5, 1, false), HV_OK);
		assert_int_equal(page_free_bytes(), before);
		assert_bytes(5, 0, OVERLAY_BLOCK, 0);
		overlay_read_end(&o, user);
	}
	assert_int_equal(zero(5, 1, false), HV_OK);
	assert_int_equal(page_free_bytes(), before + PAGE_SIZE);
}

static void a_page_that_another_user_writes_is_not_freed(void **state)
{
	struct overlay_write w;

	(void)state;
	assert_int_equal(put(5, 0, OVERLAY_BLOCK, 0x77), HV_OK);
	assert_int_equal(overlay_write(&o, 1, 5, 0, 512, &w), HV_OK);
	assert_int_equal(zero(5, 1, false), HV_OK);
	memset(w.page, 0x88, 512);
	overlay_write_end(&o, 1, &w, true);
	assert_bytes(5, 0, 512, 0x88);
	assert_bytes(5, 512, OVERLAY_BLOCK, 0);
}

/* Two first writes to one block, of different sectors, in either order of their ends. */
static void two_first_writes_to_a_block_are_both_there(void **state)
{
	(void)state;
	for (unsigned int turn = 0; turn < 2; turn++) {
		struct overlay_write w[2];

		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(overlay_write(&o, i, 7 + turn, 512 * i, 512, &w[i]),
					 HV_OK);
			memset(w[i].page + 512 * i, (int)(0x21 + i), 512);
		}
		overlay_write_end(&o, turn, &w[turn], true);
		overlay_write_end(&o, !turn, &w[!turn], true);
		assert_bytes(7 + turn, 0, 512, 0x21);
		assert_bytes(7 + turn, 512, 1024, 0x22);
		assert_image(7 + turn, 1024, OVERLAY_BLOCK);
		assert_int_equal(o.pages, 2 + turn);
	}
}

/* The sectors that only the zeroes meet are zeroes, whichever comes first. */
static void zeroes_during_a_first_write_are_not_undone(void **state)
{
	struct overlay_write w;

	(void)state;
	assert_int_equal(overlay_write(&o, 1, 5, 512, 512, &w), HV_OK);
	assert_int_equal(zero(5, 1, false), HV_OK);
	memset(w.page + 512, 0x31, 512);
	overlay_write_end(&o, 1, &w, true);
	assert_bytes(5, 0, 512, 0);
	assert_bytes(5, 512, 1024, 0x31);
	assert_bytes(5, 1024, OVERLAY_BLOCK, 0);
}

/* --- the end -------------------------------------------------------------------------------------- */

static void the_end_is_in_small_steps(void **state)
{
	unsigned int steps = 0;
	uint64_t before, most = 0;

	(void)state;
	begin(overlay_size_for(IMAGE_SIZE));
	for (uint64_t n = 0; n < BLOCKS; n += 2)
		assert_int_equal(put(n, 0, 512, 0x55), HV_OK);
	for (before = page_free_bytes(); o.freed < o.blocks; before = page_free_bytes(), steps++) {
		assert_true(arena_destroy_step(&arena));
		most = page_free_bytes() - before > most ? page_free_bytes() - before : most;
	}
	assert_in_range(most, PAGE_SIZE, KIB(80));
	assert_true(steps > 20);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_was_not_written_is_the_images_and_costs_nothing),
		test(a_part_that_is_written_leaves_the_rest_as_it_was),
		test(a_whole_block_is_what_was_written),
		test(a_write_that_came_to_no_end_changes_nothing),
		test(no_reader_sees_a_block_before_all_of_it_is_written),
		test(beyond_the_bound_nothing_is_written),
		test(the_least_bound_is_of_one_block),
		test(the_whole_disk_fits_into_what_it_is_said_to_take),
		test(without_memory_of_the_host_nothing_is_written),
		test(zeroes_give_the_page_back_and_erased),
		test(pages_that_are_to_be_kept_are_zeroes_where_they_are),
		test(zeroes_of_the_whole_disk_cost_no_memory),
		test(zeroes_end_where_they_are_to),
		test(one_call_does_not_do_more_than_a_little),
		test(without_memory_for_the_mark_the_block_stays),
		test(a_page_that_another_user_copies_is_not_freed),
		test(a_page_that_another_user_writes_is_not_freed),
		test(two_first_writes_to_a_block_are_both_there),
		test(zeroes_during_a_first_write_are_not_undone),
		test(the_end_is_in_small_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
