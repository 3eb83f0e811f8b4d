// SPDX-License-Identifier: BSD-2-Clause
#include "lib/errno.h"
#include "net/frame.h"

typedef uint64_t sum_word __attribute__((may_alias));

/* A sum of 32-bit halves does not overflow: a frame has some 16,000 of them. */
static uint64_t add_words(uint64_t sum, const uint8_t *p, uint64_t n)
{
	const sum_word *w = (const sum_word *)(const void *)p;

	for (; n >= 32; n -= 32, w += 4) {
#pragma GCC unroll 4
		for (unsigned int i = 0; i < 4; i++)
			sum += (uint32_t)w[i] + (w[i] >> 32);
	}
	for (; n >= 8; n -= 8, w++)
		sum += (uint32_t)*w + (*w >> 32);
	return sum;
}

/* As memory has them: the first byte is the low one. */
static uint64_t add_bytes(uint64_t sum, const uint8_t *p, uint64_t n, bool odd)
{
	for (uint64_t i = 0; i < n; i++, odd = !odd)
		sum += (uint64_t)p[i] << (odd ? 8 : 0);
	return sum;
}

/* The sum of bytes that begin at an odd place is that of an even place with its two bytes exchanged. */
static uint64_t exchange(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xff) << 8 | sum >> 8;
}

uint64_t net_sum(uint64_t sum, const uint8_t *p, uint64_t n, bool odd)
{
	const uint64_t front = min_u64(n, -(uintptr_t)p & 7);
	uint64_t words, rest;

	sum = add_bytes(sum, p, front, odd);
	p += front;
	n -= front;
	odd ^= front & 1;
	words = add_words(0, p, align_down(n, 8));
	sum += odd ? exchange(words) : words;
	rest = n % 8;
	return add_bytes(sum, p + (n - rest), rest, odd);
}

uint16_t net_sum_fold(uint64_t sum)
{
	return (uint16_t)exchange(sum);
}

int net_checksum(struct net_frame *f)
{
	const struct net_offload *o = &f->offload;
	uint64_t sum = net_sum(0, f->head + o->csum_start, f->head_len - o->csum_start, false);
	uint64_t left = f->len - f->head_len;
	bool odd = (f->head_len - o->csum_start) & 1;
	uint16_t val;
	int err = f->seek(f, f->head_len);

	while (err == HV_OK && left > 0) {
		const uint8_t *at;
		int64_t n = net_piece(f, left, &at);

		if (n < 0)
			return (int)n;
		sum = net_sum(sum, at, (uint64_t)n, odd);
		odd ^= n & 1;
		left -= (uint64_t)n;
	}
	if (err != HV_OK)
		return err;
	val = net_sum_fold(sum) ^ 0xffff;
	/* 0 means that there is none, of UDP (RFC 768), and is the same number for the others. */
	net_put16(f->head + o->csum_start + o->csum_offset, val == 0 ? 0xffff : val);
	f->offload.csum = false;
	return f->seek(f, f->head_len);
}
