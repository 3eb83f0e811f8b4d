// SPDX-License-Identifier: BSD-2-Clause

#include "string.h"

void *memcpy(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n--) {
		*t++ = *f++;
		__asm__ volatile("" : : : "memory"); /* or gcc would make this a call of memcpy */
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	char *t = to;

	while (n--) {
		*t++ = (char)c;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end) {
		end++;
		__asm__ volatile("" : : : "memory");
	}
	return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

bool starts_with(const char *s, const char *start)
{
	while (*start)
		if (*s++ != *start++)
			return false;
	return true;
}

const char *find(const char *s, const char *what)
{
	for (; *s; s++)
		if (starts_with(s, what))
			return s;
	return NULL;
}

unsigned long parse_number(const char *s)
{
	unsigned long v = 0;

	while (*s >= '0' && *s <= '9')
		v = v * 10 + (unsigned long)(*s++ - '0');
	return v;
}
