// SPDX-License-Identifier: BSD-2-Clause
#include "arch/symbols.h"

struct reader {
	const uint8_t *pairs, *at, *end;
};

/* False: the table is over. */
static bool read_step(struct reader *r, uint64_t *bytes)
{
	uint64_t halfwords = 0;

	for (unsigned int shift = 0; r->at < r->end && shift < 32; shift += 7) {
		uint8_t byte = *r->at++;

		halfwords |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*bytes = 2 * halfwords;
			return true;
		}
	}
	return false;
}

/* Ends whatever the table says: a step writes a character or makes the stack deeper, both bounded. */
static bool read_name(struct reader *r, char name[SYMBOL_NAME_MAX])
{
	uint8_t waiting[SYMBOL_DEPTH];
	unsigned int depth = 0, length = 0;

	while (length < SYMBOL_NAME_MAX) {
		const uint8_t *pair;

		if (depth == 0) {
			if (r->at == r->end)
				return false;
			waiting[depth++] = *r->at++;
		}
		pair = &r->pairs[2 * waiting[--depth]];
		if (pair[0] == 0) {
			name[length++] = (char)pair[1];
			if (pair[1] == 0)
				return true;
		} else if (depth + 2 > SYMBOL_DEPTH) {
			return false;
		} else {
			waiting[depth++] = pair[1];
			waiting[depth++] = pair[0];
		}
	}
	return false;
}

bool symbol_find(const uint8_t *table, size_t size, uint64_t at, char name[SYMBOL_NAME_MAX],
		 uint64_t *offset)
{
	struct reader r = { table, table + 2 * SYMBOL_CODES, table + size };
	uint64_t start = 0, step;
	bool found = false;

	if (size < 2 * SYMBOL_CODES) /* the first link's */
		return false;
	/* Once, in a panic: no need for anything quicker than from the first to the last. */
	while (read_step(&r, &step) && step <= at - start) {
		if (!read_name(&r, name))
			return false;
		start += step;
		found = true;
	}
	*offset = at - start;
	return found;
}
