/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small terminal emulator for tests of hyp/term: it obeys what hartvisor may send, and fails the test for
 * anything else, for a wrapped line, and for a cursor that goes where the row's prefix is.
 */
#ifndef FAKE_VT_H
#define FAKE_VT_H

#include <stddef.h>

#define VT_COLUMNS 256
#define VT_ROWS	   64

/* vt_start - @columns wide. @ambiguous: the width of a character that may have one column or two. */
void vt_start(unsigned int columns, unsigned int ambiguous);

/* vt_feed - @len bytes came over the wire. */
void vt_feed(const char *bytes, size_t len);

/* The text of the row that the cursor is in, without spaces at its end; and of one @up rows above. */
const char *vt_row(unsigned int up);
unsigned int vt_column(void);

/* How often a row was begun with @prefix since the start: whole rows only, those that have ended. */
unsigned int vt_count(const char *prefix);

/* vt_bells - how often the bell rang. */
unsigned int vt_bells(void);

#endif
