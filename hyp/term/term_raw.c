/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw: the operator has attached to one VM so that its programs have the whole screen. What it prints goes to the
 * terminal as it is, and what is typed, or the terminal says by itself, goes to it as it is; only ^] stays hartvisor's.
 * The operator asked for it and so trusts that VM with the terminal. Meanwhile what others print stays in their
 * queues, and is lost and counted when those are full, so that none of them waits. The log's lines are kept for
 * afterwards. The menu's answers appear at once: they were asked for.
 */
#include <stdio.h>
#include <string.h>

#include "term/term_internal.h"

#define KEPT_MAX 2048

/* So much goes out in one step. */
#define RAW_STEP 64

/*
 * The screen as it is before programs change it: soft reset; the main screen; no mouse, no bracketed paste, plain cursor
 * keys; a cursor that is seen, in the last row; long lines wrapped.
 */
#define RESTORE                                                                                  \
	"\033[!p\033[?1049l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>" \
	"\033[?25h\033[?7h\033[r\033[m\033[999;1H"

struct term_stream *term_raw;

static char kept[KEPT_MAX]; /* lines of the log, each with its newline */
static size_t kept_len;
static unsigned int kept_lost;

bool raw_keep(const char *line, size_t len)
{
	if (!term_raw)
		return false;
	if (len + 1 > KEPT_MAX - kept_len) {
		kept_lost++;
		return true;
	}
	memcpy(kept + kept_len, line, len);
	kept_len += len;
	kept[kept_len++] = '\n';
	return true;
}

bool raw_step(struct term_stream *s)
{
	size_t n = min_u64(output_run(s), RAW_STEP);

	wire_write(output_at(s), n);
	output_take(s, n);
	return output_queued(s) != 0;
}

/* What the log has said meanwhile. */
static void put_kept(void)
{
	char text[64];
	size_t at = 0;

	while (at < kept_len) {
		size_t len = (size_t)((char *)memchr(kept + at, '\n', kept_len - at) - (kept + at));

		own_line(kept + at, len);
		at += len + 1;
	}
	if (kept_lost) {
		snprintf(text, sizeof(text), "%u more lines of the log are lost", kept_lost);
		own_line(text, strlen(text));
	}
	kept_len = 0;
	kept_lost = 0;
}

void raw_end(void)
{
	if (!term_raw)
		return;
	term_raw = NULL;
	if (term_colour) {
		wire_write(RESTORE, sizeof(RESTORE) - 1);
		term_answer_ask_columns();
	}
	wire_write("\r\n", 2);
	row_forget();
	put_kept();
	output_resume();
}

bool term_attach(void)
{
	struct term_stream *s;
	char text[80];
	bool raw;

	spin_lock(&term_lock);
	s = term_focus_stream;
	raw = s && !term_raw;
	if (raw) {
		snprintf(text, sizeof(text), "attached to %s: ^] a ends it", s->name);
		own_line(text, strlen(text));
		term_forget_line(s);
		term_raw = s;
		output_hold_others();
	} else if (term_raw) {
		raw_end();
		snprintf(text, sizeof(text), "no longer attached to %s", s ? s->name : "");
		own_line(text, strlen(text));
	}
	term_settle();
	output_queue_work();
	spin_unlock(&term_lock);
	return s != NULL;
}
