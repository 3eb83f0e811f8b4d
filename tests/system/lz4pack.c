// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packs standard input by lz4's own compressor, since the tool may not be there (tests/system/packed.py builds it).
 *
 * usage: lz4pack frame BLOCK-SIZE-ID LINKED CHECKSUMS CONTENT-SIZE | lz4pack legacy
 */
#include <lz4.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEGACY_BLOCK (8 << 20)

static void put_le32(uint32_t v)
{
	for (int i = 0; i < 4; i++)
		putchar((int)(v >> (8 * i) & 0xff));
}

static void legacy(const char *in, size_t size)
{
	char *out = malloc(LZ4_COMPRESSBOUND(LEGACY_BLOCK));

	put_le32(0x184c2102);
	for (size_t at = 0; at < size; at += LEGACY_BLOCK) {
		size_t left = size - at;
		int n = LZ4_compress_default(in + at, out,
					     left < LEGACY_BLOCK ? (int)left : LEGACY_BLOCK,
					     LZ4_COMPRESSBOUND(LEGACY_BLOCK));

		put_le32((uint32_t)n);
		fwrite(out, 1, (size_t)n, stdout);
	}
	free(out);
}

static void frame(const char *in, size_t size, char **arg)
{
	LZ4F_preferences_t p = LZ4F_INIT_PREFERENCES;
	size_t max, n;
	char *out;

	p.frameInfo.blockSizeID = (LZ4F_blockSizeID_t)atoi(arg[0]);
	p.frameInfo.blockMode = atoi(arg[1]) ? LZ4F_blockLinked : LZ4F_blockIndependent;
	p.frameInfo.contentChecksumFlag = atoi(arg[2]) ? LZ4F_contentChecksumEnabled :
							 LZ4F_noContentChecksum;
	p.frameInfo.blockChecksumFlag = atoi(arg[2]) ? LZ4F_blockChecksumEnabled :
						       LZ4F_noBlockChecksum;
	p.frameInfo.contentSize = atoi(arg[3]) ? size : 0;
	max = LZ4F_compressFrameBound(size, &p);
	out = malloc(max);
	n = LZ4F_compressFrame(out, max, in, size, &p);
	if (LZ4F_isError(n))
		exit(1);
	fwrite(out, 1, n, stdout);
	free(out);
}

int main(int argc, char **argv)
{
	size_t size = 0, room = 64 << 20, n;
	char *in = malloc(room);

	while ((n = fread(in + size, 1, room - size, stdin)) > 0)
		size += n;
	if (size == room || argc < 2)
		return 1;
	if (argc == 6 && strcmp(argv[1], "frame") == 0)
		frame(in, size, argv + 2);
	else
		legacy(in, size);
	free(in);
	return 0;
}
