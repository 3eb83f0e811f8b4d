// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copying packets. A driver aligns the IP header, so a packet in the sender's memory and the buffer that it goes to are often
 * not aligned alike. Words are loaded from aligned addresses then, and shifted together: a load that is not aligned may take
 * a trap on a machine.
 */
#include <string.h>

#include "net/frame.h"

typedef uint32_t net_half __attribute__((may_alias));

/* Of less it is not worth it. */
#define WORDS_FROM 64

static inline uint8_t *copy_by_bytes(uint8_t *to, const uint8_t *from, uint64_t n)
{
	for (; n > 0; n--)
		*to++ = *from++;
	return to;
}

/* Headers, which are aligned to 4 as a rule. */
static void copy_few(uint8_t *to, const uint8_t *from, uint64_t n)
{
	if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
		for (; n >= 4; n -= 4, to += 4, from += 4)
			*(net_half *)(void *)to = *(const net_half *)(const void *)from;
	}
	(void)copy_by_bytes(to, from, n);
}

/* Both are aligned. */
static inline void copy_words(uint8_t *to, const uint8_t *from, uint64_t n)
{
	net_word *d = (net_word *)(void *)to;
	const net_word *s = (const net_word *)(const void *)from;

	for (; n >= 256; n -= 256, d += 32, s += 32) {
#pragma GCC unroll 32
		for (unsigned int i = 0; i < 32; i++)
			d[i] = s[i];
	}
	for (; n >= 8; n -= 8)
		*d++ = *s++;
	(void)copy_by_bytes((uint8_t *)d, (const uint8_t *)s, n);
}

/* Only @to is. The word before @from, and no byte behind its end, may be read. */
static void copy_shifted(uint8_t *to, const uint8_t *from, uint64_t n)
{
	const unsigned int off = (unsigned int)((uintptr_t)from & 7);
	const unsigned int low = 8 * off, high = 64 - low;
	const net_word *s = (const net_word *)(const void *)(from - off);
	net_word *d = (net_word *)(void *)to;
	uint64_t left = *s++;

	for (; n >= 40; n -= 32, d += 4, s += 4) {
#pragma GCC unroll 4
		for (unsigned int i = 0; i < 4; i++) {
			uint64_t right = s[i];

			d[i] = left >> low | right << high;
			left = right;
		}
	}
	(void)copy_by_bytes((uint8_t *)d, (const uint8_t *)s - 8 + off, n);
}

void net_copy(uint8_t *to, const uint8_t *from, uint64_t n)
{
	uint64_t front;

	if (n < WORDS_FROM) {
		copy_few(to, from, n);
		return;
	}
	/* 8 more, so that the word that the source begins in is all of what is copied. */
	front = (-(uintptr_t)to & 7) + (((uintptr_t)to ^ (uintptr_t)from) & 7 ? 8 : 0);
	n -= front;
	if (front == 4 && ((uintptr_t)from & 3) == 0) { /* a packet behind its header */
		*(net_half *)(void *)to = *(const net_half *)(const void *)from;
		to += front;
	} else {
		to = copy_by_bytes(to, from, front);
	}
	from += front;
	if (((uintptr_t)from & 7) == 0)
		copy_words(to, from, n);
	else
		copy_shifted(to, from, n);
}
