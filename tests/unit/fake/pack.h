/* SPDX-License-Identifier: BSD-2-Clause */
/* Packs data for tests of what unpacks it, by the compressors of the same libraries. */
#ifndef FAKE_PACK_H
#define FAKE_PACK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define Z_SOLO
#define ZLIB_CONST
#include <zlib.h>
#include <lz4.h>
#include <lz4frame.h>

#include "lib/types.h"

struct packed {
	uint8_t *data;
	uint64_t size;
};

static inline void pack_add(struct packed *p, const void *bytes, uint64_t n)
{
	p->data = realloc(p->data, p->size + n);
	memcpy(p->data + p->size, bytes, n);
	p->size += n;
}

static inline void pack_le32(struct packed *p, uint32_t v)
{
	pack_add(p,
		 (uint8_t[]){ (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
			      (uint8_t)(v >> 24) },
		 4);
}

static voidpf pack_alloc(voidpf opaque, uInt items, uInt size)
{
	(void)opaque;
	return calloc(items, size);
}

static void pack_free(voidpf opaque, voidpf p)
{
	(void)opaque;
	free(p);
}

/* A gzip file; @flags: FLG of its header, whose fields are made up. */
static inline struct packed pack_gzip(const uint8_t *data, uint64_t size, int level, int strategy,
				      uint8_t flags)
{
	z_stream s = { .zalloc = pack_alloc, .zfree = pack_free };
	struct packed p = { 0 };
	uint8_t *out;

	pack_add(&p, (uint8_t[]){ 0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3 }, 10);
	if (flags & 4)
		pack_add(&p, "\5\0extra", 7);
	if (flags & 8)
		pack_add(&p, "name", 5);
	if (flags & 16)
		pack_add(&p, "a comment", 10);
	if (flags & 2) {
		uint32_t crc = (uint32_t)crc32_z(0, p.data, p.size);

		pack_add(&p, (uint8_t[]){ (uint8_t)crc, (uint8_t)(crc >> 8) }, 2);
	}
	if (deflateInit2(&s, level, Z_DEFLATED, -15, 8, strategy) != Z_OK)
		abort();
	out = malloc(size + size / 8 + 4096);
	s.next_in = data;
	s.avail_in = (uInt)size;
	s.next_out = out;
	s.avail_out = (uInt)(size + size / 8 + 4096);
	if (deflate(&s, Z_FINISH) != Z_STREAM_END)
		abort();
	pack_add(&p, out, s.total_out);
	deflateEnd(&s);
	free(out);
	pack_le32(&p, (uint32_t)crc32_z(0, data, size));
	pack_le32(&p, (uint32_t)size);
	return p;
}

struct pack_lz4 {
	int block; /* 4: 64 KiB, to 7: 4 MiB */
	bool linked, checksums, says_size;
};

static inline struct packed pack_lz4(const uint8_t *data, uint64_t size, struct pack_lz4 how)
{
	LZ4F_preferences_t prefs = LZ4F_INIT_PREFERENCES;
	struct packed p = { 0 };
	size_t n;

	prefs.frameInfo.blockSizeID = (LZ4F_blockSizeID_t)how.block;
	prefs.frameInfo.blockMode = how.linked ? LZ4F_blockLinked : LZ4F_blockIndependent;
	prefs.frameInfo.contentChecksumFlag = how.checksums ? LZ4F_contentChecksumEnabled :
							      LZ4F_noContentChecksum;
	prefs.frameInfo.blockChecksumFlag = how.checksums ? LZ4F_blockChecksumEnabled :
							    LZ4F_noBlockChecksum;
	prefs.frameInfo.contentSize = how.says_size ? size : 0;
	n = LZ4F_compressFrameBound(size, &prefs);
	p.data = malloc(n);
	p.size = LZ4F_compressFrame(p.data, n, data, size, &prefs);
	if (LZ4F_isError(p.size))
		abort();
	/* lz4 makes smaller blocks of little data; this is the frame that was asked for all the same. */
	return p;
}

static inline struct packed pack_lz4_legacy(const uint8_t *data, uint64_t size)
{
	struct packed p = { 0 };
	int max = LZ4_COMPRESSBOUND(8 << 20);
	char *out = malloc((size_t)max);

	pack_le32(&p, 0x184c2102);
	for (uint64_t at = 0; at < size; at += 8 << 20) {
		int n = LZ4_compress_default((const char *)data + at, out,
					     (int)min_u64(size - at, 8 << 20), max);

		pack_le32(&p, (uint32_t)n);
		pack_add(&p, out, (uint64_t)n);
	}
	free(out);
	return p;
}

#endif
