/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A terminal also says things by itself, by the same wire as what is typed: answers to questions. Guests
 * cannot ask (term_filter.c), so an answer is hartvisor's own or comes from an earlier time. It is swallowed
 * in either case, and no guest takes it for typed text.
 *
 * Keys send sequences, too: ESC [ A, ESC [ 1 5 ~, ESC O P. An answer is told from a key by its form:
 *   ESC [ ? > or = ...     reports of the terminal's kind and modes: no key sends these
 *   ESC [ number n         status (ECMA-48, DSR)
 *   ESC [ row ; column R   cursor position. F3 with shift, alt, control is ESC [ 1 ; 2 to 16 R: such a one
 *                          is a key, unless hartvisor has asked for the position
 *   ESC [ ... t            window operations; ESC [ n ; ... x  parameters; ESC [ n ; n $ y  modes
 *   ESC P, ESC ], ESC _    strings, up to their end, a line's end, or STRING_MAX
 * Bytes are held only while they may become an answer. No timer is needed: a terminal sends an answer in
 * one piece, so ESC alone, Alt and [ and the like are keys when nothing comes with them. Only while
 * hartvisor waits for an answer are these held, too, because a slow line may bring it in pieces.
 */
#include "term/term_internal.h"

#define ESC	   '\033'
#define BEL	   '\a'
#define STRING_MAX 4096

/* Until so many other bytes have come. Then the terminal gives no answer. */
#define PATIENCE 32

/* ECMA-48, DSR 5: are you ready? Every terminal answers. */
#define ASK_STATUS "\033[5n"

/* Remember the cursor, go right as far as it goes, say where that is (DSR 6), and back. */
#define ASK_COLUMNS "\0337\033[999C\033[6n\0338"

/* What to assume until the terminal has said how wide it is. */
#define COLUMNS_FIRST 80

static enum { TYPED, GOT_ESC, GOT_CSI, GOT_STRING, IN_STRING, IN_STRING_ESC } state;
static enum { NOTHING, STATUS, COLUMNS } asked;
static unsigned int patience; /* 0: nothing is asked */
static char held[TERM_SEQ_MAX];
static unsigned int nr_held;
static unsigned int string_len;
static bool asks_later; /* when something is typed: a file or a pipe gets no control sequence */

static void ask(const char *question)
{
	for (; *question; question++)
		wire_put(*question);
	patience = PATIENCE;
}

static void ask_status(void)
{
	asks_later = false;
	asked = STATUS;
	ask(ASK_STATUS);
}

void term_answer_reset(enum term_ask when)
{
	state = TYPED;
	nr_held = 0;
	asked = NOTHING;
	patience = 0;
	asks_later = when == TERM_ASK_TYPED;
	if (when == TERM_ASK_NOW)
		ask_status();
}

void term_answer_ask_columns(void)
{
	asked = COLUMNS;
	ask(ASK_COLUMNS);
}

static unsigned int release(char *out)
{
	unsigned int n = nr_held;

	for (unsigned int i = 0; i < n; i++)
		out[i] = held[i];
	patience -= patience < n ? patience : n;
	nr_held = 0;
	state = TYPED;
	return n;
}

static unsigned int hold(char c, unsigned int next)
{
	held[nr_held++] = c;
	state = next;
	return 0;
}

static bool is_private(char c)
{
	return c == '?' || c == '>' || c == '=';
}

static bool is_number(const char *s, const char *end)
{
	return s < end && *s >= '0' && *s <= '9';
}

static unsigned int number(const char **s, const char *end)
{
	unsigned int n = 0;

	for (; is_number(*s, end) && n < 10000; ++*s)
		n = n * 10 + (unsigned int)(**s - '0');
	return n;
}

/* ESC [ @s to @end R, which is two numbers. */
static bool is_position(const char *s, const char *end, unsigned int *column)
{
	unsigned int line;

	if (!is_number(s, end))
		return false;
	line = number(&s, end);
	if (s == end || *s++ != ';' || !is_number(s, end))
		return false;
	*column = number(&s, end);
	return s == end && (asked == COLUMNS || line != 1 || *column < 2 || *column > 16);
}

/* What is held, with @final behind it. */
static bool is_answer(char final)
{
	const char *s = held + 2, *end = held + nr_held;
	bool list = false;
	unsigned int column = 0;

	if (s == end)
		return false;
	if (is_private(*s))
		return true;
	for (const char *p = s; p < end; p++)
		list |= *p == ';';
	switch (final) {
	case 'n':
		if (asked == STATUS) {
			term_colour = true;
			row_set_columns(COLUMNS_FIRST);
			term_answer_ask_columns();
		}
		return true;
	case 'R':
		if (!is_position(s, end, &column))
			return false;
		if (asked == COLUMNS) {
			row_set_columns(column);
			asked = NOTHING;
			patience = 0;
		}
		return true;
	case 't':
		return true;
	case 'x':
		return list;
	case 'y':
		return end[-1] == '$';
	default:
		return false;
	}
}

/* May @c go on in what is held, as a parameter of an answer? */
static bool is_parameter(char c)
{
	if (nr_held == TERM_SEQ_MAX)
		return false;
	if ((c >= '0' && c <= '9') || c == ';')
		return true;
	if (nr_held == 2)
		return is_private(c);
	if (c != '$')
		return false;
	/* Of one number it is a key of rxvt's. */
	for (unsigned int i = 2; i < nr_held; i++)
		if (held[i] == ';' || is_private(held[i]))
			return true;
	return false;
}

/* Does @c begin the text of an answer, behind the introducer of a string? */
static bool is_string(char c)
{
	switch (held[1]) {
	case ']':
		return (c >= '0' && c <= '9') || c == 'l' || c == 'L';
	case 'P':
		return (c >= '0' && c <= '9') || c == '>' || c == '!';
	default: /* '_' */
		return c == 'G';
	}
}

/* Nothing is held: the state is TYPED. */
static unsigned int typed(char c, char *out)
{
	if (c == ESC)
		return hold(c, GOT_ESC);
	out[0] = c;
	patience -= patience != 0;
	if (!patience)
		asked = NOTHING;
	return 1;
}

/* What is held was typed after all, and @c was, or begins something else. */
static unsigned int typed_too(char c, char *out)
{
	unsigned int n = release(out);

	return n + typed(c, out + n);
}

static unsigned int in_string(char c, char *out)
{
	unsigned char byte = (unsigned char)c;

	if (c == ESC && state == IN_STRING) {
		state = IN_STRING_ESC;
		return 0;
	}
	if (state == IN_STRING_ESC) {
		state = TYPED;
		if (c == '\\')
			return 0;
		(void)hold(ESC, GOT_ESC);
		return term_answer_byte(c, out);
	}
	if (byte >= ' ' && string_len++ < STRING_MAX)
		return 0;
	state = TYPED;
	return c == BEL ? 0 : typed(c, out);
}

unsigned int term_answer_byte(char c, char out[TERM_ANSWER_MAX])
{
	if (asks_later)
		ask_status();
	switch (state) {
	case GOT_ESC:
		if (c == '[')
			return hold(c, GOT_CSI);
		if (c == ']' || c == 'P' || c == '_')
			return hold(c, GOT_STRING);
		return typed_too(c, out);
	case GOT_CSI:
		if (is_parameter(c))
			return hold(c, GOT_CSI);
		if (!is_answer(c))
			return typed_too(c, out);
		nr_held = 0;
		state = TYPED;
		return 0;
	case GOT_STRING:
		if (!is_string(c))
			return typed_too(c, out);
		nr_held = 0;
		string_len = 0;
		state = IN_STRING;
		return 0;
	case IN_STRING:
	case IN_STRING_ESC:
		return in_string(c, out);
	default:
		return typed(c, out);
	}
}

unsigned int term_answer_pause(char out[TERM_ANSWER_MAX])
{
	if (!patience && nr_held && nr_held <= 2)
		return release(out);
	return 0;
}
