// SPDX-License-Identifier: BSD-2-Clause
// Includes hyp/lib/random.c, to see the generator's state.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/random.c"

static const uint8_t entropy[32] = {
	0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
};

static int setup(void **state)
{
	(void)state;
	memset(&pool, 0, sizeof(pool));
	spin_init(&pool.lock, LOCK_RANDOM);
	return 0;
}

static void from_hex(const char *hex, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void assert_hex(const uint8_t *found, const char *hex, size_t len)
{
	uint8_t wanted[RANDOM_MAX];

	from_hex(hex, wanted, len);
	assert_memory_equal(found, wanted, len);
}

/* --- known answers ---------------------------------------------------------------------------------- */

/* NIST's CAVP, HMAC_DRBG.rsp: SHA-256, no reseed, no personalization string, COUNT = 0. */
static void nists_vector_comes_out(void **state)
{
	uint8_t seed[48], out[128];

	(void)state;
	from_hex("ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488"
		 "659ba96c601dc69fc902940805ec0ca8",
		 seed, sizeof(seed));
	random_add(seed, sizeof(seed));
	assert_true(random_bytes(out, sizeof(out), NULL, 0));
	assert_true(random_bytes(out, sizeof(out), NULL, 0));
	assert_hex(out,
		   "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89"
		   "d54fbb978a15b5c443c9ec21036d2460b6f73ebad0dc2aba6e624abf07745bc1"
		   "07694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
		   "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8",
		   sizeof(out));
}

/*
 * As the loader calls it; the answers were computed by python's hmac module:
 *
 *	H = lambda k, m: hmac.new(k, m, hashlib.sha256).digest()
 *	update(d):   K = H(K, V + b"\0" + d); V = H(K, V)
 *	             if d: K = H(K, V + b"\1" + d); V = H(K, V)
 *	generate():  V = H(K, V); out = V; update(b"")
 *
 *	K, V = bytes(32), b"\1" * 32; update(bytes(range(32))); update(b"more")
 *	update(b"one use"); generate(); update(b"another use"); generate()
 */
static void seeds_are_what_another_implementation_makes(void **state)
{
	uint8_t out[32];

	(void)state;
	random_add(entropy, sizeof(entropy));
	random_add("more", 4);
	assert_true(random_bytes(out, 32, "one use", 7));
	assert_hex(out, "97f6a4c0848ecfac7e05594e8d98f6c753d5fd51dbcec95c267283bd3e28457a", 32);
	assert_true(random_bytes(out, 32, "another use", 11));
	assert_hex(out, "7d5ec0f5424b544c3aab4d6ef19ac0a11a0fe9104e6fdbcbcbf2c0626b61a1ed", 32);
	assert_hex(pool.drbg.K, "03dce1637505a050b6d0237a27a1063aec7185b1dbf8693c8f695c7c892852d7",
		   32);
	assert_hex(pool.drbg.V, "a273d851e4441bb463854a63cebb00ada7334495460900c8c7ff04107b0ccf68",
		   32);
}

/* --- when there is output ----------------------------------------------------------------------------- */

static void assert_no_output(void)
{
	uint8_t out[32], zero[32] = { 0 };

	memset(out, 0xa5, sizeof(out));
	assert_false(random_ready());
	assert_false(random_bytes(out, sizeof(out), "use", 3));
	assert_memory_equal(out, zero, sizeof(out));
}

static void without_enough_entropy_there_is_no_output(void **state)
{
	uint8_t alike[64];

	(void)state;
	assert_no_output();
	random_add(NULL, 0);
	assert_no_output();
	random_add(entropy, RANDOM_MIN_ENTROPY - 1);
	assert_no_output();
	memset(alike, 0, sizeof(alike));
	random_add(alike, sizeof(alike));
	assert_no_output();
	memset(alike, 0xff, sizeof(alike));
	random_add(alike, sizeof(alike));
	assert_no_output();
	random_add(entropy, 2);
	assert_true(random_ready());
	assert_true(random_bytes(alike, 32, "use", 3));
}

static void a_call_too_large_gets_nothing(void **state)
{
	uint8_t out[RANDOM_MAX + 1], use[RANDOM_MAX + 1] = { 0 };

	(void)state;
	random_add(entropy, sizeof(entropy));
	memset(out, 0xa5, sizeof(out));
	assert_false(random_bytes(out, RANDOM_MAX + 1, use, 1));
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0);
	assert_false(random_bytes(out, 1, use, RANDOM_MAX + 1));
	assert_true(random_bytes(out, RANDOM_MAX, use, RANDOM_MAX));
}

/* --- what an attacker learns ---------------------------------------------------------------------------- */

/* Is a word of @small, 8 bytes, anywhere in @large? */
static bool has_word_of(const void *large, size_t size, const uint8_t *small, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8)
		if (memmem(large, size, small + i, 8))
			return true;
	return false;
}

static void no_two_outputs_and_no_state_share_a_word(void **state)
{
	static uint8_t all[500][96]; /* output, K, V */

	(void)state;
	random_add(entropy, sizeof(entropy));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_true(random_bytes(all[i], 32, "same use", 8));
		memcpy(all[i] + 32, pool.drbg.K, 32);
		memcpy(all[i] + 64, pool.drbg.V, 32);
		assert_false(has_word_of(all[i] + 32, 64, all[i], 32));
		assert_false(has_word_of(all, i * sizeof(all[0]), all[i], 96));
	}
}

/*
 * Forward security: after a call the state has nothing of the state before, by which the output could be made
 * again; the way back is a preimage of HMAC-SHA-256.
 */
static void the_state_after_an_output_does_not_make_it_again(void **state)
{
	uint8_t before[64], out[32], again[32];
	br_hmac_drbg_context after;

	(void)state;
	random_add(entropy, sizeof(entropy));
	memcpy(before, pool.drbg.K, 32);
	memcpy(before + 32, pool.drbg.V, 32);
	assert_true(random_bytes(out, 32, "use", 3));
	assert_false(has_word_of(&pool, sizeof(pool), before, sizeof(before)));
	assert_false(has_word_of(&pool, sizeof(pool), out, sizeof(out)));
	after = pool.drbg;
	assert_true(random_bytes(again, 32, "use", 3));
	assert_memory_not_equal(again, out, 32);
	/* Nor when the step that @use makes is left out. */
	pool.drbg = after;
	assert_true(random_bytes(again, 32, NULL, 0));
	assert_memory_not_equal(again, out, 32);
}

static void the_same_state_makes_different_bytes_for_different_uses(void **state)
{
	uint8_t one[32], other[32];

	(void)state;
	random_add(entropy, sizeof(entropy));
	assert_true(random_bytes(one, 32, "VM 1", 4));
	setup(state);
	random_add(entropy, sizeof(entropy));
	assert_true(random_bytes(other, 32, "VM 2", 4));
	assert_false(has_word_of(one, 32, other, 32));
}

static void added_entropy_changes_what_comes(void **state)
{
	uint8_t one[32], other[32];

	(void)state;
	random_add(entropy, sizeof(entropy));
	assert_true(random_bytes(one, 32, "use", 3));
	setup(state);
	random_add(entropy, sizeof(entropy));
	random_add("x", 1);
	assert_true(random_bytes(other, 32, "use", 3));
	assert_false(has_word_of(one, 32, other, 32));
}

/* --- a VM's own generator -------------------------------------------------------------------------------- */

static void a_child_without_entropy_has_no_output(void **state)
{
	uint8_t out[32], zero[32] = { 0 };
	struct random_child c;

	(void)state;
	memset(&c, 0xa5, sizeof(c));
	assert_false(random_child_init(&c, "VM 1", 4));
	memset(out, 0xa5, sizeof(out));
	assert_false(random_child_bytes(&c, out, sizeof(out), "use", 3));
	assert_memory_equal(out, zero, sizeof(out));
	/* Entropy that comes later does not make it ready: it has no state. */
	random_add(entropy, sizeof(entropy));
	assert_false(random_child_bytes(&c, out, sizeof(out), "use", 3));
}

/* Its seed is an output of the machine's: HMAC-DRBG of 48 bytes, by which a vector of NIST's comes out, too. */
static void a_child_is_a_generator_that_an_output_seeds(void **state)
{
	uint8_t seed[48], mine[32], its[RANDOM_MAX + 1];
	br_hmac_drbg_context same;
	struct random_child c;

	(void)state;
	random_add(entropy, sizeof(entropy));
	assert_true(random_bytes(seed, sizeof(seed), "VM 1", 4));
	br_hmac_drbg_init(&same, &br_sha256_vtable, seed, sizeof(seed));
	setup(state);
	random_add(entropy, sizeof(entropy));
	assert_true(random_child_init(&c, "VM 1", 4));
	for (unsigned int i = 0; i < 3; i++) {
		br_hmac_drbg_update(&same, "use", 3);
		br_hmac_drbg_generate(&same, mine, sizeof(mine));
		assert_true(random_child_bytes(&c, its, 32, "use", 3));
		assert_memory_equal(mine, its, 32);
		assert_false(has_word_of(&c, sizeof(c), its, 32));
		assert_false(has_word_of(&pool, sizeof(pool), its, 32));
	}
	assert_false(has_word_of(&c, sizeof(c), seed, sizeof(seed)));
	assert_false(has_word_of(&pool, sizeof(pool), seed, sizeof(seed)));
	assert_false(random_child_bytes(&c, its, RANDOM_MAX + 1, "use", 3));
}

static void two_children_share_nothing(void **state)
{
	uint8_t one[32], other[32];
	struct random_child a, b;

	(void)state;
	random_add(entropy, sizeof(entropy));
	/* Even of the same use: the machine's state is another one by then. */
	assert_true(random_child_init(&a, "VM 1", 4));
	assert_true(random_child_init(&b, "VM 1", 4));
	assert_true(random_child_bytes(&a, one, 32, "use", 3));
	assert_true(random_child_bytes(&b, other, 32, "use", 3));
	assert_false(has_word_of(one, 32, other, 32));
	assert_false(has_word_of(((br_hmac_drbg_context *)(void *)a.state)->K, 32,
				 ((br_hmac_drbg_context *)(void *)b.state)->K, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nists_vector_comes_out, setup),
		cmocka_unit_test_setup(seeds_are_what_another_implementation_makes, setup),
		cmocka_unit_test_setup(without_enough_entropy_there_is_no_output, setup),
		cmocka_unit_test_setup(a_call_too_large_gets_nothing, setup),
		cmocka_unit_test_setup(no_two_outputs_and_no_state_share_a_word, setup),
		cmocka_unit_test_setup(the_state_after_an_output_does_not_make_it_again, setup),
		cmocka_unit_test_setup(the_same_state_makes_different_bytes_for_different_uses,
				       setup),
		cmocka_unit_test_setup(added_entropy_changes_what_comes, setup),
		cmocka_unit_test_setup(a_child_without_entropy_has_no_output, setup),
		cmocka_unit_test_setup(a_child_is_a_generator_that_an_output_seeds, setup),
		cmocka_unit_test_setup(two_children_share_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
