/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/random.h"

#include <bearssl_rand.h>

#include "lib/erase.h"
#include "lib/spinlock.h"

/*
 * What BearSSL's functions leave on the stack below ours: copies of the key, HMAC's inner states, SHA-256's
 * message schedule. The deepest way (init, update, key_init, process_key, SHA-256) takes 1,664 bytes with
 * gcc 12 (tests/system/test_seed.py compares); tests/unit/test_lib_random_stack.c looks for what remains.
 */
#define STACK_BELOW 1920

static struct {
	struct spinlock lock; /* guards the rest; a leaf */
	bool begun;
	uint64_t entropy; /* bytes that count */
	br_hmac_drbg_context drbg;
} pool;

static noinline void erase_stack_below(void)
{
	uint8_t below[STACK_BELOW];

	erase(below, sizeof(below));
}

static bool is_filled(const uint8_t *p, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (p[i] != p[0])
			return true;
	return false;
}

void random_add(const void *entropy, size_t len)
{
	spin_lock(&pool.lock);
	if (pool.begun)
		br_hmac_drbg_update(&pool.drbg, entropy, len);
	else
		br_hmac_drbg_init(&pool.drbg, &br_sha256_vtable, entropy, len);
	pool.begun = true;
	if (is_filled(entropy, len))
		pool.entropy += len;
	erase_stack_below();
	spin_unlock(&pool.lock);
}

static bool is_ready(void)
{
	return pool.entropy >= RANDOM_MIN_ENTROPY;
}

bool random_ready(void)
{
	bool ready;

	spin_lock(&pool.lock);
	ready = is_ready();
	spin_unlock(&pool.lock);
	return ready;
}

/* A reseed by @use alone, and a generate without additional input; generate ends by a new state. */
bool random_bytes(void *out, size_t len, const void *use, size_t use_len)
{
	bool possible;

	spin_lock(&pool.lock);
	possible = is_ready() && len <= RANDOM_MAX && use_len <= RANDOM_MAX;
	if (possible) {
		if (use_len != 0)
			br_hmac_drbg_update(&pool.drbg, use, use_len);
		br_hmac_drbg_generate(&pool.drbg, out, len);
		erase_stack_below();
	}
	spin_unlock(&pool.lock);
	if (!possible)
		memset(out, 0, len);
	return possible;
}
