/* SPDX-License-Identifier: BSD-2-Clause */
/* What hartvisor says itself: lines of its log, and of the menu. They go into the wire's ring at once, before guests'. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "term/term_internal.h"

#define PRINTF_MAX 256
#define OWN_COLOUR "\033[0;1m"

bool term_prompted;

static unsigned int own_lost; /* lines that found the ring full */

void own_reset(void)
{
	own_lost = 0;
	term_prompted = false;
}

/* False: the ring is full. What is lost is counted, and said as soon as there is room again. */
static bool begin_own_line(void)
{
	char text[48];

	if (!wire_own_begin()) {
		own_lost++;
		return false;
	}
	if (term_raw)
		wire_write("\r\n",
			   2); /* a menu's answer, in the middle of what the guest has drawn */
	term_leave_shown();
	if (own_lost) {
		snprintf(text, sizeof(text), "%u lines are lost here", own_lost);
		own_lost = 0;
		row_begin("hartvisor", OWN_COLOUR);
		term_filter_text(text, strlen(text));
		row_end();
	}
	return true;
}

void own_line(const char *text, size_t len)
{
	size_t n = 0, room;

	if (!begin_own_line())
		return;
	row_begin("hartvisor", OWN_COLOUR);
	/* The short way for most, since tables are long. */
	for (room = min_u64(row_room(), len); n < room && text[n] >= ' ' && text[n] <= '~'; n++)
		;
	row_plain(text, (unsigned int)n);
	term_filter_text(text + n, len - n);
	row_end();
	wire_own_wrote();
}

void term_say(const struct term_stream *s, const char *what)
{
	char text[PRINTF_MAX];

	snprintf(text, sizeof(text), "%s %s", s->name, what);
	own_line(text, strlen(text));
	term_settle();
}

void term_log(const char *line, size_t len)
{
	while (len && line[len - 1] == '\n')
		len--;
	spin_lock(&term_lock);
	if (!raw_keep(line, len)) {
		own_line(line, len);
		term_settle();
	}
	spin_unlock(&term_lock);
}

void term_printf(const char *fmt, ...)
{
	char text[PRINTF_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	spin_lock(&term_lock);
	own_line(text, strlen(text));
	term_settle();
	spin_unlock(&term_lock);
}

void term_prompt(const char *text)
{
	spin_lock(&term_lock);
	if (term_prompted || begin_own_line()) {
		if (term_prompted)
			row_return();
		else
			row_begin("hartvisor", OWN_COLOUR);
		term_filter_text(text, strlen(text));
		if (term_colour)
			row_edit(0, 'K');
		term_prompted = true;
		wire_own_wrote();
	}
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
