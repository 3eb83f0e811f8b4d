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

#include "lib/list.h"
#include "lib/spinlock.h"
#include "term/term.h"

#define TERM_NAME_MAX	31
#define TERM_LINE_MAX	256
#define TERM_OUTPUT_MAX 1024 /* a power of two */
#define TERM_INPUT_MAX	4096 /* a power of two */
#define TERM_SEQ_MAX	32   /* of a control sequence that passes, or of an answer */

/* What of a line is kept to be put in one piece, in bytes of wire, so far as that is known before. */
#define TERM_LINE_COST 512

enum term_line {
	TERM_LINE_OPEN,	 /* more may come */
	TERM_LINE_WHOLE, /* its newline has come, and it goes out */
	TERM_LINE_PART,	 /* the buffer is full: it goes out, and the rest in another row */
};

struct term_stream {
	char name[TERM_NAME_MAX + 1];
	unsigned int colour; /* index of the palette */
	const struct term_owner *owner;
	void *arg;
	struct term_stream *next; /* of all */

	/* Printed, and its turn has not come yet; free-running counters, written under the lock and read without. */
	char out[TERM_OUTPUT_MAX];
	uint32_t out_head;
	uint32_t out_tail;
	struct list active; /* empty: nothing to print */
	int32_t credit;	    /* bytes of wire that it may print in this turn; less than 0: owes */
	uint32_t contest;   /* for which that holds */
	bool wants_room;    /* its owner is told when there is */
	bool wants_out;	    /* its owner is told when nothing is queued any more */
	bool room_due;	    /* it is to be told now */
	bool ended;	    /* the last byte was a newline */
	bool losing;	    /* output is lost, and it has not been said yet how much */
	uint64_t lost;

	/* Its unfinished line, raw: held back (not in focus) or on the screen already (in focus). */
	char line[TERM_LINE_MAX];
	unsigned int line_len;
	unsigned int line_shown; /* so much of it is in the row that the cursor is in */
	unsigned int line_cost;
	enum term_line state;
	uint64_t written_at; /* atomic; host time of the last output, 0: none */

	/* Typed and not read yet; free-running counters. */
	char input[TERM_INPUT_MAX];
	uint32_t input_head;
	uint32_t input_tail;
	bool has_break;
	uint32_t break_at;   /* the position of its zero byte, if it has */
	uint32_t input_lost; /* for want of room; 0: none, or it has been said */
	const char *told;    /* why it is not read, as it has been said */
};

extern struct spinlock term_lock;

/* The stream that gets what is typed, or NULL. */
extern struct term_stream *term_focus_stream;

/* The other end is a terminal: prefixes have colours. */
extern bool term_colour;

/* The stream that is in the middle of what no other guest may interrupt, or NULL. */
extern struct term_stream *term_going;

/* --- term_tap.c ----------------------------------------------------------------------------------- */

/* The stream that is tapped, or NULL. */
extern struct term_stream *term_tapped;

/* term_tap_take - @s has printed @len bytes. term_tap_forget - @s is closed. With the term lock. */
void term_tap_give(const char *buf, size_t len);
void term_tap_forget(const struct term_stream *s);

static inline void term_tap_take(const struct term_stream *s, const char *buf, size_t len)
{
	if (term_tapped == s)
		term_tap_give(buf, len);
}

/* --- term.c --------------------------------------------------------------------------------------- */

/* term_forget_line - @s has no open line, on the screen or off it. */
void term_forget_line(struct term_stream *s);

/*
 * term_step - bring a little of what @s has printed to the screen. False: there is nothing more of it. step_slow counts
 * the bytes that took the long way, through the filter.
 */
bool term_step(struct term_stream *s);
extern uint32_t step_slow;

/*
 * term_leave_shown - before a line of another's: the cursor has to be at a line's start. term_settle - after it: the
 * interrupted line again, and everything on its way.
 */
void term_leave_shown(void);
void term_settle(void);

/* --- term_own.c ----------------------------------------------------------------------------------- */

void own_reset(void);

/* The cursor is behind term_prompt()'s text. */
extern bool term_prompted;

/* term_say - a line of hartvisor's: the name of @s, and @what. The lock is held. */
void term_say(const struct term_stream *s, const char *what);

/* own_line - a line of hartvisor's; counted instead when the ring is full. */
void own_line(const char *text, size_t len);

/* --- term_raw.c ----------------------------------------------------------------------------------- */

/* The stream that the operator is attached to raw, or NULL. */
extern struct term_stream *term_raw;

/* raw_keep - true: a line of the log is kept until raw ends. raw_step - as term_step(), of term_raw. raw_end - leave it. */
bool raw_keep(const char *line, size_t len);
bool raw_step(struct term_stream *s);
void raw_end(void);

/* --- term_output.c -------------------------------------------------------------------------------- */

void output_reset(void);
void output_add_stream(struct term_stream *s);

/* output_remove_stream - @s has nothing to print any more, and is none of the streams. The lock is held. */
void output_remove_stream(struct term_stream *s);

/* output_activate - @s may have something to print. output_idle - no stream has. */
void output_activate(struct term_stream *s);
bool output_idle(void);

/* output_pump - steps of those whose turn it is, until about @budget bytes of wire, or the wire has no room. */
void output_pump(unsigned int budget);

/*
 * output_put - queue bytes of @s; returns how many. output_queued - how many there are. output_at, output_run - the next
 * ones, and how many of them lie together. output_take - @n are done with.
 */
size_t output_put(struct term_stream *s, const char *buf, size_t len);
uint32_t output_queued(const struct term_stream *s);
const char *output_at(const struct term_stream *s);
size_t output_run(const struct term_stream *s);
void output_take(struct term_stream *s, size_t n);

/* output_end_line - queue a newline, for which there is always room once. */
void output_end_line(struct term_stream *s);

/* output_lose - count @bytes of @s as lost; told when the line takes something again. */
void output_lose(struct term_stream *s, uint64_t bytes);

/* output_hold_others - nothing but term_raw prints: no stream waits for room. output_resume - all do again. */
void output_hold_others(void);
void output_resume(void);

/* output_queue_work - let owners be told what is due to them. Not under the log's lock. */
extern bool output_work_due;
void output_queue_work(void);

/* --- term_wire.c ---------------------------------------------------------------------------------- */

/*
 * wire_init - use the host's UART if one is bound, else the firmware's console; output goes out at once.
 * wire_guests_run - from now on nothing waits for it.
 */
void wire_init(void);
void wire_guests_run(void);

/* wire_put, wire_write - one byte or several to the ring; the caller has looked for room before. */
void wire_put(char c);
void wire_write(const char *buf, size_t len);

/* wire_position - counts the bytes that were put. */
uint32_t wire_position(void);

/* wire_guest_room - may a guest make a step? wire_guest_wrote - one has put something. */
bool wire_guest_room(void);
void wire_guest_wrote(void);

/* wire_own_begin - is there room for a line of hartvisor's own? wire_own_wrote - it has been put. */
bool wire_own_begin(void);
void wire_own_wrote(void);

/* wire_kick - send a bounded number of bytes, and see to it that what is left goes out; from the interrupt, too. */
void wire_kick(void);

/* wire_gives_up - nothing has been taken for long: output is lost rather than waited for. */
bool wire_gives_up(void);

/*
 * wire_own_room - term_own_room(), with the lock held. wire_tell_own_waiter - queue the work that waits for it, if there is room;
 * by the interrupt, not by the log, under whose lock no work may be queued.
 */
bool wire_own_room(struct work *w);
void wire_tell_own_waiter(void);

/* wire_flush - wait until all is out (bounded, for a UART that takes nothing any more). */
void wire_flush(void);

/* wire_getc - the next byte from the operator, WIRE_BREAK, or -1. */
#define WIRE_BREAK 0x100
int wire_getc(void);

/* wire_hold_input - leave alone what comes from the operator, and look again soon; off: at once. */
void wire_hold_input(bool on);

/* wire_ticked - the timer was due. wire_poll_input - look for input again, @soon or later, where no interrupt tells. */
void wire_ticked(void);
void wire_poll_input(bool soon);

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

/* row_begin - the cursor is at a row's start: write the prefix "[@name] ", or none (NULL). @name and @colour stay valid. */
void row_begin(const char *name, const char *colour);

/* row_go_on - the same in the middle of a line that another has interrupted: "[@name]+". */
void row_go_on(const char *name, const char *colour);

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

/* row_forget - whatever was printed meanwhile: the cursor is at a row's start, without colours. */
void row_forget(void);

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

/* term_answer_reset - nothing is under way; ask the terminal whether it is one, now, later or never. */
void term_answer_reset(enum term_ask when);

/* term_answer_ask_columns - ask how wide it is; only once it is known to answer. */
void term_answer_ask_columns(void);

/*
 * term_answer_byte - @c came. Returns how many bytes of @out were typed, so far as is known by now.
 * term_answer_pause - and nothing more has come for now: a lone ESC was a key.
 */
unsigned int term_answer_byte(char c, char out[TERM_ANSWER_MAX]);
unsigned int term_answer_pause(char out[TERM_ANSWER_MAX]);

/* --- term_input.c --------------------------------------------------------------------------------- */

/* term_input_interrupt - take what was typed and send what is to be sent. term_tick - the same, by the timer. No locks. */
void term_input_interrupt(void);
void term_tick(void);

#endif
