// SPDX-License-Identifier: BSD-2-Clause
#include "lib/word.h"

#include <string.h>

/* More differences than these make another word. */
#define MAX_DISTANCE 2

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * The number of letters that differ: changed, missing, added, or two swapped (the optimal string alignment distance).
 * The rows of its matrix: the last but one, the last, this one.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][32];
	size_t n = strlen(b);

	if (n >= ARRAY_SIZE(rows[0]) || strlen(a) >= ARRAY_SIZE(rows[0]))
		return UINT32_MAX;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *last = rows[(i + 2) % 3];
		const unsigned int *before = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], before[j - 2] + 1, UINT32_MAX);
		}
	}
	return rows[strlen(a) % 3][n];
}

const char *word_closest(const char *word, const char *const *list, unsigned int nr)
{
	const char *closest = NULL;
	unsigned int best = MAX_DISTANCE + 1;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int d = distance(word, list[i]);

		if (d < best) {
			best = d;
			closest = list[i];
		}
	}
	return closest;
}
