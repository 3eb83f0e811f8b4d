// SPDX-License-Identifier: BSD-2-Clause
/*
 * LZ4 ("LZ4 Frame Format Description", in lz4's doc): one frame, of the format that lz4 writes or of the older one ("legacy") that Linux's
 * build and lz4 -l write. lz4's library decodes the blocks; frames are read here.
 *
 * A block is decoded as a whole, into scratch memory behind the 64 KiB before it that it may refer to. A frame says how
 * large its blocks are at most, and may say its unpacked size; one that does not has its number of blocks times that at most.
 */
#include "vm/unpack.h"

#include <string.h>

#include <lz4.h>

#include "lib/le.h"
#include "lib/xxh32.h"

#define MAGIC_FRAME  0x184d2204u
#define MAGIC_LEGACY 0x184c2102u

/* FLG */
#define HAS_DICTIONARY	     BIT(0)
#define HAS_CONTENT_CHECKSUM BIT(2)
#define HAS_CONTENT_SIZE     BIT(3)
#define HAS_BLOCK_CHECKSUM   BIT(4)
#define FLG_RESERVED	     BIT(1)
#define FLG_VERSION	     0xc0u
#define FLG_VERSION_1	     0x40u
/* BD: the size of blocks, 4 to 7, in bits 4 to 6 */
#define BD_RESERVED 0x8fu

/* Of a block's size. */
#define BLOCK_IS_PLAIN 0x80000000u

#define HISTORY	     KIB(64)
#define LEGACY_BLOCK MIB(8)
/* They are counted in one step. */
#define BLOCKS_MAX 65536u
/* More of a block of @max bytes is not looked at for the head. A length takes a byte for each 255; after one long length the
 * head is complete. */
#define HEAD_INPUT(max) (2 * UNPACK_HEAD_MAX + (max) / 255)

struct frame {
	const uint8_t *data;
	uint64_t size;
	uint64_t at; /* the next block's size */
	bool legacy;
	bool block_checksum, content_checksum, content_size;
	uint64_t bytes; /* with content_size */
	uint64_t block_max;
};

struct block {
	const uint8_t *data;
	uint32_t size; /* 0: the end */
	bool plain;
};

static const char damaged[] = "damaged: no valid LZ4 data";
static const char cut_short[] = "cut short";
static const char too_long[] = "unpacks to more than it says";

static bool is_lz4(const uint8_t *data, uint64_t size)
{
	return size >= 4 && (get_le32(data) == MAGIC_FRAME || get_le32(data) == MAGIC_LEGACY);
}

static const char *begin(const struct unpack *u, struct frame *f)
{
	const uint8_t *p = u->data;
	uint8_t flg, bd;

	*f = (struct frame){ .data = p, .size = u->size, .at = 4 };
	if (get_le32(p) == MAGIC_LEGACY) {
		f->legacy = true;
		f->block_max = LEGACY_BLOCK;
		return NULL;
	}
	if (u->size < 7)
		return cut_short;
	flg = p[4];
	bd = p[5];
	if ((flg & FLG_VERSION) != FLG_VERSION_1 || (flg & FLG_RESERVED) != 0 ||
	    (bd & BD_RESERVED) != 0 || bd >> 4 < 4)
		return "damaged, or of a newer format than version 1";
	if ((flg & HAS_DICTIONARY) != 0)
		return "needs a dictionary: must be packed without one";
	f->block_checksum = (flg & HAS_BLOCK_CHECKSUM) != 0;
	f->content_checksum = (flg & HAS_CONTENT_CHECKSUM) != 0;
	f->content_size = (flg & HAS_CONTENT_SIZE) != 0;
	f->block_max = BIT(8 + 2 * (unsigned int)(bd >> 4));
	f->at = 6;
	if (f->content_size) {
		if (u->size < 15)
			return cut_short;
		f->bytes = get_le64(p + 6);
		f->at = 14;
	}
	if (p[f->at] != (uint8_t)(xxh32(p + 4, f->at - 4) >> 8))
		return "damaged: its header's checksum is wrong";
	f->at++;
	return NULL;
}

/* The block at f->at, which is then that of the next one. */
static const char *next_block(struct frame *f, struct block *b)
{
	uint64_t left = f->size - f->at, trailer = f->block_checksum ? 4 : 0;
	uint32_t word;

	*b = (struct block){ 0 };
	if (f->legacy && left == 0)
		return NULL;
	if (left < 4)
		return cut_short;
	word = get_le32(f->data + f->at);
	f->at += 4;
	left -= 4;
	if (word == 0)
		return f->legacy ? damaged : NULL;
	b->plain = !f->legacy && (word & BLOCK_IS_PLAIN) != 0;
	b->size = b->plain ? word & ~BLOCK_IS_PLAIN : word;
	b->data = f->data + f->at;
	if (b->size == 0 ||
	    b->size > (f->legacy ? (uint64_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK) : f->block_max))
		return damaged;
	if (b->size + trailer > left)
		return cut_short;
	f->at += b->size + trailer;
	return NULL;
}

static const char *measure(struct unpack *u)
{
	unsigned int blocks = 0;
	uint64_t bytes = 0;
	struct frame f;
	struct block b;
	const char *problem = begin(u, &f);

	while (!problem) {
		problem = next_block(&f, &b);
		if (problem || b.size == 0)
			break;
		bytes += b.plain ? b.size : f.block_max;
		if (++blocks > BLOCKS_MAX)
			problem = "has more than 65536 blocks: must have larger ones (lz4 -B7)";
	}
	if (problem)
		return problem;
	u->exact = f.content_size;
	u->bytes = f.content_size ? f.bytes : bytes;
	u->scratch_size = HISTORY + align_up(min_u64(f.block_max, u->bytes), PAGE_SIZE);
	return NULL;
}

static const char *head(struct unpack *u, uint8_t *out, uint64_t n, uint64_t *got)
{
	struct block b, second;
	struct frame f;
	const char *problem = begin(u, &f);
	int made;

	if (!problem)
		problem = next_block(&f, &b);
	if (problem)
		return problem;
	if (b.plain) {
		*got = min_u64(b.size, n);
		memcpy(out, b.data, *got);
	} else {
		made = LZ4_decompress_safe_partial((const char *)b.data, (char *)out,
						   (int)min_u64(b.size, HEAD_INPUT(f.block_max)),
						   (int)n, (int)n);
		if (made < 0)
			return damaged;
		*got = (uint64_t)made;
	}
	if (*got == n)
		return NULL;
	problem = next_block(&f, &second);
	return problem || second.size == 0 ? problem : "its first block unpacks to too little";
}

/* The next block into @out, before which are the @history bytes that it may refer to. */
static const char *decode(struct unpack *u, const struct frame *f, const struct block *b, char *out,
			  uint64_t history, uint64_t *n)
{
	uint64_t room = min_u64(f->block_max, u->bytes - u->done);
	int made;

	if (f->block_checksum && xxh32(b->data, b->size) != get_le32(b->data + b->size))
		return "damaged: the checksum of a block is wrong";
	if (b->plain) {
		if (b->size > room)
			return too_long;
		memcpy(out, b->data, b->size);
		*n = b->size;
		return NULL;
	}
	made = LZ4_decompress_safe_usingDict((const char *)b->data, out, (int)b->size, (int)room,
					     out - history, (int)history);
	if (made < 0)
		return room < f->block_max ? "damaged, or unpacks to more than it says" : damaged;
	*n = (uint64_t)made;
	return NULL;
}

static const char *check_end(const struct unpack *u, const struct frame *f, const struct xxh32 *sum)
{
	uint64_t trailer = f->content_checksum ? 4 : 0, left = f->size - f->at;

	if (left < trailer)
		return cut_short;
	if (left > trailer)
		return "something is behind its end: must be one LZ4 frame alone";
	if (f->content_checksum && xxh32_end(sum) != get_le32(f->data + f->at))
		return "damaged: its checksum is wrong";
	if (f->content_size && u->done != f->bytes)
		return "damaged: its size is wrong";
	return NULL;
}

static const char *all(struct unpack *u)
{
	char *out = (char *)u->scratch + HISTORY;
	uint64_t n, history = 0;
	struct xxh32 sum;
	struct frame f;
	struct block b;
	const char *problem = begin(u, &f);

	xxh32_begin(&sum);
	while (!problem) {
		problem = next_block(&f, &b);
		if (problem || b.size == 0)
			break;
		problem = decode(u, &f, &b, out, history, &n);
		if (problem)
			break;
		if (f.content_checksum)
			xxh32_add(&sum, (const uint8_t *)out, n);
		if (n != 0 && u->put(u->arg, u->done, out, n) != HV_OK)
			return "cannot be put into RAM";
		u->done += n;
		history = f.legacy ? 0 : min_u64(HISTORY, history + n);
		memmove(out - history, out + n - history, history);
	}
	return problem ? problem : check_end(u, &f, &sum);
}

const struct unpacker unpack_lz4 = {
	.name = "lz4",
	.is = is_lz4,
	.measure = measure,
	.head = head,
	.all = all,
};
