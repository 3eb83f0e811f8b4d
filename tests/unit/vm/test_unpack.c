// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c
/* What was packed comes out as it was; what was changed on the way is refused, and never more than was measured comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fit.h"
#include "fake/pack.h"
#include "lib/errno.h"
#include "vm/unpack.h"

#define DATA_MAX MIB(9)

static uint8_t data[DATA_MAX], out[DATA_MAX + 1];
static uint64_t seed = 0x1234567;
static bool put_fails;

static int put(void *arg, uint64_t at, const void *bytes, uint64_t n)
{
	struct unpack *u = arg;

	assert_int_equal(at, u->done);
	assert_true(n > 0 && at + n <= u->bytes && at + n <= DATA_MAX);
	memcpy(out + at, bytes, n);
	return put_fails ? HV_EFAULT : HV_OK;
}

/* In blocks of exactly its size, so that ASan sees each byte that is read beyond, or written. */
static const char *unpack_with_head(const struct packed *p, struct unpack *u)
{
	uint8_t *exact = fit_exact(p->data, p->size), head[UNPACK_HEAD_MAX];
	const char *problem;
	uint64_t got = 0;

	*u = (struct unpack){ .data = exact, .size = p->size, .put = put, .arg = u };
	u->packing = unpack_by_magic(exact, p->size);
	problem = u->packing ? unpack_measure(u) : "no magic";
	if (!problem && u->bytes <= DATA_MAX) {
		u->scratch = malloc(UNPACK_HEAD_SCRATCH);
		problem = unpack_head(u, head, sizeof(head), &got);
		free(u->scratch);
		u->scratch = malloc(u->scratch_size);
		if (!problem)
			problem = unpack_all(u);
		free(u->scratch);
		if (!problem)
			assert_memory_equal(head, out, min_u64(u->done, sizeof(head)));
		if (!problem && got < sizeof(head))
			assert_int_equal(got, u->done);
	} else if (!problem) {
		problem = "too large";
	}
	free(exact);
	return problem;
}

static void comes_out(struct packed p, uint64_t size)
{
	struct unpack u;
	const char *problem = unpack_with_head(&p, &u);

	if (problem)
		print_message("%s\n", problem);
	assert_null(problem);
	assert_int_equal(u.done, size);
	assert_true(u.bytes >= size && (!u.exact || u.bytes == size));
	assert_memory_equal(out, data, size);
	free(p.data);
}

/* Bytes of one of several kinds, from incompressible to runs, with repetitions from far away. */
static void make_data_of(uint64_t size, uint64_t kind)
{
	for (uint64_t i = 0; i < size;) {
		uint64_t n = min_u64(1 + fit_random(&seed) % 300, size - i);
		uint64_t back = 1 + fit_random(&seed) % 100000;

		for (uint64_t k = 0; k < n; k++, i++)
			data[i] = kind > 1 && n % 3 && i >= back ? data[i - back] :
				  kind == 1			 ? (uint8_t)(n / 8) :
								   (uint8_t)fit_random(&seed);
	}
}

static void make_data(uint64_t size)
{
	make_data_of(size, fit_random(&seed) % 4);
}

static uint64_t random_size(void)
{
	return 1 + fit_random(&seed) % (1 << (1 + fit_random(&seed) % 19));
}

static void what_gzip_packs_comes_out(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t size = random_size();

		make_data(size);
		comes_out(pack_gzip(data, size, (int)(i % 10), (int)(fit_random(&seed) % 5),
				    (uint8_t)(fit_random(&seed) & 0x1f)),
			  size);
	}
}

static void what_lz4_packs_comes_out(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t size = random_size();

		make_data(size);
		comes_out(pack_lz4(data, size,
				   (struct pack_lz4){ 4 + (int)(i & 3), i & 4, i & 8, i & 16 }),
			  size);
		comes_out(pack_lz4_legacy(data, size), size);
	}
}

static void blocks_of_all_sizes_come_out(void **state)
{
	(void)state;
	make_data_of(DATA_MAX, 2); /* blocks refer to those before */
	comes_out(pack_lz4(data, DATA_MAX, (struct pack_lz4){ 7, true, true, true }), DATA_MAX);
	comes_out(pack_lz4(data, MIB(9) - 77, (struct pack_lz4){ 4, true, false, true }),
		  MIB(9) - 77);
	comes_out(pack_lz4(data, MIB(5), (struct pack_lz4){ 6, false, true, false }), MIB(5));
	comes_out(pack_gzip(data, DATA_MAX, 6, 0, 0), DATA_MAX);
}

/* The length of what is not compressed comes before it: one byte for each 255. */
static void the_head_of_incompressible_data_is_found(void **state)
{
	(void)state;
	make_data_of(DATA_MAX, 0);
	comes_out(pack_lz4_legacy(data, MIB(8)), MIB(8));
	comes_out(pack_lz4(data, KIB(600), (struct pack_lz4){ 7, false, true, true }), KIB(600));
	comes_out(pack_gzip(data, KIB(600), 9, 0, 0), KIB(600));
}

/* A measure by blocks of 8 MiB is above what this can take: 8 MiB + 1 byte are two of them. */
static void legacy_blocks_are_counted(void **state)
{
	struct packed p;
	struct unpack u = { 0 };

	(void)state;
	make_data(MIB(8) + 1);
	p = pack_lz4_legacy(data, MIB(8) + 1);
	u = (struct unpack){ .data = p.data, .size = p.size, .packing = PACKING_LZ4 };
	assert_null(unpack_measure(&u));
	assert_int_equal(u.bytes, MIB(16));
	assert_false(u.exact);
	assert_true(u.scratch_size <= MIB(8) + KIB(64));
	u.put = put;
	u.arg = &u;
	u.bytes = MIB(8) + 1; /* as an Image's header says */
	u.scratch = malloc(u.scratch_size);
	assert_null(unpack_all(&u));
	assert_int_equal(u.done, MIB(8) + 1);
	assert_memory_equal(out, data, MIB(8) + 1);
	/* One byte less, and it is refused before the byte is out. */
	u.bytes = MIB(8);
	assert_non_null(unpack_all(&u));
	assert_int_equal(u.done, MIB(8));
	free(u.scratch);
	free(p.data);
}

/* Cut anywhere, a byte too many, each bit turned: refused, or as it was. */
static void all_changes_of(struct packed p, uint64_t size)
{
	struct packed longer = { fit_exact(p.data, p.size), p.size };
	struct unpack u;

	for (uint64_t n = 0; n < p.size; n++)
		assert_non_null(unpack_with_head(&(struct packed){ p.data, n }, &u));
	pack_add(&longer, "", 1);
	assert_non_null(unpack_with_head(&longer, &u));
	free(longer.data);
	for (uint64_t bit = 0; bit < p.size * 8; bit++) {
		p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (unpack_with_head(&p, &u) == NULL) {
			assert_int_equal(u.done, size);
			assert_memory_equal(out, data, size);
		}
		p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(p.data);
}

static void what_was_changed_is_refused(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t size = 60 + fit_random(&seed) % 200;

		make_data(size);
		all_changes_of(pack_gzip(data, size, (int)i * 3, (int)i, (uint8_t)(i * 10 & 0x1f)),
			       size);
		all_changes_of(pack_lz4(data, size, (struct pack_lz4){ 4, i & 1, true, i & 2 }),
			       size);
	}
	make_data(KIB(70));
	all_changes_of(pack_gzip(data, 1500, 9, 0, 0), 1500);
}

/* Without checksums a change may not be seen; but nothing is read or written where it must not be. */
static void changes_without_checksums_do_no_harm(void **state)
{
	struct unpack u;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		uint64_t size = 1 + fit_random(&seed) % 600, at;
		struct packed p;

		make_data(size);
		p = round & 1 ? pack_lz4_legacy(data, size) :
				pack_lz4(data, size,
					 (struct pack_lz4){ 4, round & 2, false, round & 4 });
		at = 7 + fit_random(&seed) % (p.size - 7);
		p.data[at] = (uint8_t)fit_random(&seed);
		(void)unpack_with_head(&p, &u);
		free(p.data);
	}
}

static void says(const struct packed *p, const char *what)
{
	struct unpack u;
	const char *problem = unpack_with_head(p, &u);

	assert_non_null(problem);
	assert_string_equal(problem, what);
}

static void each_mistake_of_gzip_is_named(void **state)
{
	struct packed p, twice = { 0 };

	(void)state;
	make_data(5000);
	p = pack_gzip(data, 5000, 9, 0, 2);
	says(&(struct packed){ p.data, 17 }, "cut short");
	says(&(struct packed){ p.data, p.size - 4 },
	     /* Its last four bytes are the checksum now. */
	     "too large");
	p.data[p.size - 1] ^= 0;
	p.data[p.size - 5] ^= 1;
	says(&p, "damaged: its checksum is wrong");
	p.data[p.size - 5] ^= 1;
	p.data[p.size - 4]++;
	says(&p, "damaged: its size is wrong");
	p.data[p.size - 4]--;
	p.data[p.size - 3]--;
	says(&p,
	     "unpacks to more than its last four bytes say: is it damaged, or something behind it?");
	p.data[p.size - 3]++;
	p.data[4]++;
	says(&p, "damaged: its header's checksum is wrong");
	p.data[4]--;
	p.data[2] = 7;
	says(&p, "damaged: its header is none");
	p.data[2] = 8;
	p.data[12] = 7; /* a block of the type that there is none of */
	says(&p, "damaged: no valid deflate data");
	free(p.data);
	p = pack_gzip(data, 5000, 9, 0, 0);
	pack_add(&twice, p.data, p.size);
	pack_add(&twice, p.data, p.size);
	says(&twice, "something is behind its end: must be one gzip file alone");
	free(twice.data);
	put_fails = true;
	says(&p, "cannot be put into RAM");
	put_fails = false;
	free(p.data);
	p = pack_gzip(data, 0, 9, 0, 0);
	says(&p, "unpacks to nothing");
	free(p.data);
}

/* Blocks that unpack to nothing: a head that is looked for in vain costs little. */
static void a_gzip_file_that_begins_with_nothing_is_refused(void **state)
{
	struct packed p = { 0 };

	(void)state;
	pack_add(&p, (uint8_t[]){ 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0 }, 10);
	for (unsigned int i = 0; i < 1000; i++)
		pack_add(&p, "\0\0\0\xff\xff", 5);
	pack_le32(&p, 0);
	pack_le32(&p, 1);
	says(&p, "its first 4096 bytes unpack to too little");
	free(p.data);
}

static void each_mistake_of_lz4_is_named(void **state)
{
	struct pack_lz4 all = { 4, false, true, true };
	struct packed p;

	(void)state;
	make_data(KIB(100));
	p = pack_lz4(data, KIB(100), all);
	says(&(struct packed){ p.data, 9 }, "cut short");
	says(&(struct packed){ p.data, p.size - 1 }, "cut short");
	p.data[p.size - 1] ^= 1;
	says(&p, "damaged: its checksum is wrong");
	p.data[p.size - 1] ^= 1;
	p.data[30] ^= 1;
	says(&p, "damaged: the checksum of a block is wrong");
	p.data[30] ^= 1;
	p.data[6] ^= 1;
	says(&p, "damaged: its header's checksum is wrong");
	p.data[6] ^= 1;
	p.data[4] |= 1;
	says(&p, "needs a dictionary: must be packed without one");
	p.data[4] ^= 1 | 0xc0;
	says(&p, "damaged, or of a newer format than version 1");
	p.data[4] ^= 0xc0;
	pack_add(&p, "x", 1);
	says(&p, "something is behind its end: must be one LZ4 frame alone");
	free(p.data);
	p = pack_lz4(data, 40, (struct pack_lz4){ 4, false, false, false });
	p.data[10] = 1; /* the size of a block that is larger than blocks are */
	says(&p, "damaged: no valid LZ4 data");
	free(p.data);
}

static void very_many_blocks_are_refused(void **state)
{
	/* The header of a frame of 64 KiB blocks, and blocks of one plain byte. */
	struct packed p = { malloc(7 + 5 * 65537 + 4), 7 };

	(void)state;
	memcpy(p.data, "\x04\x22\x4d\x18\x60\x40\x82", 7);
	for (unsigned int i = 0; i < 65537; i++, p.size += 5)
		memcpy(p.data + p.size, "\1\0\0\x80x", 5);
	memset(p.data + p.size, 0, 4);
	p.size += 4;
	says(&p, "has more than 65536 blocks: must have larger ones (lz4 -B7)");
	/* Fewer are good, but a kernel's first one must be more than that. */
	memset(p.data + 7 + 50, 0, 4);
	says(&(struct packed){ p.data, 7 + 50 + 4 }, "its first block unpacks to too little");
	free(p.data);
}

static void names_are_those_of_fit_images(void **state)
{
	enum image_packing packing;

	(void)state;
	assert_true(unpack_by_name("none", &packing) && packing == PACKING_NONE);
	assert_true(unpack_by_name("gzip", &packing) && packing == PACKING_GZIP);
	assert_true(unpack_by_name("lz4", &packing) && packing == PACKING_LZ4);
	assert_false(unpack_by_name("zstd", &packing));
	assert_null(unpack_name(PACKING_NONE));
	assert_string_equal(unpack_name(PACKING_LZ4), "lz4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_gzip_packs_comes_out),
		cmocka_unit_test(what_lz4_packs_comes_out),
		cmocka_unit_test(blocks_of_all_sizes_come_out),
		cmocka_unit_test(the_head_of_incompressible_data_is_found),
		cmocka_unit_test(legacy_blocks_are_counted),
		cmocka_unit_test(what_was_changed_is_refused),
		cmocka_unit_test(changes_without_checksums_do_no_harm),
		cmocka_unit_test(each_mistake_of_gzip_is_named),
		cmocka_unit_test(a_gzip_file_that_begins_with_nothing_is_refused),
		cmocka_unit_test(each_mistake_of_lz4_is_named),
		cmocka_unit_test(very_many_blocks_are_refused),
		cmocka_unit_test(names_are_those_of_fit_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
