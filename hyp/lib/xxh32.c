// SPDX-License-Identifier: BSD-2-Clause
#include "lib/xxh32.h"

#include <string.h>

#include "lib/le.h"

#define PRIME1 0x9e3779b1u
#define PRIME2 0x85ebca77u
#define PRIME3 0xc2b2ae3du
#define PRIME4 0x27d4eb2fu
#define PRIME5 0x165667b1u

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

void xxh32_begin(struct xxh32 *x)
{
	*x = (struct xxh32){ .lanes = { PRIME1 + PRIME2, PRIME2, 0, 0u - PRIME1 } };
}

static void add_stripe(struct xxh32 *x, const uint8_t *p)
{
	for (unsigned int i = 0; i < 4; i++)
		x->lanes[i] = rotate(x->lanes[i] + get_le32(p + 4 * i) * PRIME2, 13) * PRIME1;
}

void xxh32_add(struct xxh32 *x, const uint8_t *p, uint64_t n)
{
	while (n > 0) {
		uint64_t have = x->bytes % 16, take = min_u64(16 - have, n);

		if (take == 16) {
			add_stripe(x, p);
		} else {
			memcpy(x->rest + have, p, take);
			if (have + take == 16)
				add_stripe(x, x->rest);
		}
		x->bytes += take;
		p += take;
		n -= take;
	}
}

uint32_t xxh32_end(const struct xxh32 *x)
{
	static const uint8_t by[4] = { 1, 7, 12, 18 };
	uint32_t left = x->bytes % 16, i = 0, h = PRIME5;

	if (x->bytes >= 16)
		for (h = 0; i < 4; i++)
			h += rotate(x->lanes[i], by[i]);
	h += (uint32_t)x->bytes;
	for (i = 0; i + 4 <= left; i += 4)
		h = rotate(h + get_le32(x->rest + i) * PRIME3, 17) * PRIME4;
	for (; i < left; i++)
		h = rotate(h + x->rest[i] * PRIME5, 11) * PRIME1;
	h = (h ^ h >> 15) * PRIME2;
	h = (h ^ h >> 13) * PRIME3;
	return h ^ h >> 16;
}

uint32_t xxh32(const uint8_t *p, uint64_t n)
{
	struct xxh32 x;

	xxh32_begin(&x);
	xxh32_add(&x, p, n);
	return xxh32_end(&x);
}
