// SPDX-License-Identifier: BSD-2-Clause
#include "control/json.h"

#include <inttypes.h>
#include <stdio.h>

void json_piece(struct json *j, char *buf, size_t size)
{
	j->buf = buf;
	j->size = size;
	j->len = 0;
	j->full = false;
}

void json_begin(struct json *j, char *buf, size_t size)
{
	json_piece(j, buf, size);
	j->comma = false;
}

static void put(struct json *j, char c)
{
	if (j->len < j->size)
		j->buf[j->len++] = c;
	else
		j->full = true;
}

static void put_text(struct json *j, const char *s)
{
	for (; *s; s++)
		put(j, *s);
}

/* Quotes, backslashes, controls, and whatever is no ASCII, as the character of its number. */
static void put_bytes(struct json *j, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	put(j, '"');
	for (; len > 0; s++, len--) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c < 0x7f) {
			if (c == '"' || c == '\\')
				put(j, '\\');
			put(j, (char)c);
			continue;
		}
		put_text(j, "\\u00");
		put(j, hex[c >> 4 & 15]);
		put(j, hex[c & 15]);
	}
	put(j, '"');
}

static void put_string(struct json *j, const char *s, size_t max)
{
	size_t len = 0;

	while (len < max && s[len] != '\0')
		len++;
	put_bytes(j, s, len);
}

static void begin_value(struct json *j, const char *name)
{
	if (j->comma)
		put(j, ',');
	j->comma = true;
	if (!name)
		return;
	put_string(j, name, SIZE_MAX);
	put(j, ':');
}

void json_open(struct json *j, const char *name, char bracket)
{
	begin_value(j, name);
	put(j, bracket);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	put(j, bracket);
	j->comma = true;
}

void json_end_line(struct json *j)
{
	put(j, '\n');
	j->comma = false;
}

void json_number(struct json *j, const char *name, uint64_t value)
{
	char digits[24];

	begin_value(j, name);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	put_text(j, digits);
}

void json_bool(struct json *j, const char *name, bool value)
{
	begin_value(j, name);
	put_text(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *name)
{
	begin_value(j, name);
	put_text(j, "null");
}

void json_bytes(struct json *j, const char *name, const char *value, size_t len)
{
	begin_value(j, name);
	put_bytes(j, value, len);
}

void json_string_of(struct json *j, const char *name, const char *value, size_t max)
{
	begin_value(j, name);
	put_string(j, value, max);
}

void json_string(struct json *j, const char *name, const char *value)
{
	json_string_of(j, name, value, SIZE_MAX);
}
