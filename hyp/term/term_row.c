/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The row of the terminal that the cursor is in. Every row begins with a prefix of hartvisor's, and the
 * cursor stays behind that prefix and in front of the terminal's last column. So nothing that a guest
 * prints can start a row: neither by moving the cursor, nor by a line that the terminal wraps, because
 * such a line is broken here, before the terminal would. The menu's rows alone have no prefix.
 *
 * The cursor's column is known as an interval, because terminals differ in the width of some characters.
 */
#include <stdio.h>
#include <string.h>

#include "term/term_internal.h"

#define COLOUR_RESET "\033[0m"

/* What is assumed of a terminal that did not say its width: it is not narrower. */
#define COLUMNS_ASSUMED 80

/* The widest prefix, and a little room. A narrower terminal is treated as if it had these. */
#define COLUMNS_MIN (TERM_NAME_MAX + 3 + 6)

unsigned int term_columns;

static struct {
	const char *name, *colour;
	unsigned int start;  /* the first column behind the prefix */
	unsigned int lo, hi; /* the cursor's column is one of these, or between */
	bool returned;	     /* '\r' came; takes effect with what comes next */
	bool coloured;	     /* attributes are set, which must not reach the next prefix */
} row;

static void put_bytes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		wire_put(s[i]);
}

static void put_string(const char *s)
{
	put_bytes(s, strlen(s));
}

static unsigned int min_uint(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* The last column that the cursor may be in. */
static unsigned int last_column(void)
{
	return (term_columns ? term_columns : COLUMNS_ASSUMED) - 1;
}

static void end_colours(void)
{
	if (row.coloured)
		put_string(COLOUR_RESET);
	row.coloured = false;
}

/* @mark: ' ', or '+' in a row that continues the one above it. */
static void put_prefix(char mark)
{
	end_colours();
	if (term_colour)
		put_string(row.colour);
	wire_put('[');
	put_string(row.name);
	wire_put(']');
	if (term_colour)
		put_string(COLOUR_RESET);
	wire_put(mark);
	row.lo = row.hi = row.start;
	row.returned = false;
}

static void break_row(void)
{
	end_colours();
	put_string("\r\n");
	put_prefix('+');
}

/* A '\r' that a '\n' follows is no more than a part of it. Else the line starts again behind its prefix. */
static void settle_return(void)
{
	if (!row.returned)
		return;
	wire_put('\r');
	put_prefix(' ');
}

void row_begin(const char *name, const char *colour)
{
	row.name = name;
	row.colour = colour;
	row.start = (unsigned int)strlen(name) + 3;
	put_prefix(' ');
}

void row_end(void)
{
	end_colours();
	put_string("\r\n");
	row.returned = false;
}

void row_return(void)
{
	row.returned = true;
}

void row_glyph(const char *bytes, unsigned int len, unsigned int lo, unsigned int hi)
{
	settle_return();
	if (term_columns && row.hi + hi > last_column() && row.hi > row.start)
		break_row();
	put_bytes(bytes, len);
	row.lo = min_uint(row.lo + lo, last_column());
	row.hi = min_uint(row.hi + hi, last_column());
}

size_t row_plain_room(void)
{
	if (row.returned)
		return 0;
	if (!term_columns)
		return SIZE_MAX;
	return row.hi < last_column() ? last_column() - row.hi : 0;
}

void row_plain(const char *text, size_t len)
{
	unsigned int n = (unsigned int)min_u64(len, last_column());

	put_bytes(text, len);
	row.lo = min_uint(row.lo + n, last_column());
	row.hi = min_uint(row.hi + n, last_column());
}

/* As spaces: tab stops count from the guest's own first column, not from the terminal's. */
void row_tab(void)
{
	settle_return();
	for (unsigned int n = 8 - (row.lo - row.start) % 8; n; n--)
		row_glyph(" ", 1, 1, 1);
}

static void put_sequence(unsigned int n, char final)
{
	char text[16];

	snprintf(text, sizeof(text), "%.0u%c", n, final); /* a 0 is left out */
	put_string("\033[");
	put_string(text);
}

void row_back(unsigned int n)
{
	settle_return();
	n = min_uint(n, row.lo - row.start);
	if (n == 1)
		wire_put('\b');
	if (n > 1)
		put_sequence(n, 'D');
	row.lo -= n;
	row.hi -= n;
}

void row_forward(unsigned int n)
{
	settle_return();
	n = min_uint(n, last_column() - min_uint(row.hi, last_column()));
	if (n)
		put_sequence(n, 'C');
	row.lo += n;
	row.hi += n;
}

void row_edit(unsigned int n, char final)
{
	settle_return();
	put_sequence(n, final);
}

void row_colours(const char *params, unsigned int len, bool reset)
{
	settle_return();
	put_string("\033[");
	put_bytes(params, len);
	wire_put('m');
	row.coloured = !reset;
}

void row_bell(void)
{
	wire_put('\a');
}

void row_drain(void)
{
	end_colours();
}

void row_reset(void)
{
	row.coloured = false;
	row.returned = false;
	term_columns = 0;
}

void row_set_columns(unsigned int columns)
{
	if (columns < COLUMNS_MIN)
		columns = COLUMNS_MIN;
	if (columns == term_columns)
		return;
	/* Where the cursor is now is not known any more: nothing goes back, and the next glyph starts a row. */
	term_columns = columns;
	row.lo = row.start;
	row.hi = last_column();
}
