// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/loader_world.h
/* Where the loader puts a VM's images, and what it says of those that cannot be put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/coroutine.h"
#include "fake/fit.h"
#include "fake/loader_world.h"
#include "fake/log.h"
#include "vm/guest_fdt.h"

static void an_image_lies_where_its_header_says(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(256));
	use_image(MIB(5), MIB(2), MIB(7));
	use_ramdisk(sizeof(ramdisk));
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80200000);
	assert_loaded(&r, 0x80200000, MIB(7));
	/* Both high, out of a decompressing or relocating kernel's way. */
	assert_true(r.fdt.gpa == 0x8fe00000);
	assert_true(seen_initrd > r.fdt.gpa - sizeof(ramdisk) - PAGE_SIZE);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(pages_out, 0);
}

static void a_raw_kernel_lies_at_load_and_starts_at_entry(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(64));
	use_raw(MIB(1), 0x80400000, 0x80400010);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80400010);
	assert_loaded(&r, 0x80400000, MIB(1));
	start(MIB(64));
	use_raw(MIB(1), 0x80400000, 0);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80400000);
	start(MIB(64));
	use_raw(MIB(1), 0, 0);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80000000);
	assert_loaded(&r, 0x80000000, MIB(1));
}

static void a_raw_kernel_at_the_top_keeps_its_place(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(64));
	use_raw(MIB(3), GUEST_RAM_BASE + MIB(61), 0);
	use_ramdisk(sizeof(ramdisk));
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_loaded(&r, GUEST_RAM_BASE + MIB(61), MIB(3));
}

static void wherever_the_kernel_lies_nothing_overlaps(void **state)
{
	(void)state;
	for (uint64_t offset = 0; offset <= MIB(15); offset += MIB(1) / 4 + 4) {
		struct loader_result r;

		start(MIB(16));
		use_raw(MIB(1), GUEST_RAM_BASE + offset, 0);
		if (offset == 0)
			cfg.kernel.load = gpa(0);
		use_ramdisk(MIB(1) + 1);
		assert_int_equal(loader_load(&vm, &cfg, &r), 0);
		assert_loaded(&r, GUEST_RAM_BASE + offset, MIB(1));
	}
}

static void loading_goes_in_small_steps(void **state)
{
	unsigned int steps = 0;
	struct loader l = { 0 };
	int err;

	(void)state;
	start(MIB(64));
	use_image(MIB(5), MIB(2), MIB(5));
	use_ramdisk(sizeof(ramdisk));
	assert_int_equal(loader_prepare(&l, &vm), 0);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	/* The pieces, the tree's beginning, and as often as it is interrupted. */
	fake_coroutine_interrupts = 7;
	while ((err = loader_step(&l)) == 1)
		steps++;
	fake_coroutine_interrupts = 0;
	assert_int_equal(err, 0);
	assert_int_equal(steps, MIB(5) / LOADER_STEP +
					align_up(sizeof(ramdisk), LOADER_STEP) / LOADER_STEP + 1 +
					7);
	assert_true(largest_write == LOADER_STEP);
	assert_loaded(&l.result, 0x80200000, MIB(5));
}

static void is_range(const struct vm_range *r, const char *what, uint64_t base, uint64_t size)
{
	assert_string_equal(r->what, what);
	assert_int_equal(r->base.gpa, base);
	assert_int_equal(r->size, size);
}

static void the_plan_says_where_each_image_goes(void **state)
{
	struct vm_ram_plan plan;
	struct loader l = { 0 };
	uint64_t fdt;

	(void)state;
	start(MIB(64));
	use_raw(MIB(7), GUEST_RAM_BASE + MIB(4), 0);
	use_ramdisk(sizeof(ramdisk));
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	fdt = l.result.fdt.gpa;
	loader_plan(&l, &plan);
	assert_int_equal(plan.nr_images, 3);
	is_range(&plan.images[0], "kernel", GUEST_RAM_BASE + MIB(4), MIB(7));
	is_range(&plan.images[1], "device tree", fdt, GUEST_FDT_SIZE);
	is_range(&plan.images[2], "ramdisk", l.images[LOADER_RAMDISK].pieces[0].at.gpa,
		 sizeof(ramdisk));
	/* The tree's place up to its end. */
	is_range(&plan.spare, "device tree", fdt + GUEST_FDT_SIZE,
		 LOADER_FDT_SIZE - GUEST_FDT_SIZE);
	/* Without a ramdisk nothing is where it would be. */
	cfg.ramdisk = (struct vm_image){ 0 };
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	loader_plan(&l, &plan);
	assert_int_equal(plan.nr_images, 2);
}

static void in_large_memory_all_stays_below_two_gigabytes(void **state)
{
	struct loader_result r;

	(void)state;
	start(GIB(6));
	use_image(MIB(5), MIB(2), MIB(7));
	use_ramdisk(sizeof(ramdisk));
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_loaded(&r, 0x80200000, MIB(7));
	assert_true(r.fdt.gpa + LOADER_FDT_SIZE == GUEST_RAM_BASE + GIB(2));
	/* Unless it does not fit there. */
	start(GIB(6));
	use_image(MIB(5), MIB(2), GIB(3));
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.fdt.gpa + LOADER_FDT_SIZE == GUEST_RAM_BASE + GIB(6));
}

static void what_does_not_fit_is_told_by_how_much(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_image(MIB(5), MIB(2), MIB(14) + 1);
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_EOVERFLOW);
	assert_says(
		"config: /configurations/two/linux-a: kernel \"linux\": needs 14680065 bytes, 1 "
		"more than linux-a's memory leaves (memory is 0x1000000 bytes)");
	start(MIB(16));
	use_image(MIB(5), MIB(2), MIB(12) + 4);
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_EOVERFLOW);
	assert_says("config: /configurations/two/linux-a: device tree: needs 2097152 bytes, "
		    "2097152 more than linux-a's memory leaves (memory is 0x1000000 bytes)");
}

static void a_ramdisk_that_does_not_fit_is_told_by_how_much(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_image(MIB(5), MIB(2), MIB(10));
	use_ramdisk(MIB(2) + 7);
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_EOVERFLOW);
	assert_says(
		"config: /configurations/two/linux-a: ramdisk \"busybox\": needs 2097159 bytes, 7 "
		"more than linux-a's memory leaves (memory is 0x1000000 bytes)");
	start(MIB(16));
	use_image(MIB(5), MIB(2), MIB(10));
	use_ramdisk(MIB(2));
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_loaded(&r, 0x80200000, MIB(10));
}

static void common_mistakes_are_named(void **state)
{
	static const struct {
		unsigned int at;
		unsigned int n;
		const char *bytes;
		const char *says;
	} cases[] = {
		{ 0, 4, "\x28\xb5\x2f\xfd",
		  "compressed by zstd: must be by gzip or lz4, or unpacked (unzstd)" },
		{ 56, 4, "ARM\x64", "an Image for arm64: must be one for riscv64" },
		{ 0, 2, "MZ", "an EFI program without a RISC-V Image header: must be an Image" },
		{ 0x202, 4, "HdrS", "a bzImage for x86: must be an Image for riscv64" },
		{ 0, 4, "\xd0\x0d\xfe\xed", "a device tree or FIT image: must be a kernel" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loader_result r;
		char line[240];

		start(MIB(16));
		use_raw(MIB(1), 0x80200000, 0);
		memcpy(kernel + cases[i].at, cases[i].bytes, cases[i].n);
		assert_int_equal(loader_load(&vm, &cfg, &r), HV_EINVAL);
		snprintf(line, sizeof(line),
			 "config: /configurations/two/linux-a: kernel \"payload\": %s",
			 cases[i].says);
		assert_says(line);
	}
}

static void a_tiny_kernel_is_not_read_beyond_its_end(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 8, 55, 59, 60, 63, 64, 0x202, 0x205 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct loader_result r;
		uint8_t *exact;

		start(MIB(16));
		use_image(sizes[i], MIB(2), sizes[i]);
		exact = fit_exact(kernel, sizes[i]);
		exact[0] = 0x13;
		cfg.kernel.data = exact;
		cfg.kernel.load = gpa(0x80200000);
		assert_int_equal(loader_load(&vm, &cfg, &r), 0);
		free(exact);
	}
}

static void addresses_outside_of_ram_are_refused(void **state)
{
	static const struct {
		uint64_t load, entry;
		const char *says;
	} cases[] = {
		{ 0x1000, 0, "load = <0x1000>: must be 0x80000000 to 0x80ffffff" },
		{ 0x81000000, 0, "load = <0x81000000>: must be 0x80000000 to 0x80ffffff" },
		{ UINT64_MAX, 0, "load = <0xffffffffffffffff>: must be 0x80000000 to 0x80ffffff" },
		{ 0x80200000, 0x80300000,
		  "entry = <0x80300000>: must be 0x80200000 to 0x802fffff" },
		{ 0x80200000, 0x80000000,
		  "entry = <0x80000000>: must be 0x80200000 to 0x802fffff" },
		{ 0x80200000, 0x80200001, "entry: must be even, as every instruction's address" },
		{ 0x80f00001, 0,
		  "needs 1048576 bytes, 1 more than linux-a's memory leaves "
		  "(memory is 0x1000000 bytes)" },
		{ 0x80fffff0, 0,
		  "needs 1048576 bytes, 1048560 more than linux-a's memory leaves "
		  "(memory is 0x1000000 bytes)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loader_result r;
		char line[240];

		start(MIB(16));
		use_raw(MIB(1), cases[i].load, cases[i].entry);
		assert_true(loader_load(&vm, &cfg, &r) < 0);
		snprintf(line, sizeof(line),
			 "config: /configurations/two/linux-a: kernel \"payload\": %s",
			 cases[i].says);
		assert_says(line);
	}
}

static void a_lying_image_header_is_refused(void **state)
{
	static const uint64_t wild[] = { MIB(16), UINT64_MAX, UINT64_MAX - MIB(2), 1ull << 63 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		struct loader_result r;

		start(MIB(16));
		use_image(MIB(1), wild[i], MIB(1));
		assert_true(loader_load(&vm, &cfg, &r) < 0);
		start(MIB(16));
		use_image(MIB(1), MIB(2), wild[i]);
		assert_true(loader_load(&vm, &cfg, &r) < 0);
		start(MIB(16));
		use_image(MIB(1), MIB(16), MIB(1));
		assert_true(loader_load(&vm, &cfg, &r) < 0);
		assert_says("config: /configurations/two/linux-a: kernel \"linux\": "
			    "text_offset = <0x1000000>: must be 0x0 to 0xffffff");
	}
	/* One that says less than there is does not make room that is not there. */
	struct loader_result r;

	start(MIB(16));
	use_image(MIB(5), MIB(9), 0);
	use_ramdisk(MIB(1));
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_EOVERFLOW);
}

static void a_failed_overlay_or_no_memory_is_an_error_and_leaks_nothing(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	cfg.overlay = (struct vm_image){ "dtbo", kernel, 64, gpa(0), gpa(0) };
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_int_equal(at(r.fdt.gpa)[200], 'T');
	overlay_result = HV_EINVAL;
	dirty_page_freed = false;
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_EINVAL);
	assert_int_equal(pages_out, 0);
	assert_false(dirty_page_freed);
	fake_log_reset();
	no_pages = true;
	assert_int_equal(loader_load(&vm, &cfg, &r), HV_ENOMEM);
	assert_says("config: /configurations/two/linux-a: no memory left to make linux-a's device "
		    "tree in");
}

static void what_an_abandoned_load_holds_goes_back_clean_and_in_steps(void **state)
{
	struct loader_result r;
	struct loader l = { 0 };
	unsigned int steps = 0;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	cfg.overlay = (struct vm_image){ "dtbo", kernel, 64, gpa(0), gpa(0) };
	assert_int_equal(loader_prepare(&l, &vm), 0);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	assert_false(loader_abandon_step(&l)); /* it holds nothing yet */
	fake_coroutine_interrupts = 1;
	while (pages_out == 0 || steps++ == 0)
		assert_int_equal(loader_step(&l), 1);
	dirty_page_freed = false;
	fake_coroutines_forgotten = 0;
	for (steps = 1; loader_abandon_step(&l); steps++)
		;
	assert_int_equal(steps, (GUEST_FDT_SIZE + PAGE_SIZE + LOADER_STEP - 1) / LOADER_STEP);
	assert_int_equal(fake_coroutines_forgotten, 1);
	assert_int_equal(pages_out, 0);
	assert_false(dirty_page_freed);
	/* And it can be loaded afterwards. */
	fake_coroutine_interrupts = 0;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_lies_where_its_header_says),
		cmocka_unit_test(a_raw_kernel_lies_at_load_and_starts_at_entry),
		cmocka_unit_test(a_raw_kernel_at_the_top_keeps_its_place),
		cmocka_unit_test(wherever_the_kernel_lies_nothing_overlaps),
		cmocka_unit_test(the_plan_says_where_each_image_goes),
		cmocka_unit_test(loading_goes_in_small_steps),
		cmocka_unit_test(in_large_memory_all_stays_below_two_gigabytes),
		cmocka_unit_test(what_does_not_fit_is_told_by_how_much),
		cmocka_unit_test(a_ramdisk_that_does_not_fit_is_told_by_how_much),
		cmocka_unit_test(common_mistakes_are_named),
		cmocka_unit_test(a_tiny_kernel_is_not_read_beyond_its_end),
		cmocka_unit_test(addresses_outside_of_ram_are_refused),
		cmocka_unit_test(a_lying_image_header_is_refused),
		cmocka_unit_test(a_failed_overlay_or_no_memory_is_an_error_and_leaks_nothing),
		cmocka_unit_test(what_an_abandoned_load_holds_goes_back_clean_and_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, drop_ram);
}
