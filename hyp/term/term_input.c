/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operator types: for the stream in focus, or, after ^], for the menu. When a guest reads slowly and its ring
 * is full, the UART is left alone: its FIFO fills, and the sender waits, as on a real machine. That also holds back
 * ^], so it ends after READER_NS without a read, or at once when the guest is known not to read: then what is typed is
 * dropped, and said to be, until the guest reads again.
 */
#include <stdio.h>
#include <string.h>

#include "arch/timer.h"

#include "term/term_internal.h"

/* One interrupt takes at most this much; a line that never falls silent interrupts again. */
#define INPUT_BATCH 32

/* And brings out so many bytes of wire. */
#define SERVICE_BUDGET 64

/* How long a guest that reads nothing may hold the UART back. */
#define READER_NS UINT64_C(1000000000)

#define MENU_KEYS 64 /* a power of two */

static bool escape_seen;
static uint16_t menu_keys[MENU_KEYS];
static uint32_t menu_head, menu_tail;
static struct work *menu_work;
static uint64_t full_since; /* the focused guest's ring is, and it has not read since; 0: it is not */
static enum term_menu_more (*menu_rule)(char key);
static enum term_menu_more menu_more; /* what of the next bytes is the menu's without ^] */
static char menu_asked;		      /* the key that it is for */

void term_on_escape(struct work *w, enum term_menu_more (*rule)(char key))
{
	spin_lock(&term_lock);
	menu_work = w;
	menu_rule = rule;
	menu_more = TERM_MENU_ONE;
	spin_unlock(&term_lock);
}

void term_menu_release(void)
{
	spin_lock(&term_lock);
	if (menu_tail == menu_head) /* else it may be for the next command */
		menu_more = TERM_MENU_ONE;
	spin_unlock(&term_lock);
}

int term_menu_key(void)
{
	int key = -1;

	spin_lock(&term_lock);
	if (menu_tail != menu_head)
		key = menu_keys[menu_tail++ % MENU_KEYS];
	spin_unlock(&term_lock);
	return key;
}

static void menu_push(unsigned int key)
{
	if (!menu_work || menu_head - menu_tail == MENU_KEYS)
		return;
	menu_keys[menu_head++ % MENU_KEYS] = (uint16_t)key;
	work_queue(menu_work);
}

/* Behind ^]. Before the menu prints: the window may have another size by now. */
static void menu_key_typed(char c)
{
	bool answer = menu_more == TERM_MENU_ANSWER && c == menu_asked;

	if (term_colour && !term_raw)
		term_answer_ask_columns();
	menu_more = menu_rule && !answer ? menu_rule(c) : TERM_MENU_ONE;
	menu_asked = c;
	menu_push((unsigned char)c);
}

/* Without ^], for a command that wants more than its key. */
static void menu_more_typed(char c)
{
	if (menu_more == TERM_MENU_ANSWER || c == '\r' || c == '\n' || c == TERM_MENU_CANCEL)
		menu_more = TERM_MENU_ONE;
	menu_push((unsigned char)c | TERM_MENU_PLAIN);
}

static uint32_t input_room(const struct term_stream *s)
{
	return TERM_INPUT_MAX - (s->input_head - s->input_tail);
}

/* Why what is typed to @s is not read, or NULL. */
static const char *absent(const struct term_stream *s, bool *keeps)
{
	*keeps = true;
	return s->owner->absent ? s->owner->absent(s->arg, keeps) : NULL;
}

/* Is what is typed of use to @s, now or later? If it is not read, that is said once, until it is. */
static bool has_reader(struct term_stream *s)
{
	bool keeps;
	const char *why = absent(s, &keeps);

	if (why && why != s->told)
		term_say(s, why);
	s->told = why;
	return keeps;
}

/* Returns true when @s had nothing to read before: its owner wants to know. */
static bool input_push(struct term_stream *s, char c)
{
	char text[48];

	if (!has_reader(s))
		return false;
	if (input_room(s) == 0) {
		if (s->input_lost++ == 0)
			term_say(s, "reads nothing: what is typed from here on is lost");
		return false;
	}
	if (s->input_lost) {
		snprintf(text, sizeof(text), "has lost %u typed bytes", s->input_lost);
		s->input_lost = 0;
		term_say(s, text);
	}
	s->input[s->input_head % TERM_INPUT_MAX] = c;
	atomic_set(&s->input_head, s->input_head + 1);
	return s->input_head - s->input_tail == 1;
}

/* Is the UART to be left alone, so that what is typed waits there until the guest reads? */
static bool holds_back(void)
{
	struct term_stream *s = term_focus_stream;
	uint64_t now = timer_now();
	bool keeps;

	if (!s || input_room(s) > TERM_ANSWER_MAX) {
		full_since = 0;
		return false;
	}
	if (!full_since)
		full_since = now;
	return now - full_since <= timer_ns_to_ticks(READER_NS) && !absent(s, &keeps);
}

/* Returns the stream that has to be told, or NULL. */
static struct term_stream *input_byte(char c)
{
	if (!escape_seen && c == TERM_ESCAPE) {
		escape_seen = true;
		return NULL;
	}
	if (escape_seen) {
		escape_seen = false;
		if (c != TERM_ESCAPE) {
			menu_key_typed(c);
			return NULL;
		}
	} else if (menu_more != TERM_MENU_ONE) {
		menu_more_typed(c);
		return NULL;
	}
	if (term_focus_stream && input_push(term_focus_stream, c))
		return term_focus_stream;
	return NULL;
}

/* As above. */
static struct term_stream *input_bytes(const char *buf, unsigned int n)
{
	struct term_stream *ready = NULL;

	for (unsigned int i = 0; i < n; i++) {
		struct term_stream *s = input_byte(buf[i]);

		ready = s ? s :
			    ready; /* the focus does not change under the lock: there is but one */
	}
	return ready;
}

/* For the guest in focus: as a zero byte, which only a UART can tell from others. Returns as input_byte() does. */
static struct term_stream *input_break(void)
{
	struct term_stream *s = term_focus_stream;
	uint32_t at = s ? s->input_head : 0;
	bool ready = s && input_push(s, '\0');

	if (s && s->input_head != at && !s->has_break) {
		s->has_break = true;
		s->break_at = at;
	}
	return ready ? s : NULL;
}

/* What the terminal says by itself is the guest's, too. */
static unsigned int raw_byte(char c, char *out)
{
	out[0] = c;
	return 1;
}

static void service(void)
{
	char typed[TERM_ANSWER_MAX];
	struct term_stream *ready = NULL;
	unsigned int i;
	bool held;

	for (i = 0; !(held = holds_back()) && i < INPUT_BATCH; i++) {
		int c = wire_getc();
		unsigned int n = c < 0 || c == WIRE_BREAK ? term_answer_pause(typed) :
				 term_raw		  ? raw_byte((char)c, typed) :
							    term_answer_byte((char)c, typed);
		struct term_stream *s = input_bytes(typed, n);

		ready = s ? s : ready;
		if (c == WIRE_BREAK && (s = input_break()) != NULL)
			ready = s;
		if (c < 0)
			break;
	}
	wire_hold_input(held);
	wire_poll_input(held || i == INPUT_BATCH);
	output_pump(SERVICE_BUDGET);
	wire_kick();
	wire_tell_own_waiter();
	output_queue_work();
	spin_unlock(&term_lock);

	if (ready)
		ready->owner->input_ready(ready->arg);
}

void term_input_interrupt(void)
{
	spin_lock(&term_lock);
	service();
}

void term_tick(void)
{
	spin_lock(&term_lock);
	wire_ticked();
	service();
}

size_t term_stream_type(struct term_stream *s, const char *buf, size_t len)
{
	bool ready = false, keeps;
	size_t n = 0;

	spin_lock(&term_lock);
	while (n < len && input_room(s) > 0 && (!absent(s, &keeps) || keeps))
		ready |= input_push(s, buf[n++]);
	output_queue_work();
	spin_unlock(&term_lock);
	if (ready)
		s->owner->input_ready(s->arg);
	return n;
}

size_t term_stream_read(struct term_stream *s, char *buf, size_t len)
{
	return term_stream_read_break(s, buf, len, NULL);
}

size_t term_stream_read_break(struct term_stream *s, char *buf, size_t len, bool *is_break)
{
	bool found = false;
	size_t n = 0;

	spin_lock(&term_lock);
	while (n < len && s->input_tail != s->input_head && !found) {
		if (s->has_break && s->input_tail == s->break_at) {
			s->has_break = false;
			found = is_break != NULL;
		}
		buf[n++] = s->input[s->input_tail % TERM_INPUT_MAX];
		atomic_set(&s->input_tail, s->input_tail + 1);
	}
	if (n && s == term_focus_stream) {
		full_since = 0;
		if (input_room(s) > TERM_INPUT_MAX / 2)
			wire_hold_input(false);
	}
	spin_unlock(&term_lock);
	if (is_break)
		*is_break = found;
	return n;
}

void term_stream_discard_input(struct term_stream *s)
{
	spin_lock(&term_lock);
	memset(s->input, 0, sizeof(s->input));
	s->has_break = false;
	atomic_set(&s->input_tail, s->input_head);
	s->input_lost = 0;
	spin_unlock(&term_lock);
}

bool term_stream_input_pending(const struct term_stream *s)
{
	return atomic_read(&s->input_head) != atomic_read(&s->input_tail);
}
