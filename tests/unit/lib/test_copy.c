// SPDX-License-Identifier: BSD-2-Clause
// SOURCES:
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/copy.h"

/* Every alignment of both sides, every length up to a few loops, nothing written outside. */
static void any_alignment_copies_just_the_range(void **state)
{
	static uint8_t from[160] __attribute__((aligned(8)));
	static uint8_t to[160] __attribute__((aligned(8)));

	(void)state;
	for (unsigned int i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + 1);
	for (unsigned int s = 0; s < 16; s++) {
		for (unsigned int d = 8; d < 24; d++) {
			for (unsigned int n = 0; n < 120; n++) {
				memset(to, 0xee, sizeof(to));
				copy_bytes(to + d, from + s, n);
				assert_memory_equal(to + d, from + s, n);
				assert_int_equal(to[d - 1], 0xee);
				assert_int_equal(to[d + n], 0xee);
			}
		}
	}
}

static void much_copies_just_the_range(void **state)
{
	static uint8_t from[600] __attribute__((aligned(8)));
	static uint8_t to[600] __attribute__((aligned(8)));

	(void)state;
	for (unsigned int i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + i / 256 + 1);
	for (unsigned int s = 0; s < 16; s += 2) {
		for (unsigned int d = 8; d < 24; d++) {
			for (unsigned int n = 0; n < 530; n++) {
				memset(to, 0xee, sizeof(to));
				copy_much(to + d, from + s, n);
				assert_memory_equal(to + d, from + s, n);
				assert_int_equal(to[d - 1], 0xee);
				assert_int_equal(to[d + n], 0xee);
			}
		}
	}
	copy_much(to + 8, from + 8, 512);
	assert_memory_equal(to + 8, from + 8, 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_alignment_copies_just_the_range),
		cmocka_unit_test(much_copies_just_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
