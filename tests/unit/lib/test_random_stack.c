// SPDX-License-Identifier: BSD-2-Clause
// SANITIZE: none
// CFLAGS: -Os -Wl,-z,now
//
// What hyp/lib/random.c leaves on its stack. Without sanitizers, which lay out stacks of their own, and without
// lazy binding, which saves vector registers there. It includes the source, to see the generator's state.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <bearssl_hmac.h>
#include <cmocka.h>

#include "lib/random.c"

static uint8_t stack[65536] __attribute__((aligned(16)));
static ucontext_t here, there;
static uint8_t out[32];
static const uint8_t entropy[32] = "the entropy of the firmware's.";

static void do_add(void)
{
	random_add(entropy, sizeof(entropy));
}

static void do_bytes(void)
{
	(void)random_bytes(out, sizeof(out), "use", 3);
}

static void run_on_stack(void (*fn)(void))
{
	memset(stack, 0, sizeof(stack));
	assert_int_equal(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, fn, 0);
	assert_int_equal(swapcontext(&here, &there), 0);
}

static void assert_not_on_stack(const char *what, const void *secret, size_t len)
{
	const uint8_t *p = secret;

	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t as_is, swapped; /* as SHA-256's words */

		memcpy(&as_is, p + i, 8);
		swapped = __builtin_bswap64(as_is);
		swapped = swapped >> 32 | swapped << 32;
		if (memmem(stack, sizeof(stack), &as_is, 8) ||
		    memmem(stack, sizeof(stack), &swapped, 8))
			fail_msg("bytes %zu to %zu of %s are on the stack", i, i + 7, what);
	}
}

/* A key as HMAC keeps it: XORed with its pads, and SHA-256's states after these blocks. */
static void assert_key_not_on_stack(const char *what, const uint8_t key[32])
{
	br_hmac_key_context kc;
	br_sha256_context inner;
	uint8_t padded[32];

	assert_not_on_stack(what, key, 32);
	for (int i = 0; i < 32; i++)
		padded[i] = key[i] ^ 0x36;
	assert_not_on_stack(what, padded, 32);
	for (int i = 0; i < 32; i++)
		padded[i] = key[i] ^ 0x5c;
	assert_not_on_stack(what, padded, 32);
	br_hmac_key_init(&kc, &br_sha256_vtable, key, 32);
	assert_not_on_stack(what, kc.ksi, 32);
	assert_not_on_stack(what, kc.kso, 32);
	br_sha256_init(&inner);
	br_sha256_set_state(&inner, kc.ksi, 64);
	assert_not_on_stack(what, inner.val, 32);
}

static void assert_nothing_left(const br_hmac_drbg_context *before)
{
	assert_key_not_on_stack("the key before", before->K);
	assert_not_on_stack("V before", before->V, 32);
	assert_key_not_on_stack("the key", pool.drbg.K);
	assert_not_on_stack("V", pool.drbg.V, 32);
	assert_not_on_stack("the output", out, 32);
	assert_not_on_stack("the entropy", entropy, 32);
}

static void no_secret_stays_on_the_stack(void **state)
{
	br_hmac_drbg_context before;

	(void)state;
	memset(out, 0x11, sizeof(out));
	memset(&before, 0x22, sizeof(before));
	run_on_stack(do_add);
	assert_nothing_left(&before);
	before = pool.drbg;
	run_on_stack(do_bytes);
	assert_true(random_ready());
	assert_nothing_left(&before);
	/* The state in between, which made the output. */
	br_hmac_drbg_update(&before, "use", 3);
	assert_nothing_left(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_secret_stays_on_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
