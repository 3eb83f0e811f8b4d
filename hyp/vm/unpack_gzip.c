// SPDX-License-Identifier: BSD-2-Clause
/*
 * Gzip (RFC 1952): one member, nothing behind it. zlib inflates; the header and the trailer are read here, so that zlib is
 * compiled without its own code for them.
 *
 * The last four bytes are the unpacked size. The places of a VM's images are decided by it, before anything is unpacked.
 */
#include "vm/unpack.h"

#include <string.h>

/* As it is compiled; and it only reads its input. */
#define Z_SOLO
#define ZLIB_CONST
#include <zlib.h>

#include "lib/le.h"

#define HEADER_SIZE  10
#define TRAILER_SIZE 8 /* CRC-32 and size */
#define METHOD	     8 /* deflate */

/* FLG */
#define HAS_HCRC     BIT(1)
#define HAS_EXTRA    BIT(2)
#define HAS_NAME     BIT(3)
#define HAS_COMMENT  BIT(4)
#define FLG_RESERVED 0xe0u

/* Inflated between two writes into guest RAM. */
#define CHUNK KIB(16)
/* What zlib allocates besides its window of 32 KiB: its state, of some 7 KiB. */
#define STATE_MAX (2 * PAGE_SIZE)
/* More of the data is not looked at for the head. */
#define HEAD_INPUT KIB(4)

/* At the scratch memory's start. */
struct inflater {
	z_stream stream;
	uint8_t *heap; /* zlib's next allocation */
	uint64_t left;
};

static_assert(sizeof(struct inflater) + STATE_MAX + 256 + UNPACK_HEAD_MAX <= UNPACK_HEAD_SCRATCH,
	      "the head may be made there, too");

static const char damaged[] = "damaged: no valid deflate data";
static const char cut_short[] = "cut short";

/* zlib refers to it for its own format, which is not used here. */
uLong adler32(uLong adler, const Bytef *buf, uInt len)
{
	(void)buf, (void)len;
	return adler;
}

static voidpf allocate(voidpf opaque, uInt items, uInt size)
{
	struct inflater *z = opaque;
	uint64_t n = align_up((uint64_t)items * size, 16);
	void *p = z->heap;

	if (n > z->left)
		return Z_NULL;
	z->heap += n;
	z->left -= n;
	return p;
}

/* The whole heap goes at once. */
static void release(voidpf opaque, voidpf p)
{
	(void)opaque, (void)p;
}

static bool is_gzip(const uint8_t *data, uint64_t size)
{
	return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* Behind the string at @at; 0: it does not end. */
static uint64_t skip_string(const struct unpack *u, uint64_t at)
{
	const uint8_t *end = at < u->size ? memchr(u->data + at, 0, u->size - at) : NULL;

	return end ? (uint64_t)(end - u->data) + 1 : 0;
}

/* Where the deflate data begins. */
static const char *skip_header(const struct unpack *u, uint64_t *out)
{
	const uint8_t *p = u->data;
	uint64_t at = HEADER_SIZE;

	if (u->size < HEADER_SIZE + TRAILER_SIZE)
		return cut_short;
	if (p[2] != METHOD || (p[3] & FLG_RESERVED) != 0)
		return "damaged: its header is none";
	if ((p[3] & HAS_EXTRA) != 0)
		at += 2 + (uint64_t)get_le16(p + at);
	if ((p[3] & HAS_NAME) != 0 && (at = skip_string(u, at)) == 0)
		return cut_short;
	if ((p[3] & HAS_COMMENT) != 0 && (at = skip_string(u, at)) == 0)
		return cut_short;
	if ((p[3] & HAS_HCRC) != 0)
		at += 2;
	if (at > u->size - TRAILER_SIZE)
		return cut_short;
	if ((p[3] & HAS_HCRC) != 0 && (crc32_z(0, p, at - 2) & 0xffff) != get_le16(p + at - 2))
		return "damaged: its header's checksum is wrong";
	*out = at;
	return NULL;
}

static const char *measure(struct unpack *u)
{
	uint64_t at;
	const char *problem = skip_header(u, &at);

	if (problem)
		return problem;
	u->bytes = get_le32(u->data + u->size - 4);
	u->exact = true;
	u->scratch_size =
		align_up(sizeof(struct inflater) + STATE_MAX + KIB(32) + CHUNK, PAGE_SIZE);
	return NULL;
}

/* The stream that begins at @at, with a window of 2^@bits bytes. */
static struct inflater *begin(struct unpack *u, uint64_t at, int bits, uint64_t heap)
{
	struct inflater *z = u->scratch;

	memset(z, 0, sizeof(*z));
	z->heap = (uint8_t *)u->scratch + align_up(sizeof(*z), 16);
	z->left = heap;
	z->stream.zalloc = allocate;
	z->stream.zfree = release;
	z->stream.opaque = z;
	z->stream.next_in = u->data + at;
	return inflateInit2(&z->stream, -bits) == Z_OK ? z : NULL;
}

static const char *head(struct unpack *u, uint8_t *out, uint64_t n, uint64_t *got)
{
	struct inflater *z;
	uint64_t at, in;
	const char *problem = skip_header(u, &at);
	int err;

	if (problem)
		return problem;
	/* What is inflated in one call needs no window. */
	z = begin(u, at, 8, STATE_MAX + 256);
	if (!z)
		return damaged;
	in = min_u64(u->size - TRAILER_SIZE - at, HEAD_INPUT);
	z->stream.avail_in = (uInt)in;
	z->stream.next_out = out;
	z->stream.avail_out = (uInt)n;
	err = inflate(&z->stream, Z_SYNC_FLUSH);
	*got = n - z->stream.avail_out;
	if (*got == n || err == Z_STREAM_END)
		return NULL;
	if (err == Z_OK || err == Z_BUF_ERROR)
		return in < HEAD_INPUT ? cut_short : "its first 4096 bytes unpack to too little";
	return damaged;
}

/* What inflate() has made is in order and goes where it belongs. */
static const char *put_chunk(struct unpack *u, const uint8_t *chunk, uint64_t n, uLong *crc)
{
	if (n > u->bytes - u->done)
		return "unpacks to more than its last four bytes say: is it damaged, or something behind it?";
	*crc = crc32_z(*crc, chunk, n);
	if (n != 0 && u->put(u->arg, u->done, chunk, n) != HV_OK)
		return "cannot be put into RAM";
	u->done += n;
	return NULL;
}

/* The @left bytes behind the deflate data, at @p. */
static const char *check_trailer(const struct unpack *u, const uint8_t *p, uint64_t left, uLong crc)
{
	if (left < TRAILER_SIZE)
		return cut_short;
	if (left > TRAILER_SIZE)
		return "something is behind its end: must be one gzip file alone";
	if (get_le32(p) != (uint32_t)crc)
		return "damaged: its checksum is wrong";
	if (u->done != u->bytes)
		return "damaged: its size is wrong";
	return NULL;
}

static const char *all(struct unpack *u)
{
	uint8_t *chunk = (uint8_t *)u->scratch + u->scratch_size - CHUNK;
	const uint8_t *end = u->data + u->size;
	const char *problem;
	struct inflater *z;
	uLong crc = 0;
	uint64_t at;
	int err;

	problem = skip_header(u, &at);
	if (problem)
		return problem;
	z = begin(u, at, 15, STATE_MAX + KIB(32));
	if (!z)
		return damaged;
	do {
		z->stream.avail_in = (uInt)min_u64((uint64_t)(end - z->stream.next_in), GIB(1));
		z->stream.next_out = chunk;
		z->stream.avail_out = CHUNK;
		err = inflate(&z->stream, Z_NO_FLUSH);
		problem = put_chunk(u, chunk, CHUNK - z->stream.avail_out, &crc);
		if (problem)
			return problem;
	} while (err == Z_OK);
	if (err == Z_BUF_ERROR)
		return cut_short;
	if (err != Z_STREAM_END)
		return damaged;
	return check_trailer(u, z->stream.next_in, (uint64_t)(end - z->stream.next_in), crc);
}

const struct unpacker unpack_gzip = {
	.name = "gzip",
	.is = is_gzip,
	.measure = measure,
	.head = head,
	.all = all,
};
