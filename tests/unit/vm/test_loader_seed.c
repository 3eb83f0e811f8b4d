// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/loader_world.h
/* The random seed that the loader gives a guest is its own alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/loader_world.h"
#include "lib/random.h"

static struct loader loaders[6]; /* one for each VM, as in its life */

static void load_with_id(unsigned int id, uint8_t seed[32])
{
	struct loader *l = &loaders[id];
	int err;

	vm.id = id;
	if (!l->random.ready)
		assert_int_equal(loader_prepare(l, &vm), 0);
	memset(seen_seed, 0, sizeof(seen_seed));
	assert_int_equal(loader_begin(l, &vm, &cfg), 0);
	while ((err = loader_step(l)) == 1)
		;
	assert_int_equal(err, 0);
	assert_true(seed_given);
	memcpy(seed, seen_seed, sizeof(seen_seed));
}

/* Comes first: the generator never forgets that it has entropy. */
static void without_entropy_a_guest_gets_no_seed(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	seed_given = true;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_false(seed_given);
}

static void every_boot_and_every_vm_gets_another_seed(void **state)
{
	uint8_t seeds[8][32];

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	random_add("0123456789abcdef0123456789abcdef", 32);
	/* Twice the same VM, then others, all at the same time. */
	for (unsigned int i = 0; i < ARRAY_SIZE(seeds); i++)
		load_with_id(i / 2, seeds[i]);
	for (unsigned int i = 0; i < 4 * ARRAY_SIZE(seeds); i++)
		for (unsigned int k = 0; k < i; k++)
			assert_memory_not_equal(seeds[i / 4] + i % 4 * 8, seeds[k / 4] + k % 4 * 8,
						8);
}

static void no_seed_stays_in_pages_that_go_back(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	dirty_page_freed = false;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(seed_given);
	assert_false(dirty_page_freed);
}

/*
 * The attack on what seeds were made by before: each word of a seed was splitmix64's output, which is a
 * bijection of its state, and the states of one seed differed by the words of a pool that all VMs shared. So a
 * guest found the pool in its own seed, and others' seeds by trying the few values that were not common.
 */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t scramble(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t unscramble(uint64_t z)
{
	z = (z ^ (z >> 31) ^ (z >> 62)) * UINT64_C(0x319642b2d24d8ec3);
	z = (z ^ (z >> 27) ^ (z >> 54)) * UINT64_C(0x96de1b173f119089);
	return z ^ (z >> 30) ^ (z >> 60);
}

static void compute_another_seed(const uint8_t mine[32], uint64_t difference, uint8_t out[32])
{
	uint64_t word, my_state, before = 0, state = 0;

	for (int i = 0; i < 4; i++) {
		memcpy(&word, mine + 8 * i, 8);
		my_state = unscramble(word);
		/* The pool's word; the first one with the start that is not common. */
		state ^= (my_state - GOLDEN) ^ before ^ (i == 0 ? difference : 0);
		state += GOLDEN;
		before = my_state;
		word = scramble(state);
		memcpy(out + 8 * i, &word, 8);
	}
}

static void one_vms_seed_does_not_give_another_vms(void **state)
{
	uint8_t mine[32], others[32], computed[32];

	(void)state;
	for (uint64_t z = 1; z != 0; z <<= 1)
		assert_true(unscramble(scramble(z + GOLDEN)) == z + GOLDEN);
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	load_with_id(3, mine);
	load_with_id(5, others);
	for (uint64_t count = 0; count < 1024; count++) {
		compute_another_seed(mine, (uint64_t)(3 ^ 5) << 56 ^ (count ^ (count + 1)) << 40,
				     computed);
		assert_memory_not_equal(computed, others, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_entropy_a_guest_gets_no_seed),
		cmocka_unit_test(every_boot_and_every_vm_gets_another_seed),
		cmocka_unit_test(no_seed_stays_in_pages_that_go_back),
		cmocka_unit_test(one_vms_seed_does_not_give_another_vms),
	};

	return cmocka_run_group_tests(tests, NULL, drop_ram);
}
