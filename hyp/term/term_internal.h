/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal's inside. Output goes from term.c, which says whose line is on the screen, through
 * term_filter.c, which decides what of a guest's text the terminal gets to see, to term_row.c, which keeps
 * the row behind its prefix, and to term_wire.c, which brings bytes to the UART. Input comes back through
 * term_answer.c, which takes out what the terminal says by itself, to term_input.c, which hands out what
 * was typed. Everything here is guarded by term_lock.
 */
#ifndef TERM_TERM_INTERNAL_H
#define TERM_TERM_INTERNAL_H

#include "lib/spinlock.h"
#include "term/term.h"

#define TERM_NAME_MAX  31
#define TERM_LINE_MAX  256
#define TERM_INPUT_MAX 256 /* a power of two */
#define TERM_SEQ_MAX   32  /* of a control sequence that passes, or of an answer */

struct term_stream {
	char name[TERM_NAME_MAX + 1];
	unsigned int colour; /* index of the palette */
	void (*input_ready)(void *arg);
	void *arg;

	/* Its unfinished line, raw: held back (not in focus) or on the screen already (in focus). */
	char line[TERM_LINE_MAX];
	unsigned int line_len;

	/* Typed and not read yet; free-running counters. */
	char input[TERM_INPUT_MAX];
	uint32_t input_head;
	uint32_t input_tail;
};

extern struct spinlock term_lock;

/* The stream that gets what is typed, or NULL. */
extern struct term_stream *term_focus_stream;

/* The other end is a terminal: prefixes have colours. */
extern bool term_colour;

/* --- term_wire.c ---------------------------------------------------------------------------------- */

/* wire_init - use the host's UART if one is bound, else the firmware's console. */
void wire_init(void);

/* wire_put, wire_write - queue one byte or several; make room by polling when the ring is full. */
void wire_put(char c);
void wire_write(const char *buf, size_t len);

/* wire_kick - see to it that what is queued goes out; from the interrupt, too. */
void wire_kick(void);

/*
 * wire_own_room - term_own_room(), with the lock held. wire_tell_own_waiter - queue who waits for it, if there is room;
 * by the interrupt, not by the log, under whose lock no work may be queued.
 */
bool wire_own_room(struct work *w);
void wire_tell_own_waiter(void);

/* wire_flush - wait until all is out (bounded, for a UART that takes nothing any more). */
void wire_flush(void);

/* wire_getc - the next byte from the operator, or -1. */
int wire_getc(void);

/* --- term_filter.c: what a guest prints ----------------------------------------------------------- */

enum term_bell { TERM_BELL_RING, TERM_BELL_DROP, TERM_BELL_SHOW };

/* What has come of a character or a control sequence that is not whole yet. */
struct term_filter {
	char seq[TERM_SEQ_MAX];
	uint8_t len; /* 0: nothing */
	uint8_t state;
	uint8_t bell; /* enum term_bell: what becomes of BEL */
};

/* term_filter_begin - before the first byte of a line. */
void term_filter_begin(struct term_filter *f, enum term_bell bell);

/*
 * term_filter_byte - one byte of a guest's line, no newline. What it completes goes to the row: as it is
 * if it may pass, else in at most four printable characters for each byte.
 */
void term_filter_byte(struct term_filter *f, char c);

/* term_filter_end - the line ends: what is held is shown. */
void term_filter_end(struct term_filter *f);

/* term_filter_text - @len bytes, of which none is obeyed: ASCII, and all else shown as above. */
void term_filter_text(const char *text, size_t len);

/* --- term_row.c: the row that the cursor is in ---------------------------------------------------- */

struct term_row {
	const char *name, *colour; /* of the prefix */
	unsigned int start;	   /* the first column behind it */
	unsigned int lo, hi;	   /* the cursor's column is one of these, or between */
	unsigned int last;	   /* the last column that it may be in */
	bool broken;   /* the terminal's width is known: a longer line goes on in a new row */
	bool returned; /* '\r' came, and takes effect with what comes next */
	bool coloured; /* attributes are set, which must not reach the next prefix */
};

extern struct term_row term_row;

/* row_begin - the cursor is at a row's start: write the prefix "[@name] ". @name and @colour stay valid. */
void row_begin(const char *name, const char *colour);

/* row_end - colours end, and the cursor goes to the start of the next row. */
void row_end(void);

/* row_glyph - one character that fills @lo to @hi columns. Begins a new row if it does not fit. */
void row_glyph(const char *bytes, unsigned int len, unsigned int lo, unsigned int hi);

/* row_room - how many glyphs of one column fit in for row_plain(). */
static inline size_t row_room(void)
{
	if (term_row.returned)
		return 0;
	return term_row.broken ? term_row.last - term_row.hi : SIZE_MAX;
}

/* row_plain - printable ASCII: the short way of row_glyph(). */
static inline void row_plain(const char *text, unsigned int len)
{
	if (len == 1)
		wire_put(*text); /* as a UART's driver writes */
	else
		wire_write(text, len);
	term_row.lo = (unsigned int)min_u64(term_row.lo + len, term_row.last);
	term_row.hi = (unsigned int)min_u64(term_row.hi + len, term_row.last);
}

/* row_return - back to the prefix. row_back, row_forward - @n columns, as far as the row is the guest's. */
void row_return(void);
void row_back(unsigned int n);
void row_forward(unsigned int n);
void row_tab(void);
void row_bell(void);

/* row_edit - a control sequence with parameter @n (0: none) that changes only what is behind the cursor. */
void row_edit(unsigned int n, char final);

/* row_colours - select graphic rendition. @reset: it only ends what was selected before. */
void row_colours(const char *params, unsigned int len, bool reset);

/* row_drain - nothing comes after this: end the colours. */
void row_drain(void);

/* row_set_columns - the terminal says that it has so many. */
void row_set_columns(unsigned int columns);

/* row_reset - as at the start: width unknown, no colours. */
void row_reset(void);

/* --- term_sbi.c: the firmware's console, DBCN or the legacy calls --------------------------------- */

/* term_sbi_write - how many of the @len bytes at @buf (part of the image) it took. */
uint32_t term_sbi_write(const char *buf, uint32_t len);

/* term_sbi_getc - the next byte, or -1. */
int term_sbi_getc(void);

/* --- term_answer.c: what the terminal says by itself ---------------------------------------------- */

/* At most what is handed on for one byte. */
#define TERM_ANSWER_MAX (TERM_SEQ_MAX + 1)

/* term_answer_reset - ask the terminal whether it is one, or (!@ask) nothing. */
void term_answer_reset(bool ask);

/* term_answer_ask_columns - ask how wide it is; only once it is known to answer. */
void term_answer_ask_columns(void);

/*
 * term_answer_byte - @c came. Returns how many bytes of @out were typed, so far as is known by now.
 * term_answer_pause - and nothing more has come for now: a lone ESC was a key.
 */
unsigned int term_answer_byte(char c, char out[TERM_ANSWER_MAX]);
unsigned int term_answer_pause(char out[TERM_ANSWER_MAX]);

/* --- term_input.c --------------------------------------------------------------------------------- */

/* term_input_interrupt - take what was typed and what is to be sent. Takes term_lock itself. */
void term_input_interrupt(void);

#endif
