// SPDX-License-Identifier: BSD-2-Clause
/* For the tests of hyp/control: each VM has one console, and its stream is the VM itself. */
#include <stddef.h>
#include <string.h>

#include "fake/control.h"
#include "term/term.h"

char typed[1024];
size_t nr_typed, type_room;
static struct term_stream *tapped;
static void (*taker)(const char *buf, size_t len);

const char *term_stream_name(const struct term_stream *s)
{
	return ((const struct vm *)(const void *)s)->name;
}

void term_tap(struct term_stream *s, void (*take)(const char *buf, size_t len))
{
	tapped = s;
	taker = take;
}

size_t term_stream_type(struct term_stream *s, const char *buf, size_t len)
{
	size_t n = len < type_room ? len : type_room;

	(void)s;
	memcpy(typed + nr_typed, buf, n);
	nr_typed += n;
	type_room -= n;
	return n;
}

void prints(unsigned int i, const char *bytes, size_t len)
{
	if (tapped && tapped == machines[i].stream)
		taker(bytes, len);
}
