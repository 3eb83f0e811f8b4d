/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/random.h"

#include <bearssl_rand.h>

#include "lib/erase.h"
#include "lib/spinlock.h"

/*
 * What BearSSL's functions leave on the stack below ours: copies of the key, HMAC's inner states, SHA-256's
 * message schedule. The deepest way (init, update, key_init, process_key, SHA-256) takes 1,664 bytes with
 * gcc 12 (tests/system/test_seed.py compares); tests/unit/lib/test_random_stack.c looks for what remains.
 */
#define STACK_BELOW 1920

/* An interrupt in a coroutine saves registers below that (arch/coroutine.h erases its stack at its end). */

static struct {
	struct spinlock lock; /* guards the rest */
	bool begun;
	uint64_t entropy; /* bytes that count */
	br_hmac_drbg_context drbg;
} pool = { .lock = SPINLOCK_INIT(LOCK_RANDOM) };

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
static void generate(br_hmac_drbg_context *drbg, void *out, size_t len, const void *use,
		     size_t use_len)
{
	if (use_len != 0)
		br_hmac_drbg_update(drbg, use, use_len);
	br_hmac_drbg_generate(drbg, out, len);
	erase_stack_below();
}

bool random_bytes(void *out, size_t len, const void *use, size_t use_len)
{
	bool possible;

	spin_lock(&pool.lock);
	possible = is_ready() && len <= RANDOM_MAX && use_len <= RANDOM_MAX;
	if (possible) {
		generate(&pool.drbg, out, len, use, use_len);
	}
	spin_unlock(&pool.lock);
	if (!possible)
		memset(out, 0, len);
	return possible;
}

/* --- a VM's own ------------------------------------------------------------------------------------- */

static_assert(sizeof(((struct random_child *)0)->state) >= sizeof(br_hmac_drbg_context),
	      "room for the generator");
static_assert(_Alignof(struct random_child) >= _Alignof(br_hmac_drbg_context), "its alignment");

/* SP 800-90A, 8.6.7: entropy of the strength, which is 256 bits, and a nonce of half of that. */
#define CHILD_SEED 48

bool random_child_init(struct random_child *c, const void *use, size_t use_len)
{
	br_hmac_drbg_context *drbg = (br_hmac_drbg_context *)(void *)c->state;
	uint8_t seed[CHILD_SEED];

	c->ready = random_bytes(seed, sizeof(seed), use, use_len);
	if (c->ready) {
		br_hmac_drbg_init(drbg, &br_sha256_vtable, seed, sizeof(seed));
		erase_stack_below();
	}
	erase(seed, sizeof(seed));
	return c->ready;
}

bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len)
{
	bool possible = c->ready && len <= RANDOM_MAX && use_len <= RANDOM_MAX;

	if (possible)
		generate((br_hmac_drbg_context *)(void *)c->state, out, len, use, use_len);
	else
		memset(out, 0, len);
	return possible;
}
