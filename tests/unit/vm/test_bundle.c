// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/bundle.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c tests/unit/fake/unmoved.c hyp/lib/text.c hyp/lib/fdt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake/fit.h"
#include "fake/log.h"
#include "lib/fdt.h"
#include "vm/bundle.h"

static uint8_t packing; /* of the image that was found last */

static _Alignas(8) uint8_t fit[FIT_ROOM];
static char why[240];

/* The FIT as it would lie in memory, @behind bytes after it, in a block of exactly that size. */
static uint8_t *blob;
static size_t blob_size;

static void blob_make(const void *behind, size_t size)
{
	size_t tree;

	fit_ok(fdt_pack(fit));
	tree = align_up(fdt_totalsize(fit), 4);
	free(blob);
	blob_size = tree + size;
	blob = malloc(blob_size);
	memcpy(blob, fit, fdt_totalsize(fit));
	memset(blob + fdt_totalsize(fit), 0, tree - fdt_totalsize(fit));
	if (size != 0)
		memcpy(blob + tree, behind, size);
}

static int find(uint64_t size, const char *name, enum bundle_use use, struct vm_image *out)
{
	struct bundle b;
	struct text t;
	int err;

	err = bundle_open(&b, blob, size);
	text_begin(&t, why, sizeof(why));
	return err != 0 ? err : bundle_find_image(&b, name, use, out, &packing, &t);
}

static void set_u32(const char *path, const char *prop, uint32_t v)
{
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, path), prop, v));
}

static void set_u64(const char *path, const char *prop, uint64_t v)
{
	fit_ok(fdt_setprop_u64(fit, fit_node(fit, path), prop, v));
}

/* As mkimage -E leaves an image. */
static void make_external(const char *prop)
{
	fit_make(fit);
	fit_ok(fdt_delprop(fit, fit_node(fit, "/images/linux"), "data"));
	set_u32("/images/linux", prop, 0);
	set_u32("/images/linux", "data-size", 8);
}

static void data_inside_the_tree_is_found(void **state)
{
	struct vm_image image;

	(void)state;
	fit_make(fit);
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
	assert_string_equal(image.name, "linux");
	assert_int_equal(image.size, sizeof(KERNEL_TEXT));
	assert_memory_equal(image.data, KERNEL_TEXT, sizeof(KERNEL_TEXT));
	assert_true(image.load.gpa == 0x80400000 && image.entry.gpa == 0x80400004);
	assert_int_equal(find(blob_size, "busybox", BUNDLE_RAMDISK, &image), 0);
	assert_memory_equal(image.data, RAMDISK_TEXT, sizeof(RAMDISK_TEXT));
	assert_string_equal(why, "");
}

static void data_behind_the_tree_is_found_by_offset(void **state)
{
	struct vm_image image;

	(void)state;
	make_external("data-offset");
	set_u32("/images/linux", "data-offset", 4);
	blob_make("0123abcdefgh", 12);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
	assert_int_equal(image.size, 8);
	assert_memory_equal(image.data, "abcdefgh", 8);
	/* To the last byte and no further. */
	assert_int_equal(find(blob_size - 1, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_non_null(strstr(why, "/images/linux: data-offset = <4>: bytes "));
	assert_non_null(strstr(why, "; is it cut short?"));
}

static void data_behind_the_tree_is_found_by_position(void **state)
{
	struct vm_image image;

	(void)state;
	make_external("data-position");
	set_u32("/images/linux", "data-position", 8192);
	blob_make(NULL, 0);
	blob = realloc(blob, 8200);
	memcpy(blob + 8192, "abcdefgh", 8);
	blob_size = 8200;
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
	assert_ptr_equal(image.data, blob + 8192);
	assert_int_equal(find(8199, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_string_equal(why, "/images/linux: data-position = <8192>: bytes 8192 to 8200 of a "
				 "bundle that has 8199; is it cut short?");
}

static void offsets_that_wrap_around_are_refused(void **state)
{
	static const struct {
		uint64_t offset;
		uint64_t size;
	} cases[] = {
		{ UINT64_MAX, 8 },	  { UINT64_MAX - 3, 8 },      { 0, UINT64_MAX },
		{ 4, UINT64_MAX - 3 },	  { 1ull << 63, 1ull << 63 }, { UINT64_MAX, UINT64_MAX },
		{ UINT64_MAX - 4096, 1 }, { 0xffffffff, 0xffffffff },
	};
	static const char *const props[] = { "data-offset", "data-position" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *prop = props[i % 2];
		struct vm_image image = { .size = 77 };

		make_external(prop);
		set_u64("/images/linux", prop, cases[i / 2].offset);
		set_u64("/images/linux", "data-size", cases[i / 2].size);
		blob_make("abcdefgh", 8);
		assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
		assert_non_null(strstr(why, prop));
		assert_int_equal(image.size, 77);
	}
}

static void an_end_that_no_address_has_is_told_as_the_last_one(void **state)
{
	struct vm_image image;

	(void)state;
	make_external("data-position");
	set_u64("/images/linux", "data-position", 16);
	set_u64("/images/linux", "data-size", UINT64_MAX - 15);
	blob_make("abcdefgh", 8);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_non_null(strstr(why, ": bytes 16 to 18446744073709551615 of a bundle that has "));
}

static void external_data_without_a_good_size_is_refused(void **state)
{
	struct vm_image image;

	(void)state;
	make_external("data-offset");
	fit_ok(fdt_delprop(fit, fit_node(fit, "/images/linux"), "data-size"));
	blob_make("abcdefgh", 8);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_string_equal(why, "/images/linux: data-size: must be there, one or two cells");
	make_external("data-offset");
	set_u32("/images/linux", "data-size", 0);
	blob_make("abcdefgh", 8);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_string_equal(why, "/images/linux: is empty (0 bytes)");
}

static void an_external_bundle_cut_anywhere_gives_no_byte_beyond(void **state)
{
	(void)state;
	make_external("data-offset");
	blob_make("abcdefgh", 8);
	for (size_t len = 0; len < blob_size; len++) {
		struct vm_image image;
		struct bundle b;
		struct text t;
		void *copy = fit_exact(blob, len);
		int err = bundle_open(&b, copy, len);

		text_begin(&t, why, sizeof(why));
		if (len < blob_size - 8 - 3)
			assert_int_equal(err, HV_EINVAL);
		if (err == 0)
			assert_int_equal(bundle_find_image(&b, "linux", BUNDLE_KERNEL, &image,
							   &packing, &t),
					 HV_EINVAL);
		free(copy);
	}
}

static void addresses_are_one_or_two_cells_and_default_to_virt_s(void **state)
{
	struct vm_image image;

	(void)state;
	fit_make(fit);
	set_u64("/images/linux", "load", 0x180000000);
	set_u32("/images/linux", "entry", 0);
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
	assert_true(image.load.gpa == 0x180000000 && image.entry.gpa == 0);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_delprop(fit, fit_node(fit, "/images/linux"), "load"));
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
	assert_true(image.load.gpa == 0x80200000);
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_setprop(fit, fit_node(fit, "/images/linux"), "load", "123456789012", 12));
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_EINVAL);
	assert_non_null(strstr(why, "must be an address of one or two cells"));
}

static void what_is_no_tree_is_refused_with_the_reason(void **state)
{
	static const char elf[64] = "\x7f"
				    "ELF";
	struct bundle b;

	(void)state;
	fake_log_reset();
	assert_int_equal(bundle_open(&b, elf, sizeof(elf)), HV_EINVAL);
	assert_non_null(strstr(fake_log_text, "bundle: no usable FIT image (mkimage -f NAME.its "
					      "NAME.itb) in the 64 bytes given: "));
	assert_int_equal(bundle_open(&b, elf, 0), HV_EINVAL);
	fit_make(fit);
	assert_int_equal(bundle_open(&b, fit + 4, sizeof(fit) - 4), HV_EINVAL);
}

static void a_long_list_of_images_is_shortened(void **state)
{
	struct vm_image image;

	(void)state;
	fit_make(fit);
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "\x7fimage\x07number-%d", i);
		fit_add_node(fit, "/images", name);
	}
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "none", BUNDLE_KERNEL, &image), HV_ENOENT);
	assert_string_equal(
		why, "no such image; there are ?image?number-99, ?image?number-98, "
		     "?image?number-97, ?image?number-96, ?image?number-95, ?image?number-94, "
		     "...");
}

static void how_an_image_is_compressed_is_told(void **state)
{
	static const char *const names[] = { "none", "gzip", "lz4" };
	static const enum image_packing packings[] = { PACKING_NONE, PACKING_GZIP, PACKING_LZ4 };
	struct vm_image image;

	(void)state;
	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++) {
		fit_make(fit);
		fit_ok(fdt_setprop_string(fit, fit_node(fit, "/images/linux"), "compression",
					  names[i]));
		fit_ok(fdt_setprop_string(fit, fit_node(fit, "/images/linux"), "type", "other"));
		blob_make(NULL, 0);
		packing = 99;
		assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), 0);
		assert_int_equal(packing, packings[i]);
		assert_int_equal(find(blob_size, "linux", BUNDLE_RAMDISK, &image), 0);
		/* An overlay is read where it lies. */
		assert_int_equal(find(blob_size, "linux", BUNDLE_FDT, &image), i ? HV_EINVAL : 0);
	}
	assert_string_equal(why, "/images/linux: compression = \"lz4\": must be \"none\" here");
}

static void no_images_at_all_is_said(void **state)
{
	struct vm_image image;

	(void)state;
	fit_make(fit);
	fit_ok(fdt_del_node(fit, fit_node(fit, "/images/linux")));
	fit_ok(fdt_del_node(fit, fit_node(fit, "/images/busybox")));
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_ENOENT);
	assert_string_equal(why, "no such image; there are none");
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
	fit_ok(fdt_del_node(fit, fit_node(fit, "/images")));
	blob_make(NULL, 0);
	assert_int_equal(find(blob_size, "linux", BUNDLE_KERNEL, &image), HV_ENOENT);
	assert_string_equal(why, "no such image; the bundle has no /images");
}

static void reasons_longer_than_the_buffer_are_cut_and_end(void **state)
{
	struct vm_image image;
	struct bundle b;
	struct text t;
	char small[10];

	(void)state;
	fit_make(fit);
	blob_make(NULL, 0);
	assert_int_equal(bundle_open(&b, blob, blob_size), 0);
	text_begin(&t, small, sizeof(small));
	assert_int_equal(bundle_find_image(&b, "x", BUNDLE_KERNEL, &image, &packing, &t),
			 HV_ENOENT);
	assert_string_equal(small, "no such i");
	assert_true(t.full);
}

static void corrupted_external_bundles_never_lead_outside(void **state)
{
	uint64_t seed = 42;
	int found = 0;

	(void)state;
	make_external("data-offset");
	blob_make("abcdefgh", 8);
	for (int round = 0; round < 50000; round++) {
		uint8_t *copy = fit_exact(blob, blob_size);
		struct vm_image image;
		struct bundle b;
		struct text t;

		for (int i = 0; i < 2; i++)
			copy[fit_random(&seed) % blob_size] = (uint8_t)fit_random(&seed);
		text_begin(&t, why, sizeof(why));
		if (bundle_open(&b, copy, blob_size) == 0 &&
		    bundle_find_image(&b, "linux", BUNDLE_KERNEL, &image, &packing, &t) == 0) {
			volatile uint8_t sum = 0;

			for (uint64_t i = 0; i < image.size; i++)
				sum = (uint8_t)(sum + image.data[i]);
			found++;
		}
		fake_log_reset();
		free(copy);
	}
	assert_in_range(found, 1000, 49999);
}

static int drop_blob(void **state)
{
	(void)state;
	free(blob);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_inside_the_tree_is_found),
		cmocka_unit_test(data_behind_the_tree_is_found_by_offset),
		cmocka_unit_test(data_behind_the_tree_is_found_by_position),
		cmocka_unit_test(offsets_that_wrap_around_are_refused),
		cmocka_unit_test(an_end_that_no_address_has_is_told_as_the_last_one),
		cmocka_unit_test(external_data_without_a_good_size_is_refused),
		cmocka_unit_test(an_external_bundle_cut_anywhere_gives_no_byte_beyond),
		cmocka_unit_test(addresses_are_one_or_two_cells_and_default_to_virt_s),
		cmocka_unit_test(what_is_no_tree_is_refused_with_the_reason),
		cmocka_unit_test(a_long_list_of_images_is_shortened),
		cmocka_unit_test(how_an_image_is_compressed_is_told),
		cmocka_unit_test(no_images_at_all_is_said),
		cmocka_unit_test(reasons_longer_than_the_buffer_are_cut_and_end),
		cmocka_unit_test(corrupted_external_bundles_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, drop_blob);
}
