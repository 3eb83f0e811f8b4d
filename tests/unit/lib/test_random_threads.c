// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/random.c
// SANITIZE: thread
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/random.h"

#define THREADS 4
#define EACH	50

static uint8_t seeds[THREADS * EACH][32];

static void *make(void *arg)
{
	uint8_t(*mine)[32] = arg;

	for (int i = 0; i < EACH; i++)
		if (!random_ready() || !random_bytes(mine[i], 32, "use", 3))
			abort();
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static void harts_that_load_at_once_get_different_seeds(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	random_add("0123456789abcdef0123456789abcdef", 32);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make, &seeds[i * EACH]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(seeds, THREADS * EACH, 32, compare);
	for (int i = 1; i < THREADS * EACH; i++)
		assert_memory_not_equal(seeds[i], seeds[i - 1], 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harts_that_load_at_once_get_different_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
