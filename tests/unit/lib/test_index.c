// SPDX-License-Identifier: BSD-2-Clause
// SOURCES:
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/index.h"

static const uint64_t values[] = {
	0, 1, 2, 3, 63, 64, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX,
};

static void an_index_stays_or_is_0(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++)
		for (unsigned int n = 0; n < ARRAY_SIZE(values); n++)
			assert_int_equal(index_below(values[i], values[n]),
					 values[i] < values[n] ? values[i] : 0);
}

static void a_length_is_the_lesser(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++)
		for (unsigned int n = 0; n < ARRAY_SIZE(values); n++)
			assert_int_equal(index_limit(values[i], values[n]),
					 min_u64(values[i], values[n]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_stays_or_is_0),
		cmocka_unit_test(a_length_is_the_lesser),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
