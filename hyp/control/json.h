/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON (RFC 8259), written in pieces. A value is in an object or an array that json_open() has begun, or is one of these; in an
 * object it has a name. Commas are put by themselves, also from one piece to the next. Text is escaped so that all of it is ASCII.
 */
#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H

#include "lib/types.h"

struct json {
	char *buf;
	size_t size, len; /* of this piece */
	bool comma;	  /* a value comes before the next one */
	bool full;	  /* something did not fit, and is missing */
};

/* json_piece - what comes next goes to @buf, of @size bytes. json_begin - the same, and nothing comes before it. */
void json_piece(struct json *j, char *buf, size_t size);
void json_begin(struct json *j, char *buf, size_t size);

/* json_open - an object ('{') or array ('['). json_close - its end ('}' or ']'). @name NULL: it has none. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);

/* json_end_line - what is outside of everything is over. */
void json_end_line(struct json *j);

void json_number(struct json *j, const char *name, uint64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);

/* json_string - @value; at most @max bytes of it. json_bytes - @len bytes, each as the character of its number. */
void json_string(struct json *j, const char *name, const char *value);
void json_bytes(struct json *j, const char *name, const char *value, size_t len);
void json_string_of(struct json *j, const char *name, const char *value, size_t max);

#endif
