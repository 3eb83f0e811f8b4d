/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The row of the terminal that the cursor is in. Every row begins with a prefix of hartvisor's, and the
 * cursor stays behind that prefix and in front of the terminal's last column. So nothing that a guest
 * prints can start a row: neither by moving the cursor, nor by a line that the terminal wraps, because
 * such a line is broken here, before the terminal would.
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

struct term_row term_row;

static void put_string(const char *s)
{
	wire_write(s, strlen(s));
}

static unsigned int min_uint(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static void end_colours(void)
{
	if (term_row.coloured)
		put_string(COLOUR_RESET);
	term_row.coloured = false;
}

/* @mark: ' ', or '+' in a row that continues the one above it. */
static void put_name(char mark)
{
	if (term_colour)
		put_string(term_row.colour);
	wire_put('[');
	put_string(term_row.name);
	wire_put(']');
	if (term_colour)
		put_string(COLOUR_RESET);
	wire_put(mark);
}

static void put_prefix(char mark)
{
	end_colours();
	if (term_row.name)
		put_name(mark);
	term_row.lo = term_row.hi = term_row.start;
	term_row.returned = false;
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
	if (!term_row.returned)
		return;
	wire_put('\r');
	put_prefix(' ');
}

static void begin(const char *name, const char *colour, char mark)
{
	term_row.name = name;
	term_row.colour = colour;
	term_row.start = name ? (unsigned int)strlen(name) + 3 : 0;
	put_prefix(mark);
}

void row_begin(const char *name, const char *colour)
{
	begin(name, colour, ' ');
}

void row_go_on(const char *name, const char *colour)
{
	begin(name, colour, '+');
}

void row_end(void)
{
	end_colours();
	put_string("\r\n");
	term_row.returned = false;
}

void row_return(void)
{
	term_row.returned = true;
}

void row_glyph(const char *bytes, unsigned int len, unsigned int lo, unsigned int hi)
{
	settle_return();
	if (term_row.broken && term_row.hi + hi > term_row.last)
		break_row();
	wire_write(bytes, len);
	term_row.lo = min_uint(term_row.lo + lo, term_row.last);
	term_row.hi = min_uint(term_row.hi + hi, term_row.last);
}

/* As spaces: tab stops count from the guest's own first column, not from the terminal's. */
void row_tab(void)
{
	settle_return();
	for (unsigned int n = 8 - (term_row.lo - term_row.start) % 8; n; n--)
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
	n = min_uint(n, term_row.lo - term_row.start);
	if (n == 1)
		wire_put('\b');
	if (n > 1)
		put_sequence(n, 'D');
	term_row.lo -= n;
	term_row.hi -= n;
}

void row_forward(unsigned int n)
{
	settle_return();
	n = min_uint(n, term_row.last - term_row.hi);
	if (n)
		put_sequence(n, 'C');
	term_row.lo += n;
	term_row.hi += n;
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
	wire_write(params, len);
	wire_put('m');
	term_row.coloured = !reset;
}

void row_bell(void)
{
	wire_put('\a');
}

void row_forget(void)
{
	term_row.coloured = term_row.returned = false;
}

void row_drain(void)
{
	end_colours();
}

void row_reset(void)
{
	term_row = (struct term_row){ .last = COLUMNS_ASSUMED - 1 };
}

void row_set_columns(unsigned int columns)
{
	unsigned int last = (columns > COLUMNS_MIN ? columns : COLUMNS_MIN) - 1;

	if (term_row.broken && last == term_row.last)
		return;
	term_row.broken = true;
	term_row.last = last;
	/* Where the cursor is now is not known any more: nothing goes back, and the next glyph starts a row. */
	term_row.lo = term_row.start;
	term_row.hi = last;
}
