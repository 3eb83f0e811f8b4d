/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Composing the screen out of lines. At most one unfinished line stays on the screen, the focused
 * stream's; whatever else has to come out ends it first, and it is repeated afterwards. Everything that guests
 * print goes in steps (term_step()), in the order that term_output.c gives.
 */
#include "term/term.h"

#include <stdio.h>
#include <string.h>

#include "arch/timer.h"
#include "term/term_internal.h"

#define PRINTF_MAX 256

/* How long term_drain() tries for the lock: its holder may be the hart that panics. And for guests' output. */
#define DRAIN_TRIES 10000000
#define DRAIN_NS    UINT64_C(5000000000)

/* One step: plain text, and other bytes, each of which may come to dozens on the wire. */
#define STEP_PLAIN 64
#define STEP_BYTES 4

/* How much a guest brings out in its own time when it prints, in bytes of wire, and a line of hartvisor's. */
#define WRITE_BUDGET 192
#define OWN_BUDGET   64

struct spinlock term_lock = SPINLOCK_INIT(LOCK_TERM);
struct term_stream *term_focus_stream;
bool term_colour;

struct term_stream *term_going;
uint32_t step_slow;

static struct term_stream *shown; /* whose line the cursor is in; NULL: at a line's start */
static struct term_filter filter; /* of the guest's line that goes out */
static unsigned int held;	  /* term_hold() */
static unsigned int nr_streams;
static unsigned int next_colour;
static bool all_prefixed; /* term_prefix() */

static const char *const palette[] = {
	"\033[0;32m", "\033[0;36m", "\033[0;33m", "\033[0;35m", "\033[0;34m",
};

/* --- pieces of lines ------------------------------------------------------------------------------ */

/* Before a line of another's: the cursor has to be at a line's start. */
cold void term_leave_shown(void)
{
	if (!shown && !term_prompted)
		return;
	row_end();
	term_prompted = false;
	/* An open line is shown again later, from its start. One that is whole goes on in another row. */
	if (shown && shown->state == TERM_LINE_OPEN) {
		shown->line_shown = 0;
		if (term_going == shown)
			term_going = NULL;
		if (shown->line_len)
			output_activate(shown);
	}
	shown = NULL;
}

/* One VM alone needs no name before its lines. hartvisor's own have theirs. */
static const char *prefix_of(const struct term_stream *s)
{
	return all_prefixed || nr_streams > 1 ? s->name : NULL;
}

/*
 * Begin to put what there is of the line of @s. A guest's bell rings once: not when its line is
 * repeated, and not at all while another guest has the focus.
 */
static void begin_line(struct term_stream *s)
{
	term_leave_shown();
	if (s->line_shown) {
		row_go_on(prefix_of(s), palette[s->colour]);
	} else {
		row_begin(prefix_of(s), palette[s->colour]);
		term_filter_begin(&filter,
				  s == term_focus_stream ? TERM_BELL_DROP : TERM_BELL_SHOW);
	}
	shown = s;
}

/* How much of @buf is text that needs no look at the row. */
static size_t plain_length(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && buf[n] >= ' ' && buf[n] <= '~')
		n++;
	return n;
}

/* How many such characters the row takes of @len, in one step. */
static size_t row_takes(size_t len)
{
	return filter.len ? 0 : min_u64(min_u64(len, row_room()), STEP_PLAIN);
}

/* As much of the line of @s as a step brings. True: all of it is on the screen. */
static bool put_line(struct term_stream *s)
{
	size_t n;

	if (shown != s)
		begin_line(s);
	n = plain_length(&s->line[s->line_shown], row_takes(s->line_len - s->line_shown));
	if (n) {
		row_plain(&s->line[s->line_shown], (unsigned int)n);
		s->line_shown += (unsigned int)n;
	}
	for (unsigned int i = 0; i < STEP_BYTES && s->line_shown < s->line_len; i++) {
		term_filter_byte(&filter, s->line[s->line_shown++]);
		step_slow++;
	}
	return s->line_shown == s->line_len;
}

/* The line of @s begins anew, with what the filter holds: a character is not torn apart. The caller says what is shown. */
static void restart_line(struct term_stream *s)
{
	memcpy(s->line, filter.seq, filter.len);
	s->line_len = filter.len;
	s->line_cost = 4U * filter.len;
}

void term_forget_line(struct term_stream *s)
{
	if (shown == s)
		shown = NULL;
	if (term_going == s)
		term_going = NULL;
	s->state = TERM_LINE_OPEN;
	s->line_len = s->line_shown = s->line_cost = 0;
}

static void end_line(struct term_stream *s)
{
	row_end();
	term_forget_line(s);
}

/* After a line of another's: the interrupted line again, and everything on its way. */
void term_settle(void)
{
	struct term_stream *s = term_focus_stream;

	if (s && shown != s && s->line_len)
		output_activate(s);
	output_pump(OWN_BUDGET);
	wire_kick();
}

/* --- streams -------------------------------------------------------------------------------------- */

cold struct term_stream *term_stream_new(struct arena *a, const char *name,
					 const struct term_owner *owner, void *arg)
{
	struct term_stream *s = arena_new(a, struct term_stream);

	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->owner = owner;
	s->arg = arg;
	s->ended = true;
	spin_lock(&term_lock);
	s->colour = next_colour++ % ARRAY_SIZE(palette);
	nr_streams++;
	output_add_stream(s);
	spin_unlock(&term_lock);
	return s;
}

const char *term_stream_name(const struct term_stream *s)
{
	return s->name;
}

/* What @c comes to on the wire at most, but for the prefixes of rows that the terminal's width ends. */
static unsigned int cost_of(const struct term_stream *s, char c)
{
	if (c >= ' ' && c <= '~')
		return 1;
	return c == '\r' ? (unsigned int)strlen(s->name) + 16 : 8;
}

/* How many plain characters still belong to the line of @s: one that is longer, or costs more, is cut. */
static unsigned int line_room(const struct term_stream *s)
{
	unsigned int room = TERM_LINE_MAX - s->line_len;

	return s->line_cost >= TERM_LINE_COST ?
		       0 :
		       (unsigned int)min_u64(room, TERM_LINE_COST - s->line_cost);
}

static void line_add(struct term_stream *s, char c)
{
	s->line[s->line_len++] = c;
	s->line_cost += cost_of(s, c);
}

/* In focus: what comes appears at once; the line is kept as well, to be repeated. */
static void byte_focused(struct term_stream *s, char c)
{
	if (c == '\r' && shown != s && !s->line_len)
		return;
	if (shown != s) {
		begin_line(s);
		filter.bell = TERM_BELL_RING;
	}
	if (c == '\n') {
		term_filter_end(&filter);
		end_line(s);
		return;
	}
	if (!line_room(s))
		restart_line(s); /* of a longer line only the rest is repeated */
	line_add(s, c);
	s->line_shown = s->line_len;
	term_filter_byte(&filter, c);
}

/* Not in focus: the line is put when it is whole, or long enough to be put in parts. */
static bool byte_unfocused(struct term_stream *s, char c)
{
	if (c == '\r' && !s->line_len)
		return true;
	if (c == '\n') {
		s->state = TERM_LINE_WHOLE;
		return true;
	}
	if (!line_room(s)) {
		s->state = TERM_LINE_PART;
		return false; /* @c is of the next part */
	}
	line_add(s, c);
	return true;
}

/* The short way of plain text that goes on the line of @s: returns how many bytes of @buf went by it. */
static size_t write_plain(struct term_stream *s, const char *buf, size_t len)
{
	bool focused = s == term_focus_stream;
	char *line = s->line + s->line_len;
	size_t n;

	len = min_u64(len, line_room(s));
	if (focused) {
		if (shown != s && !s->line_len && len && plain_length(buf, 1)) {
			begin_line(s);
			filter.bell = TERM_BELL_RING;
		}
		len = shown == s ? row_takes(len) : 0;
	}
	for (n = 0; n < len && buf[n] >= ' ' && buf[n] <= '~'; n++)
		line[n] = buf[n];
	s->line_len += (unsigned int)n;
	s->line_cost += (unsigned int)n;
	if (n && focused) {
		s->line_shown = s->line_len;
		row_plain(buf, (unsigned int)n);
	}
	return n;
}

/* A line that is complete, in one piece: nothing else of a guest's goes between. */
static void step_line(struct term_stream *s)
{
	term_going = s;
	if (!put_line(s))
		return;
	term_going = NULL;
	if (s->state == TERM_LINE_WHOLE) {
		term_filter_end(&filter);
		end_line(s);
		return;
	}
	restart_line(s);
	s->line_shown = 0;
	s->state = TERM_LINE_OPEN;
	row_end();
	shown = NULL;
}

/* The open line again, of the stream in focus. */
static void step_repeat(struct term_stream *s)
{
	term_going = s;
	if (!put_line(s))
		return;
	term_going = NULL;
	filter.bell = TERM_BELL_RING;
}

static void step_bytes(struct term_stream *s)
{
	size_t n = output_run(s);

	n = write_plain(s, output_at(s), min_u64(n, STEP_PLAIN));
	output_take(s, n);
	for (unsigned int i = 0; i < STEP_BYTES && output_queued(s); i++) {
		bool taken = true;
		char c = *output_at(s);

		if (s == term_focus_stream)
			byte_focused(s, c);
		else
			taken = byte_unfocused(s, c);
		output_take(s, taken);
		step_slow++;
		if (s->state != TERM_LINE_OPEN)
			break;
	}
}

static bool wants_repeat(const struct term_stream *s)
{
	return s == term_focus_stream && s->line_shown < s->line_len &&
	       ((!held && !term_prompted) || output_queued(s) || term_going == s);
}

bool term_step(struct term_stream *s)
{
	if (s->state != TERM_LINE_OPEN)
		step_line(s);
	else if (wants_repeat(s))
		step_repeat(s);
	else if (output_queued(s))
		step_bytes(s);
	return s->state != TERM_LINE_OPEN || wants_repeat(s) || output_queued(s);
}

/* --- what a guest writes -------------------------------------------------------------------------- */

/*
 * No stream waits for a turn and nothing of @s is queued, so its text needs no queue: plain text goes on its line, and on the
 * wire as far as there is room.
 */
static size_t write_directly(struct term_stream *s, const char *buf, size_t len)
{
	size_t n;

	if (term_raw || !output_idle() || s->state != TERM_LINE_OPEN || output_queued(s) ||
	    !wire_guest_room())
		return 0;
	n = write_plain(s, buf, len);
	if (n && s == term_focus_stream)
		wire_guest_wrote();
	return n;
}

size_t term_stream_write(struct term_stream *s, const char *buf, size_t len)
{
	size_t n;

	atomic_set(&s->written_at, timer_now());
	spin_lock(&term_lock);
	n = write_directly(s, buf, len);
	if (n < len || !output_idle()) {
		n += output_put(s, buf + n, len - n);
		output_pump(WRITE_BUDGET);
		n += output_put(s, buf + n, len - n);
	}
	if (n)
		s->ended = buf[n - 1] == '\n';
	else
		s->wants_room = true;
	term_tap_take(s, buf, n);
	wire_kick();
	output_queue_work();
	spin_unlock(&term_lock);
	return n;
}

uint64_t term_stream_written_at(const struct term_stream *s)
{
	return atomic_read(&s->written_at);
}

void term_stream_flush(struct term_stream *s)
{
	spin_lock(&term_lock);
	if (!s->ended)
		output_end_line(s);
	s->ended = true;
	term_settle();
	spin_unlock(&term_lock);
}

/* --- the operator's --------------------------------------------------------------------------------- */

void term_hold(bool on)
{
	spin_lock(&term_lock);
	if (on)
		held++;
	else if (held)
		held--;
	term_settle();
	spin_unlock(&term_lock);
}

cold void term_focus(struct term_stream *s)
{
	char text[PRINTF_MAX];

	if (s)
		snprintf(text, sizeof(text), "console: %s (^] h for help)", s->name);
	else
		snprintf(text, sizeof(text), "console: none");
	spin_lock(&term_lock);
	raw_end();
	term_focus_stream = s;
	own_line(text, strlen(text));
	term_settle();
	spin_unlock(&term_lock);
}

cold void term_stream_close(struct term_stream *s)
{
	spin_lock(&term_lock);
	if (term_raw == s)
		raw_end();
	if (term_focus_stream == s)
		term_focus_stream = NULL;
	if (shown == s)
		term_leave_shown();
	term_forget_line(s);
	term_tap_forget(s);
	output_take(s, output_queued(s));
	output_remove_stream(s);
	nr_streams--;
	term_settle();
	spin_unlock(&term_lock);
}

struct term_stream *term_focused(void)
{
	return atomic_read(&term_focus_stream);
}

cold void term_init(enum term_ask ask)
{
	wire_init();
	spin_lock(&term_lock);
	output_reset();
	shown = term_going = term_focus_stream = term_raw = NULL;
	own_reset();
	term_colour = false;
	nr_streams = next_colour = 0;
	all_prefixed = false;
	row_reset();
	term_answer_reset(ask);
	wire_kick();
	spin_unlock(&term_lock);
}

void term_prefix(bool always)
{
	all_prefixed = always;
}

void term_guests_run(void)
{
	spin_lock(&term_lock);
	wire_guests_run();
	spin_unlock(&term_lock);
}

void term_drain(void)
{
	uint64_t began = timer_now();
	bool locked = false;

	for (unsigned int i = 0; i < DRAIN_TRIES && !locked; i++)
		locked = spin_trylock(&term_lock);
	if (locked) {
		while (!output_idle() && timer_now() - began < timer_ns_to_ticks(DRAIN_NS)) {
			output_pump(WRITE_BUDGET);
			wire_flush();
		}
		row_drain();
	}
	wire_flush();
	if (locked)
		spin_unlock(&term_lock);
}
