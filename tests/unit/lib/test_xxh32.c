// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/xxh32.c
/* The checksum is that of lz4's own xxHash, whatever pieces the bytes come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <xxhash.h>

#include "fake/fit.h"
#include "lib/xxh32.h"

static void any_bytes_in_any_pieces_have_xxhashs_sum(void **state)
{
	static uint8_t data[5000];
	uint64_t seed = 99;

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)fit_random(&seed);
	for (uint64_t size = 0; size < 300; size++)
		assert_int_equal(xxh32(data + size % 7, size), XXH32(data + size % 7, size, 0));
	for (unsigned int round = 0; round < 300; round++) {
		uint64_t size = fit_random(&seed) % sizeof(data), at = 0;
		struct xxh32 x;

		xxh32_begin(&x);
		while (at < size) {
			uint64_t n = min_u64(size - at, fit_random(&seed) % 70);

			xxh32_add(&x, data + at, n);
			at += n;
		}
		assert_int_equal(xxh32_end(&x), XXH32(data, size, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_in_any_pieces_have_xxhashs_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
