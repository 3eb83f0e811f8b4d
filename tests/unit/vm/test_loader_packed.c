// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/loader_world.h
/* Packed images come to lie where the unpacked ones would, or a sentence says why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/coroutine.h"
#include "fake/elf.h"
#include "fake/fit.h"
#include "fake/loader_world.h"
#include "fake/log.h"
#include "fake/pack.h"

static const struct pack_lz4 by_default = { 7, false, true, false };
static struct packed held[2]; /* of the VM's images */

/* @image is packed, and says so if @packing. */
static void use_packed(struct vm_image *image, struct packed p, enum image_packing packing)
{
	unsigned int i = image == &cfg.ramdisk;

	free(held[i].data);
	held[i] = p;
	image->data = p.data;
	image->size = p.size;
	*(i ? &cfg.ramdisk_packing : &cfg.kernel_packing) = (uint8_t)packing;
}

static struct packed gzip_of(const struct vm_image *image)
{
	return pack_gzip(image->data, image->size, 6, 0, 8);
}

/* As assert_loaded(), of kernel[] of @bytes bytes. */
static void kernel_is_at(uint64_t gpa_value, uint64_t bytes)
{
	assert_memory_equal(at(gpa_value), kernel, bytes);
	for (uint64_t i = 0; i < 4096; i++)
		assert_int_equal(at(gpa_value)[bytes + i], 0);
}

static void a_packed_image_lies_where_its_header_says(void **state)
{
	struct loader_result r;

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		start(MIB(32));
		use_image(MIB(1) + 5, MIB(2), MIB(7));
		use_ramdisk(MIB(2) + 9);
		if (i < 2)
			use_packed(&cfg.kernel, gzip_of(&cfg.kernel),
				   i ? PACKING_GZIP : PACKING_NONE);
		else if (i < 4)
			use_packed(&cfg.kernel, pack_lz4(kernel, MIB(1) + 5, by_default),
				   i == 3 ? PACKING_LZ4 : PACKING_NONE);
		else
			use_packed(&cfg.kernel, pack_lz4_legacy(kernel, MIB(1) + 5), PACKING_LZ4);
		dirty_page_freed = false;
		assert_int_equal(loader_load(&vm, &cfg, &r), 0);
		assert_true(r.entry.gpa == 0x80200000);
		kernel_is_at(0x80200000, MIB(1) + 5);
		assert_memory_equal(at(seen_initrd), ramdisk, MIB(2) + 9);
		assert_int_equal(pages_out, 0);
		assert_false(dirty_page_freed);
	}
}

/* The same places as of unpacked images, so that all that was planned with them holds. */
static void a_packed_image_is_planned_as_an_unpacked_one(void **state)
{
	struct loader l = { 0 };
	struct vm_ram_plan plain, packed;

	(void)state;
	start(MIB(32));
	use_image(MIB(3), MIB(2), MIB(7));
	use_ramdisk(MIB(2) + 9);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	loader_plan(&l, &plain);
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	use_packed(&cfg.ramdisk, gzip_of(&cfg.ramdisk), PACKING_GZIP);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	loader_plan(&l, &packed);
	assert_int_equal(plain.nr_images, packed.nr_images);
	for (unsigned int i = 0; i < plain.nr_images; i++) {
		assert_true(plain.images[i].base.gpa == packed.images[i].base.gpa);
		assert_int_equal(plain.images[i].size, packed.images[i].size);
	}
	assert_int_equal(pages_out, 0);
}

static void a_raw_kernel_may_be_packed_too(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80400000, 0x80400010);
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80400010);
	kernel_is_at(0x80400000, MIB(1));
	/* Smaller than what is unpacked to look at. */
	start(MIB(16));
	use_raw(10, 0x80400000, 0);
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	kernel_is_at(0x80400000, 10);
}

static void a_ramdisk_is_unpacked_only_if_the_bundle_says_so(void **state)
{
	struct loader_result r;
	struct packed p;

	(void)state;
	start(MIB(32));
	use_raw(MIB(1), 0x80200000, 0);
	use_ramdisk(MIB(2) + 9);
	use_packed(&cfg.ramdisk, gzip_of(&cfg.ramdisk), PACKING_NONE);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_loaded(&r, 0x80200000, MIB(1)); /* as it is */
	for (unsigned int i = 0; i < 3; i++) {
		start(MIB(32));
		use_raw(MIB(1), 0x80200000, 0);
		use_ramdisk(MIB(2) + 9);
		p = i == 0 ? gzip_of(&cfg.ramdisk) :
			     pack_lz4(ramdisk, MIB(2) + 9,
				      (struct pack_lz4){ 5, true, true, i == 1 });
		use_packed(&cfg.ramdisk, p, i == 0 ? PACKING_GZIP : PACKING_LZ4);
		assert_int_equal(loader_load(&vm, &cfg, &r), 0);
		/* The guest is told its size unpacked, also where that was not known before. */
		cfg.ramdisk.data = ramdisk;
		cfg.ramdisk.size = MIB(2) + 9;
		assert_loaded(&r, 0x80200000, MIB(1));
	}
}

static void put_zboot(const char *kind, uint32_t offset, uint32_t cut)
{
	struct packed payload = gzip_of(&cfg.kernel), z = { 0 };
	uint8_t header[4096] = "MZ\0\0zimg";

	elf_put(header + 8, 4, offset);
	elf_put(header + 12, 4, payload.size);
	strcpy((char *)header + 24, kind);
	pack_add(&z, header, sizeof(header));
	pack_add(&z, payload.data, payload.size);
	z.size -= cut;
	free(payload.data);
	use_packed(&cfg.kernel, z, PACKING_NONE);
}

static void the_kernel_in_a_zboot_image_is_taken(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_image(MIB(1), MIB(2), MIB(7));
	put_zboot("gzip", 4096, 0);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	kernel_is_at(0x80200000, MIB(1));
	use_image(MIB(1), MIB(2), MIB(7));
	put_zboot("zstd22", 4096, 0);
	assert_fails(HV_EINVAL,
		     "kernel \"linux\": an EFI zboot image: must have its kernel packed by gzip or "
		     "lz4 (CONFIG_KERNEL_GZIP=y, or the Image inside it)");
	use_image(MIB(1), MIB(2), MIB(7));
	put_zboot("gzip", 4096, 1);
	assert_fails(HV_EINVAL, "kernel \"linux\": an EFI zboot image that is cut short");
	use_image(MIB(1), MIB(2), MIB(7));
	put_zboot("gzip", UINT32_MAX, 0);
	assert_fails(HV_EINVAL, "kernel \"linux\": an EFI zboot image that is cut short");
}

static void a_bomb_is_refused_before_anything_is_written(void **state)
{
	static uint8_t zeros[MIB(24)];

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	use_packed(&cfg.kernel, pack_gzip(zeros, sizeof(zeros), 9, 0, 0), PACKING_GZIP);
	assert_fails(HV_EOVERFLOW,
		     "kernel \"payload\": compressed by gzip: needs 25165824 bytes, 10485760 more "
		     "than linux-a's memory leaves (memory is 0x1000000 bytes)");
	use_packed(&cfg.kernel, pack_lz4(zeros, sizeof(zeros), by_default), PACKING_LZ4);
	assert_fails(HV_EOVERFLOW,
		     "kernel \"payload\": compressed by lz4: needs 25165824 bytes, 10485760 more "
		     "than linux-a's memory leaves (memory is 0x1000000 bytes)");
	assert_int_equal(largest_write, 0);
	use_raw(MIB(1), 0x80200000, 0);
	use_ramdisk(5);
	use_packed(&cfg.ramdisk, pack_gzip(zeros, sizeof(zeros), 9, 0, 0), PACKING_GZIP);
	assert_fails(HV_EOVERFLOW,
		     "ramdisk \"busybox\": compressed by gzip: needs 25165824 bytes, 13631488 "
		     "more than linux-a's memory leaves (memory is 0x1000000 bytes)");
}

/* One that says less than it unpacks to is stopped at what it said. */
static void a_lying_bomb_writes_no_more_than_it_says(void **state)
{
	static uint8_t zeros[MIB(24)];
	struct packed p;

	(void)state;
	memset(zeros, 0x77, sizeof(zeros));
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	p = pack_gzip(zeros, sizeof(zeros), 9, 0, 0);
	elf_put(p.data + p.size - 4, 4, 100000);
	use_packed(&cfg.kernel, p, PACKING_GZIP);
	assert_fails(HV_EINVAL,
		     "kernel \"payload\": compressed by gzip: unpacks to more than its last four "
		     "bytes say: is it damaged, or something behind it?");
	for (uint64_t i = 100000; i < MIB(8); i++)
		assert_int_equal(at(0x80200000)[i], 0);
	memset(zeros, 0, sizeof(zeros));
}

static void what_is_damaged_is_told(void **state)
{
	(void)state;
	start(MIB(16));
	use_image(MIB(1), MIB(2), MIB(7));
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	held[0].data[held[0].size - 6] ^= 1;
	assert_fails(HV_EINVAL,
		     "kernel \"linux\": compressed by gzip: damaged: its checksum is wrong");
	use_ramdisk(5000);
	use_image(MIB(1), MIB(2), MIB(7));
	use_packed(&cfg.ramdisk, pack_lz4(ramdisk, 5000, by_default), PACKING_LZ4);
	held[1].data[held[1].size - 1] ^= 1;
	assert_fails(HV_EINVAL,
		     "ramdisk \"busybox\": compressed by lz4: damaged: its checksum is wrong");
	cfg.ramdisk_packing = PACKING_GZIP;
	assert_fails(
		HV_EINVAL,
		"ramdisk \"busybox\": compressed by gzip: it is not: its first bytes are others");
	use_ramdisk(5000);
	/* What is inside is looked at, too. */
	use_raw(MIB(1), 0x80200000, 0);
	memcpy(kernel + 56, "ARM\x64", 4);
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	assert_fails(HV_EINVAL,
		     "kernel \"payload\": compressed by gzip: an Image for arm64: must be one for "
		     "riscv64");
	use_raw(MIB(1), 0x80200000, 0);
	memcpy(kernel, "\x1f\x8b", 2);
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	assert_fails(
		HV_EINVAL,
		"kernel \"payload\": compressed by gzip: packed twice: must be packed once, or not "
		"at all (gunzip)");
}

static void without_memory_to_unpack_in_the_vm_is_told(void **state)
{
	struct loader l = { 0 };
	int err;

	(void)state;
	start(MIB(16));
	use_image(MIB(1), MIB(2), MIB(7));
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	no_pages = true;
	assert_fails(HV_ENOMEM, "no memory left to unpack linux-a's kernel in");
	no_pages = false;
	assert_int_equal(loader_prepare(&l, &vm), 0);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	no_pages = true;
	while ((err = loader_step(&l)) == 1)
		;
	assert_int_equal(err, HV_ENOMEM);
	assert_says(
		"config: /configurations/two/linux-a: no memory left to unpack linux-a's kernel in");
	no_pages = false;
}

static void an_abandoned_unpacking_leaves_nothing(void **state)
{
	struct loader_result r;
	struct loader l = { 0 };
	unsigned int steps = 0;

	(void)state;
	start(MIB(16));
	use_image(MIB(1), MIB(2), MIB(7));
	use_packed(&cfg.kernel, gzip_of(&cfg.kernel), PACKING_GZIP);
	assert_int_equal(loader_prepare(&l, &vm), 0);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	fake_coroutine_interrupts = 5;
	while (steps++ < 4)
		assert_int_equal(loader_step(&l), 1);
	assert_int_equal(pages_out, 1);
	dirty_page_freed = false;
	while (loader_abandon_step(&l))
		;
	assert_int_equal(pages_out, 0);
	assert_false(dirty_page_freed);
	fake_coroutine_interrupts = 0;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	kernel_is_at(0x80200000, MIB(1));
}

static int drop_all(void **state)
{
	free(held[0].data);
	free(held[1].data);
	return drop_ram(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_image_lies_where_its_header_says),
		cmocka_unit_test(a_packed_image_is_planned_as_an_unpacked_one),
		cmocka_unit_test(a_raw_kernel_may_be_packed_too),
		cmocka_unit_test(a_ramdisk_is_unpacked_only_if_the_bundle_says_so),
		cmocka_unit_test(the_kernel_in_a_zboot_image_is_taken),
		cmocka_unit_test(a_bomb_is_refused_before_anything_is_written),
		cmocka_unit_test(a_lying_bomb_writes_no_more_than_it_says),
		cmocka_unit_test(what_is_damaged_is_told),
		cmocka_unit_test(without_memory_to_unpack_in_the_vm_is_told),
		cmocka_unit_test(an_abandoned_unpacking_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, drop_all);
}
