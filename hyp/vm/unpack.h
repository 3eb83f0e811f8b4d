/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacking: images that are compressed by gzip (zlib's inflate) or LZ4 (lz4's block decoder). What packs images differently
 * is a file of its own, which ends in one struct unpacker.
 *
 * Packed data is only read. Each byte of it may be wrong: nothing is put beyond the size that was measured, and an image is
 * whole only when its checksums say so.
 *
 *	problem = unpack_measure(&u);	how many bytes it has unpacked, and what scratch memory that takes
 *	problem = unpack_head(&u, head, n, &got);	its first bytes, to know what it is
 *	problem = unpack_all(&u);		all of it, to u.put()
 *
 * Each returns NULL, or what is wrong with the data: a sentence's end, "cut short", that lives for ever.
 */
#ifndef VM_UNPACK_H
#define VM_UNPACK_H

#include "vm/config.h"

/* Scratch memory of unpack_head(), for any data. */
#define UNPACK_HEAD_SCRATCH (3 * PAGE_SIZE)
/* unpack_head() gives no more bytes than that. */
#define UNPACK_HEAD_MAX 1024

struct unpack {
	const uint8_t *data;
	uint64_t size;
	enum image_packing packing;
	/* By unpack_measure(); the caller may take less than u->bytes. */
	uint64_t bytes; /* unpacked, at most */
	bool exact;	/* not at most: as many */
	uint64_t scratch_size;
	/* By the caller, before unpack_all(). */
	void *scratch;
	int (*put)(void *arg, uint64_t at, const void *bytes,
		   uint64_t n); /* bytes in order; HV_* */
	void *arg;
	uint64_t done; /* bytes that were put */
};

struct unpacker {
	const char *name; /* as `compression` says it */
	bool (*is)(const uint8_t *data, uint64_t size);
	const char *(*measure)(struct unpack *u);
	const char *(*head)(struct unpack *u, uint8_t *out, uint64_t n, uint64_t *got);
	const char *(*all)(struct unpack *u);
};

extern const struct unpacker unpack_gzip, unpack_lz4;

/* unpack_by_name - what `compression` = @name means; false: nothing that is known here. */
bool unpack_by_name(const char *name, enum image_packing *out);

/* unpack_by_magic - by its first bytes. PACKING_NONE: none that is known here. */
enum image_packing unpack_by_magic(const uint8_t *data, uint64_t size);

/* unpack_name - NULL for PACKING_NONE. */
const char *unpack_name(enum image_packing packing);

/* unpack_measure - u->bytes and what follows; u->data, size and packing are given. */
const char *unpack_measure(struct unpack *u);

/*
 * unpack_head - the first @n bytes of the unpacked image, or all @got that it has. @u->scratch has UNPACK_HEAD_SCRATCH bytes
 * here. @n is UNPACK_HEAD_MAX at most. Looks at no more than some KiB of the data.
 */
const char *unpack_head(struct unpack *u, uint8_t *out, uint64_t n, uint64_t *got);

/* unpack_all - takes long, and needs nothing of a hart: for a coroutine (arch/coroutine.h). */
const char *unpack_all(struct unpack *u);

#endif
