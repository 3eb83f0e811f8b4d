/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/vt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ENDED_MAX 4096
#define SHOWN	  15

/* A cell has the first byte of its character; the second column of a wide one is 1. */
static char rows[VT_ROWS][VT_COLUMNS + 1];
static unsigned int columns, ambiguous, row, column, bells, nr_ended;
static char ended[ENDED_MAX][SHOWN + 1];
static bool coloured; /* attributes are set */
static char seq[64];
static unsigned int seq_len;
static unsigned int left_of_glyph; /* of UTF-8: bytes that are still to come */

void vt_start(unsigned int new_columns, unsigned int new_ambiguous)
{
	assert_in_range(new_columns, 2, VT_COLUMNS);
	columns = new_columns;
	ambiguous = new_ambiguous;
	row = column = bells = nr_ended = seq_len = left_of_glyph = 0;
	coloured = false;
	memset(rows, ' ', sizeof(rows));
}

/* A row that is left must begin with a prefix, "[name] " or "[name]+", or be the menu's. */
static void new_line(void)
{
	assert_int_equal(column, 0); /* '\r' before '\n' */
	assert_false(coloured);
	assert_true(nr_ended < ENDED_MAX);
	memcpy(ended[nr_ended++], rows[row], SHOWN);
	row = (row + 1) % VT_ROWS;
	memset(rows[row], ' ', VT_COLUMNS);
}

/* The first column that is not the prefix's; 0: there is none yet. */
static unsigned int prefix_end(void)
{
	const char *r = rows[row], *end = memchr(r, ']', columns);

	if (r[0] != '[' || !end || end + 1 >= r + columns || (end[1] != ' ' && end[1] != '+'))
		return 0;
	return (unsigned int)(end + 2 - r);
}

static void glyph(char c, unsigned int width)
{
	if (column + width > columns)
		fail_msg("the line wraps: %.*s", (int)columns, rows[row]);
	for (unsigned int i = 0; i < width; i++)
		rows[row][column + i] = i ? 1 : c;
	column += width;
	/* In the last column terminals differ in what comes next. */
	assert_in_range(column, 1, columns - 1);
}

static void sequence(void)
{
	char final = seq[seq_len - 1];
	unsigned int n = (unsigned int)strtoul(seq + 1, NULL, 10);
	char *r = rows[row];

	seq[seq_len] = 0;
	if (final == 'm') {
		assert_true(strspn(seq + 1, "0123456789;") == seq_len - 2);
		coloured = strpbrk(seq, "123456789") != NULL;
		return;
	}
	assert_true(strspn(seq + 1, "0123456789") == seq_len - 2);
	n = n ? n : 1;
	assert_true(column >= prefix_end() && prefix_end());
	switch (final) {
	case 'K': /* with a number it clears the prefix, too */
		assert_int_equal(seq_len, 2);
		memset(r + column, ' ', columns - column);
		break;
	case 'C':
		column += n;
		assert_true(column < columns);
		break;
	case 'D':
		assert_true(n <= column && column - n >= prefix_end());
		column -= n;
		break;
	case 'P':
		n = n < columns - column ? n : columns - column;
		memmove(r + column, r + column + n, columns - column - n);
		memset(r + columns - n, ' ', n);
		break;
	case '@':
		n = n < columns - column ? n : columns - column;
		memmove(r + column + n, r + column, columns - column - n);
		memset(r + column, ' ', n);
		break;
	default:
		fail_msg("the terminal got ESC%s", seq);
	}
}

static void plain(char c)
{
	unsigned char byte = (unsigned char)c;

	if (left_of_glyph) {
		assert_true((byte & 0xc0) == 0x80);
		left_of_glyph--;
	} else if (byte >= 0x80) {
		assert_in_range(byte, 0xc2, 0xf4);
		left_of_glyph = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
		glyph(c, byte >= 0xe3 && byte < 0xee ? 2 : ambiguous);
	} else if (c == '\r') {
		column = 0;
	} else if (c == '\n') {
		new_line();
	} else if (c == '\b') {
		assert_true(column > prefix_end() && prefix_end());
		column--;
	} else if (c == '\a') {
		bells++;
	} else if (c == '\033') {
		seq_len = 1;
	} else {
		if (byte < ' ' || byte > '~')
			fail_msg("the terminal got byte 0x%02x", byte);
		glyph(c, 1);
	}
}

void vt_feed(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!seq_len) {
			plain(bytes[i]);
			continue;
		}
		if (seq_len == 1)
			assert_int_equal(bytes[i], '[');
		assert_true(seq_len < sizeof(seq) - 1);
		seq[seq_len - 1] = bytes[i];
		seq_len++;
		if (seq_len > 2 && bytes[i] >= '@') {
			seq_len--;
			sequence();
			seq_len = 0;
		}
	}
}

const char *vt_row(unsigned int up)
{
	static char text[VT_COLUMNS + 1];
	unsigned int n = columns;

	memcpy(text, rows[(row + VT_ROWS - up) % VT_ROWS], columns);
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = 0;
	return text;
}

unsigned int vt_column(void)
{
	return column;
}

unsigned int vt_count(const char *prefix)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_ended; i++)
		n += strncmp(ended[i], prefix, strlen(prefix)) == 0;
	return n;
}

unsigned int vt_bells(void)
{
	return bells;
}
