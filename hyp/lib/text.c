/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdt.h"

#define SHOWN_CHARS 48 /* of a string */
#define SHOWN_CELLS 4
#define SHOWN_BYTES 8
#define LIST_CHARS  100

void text_begin(struct text *t, char *buf, size_t size)
{
	*t = (struct text){ .buf = buf, .size = size };
	buf[0] = '\0';
}

void text_add(struct text *t, const char *fmt, ...)
{
	size_t left = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= left) {
		t->full = true;
		n = (int)(left - 1);
	}
	t->len += (size_t)n;
}

void text_add_plain(struct text *t, const char *s, size_t max)
{
	for (size_t i = 0; i < max && s[i] != '\0'; i++) {
		unsigned char c = (unsigned char)s[i];

		text_add(t, "%c", c >= 0x20 && c < 0x7f ? c : '?');
	}
}

/* The children of @node, or those whose names are @base and a unit address. False: there are none. */
static bool add_names(struct text *t, const void *fdt, int node, const char *base)
{
	size_t limit = t->len + LIST_CHARS;
	size_t n = base != NULL ? strlen(base) : 0;
	bool any = false;
	int child;

	fdtx_for_each_child(fdt, node, child) {
		const char *name = fdtx_name(fdt, child);

		if (base != NULL && (strncmp(name, base, n) != 0 || name[n] != '@'))
			continue;
		text_add(t, "%s", any ? ", " : base != NULL ? "did you mean " : "");
		any = true;
		if (t->len > limit) {
			text_add(t, "...");
			break;
		}
		text_add_plain(t, name, SHOWN_CHARS);
	}
	return any;
}

void text_add_children(struct text *t, const void *fdt, int node)
{
	if (!add_names(t, fdt, node, NULL))
		text_add(t, "none");
}

void text_add_candidates(struct text *t, const void *fdt, int node, const char *name)
{
	if (add_names(t, fdt, node, name)) {
		text_add(t, "?");
		return;
	}
	text_add(t, "there are ");
	text_add_children(t, fdt, node);
}

/* One string, terminated, and not something that could be cells as well. */
static bool is_text(const char *p, size_t len)
{
	if (len < 2 || p[len - 1] != '\0')
		return false;
	for (size_t i = 0; i + 1 < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

static void add_cells(struct text *t, const void *p, size_t cells)
{
	text_add(t, "<");
	for (size_t i = 0; i < cells && i < SHOWN_CELLS; i++) {
		uint32_t v = fdt32_ld((const fdt32_t *)p + i);

		text_add(t, v < 0x10000 ? "%s%u" : "%s0x%x", i == 0 ? "" : " ", (unsigned int)v);
	}
	text_add(t, cells > SHOWN_CELLS ? " ...>" : ">");
}

void text_add_property(struct text *t, const void *fdt, int node, const char *name)
{
	int len = 0;
	const uint8_t *p = fdt_getprop(fdt, node, name, &len);
	size_t n = p != NULL && len > 0 ? (size_t)len : 0;

	if (n == 0) {
		text_add(t, "(empty)");
	} else if (is_text((const char *)p, n)) {
		text_add(t, "\"");
		text_add_plain(t, (const char *)p, SHOWN_CHARS);
		text_add(t, n - 1 > SHOWN_CHARS ? "...\"" : "\"");
	} else if (n % sizeof(fdt32_t) == 0) {
		add_cells(t, p, n / sizeof(fdt32_t));
	} else {
		text_add(t, "[");
		for (size_t i = 0; i < n && i < SHOWN_BYTES; i++)
			text_add(t, "%s%02x", i == 0 ? "" : " ", p[i]);
		text_add(t, n > SHOWN_BYTES ? " ...]" : "]");
	}
}
