/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest prints, and what of it reaches the operator's terminal as it is: text, colours, moves and
 * erasures within the line. Anything else that a terminal would obey is shown instead: "^[" for ESC, "^X"
 * for a control character, "\x9b" for a byte that is no text. A sequence is held until it is complete, or
 * longer than any that passes. There is no state for strings (OSC, DCS and others): their introducer is
 * shown, and then their bytes are text.
 *
 * The sequences are those of ECMA-48, 5th edition: 5.4 (their form), 8.3 (what they do). The terminal is
 * taken to speak UTF-8.
 */
#include <string.h>

#include "term/term_internal.h"

#define ESC '\033'
#define DEL 0x7f

enum { GROUND, GOT_ESC, GOT_CHARSET, GOT_CSI, GOT_UTF8 };

/*
 * The characters beyond ASCII that pass, with the columns that they have at least; at most it is two. They
 * run from left to right and are drawn by every terminal. Not in this table, and so shown as bytes: C1
 * controls, combining and invisible characters, scripts that run from right to left, and what changes the
 * direction. A test holds the table against the Unicode data (tests/system/test_terminal.py).
 */
static const struct {
	uint32_t first;
	uint16_t count;
	uint16_t columns;
} passing[] = {
	{ 0xa1, 12, 1 },     { 0xae, 514, 1 },	   { 0x386, 1, 1 },	 { 0x388, 3, 1 },
	{ 0x38c, 1, 1 },     { 0x38e, 20, 1 },	   { 0x3a3, 44, 1 },	 { 0x400, 130, 1 },
	{ 0x48a, 138, 1 },   { 0x1e00, 156, 1 },   { 0x1ea0, 90, 1 },	 { 0x2010, 24, 1 },
	{ 0x2030, 47, 1 },   { 0x2074, 27, 1 },	   { 0x20a0, 22, 1 },	 { 0x2100, 78, 1 },
	{ 0x2153, 50, 1 },   { 0x2190, 600, 1 },   { 0x2500, 704, 1 },	 { 0x2800, 256, 1 },
	{ 0x3000, 42, 2 },   { 0x3041, 86, 2 },	   { 0x30a0, 96, 2 },	 { 0x3131, 51, 2 },
	{ 0x3400, 6582, 2 }, { 0x4e00, 20902, 2 }, { 0xac00, 11172, 2 }, { 0xff01, 94, 2 },
	{ 0xfffd, 1, 1 },    { 0x1f300, 251, 1 },  { 0x1f400, 592, 1 },	 { 0x1f680, 70, 1 },
};

/* A control character, or a byte that is no text, in printable characters; others as they are. */
static void show_byte(char byte)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)byte;
	char shown[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
	unsigned int len = 4;

	if (c < ' ' || c == DEL) {
		shown[0] = '^';
		shown[1] = (char)(c ^ 0x40);
		len = 2;
	} else if (c < 0x80) {
		shown[0] = byte;
		len = 1;
	}
	row_glyph(shown, len, len, len);
}

void term_filter_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		show_byte(text[i]);
}

static void forget(struct term_filter *f)
{
	f->state = GROUND;
	f->len = 0;
}

void term_filter_begin(struct term_filter *f, enum term_bell bell)
{
	forget(f);
	f->bell = bell;
}

void term_filter_end(struct term_filter *f)
{
	term_filter_text(f->seq, f->len);
	forget(f);
}

static void hold(struct term_filter *f, char c, uint8_t state)
{
	f->seq[f->len++] = c;
	f->state = state;
}

/* --- UTF-8 (RFC 3629, section 4) ------------------------------------------------------------------ */

/* The bytes that a character of UTF-8 has which begins with @first; 0: none begins so. */
static unsigned int utf8_length(unsigned char first)
{
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static void utf8_whole(struct term_filter *f)
{
	uint32_t c = (unsigned char)f->seq[0] & (0x7fU >> f->len);

	for (unsigned int i = 1; i < f->len; i++)
		c = c << 6 | ((unsigned char)f->seq[i] & 0x3f);
	/* The overlong forms of three and four bytes: nothing in the table may come by them. */
	if ((f->len == 3 && c < 0x800) || (f->len == 4 && c < 0x10000))
		c = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(passing); i++) {
		if (c - passing[i].first >= passing[i].count)
			continue;
		row_glyph(f->seq, f->len, passing[i].columns, 2);
		forget(f);
		return;
	}
	term_filter_end(f);
}

/* --- control sequences: ESC [ parameters final ---------------------------------------------------- */

/*
 * The number at *@s, which moves behind it; none is 0. -1: more than three digits, or something else than
 * a digit before @end or a semicolon.
 */
static int parameter(const char **s, const char *end)
{
	int n = 0;
	const char *from = *s;

	for (; *s < end && **s != ';'; ++*s) {
		if (**s < '0' || **s > '9' || *s - from == 3)
			return -1;
		n = n * 10 + (**s - '0');
	}
	return n;
}

/* The next one: behind a semicolon. */
static int next_parameter(const char **s, const char *end)
{
	if (*s == end)
		return -1;
	++*s;
	return parameter(s, end);
}

/*
 * Select graphic rendition (8.3.117). Not conceal (8), and no fonts (11 to 20), which switch the character
 * set on Linux's console. Colours of a palette (38;5;N) and by value (38;2;R;G;B) have semicolons only: a
 * terminal that does not know the form with colons would print a part of it.
 */
static bool attributes_pass(const char *s, const char *end, bool *reset)
{
	int n = parameter(&s, end);

	*reset = true;
	for (;; n = next_parameter(&s, end)) {
		if (n < 0 || n == 8 || (n > 10 && n < 21) || (n > 49 && n < 90) || n > 107)
			return false;
		if (n)
			*reset = false;
		if (n == 38 || n == 48) {
			int skip = next_parameter(&s, end);

			if (skip != 5 && skip != 2)
				return false;
			for (skip = skip == 5 ? 1 : 3; skip; skip--)
				if (next_parameter(&s, end) < 0)
					return false;
		}
		if (s == end)
			return true;
	}
}

/*
 * What is neither shown nor obeyed, since shells say it at each prompt and it tells the operator nothing:
 * where is the cursor (busybox), bracketed paste on and off (readline).
 */
static bool is_idle_talk(const char *s, size_t len)
{
	return (len == 2 && !memcmp(s, "6n", 2)) ||
	       (len == 6 && (!memcmp(s, "?2004h", 6) || !memcmp(s, "?2004l", 6)));
}

/* True: done with. False: it does not pass. */
static bool sequence_passes(const char *s, size_t len)
{
	const char *params = s, *end = s + len - 1;
	int n;
	bool reset;

	if (is_idle_talk(s, len))
		return true;
	if (*end == 'm') {
		if (!attributes_pass(params, end, &reset))
			return false;
		row_colours(params, (unsigned int)(end - params), reset);
		return true;
	}
	n = parameter(&s, end);
	if (n < 0 || s != end)
		return false;
	switch (*end) {
	case 'J': /* to the screen's end, which for a guest is its line's end (busybox) */
	case 'K':
		if (n)
			return false;
		row_edit(0, 'K');
		return true;
	case 'C':
		row_forward(n ? (unsigned int)n : 1);
		return true;
	case 'D':
		row_back(n ? (unsigned int)n : 1);
		return true;
	case 'P': /* delete characters */
	case '@': /* insert blanks */
		row_edit(n ? (unsigned int)n : 1, *end);
		return true;
	default:
		return false;
	}
}

/* --- bytes ---------------------------------------------------------------------------------------- */

static void control(struct term_filter *f, char c)
{
	switch (c) {
	case '\r':
		row_return();
		break;
	case '\t':
		row_tab();
		break;
	case '\b':
		row_back(1);
		break;
	case '\a':
		if (f->bell == TERM_BELL_RING)
			row_bell();
		else if (f->bell == TERM_BELL_SHOW)
			show_byte(c);
		break;
	case '\0':   /* padding */
	case '\017': /* SI: the character set that is in use anyway; a part of vt100's sgr0 */
		break;
	default:
		show_byte(c);
	}
}

static void ground(struct term_filter *f, char byte)
{
	unsigned char c = (unsigned char)byte;

	if (c == ESC)
		hold(f, byte, GOT_ESC);
	else if (utf8_length(c))
		hold(f, byte, GOT_UTF8);
	else if (c < ' ')
		control(f, byte);
	else
		show_byte(byte);
}

/* Is @byte the next one of what is held? Then it is taken. */
static bool goes_on(struct term_filter *f, char byte)
{
	unsigned char c = (unsigned char)byte;

	switch (f->state) {
	case GOT_UTF8:
		if ((c & 0xc0) != 0x80)
			return false;
		hold(f, byte, GOT_UTF8);
		if (f->len == utf8_length((unsigned char)f->seq[0]))
			utf8_whole(f);
		return true;
	case GOT_ESC:
		if (c != '[' && c != '(')
			return false;
		hold(f, byte, c == '[' ? GOT_CSI : GOT_CHARSET);
		return true;
	case GOT_CHARSET: /* ESC ( B is ASCII, which is in use anyway; a part of vt220's sgr0 */
		if (c != 'B')
			return false;
		forget(f);
		return true;
	default:
		if (c < ' ' || c >= DEL || f->len == TERM_SEQ_MAX)
			return false;
		hold(f, byte, GOT_CSI);
		if (c < '@')
			return true;
		if (sequence_passes(f->seq + 2, f->len - 2U))
			forget(f);
		else
			term_filter_end(f);
		return true;
	}
}

void term_filter_byte(struct term_filter *f, char c)
{
	if (f->state != GROUND) {
		if (goes_on(f, c))
			return;
		term_filter_end(f);
	}
	ground(f, c);
}
