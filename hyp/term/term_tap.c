// SPDX-License-Identifier: BSD-2-Clause
/* One stream's output is given to a program, too (hyp/control). It is what the guest has printed, before the terminal's filter. */
#include "term/term_internal.h"

struct term_stream *term_tapped;
static void (*taker)(const char *buf, size_t len);

void term_tap(struct term_stream *s, void (*take)(const char *buf, size_t len))
{
	spin_lock(&term_lock);
	term_tapped = s;
	taker = take;
	spin_unlock(&term_lock);
}

void term_tap_give(const char *buf, size_t len)
{
	taker(buf, len);
}

void term_tap_forget(const struct term_stream *s)
{
	if (term_tapped == s)
		term_tapped = NULL;
}
