/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages about what a stranger wrote: a text grows in a fixed buffer, always ends, and what comes out
 * of a device tree goes into it only as printable characters.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include "lib/types.h"

struct text {
	char *buf;
	size_t size;
	size_t len; /* without the terminating 0 */
	bool full;  /* something did not fit */
};

/* text_begin - an empty text in @buf, which has @size > 0 bytes. */
void text_begin(struct text *t, char *buf, size_t size);

/* text_add - append as printf; what does not fit is cut. */
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* text_add_plain - append @s, at most @max characters of it, anything unprintable as '?'. */
void text_add_plain(struct text *t, const char *s, size_t max);

/*
 * text_add_children - append the names of the children of @node in tree @fdt as "a, b, c", then ", ..."
 * when there are more than fit in some 100 characters; "none" when there are none.
 */
void text_add_children(struct text *t, const void *fdt, int node);

/*
 * text_add_candidates - @node has no child @name: append the children that may be meant. "did you mean a@1, a@2?" when
 * some differ by a unit address only, else "there are LIST".
 */
void text_add_candidates(struct text *t, const void *fdt, int node, const char *name);

/*
 * text_add_property - append the value of a property as one would write it in a .dts: "a string",
 * <cells> or [bytes], shortened by "..." when it is long; "(empty)" for no value at all.
 */
void text_add_property(struct text *t, const void *fdt, int node, const char *name);

#endif
