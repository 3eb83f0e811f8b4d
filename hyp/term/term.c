/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Composing the screen out of lines. At most one unfinished line is on the screen, the focused
 * stream's; whatever else has to come out ends it first, and it is repeated afterwards.
 */
#include "term/term.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "term/term_internal.h"

#define PRINTF_MAX 256
#define OWN_COLOUR "\033[0;1m"

/* How long term_drain() tries for the lock: its holder may be the hart that panics. */
#define DRAIN_TRIES 10000000

struct spinlock term_lock = SPINLOCK_INIT;
struct term_stream *term_focus_stream;
bool term_colour;

static struct term_stream
	*shown; /* whose unfinished line the cursor is in; NULL: at a line's start */
static struct term_filter filter; /* of the guest's line that goes out */
static unsigned int held;	  /* term_hold() */
static bool prompted;		  /* the cursor is behind term_prompt()'s text */
static unsigned int next_colour;

static const char *const palette[] = {
	"\033[0;32m", "\033[0;36m", "\033[0;33m", "\033[0;35m", "\033[0;34m",
};

/* --- pieces of lines ------------------------------------------------------------------------------ */

static void put_newline(void)
{
	row_end();
	shown = NULL;
	prompted = false;
}

/*
 * What is there of the line of @s, from a row's start. A guest's bell rings once: not when its line is
 * repeated, and not at all while another guest has the focus.
 */
static void put_guest_line(const struct term_stream *s)
{
	if (prompted)
		put_newline();
	row_begin(s->name, palette[s->colour]);
	term_filter_begin(&filter, s == term_focus_stream ? TERM_BELL_DROP : TERM_BELL_SHOW);
	for (unsigned int i = 0; i < s->line_len; i++)
		term_filter_byte(&filter, s->line[i]);
	filter.bell = TERM_BELL_RING;
}

/* The line of @s begins anew, with what is held: a character is not torn apart. */
static void restart_line(struct term_stream *s)
{
	memcpy(s->line, filter.seq, filter.len);
	s->line_len = filter.len;
}

/* Before a line of somebody else's: the cursor has to be at a line's start. */
static void leave_shown(void)
{
	if (shown || prompted)
		put_newline();
}

/* After it: the interrupted line again, and everything on its way. */
static void settle(void)
{
	struct term_stream *s = term_focus_stream;

	if (!held && !prompted && s && shown != s && s->line_len) {
		put_guest_line(s);
		shown = s;
	}
	wire_kick();
}

/* --- streams -------------------------------------------------------------------------------------- */

struct term_stream *term_stream_new(struct arena *a, const char *name,
				    void (*input_ready)(void *arg), void *arg)
{
	struct term_stream *s = arena_new(a, struct term_stream);

	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->input_ready = input_ready;
	s->arg = arg;
	spin_lock(&term_lock);
	s->colour = next_colour++ % ARRAY_SIZE(palette);
	spin_unlock(&term_lock);
	return s;
}

static void stream_put_whole_line(struct term_stream *s)
{
	leave_shown();
	put_guest_line(s);
	term_filter_end(&filter);
	put_newline();
	s->line_len = 0;
}

/* Of a line longer than the buffer. */
static void stream_put_part(struct term_stream *s)
{
	leave_shown();
	put_guest_line(s);
	put_newline();
	restart_line(s);
}

/* In focus: what comes appears at once; the line is kept as well, to be repeated. */
static void stream_byte_focused(struct term_stream *s, char c)
{
	if (c == '\r' && shown != s && !s->line_len)
		return;
	if (shown != s) {
		put_guest_line(s);
		shown = s;
	}
	if (c == '\n') {
		term_filter_end(&filter);
		put_newline();
		s->line_len = 0;
		return;
	}
	if (s->line_len == TERM_LINE_MAX)
		restart_line(s); /* of a longer line only the rest is repeated */
	s->line[s->line_len++] = c;
	term_filter_byte(&filter, c);
}

static void stream_byte_unfocused(struct term_stream *s, char c)
{
	if (c == '\n') {
		stream_put_whole_line(s);
		return;
	}
	if (c == '\r' && !s->line_len)
		return;
	if (s->line_len == TERM_LINE_MAX)
		stream_put_part(s);
	s->line[s->line_len++] = c;
}

/* The short way of plain text that goes on the line of @s: returns how many bytes of @buf went by it. */
static size_t stream_plain(struct term_stream *s, const char *buf, size_t len)
{
	bool focused = s == term_focus_stream;
	char *line = s->line + s->line_len;
	size_t n;

	len = min_u64(len, TERM_LINE_MAX - s->line_len);
	if (focused)
		len = shown == s && !filter.len ? min_u64(len, row_room()) : 0;
	for (n = 0; n < len && buf[n] >= ' ' && buf[n] <= '~'; n++)
		line[n] = buf[n];
	s->line_len += (unsigned int)n;
	if (n && focused)
		row_plain(buf, (unsigned int)n);
	return n;
}

/* The long way. Out of line, so that the short one has few registers to save. */
static noinline void stream_byte(struct term_stream *s, char c)
{
	if (s == term_focus_stream)
		stream_byte_focused(s, c);
	else
		stream_byte_unfocused(s, c);
}

void term_stream_write(struct term_stream *s, const char *buf, size_t len)
{
	const char *end = buf + len;

	spin_lock(&term_lock);
	while (buf < end) {
		size_t n = stream_plain(s, buf, (size_t)(end - buf));

		buf += n;
		if (n == 0)
			stream_byte(s, *buf++);
	}
	settle();
	spin_unlock(&term_lock);
}

void term_stream_flush(struct term_stream *s)
{
	spin_lock(&term_lock);
	if (shown == s) {
		term_filter_end(&filter);
		put_newline();
	} else if (s->line_len)
		stream_put_whole_line(s);
	s->line_len = 0;
	settle();
	spin_unlock(&term_lock);
}

/* --- hartvisor's own ------------------------------------------------------------------------------ */

static void put_own_line(const char *text, size_t len)
{
	leave_shown();
	row_begin("hartvisor", OWN_COLOUR);
	term_filter_text(text, len);
	put_newline();
}

void term_log(const char *line, size_t len)
{
	while (len && line[len - 1] == '\n')
		len--;
	spin_lock(&term_lock);
	put_own_line(line, len);
	settle();
	spin_unlock(&term_lock);
}

void term_printf(const char *fmt, ...)
{
	char text[PRINTF_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	term_log(text, strlen(text));
}

void term_prompt(const char *text)
{
	spin_lock(&term_lock);
	if (prompted)
		row_return();
	else
		leave_shown();
	if (!prompted)
		row_begin("hartvisor", OWN_COLOUR);
	term_filter_text(text, strlen(text));
	if (term_colour)
		row_edit(0, 'K');
	prompted = true;
	wire_kick();
	spin_unlock(&term_lock);
}

bool term_own_room(struct work *w)
{
	bool room;

	spin_lock(&term_lock);
	room = wire_own_room(w);
	spin_unlock(&term_lock);
	return room;
}

void term_hold(bool on)
{
	spin_lock(&term_lock);
	if (on)
		held++;
	else if (held)
		held--;
	settle();
	spin_unlock(&term_lock);
}

void term_focus(struct term_stream *s)
{
	char text[PRINTF_MAX];

	if (s)
		snprintf(text, sizeof(text), "console: %s (^] h for help)", s->name);
	else
		snprintf(text, sizeof(text), "console: none");
	spin_lock(&term_lock);
	term_focus_stream = s;
	put_own_line(text, strlen(text));
	settle();
	spin_unlock(&term_lock);
}

struct term_stream *term_focused(void)
{
	return atomic_read(&term_focus_stream);
}

void term_init(bool colour)
{
	wire_init();
	spin_lock(&term_lock);
	shown = NULL;
	prompted = false;
	term_colour = false;
	row_reset();
	term_answer_reset(colour);
	wire_kick();
	spin_unlock(&term_lock);
}

void term_drain(void)
{
	bool locked = false;

	for (unsigned int i = 0; i < DRAIN_TRIES && !locked; i++)
		locked = spin_trylock(&term_lock);
	if (locked)
		row_drain();
	wire_flush();
	if (locked)
		spin_unlock(&term_lock);
}
