/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GUEST_STRING_H
#define GUEST_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

bool starts_with(const char *s, const char *start);

/* find - where @what first occurs in @s; NULL: nowhere. */
const char *find(const char *s, const char *what);

/* parse_number - decimal at @s; 0 when there is none. */
unsigned long parse_number(const char *s);

#endif
