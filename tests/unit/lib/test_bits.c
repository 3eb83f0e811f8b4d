// SPDX-License-Identifier: BSD-2-Clause
// SOURCES:
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/bits.h"

static void the_lowest_bit_is_found_whatever_stands_above_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(bit_first(BIT(i)), i);
		assert_int_equal(bit_first(UINT64_MAX << i), i);
		assert_int_equal(bit_first(BIT(i) | BIT(63)), i);
	}
}

static void a_walk_meets_each_bit_once_and_in_order(void **state)
{
	static const unsigned int bits[] = { 0, 1, 7, 31, 32, 33, 62, 63 };
	uint64_t left = 0;
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++)
		left |= BIT(bits[i]);
	for (; left; left &= left - 1)
		assert_int_equal(bit_first(left), bits[n++]);
	assert_int_equal(n, ARRAY_SIZE(bits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_bit_is_found_whatever_stands_above_it),
		cmocka_unit_test(a_walk_meets_each_bit_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
