// SPDX-License-Identifier: BSD-2-Clause
#include "vm/unpack.h"

#include <string.h>

static const struct unpacker *const unpackers[] = {
	[PACKING_NONE] = NULL,
	[PACKING_GZIP] = &unpack_gzip,
	[PACKING_LZ4] = &unpack_lz4,
};

static const struct unpacker *unpacker(enum image_packing packing)
{
	return (size_t)packing < ARRAY_SIZE(unpackers) ? unpackers[packing] : NULL;
}

bool unpack_by_name(const char *name, enum image_packing *out)
{
	*out = PACKING_NONE;
	if (strcmp(name, "none") == 0)
		return true;
	for (unsigned int i = PACKING_NONE + 1; i < ARRAY_SIZE(unpackers); i++) {
		if (strcmp(name, unpackers[i]->name) != 0)
			continue;
		*out = (enum image_packing)i;
		return true;
	}
	return false;
}

enum image_packing unpack_by_magic(const uint8_t *data, uint64_t size)
{
	for (unsigned int i = PACKING_NONE + 1; i < ARRAY_SIZE(unpackers); i++)
		if (unpackers[i]->is(data, size))
			return (enum image_packing)i;
	return PACKING_NONE;
}

const char *unpack_name(enum image_packing packing)
{
	const struct unpacker *how = unpacker(packing);

	return how ? how->name : NULL;
}

const char *unpack_measure(struct unpack *u)
{
	const struct unpacker *how = unpacker(u->packing);
	const char *problem;

	if (!how->is(u->data, u->size))
		return "it is not: its first bytes are others";
	problem = how->measure(u);
	if (!problem && u->bytes == 0)
		return "unpacks to nothing";
	return problem;
}

const char *unpack_head(struct unpack *u, uint8_t *out, uint64_t n, uint64_t *got)
{
	return unpacker(u->packing)->head(u, out, n, got);
}

const char *unpack_all(struct unpack *u)
{
	u->done = 0;
	return unpacker(u->packing)->all(u);
}
