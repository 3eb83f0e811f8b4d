// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/terminal.h
/* Which characters beyond ASCII pass, and how many columns the terminal counts for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/terminal.h"

/* From the first to the last, which both pass. */
static const struct range {
	uint32_t first, last;
	unsigned int columns;
} ranges[] = {
	{ 0xa1, 0xac, 1 },	 { 0xae, 0x2af, 1 },	  { 0x386, 0x386, 1 },
	{ 0x388, 0x38a, 1 },	 { 0x38c, 0x38c, 1 },	  { 0x38e, 0x3a1, 1 },
	{ 0x3a3, 0x3ce, 1 },	 { 0x400, 0x481, 1 },	  { 0x48a, 0x513, 1 },
	{ 0x1e00, 0x1e9b, 1 },	 { 0x1ea0, 0x1ef9, 1 },	  { 0x2010, 0x2027, 1 },
	{ 0x2030, 0x205e, 1 },	 { 0x2074, 0x208e, 1 },	  { 0x20a0, 0x20b5, 1 },
	{ 0x2100, 0x214d, 1 },	 { 0x2153, 0x2184, 1 },	  { 0x2190, 0x23e7, 1 },
	{ 0x2500, 0x27bf, 1 },	 { 0x2800, 0x28ff, 1 },	  { 0x3000, 0x3029, 2 },
	{ 0x3041, 0x3096, 2 },	 { 0x30a0, 0x30ff, 2 },	  { 0x3131, 0x3163, 2 },
	{ 0x3400, 0x4db5, 2 },	 { 0x4e00, 0x9fa5, 2 },	  { 0xac00, 0xd7a3, 2 },
	{ 0xff01, 0xff5e, 2 },	 { 0xfffd, 0xfffd, 1 },	  { 0x1f300, 0x1f3fa, 1 },
	{ 0x1f400, 0x1f64f, 1 }, { 0x1f680, 0x1f6c5, 1 },
};

#define NR_RANGES (sizeof(ranges) / sizeof(ranges[0]))

static const struct range *range_of(uint32_t c)
{
	for (size_t i = 0; i < NR_RANGES; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return &ranges[i];
	return NULL;
}

static void utf8(uint32_t c, char out[5])
{
	unsigned char *p = (unsigned char *)out;

	if (c < 0x800) {
		*p++ = (unsigned char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*p++ = (unsigned char)(0xe0 | c >> 12);
		*p++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*p++ = (unsigned char)(0xf0 | c >> 18);
		*p++ = (unsigned char)(0x80 | (c >> 12 & 0x3f));
		*p++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	}
	*p++ = (unsigned char)(0x80 | (c & 0x3f));
	*p = 0;
}

/* A tab behind it shows the columns that are counted. */
static void check(uint32_t c)
{
	const struct range *r = range_of(c);
	char glyph[5], said[16], want[80];

	utf8(c, glyph);
	snprintf(said, sizeof(said), "%s\tX\n", glyph);
	say(a, said);
	if (r) {
		snprintf(want, sizeof(want), "[a] %s%*sX", glyph, (int)(8 - r->columns), "");
		if (!strstr(screen, want))
			fail_msg("U+%04X does not pass with %u columns: %s", (unsigned int)c,
				 r->columns, screen);
	} else if (strstr(screen, glyph) || !strstr(screen, "[a] \\x")) {
		fail_msg("U+%04X passes: %s", (unsigned int)c, screen);
	}
	clear_screen();
}

static void the_ends_of_each_range_pass_and_their_neighbours_do_not(void **state)
{
	(void)state;
	focus(a);
	for (size_t i = 0; i < NR_RANGES; i++) {
		check(ranges[i].first);
		check(ranges[i].last);
		check(ranges[i].first - 1);
		check(ranges[i].last + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(the_ends_of_each_range_pass_and_their_neighbours_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
