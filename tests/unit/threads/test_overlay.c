// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/virtio/blk_overlay.c hyp/mm/arena.c hyp/mm/page.c tests/unit/fake/page.c
// SANITIZE: thread
// INCLUDE: tests/unit/threads
/*
 * Queues of several vcpus write, read and discard in one overlay. No two requests meet in a sector, as a guest has it that
 * wants an order. But they meet in blocks and in leaf tables, and take pages from each other when the bound is reached.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dev/virtio/blk_overlay.h"
#include "fake/page.h"
#include "lib/copy.h"
#include "lib/errno.h"
#include "mm/page.h"

#define USERS 3
#define LIVES \
	200 /* of an overlay: a block gets its page once in each, as blocks that are shared are not discarded */
#define ROUNDS 150
#define SECTOR 512u
#define HOST   MIB(1)
#define BLOCKS (OVERLAY_LEAF_BLOCKS + 16) /* the second leaf is short */
#define USED   32			  /* of them: around the begin of the second leaf */
#define BOUND  (20 * PAGE_SIZE)		  /* less than all of them want */

static struct arena arena;
static struct overlay o;
static uint8_t *image;
static uint32_t failures; /* atomic: writes that found the bound */
static pthread_barrier_t together;

void chaos(void)
{
	static _Thread_local uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	if (random >> 28 == 0)
		sched_yield();
}

static uint8_t of_image(uint64_t block)
{
	return (uint8_t)(1 + block % 251);
}

/* What a user knows of the sectors that are its own. */
struct user {
	unsigned int number;
	uint32_t random;
	uint8_t want[USED]; /* each byte of its part of the block */
	uint8_t next;
};

static uint32_t below(struct user *u, uint32_t n)
{
	u->random = u->random * 1664525 + 1013904223;
	return (u->random >> 8) % n;
}

static uint64_t block_of(unsigned int i)
{
	return OVERLAY_LEAF_BLOCKS - USED / 2 + i;
}

/* Every fourth block is shared: a user has one sector of it. The others belong to one user each. */
static bool is_shared(unsigned int i)
{
	return i % 4 == USERS;
}

static void part_of(const struct user *u, unsigned int i, uint64_t *from, uint64_t *len)
{
	*from = is_shared(i) ? u->number * SECTOR : 0;
	*len = is_shared(i) ? SECTOR : OVERLAY_BLOCK;
}

static void reads(struct user *u, unsigned int i)
{
	uint8_t all[OVERLAY_BLOCK];
	const uint8_t *page;
	uint64_t from, len;

	part_of(u, i, &from, &len);
	switch (overlay_read(&o, u->number, block_of(i), &page)) {
	case OVERLAY_IMAGE:
		memset(all, of_image(block_of(i)), sizeof(all));
		break;
	case OVERLAY_ZERO:
		memset(all, 0, sizeof(all));
		break;
	case OVERLAY_PAGE:
		copy_bytes(all + from, page + from, len);
		overlay_read_end(&o, u->number);
		break;
	}
	for (uint64_t b = from; b < from + len; b++)
		if (all[b] != u->want[i])
			fail_msg("user %u, block %u: %u, not %u", u->number, i, all[b], u->want[i]);
}

static void writes(struct user *u, unsigned int i)
{
	struct overlay_write w;
	uint64_t from, len;

	part_of(u, i, &from, &len);
	if (overlay_write(&o, u->number, block_of(i), from, len, &w) != HV_OK) {
		(void)atomic_fetch_add(&failures, 1);
		return;
	}
	u->next = (uint8_t)(u->next + USERS);
	memset(w.page + from, u->next, len);
	if (below(u, 2) == 0)
		sched_yield(); /* to copy takes a while */
	u->want[i] = u->next;
	overlay_write_end(&o, u->number, &w, true);
}

static void zeroes(struct user *u, unsigned int i)
{
	if (!is_shared(i) && overlay_zero(&o, u->number, block_of(i), 1, below(u, 4) == 0) == 1)
		u->want[i] = 0;
}

static void *works(void *arg)
{
	struct user *u = arg;

	pthread_barrier_wait(&together);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i = below(u, USED);

		if (!is_shared(i))
			i = i / 4 * 4 + u->number;
		switch (below(u, 3)) {
		case 0:
			writes(u, i);
			break;
		case 1:
			zeroes(u, i);
			break;
		default:
			reads(u, i);
			break;
		}
	}
	return NULL;
}

/* No page is counted that is not there. */
static void check_count(void)
{
	uint64_t pages = 0;

	for (uint64_t leaf = 0; leaf < o.nr_leaves; leaf++) {
		const uint64_t *table = (const uint64_t *)(uintptr_t)o.leaves[leaf];

		if (o.leaves[leaf] < OVERLAY_PAGE)
			continue;
		pages++;
		for (unsigned int i = 0; i < OVERLAY_LEAF_BLOCKS; i++)
			pages += table[i] >= OVERLAY_PAGE;
	}
	assert_int_equal(o.pages, pages);
}

static void one_life(unsigned int seed)
{
	static struct user users[USERS];
	pthread_t threads[USERS];

	arena_init(&arena);
	assert_int_equal(overlay_init(&o, &arena, image, BLOCKS * OVERLAY_BLOCK, BOUND), HV_OK);
	for (unsigned int n = 0; n < USERS; n++) {
		users[n] = (struct user){ .number = n, .random = seed + n, .next = (uint8_t)n };
		for (unsigned int i = 0; i < USED; i++)
			users[n].want[i] = of_image(block_of(i));
	}
	for (unsigned int n = 0; n < USERS; n++)
		pthread_create(&threads[n], NULL, works, &users[n]);
	for (unsigned int n = 0; n < USERS; n++)
		pthread_join(threads[n], NULL);
	for (unsigned int n = 0; n < USERS; n++)
		for (unsigned int i = 0; i < USED; i++)
			if (is_shared(i) || i % 4 == n)
				reads(&users[n], i);
	check_count();
	arena_destroy(&arena);
}

static void queues_that_meet_in_blocks_keep_their_sectors(void **state)
{
	(void)state;
	fake_page_setup(HOST, PAGE_SIZE);
	image = malloc(BLOCKS * OVERLAY_BLOCK);
	for (uint64_t b = 0; b < BLOCKS; b++)
		memset(image + b * OVERLAY_BLOCK, of_image(b), OVERLAY_BLOCK);
	pthread_barrier_init(&together, NULL, USERS);
	for (unsigned int life = 0; life < LIVES; life++)
		one_life(1000 * life);
	assert_true(failures > 0 && failures < LIVES * USERS * ROUNDS / 6);
	pthread_barrier_destroy(&together);
	free(image);
	assert_true(fake_page_teardown());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_that_meet_in_blocks_keep_their_sectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
