/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checksum of LZ4 frames: XXH32 with seed 0 ("xxHash fast digest algorithm", its specification), of bytes that
 * come in pieces. lz4's own takes six times the code.
 */
#ifndef LIB_XXH32_H
#define LIB_XXH32_H

#include "lib/types.h"

struct xxh32 {
	uint32_t lanes[4];
	uint64_t bytes;
	uint8_t rest[16]; /* the bytes % 16 last ones, which make no stripe yet */
};

void xxh32_begin(struct xxh32 *x);
void xxh32_add(struct xxh32 *x, const uint8_t *p, uint64_t n);
uint32_t xxh32_end(const struct xxh32 *x);

/* xxh32 - of one piece. */
uint32_t xxh32(const uint8_t *p, uint64_t n);

#endif
