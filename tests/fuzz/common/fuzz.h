/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzzers share: libFuzzer's entry points, and a reader that turns an input's bytes into choices.
 *
 * Each tests/fuzz/fuzz_*.c is one target. It says in comment lines which sources it is made of, as a unit test does
 * (mk/test.mk), and uses the same fakes. What it checks beyond ASan and UBSan is said by fuzz_must() and by the fakes'
 * own assertions. An input has no state: a target puts everything back before or after each one.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#define fuzz_must(cond)                                                                           \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

struct fuzz_input {
	const uint8_t *next;
	size_t left;
};

/* fuzz_bytes - the next @len bytes; zeros behind the end. */
static inline void fuzz_bytes(struct fuzz_input *in, void *out, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(out, 0, len);
	if (n > 0)
		memcpy(out, in->next, n);
	in->next += n;
	in->left -= n;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
	uint32_t v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
	uint64_t v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

/*
 * fuzz_number - a number as a guest may well write one: a small one, one near a power of two or near @near, or any. Few
 * bytes of the input, so that sequences stay short.
 */
static inline uint64_t fuzz_number(struct fuzz_input *in, uint64_t near)
{
	uint8_t kind = fuzz_u8(in);

	switch (kind & 7) {
	case 0:
	case 1:
		return kind >> 3;
	case 2:
		return fuzz_u8(in);
	case 3:
		return ((uint64_t)1 << (fuzz_u8(in) & 63)) + (kind >> 3) - 16;
	case 4:
		return near + (kind >> 3) - 16;
	case 5:
		return near + (uint64_t)(kind >> 3) * 8;
	case 6:
		return UINT64_MAX - (kind >> 3);
	default:
		return fuzz_u64(in);
	}
}

/* fuzz_exact - a copy of @data in a block of exactly its size, so that ASan sees each byte that is read beyond. */
static inline void *fuzz_exact(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* fuzz_log_is_plain - each line of fake/log.h's text has 1 to 472 characters. */
void fuzz_log_is_plain(void);

#endif
