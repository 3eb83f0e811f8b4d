// SPDX-License-Identifier: BSD-2-Clause
/*
 * strtoul for libfdt's overlays, in picolibc's stead.
 *
 * picolibc's sets errno, which is a thread-local variable: a store below tp. tp is hartvisor's own
 * pointer to its pcpu, so that store would hit the pcpu. Nothing in hartvisor may touch TLS, and
 * tools/check-elf.py fails the build that does. libfdt reads decimal numbers and never asks errno.
 */

#include <limits.h>
#include <stdlib.h>

unsigned long strtoul(const char *restrict text, char **restrict end, int base)
{
	const unsigned long radix = (unsigned long)base;
	const char *p = text;
	unsigned long value = 0;

	while (*p >= '0' && *p < '0' + base) {
		const unsigned long digit = (unsigned long)(*p - '0');

		if (value > (ULONG_MAX - digit) / radix)
			value = ULONG_MAX;
		else
			value = value * radix + digit;
		p++;
	}
	if (end)
		*end = (char *)(unsigned long)p;
	return value;
}
