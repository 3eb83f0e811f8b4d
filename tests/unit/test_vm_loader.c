// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/loader.c hyp/vm/image.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/random.c
// SOURCES: tests/unit/fake/coroutine.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "arch/interrupts.h"
#include "fake/coroutine.h"
#include "fake/fit.h"
#include "fake/log.h"
#include "lib/random.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "vm/guest_fdt.h"
#include "vm/loader.h"

/* --- what the loader stands on ----------------------------------------------------------------- */

#define TREE_TEXT "the guest's device tree"

static uint8_t *ram; /* the guest's */
static uint64_t largest_write;
static unsigned int pages_out;
static bool no_pages;
static int overlay_result;
static uint8_t seen_seed[32];
static bool seed_given;
static bool dirty_page_freed;
static uint64_t seen_initrd, seen_initrd_size;
static struct vm vm = { .name = "linux-a", .id = 3 };
static struct vm_config cfg;

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	(void)gs;
	if (a.gpa < GUEST_RAM_BASE || len > cfg.memory || a.gpa - GUEST_RAM_BASE > cfg.memory - len)
		return HV_EFAULT;
	memcpy(ram + (a.gpa - GUEST_RAM_BASE), buf, len);
	largest_write = max_u64(largest_write, len);
	return 0;
}

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	void *p;

	fake_check_interrupts_off();
	if (no_pages || (p = aligned_alloc(align, size)) == NULL)
		return false;
	memset(p, 0xa5, size);
	*out = ptr_to_hpa(p);
	pages_out++;
	return true;
}

void page_free(hpa_t base, uint64_t size)
{
	const uint8_t *p = hpa_to_ptr(base);

	fake_check_interrupts_off();
	for (uint64_t i = 0; i < size; i++)
		dirty_page_freed |= p[i] != 0;
	free(hpa_to_ptr(base));
	pages_out--;
}

uint64_t hostmap_new_stack(void)
{
	return 4096;
}

uint64_t timer_now(void)
{
	return 1;
}

int guest_fdt_build(const struct vm *of, const struct vm_config *c, gpa_t initrd,
		    uint64_t initrd_size, const uint8_t rng_seed[32], void *buf, uint64_t cap)
{
	assert_ptr_equal(of, &vm);
	assert_ptr_equal(c, &cfg);
	assert_true(cap >= KIB(64));
	assert_int_equal(((char *)buf)[cap - 1], 0);
	fit_ok(fdt_create_empty_tree(buf, 256));
	memcpy((char *)buf + 200, TREE_TEXT, sizeof(TREE_TEXT));
	seed_given = rng_seed != NULL;
	if (seed_given) {
		memcpy(seen_seed, rng_seed, sizeof(seen_seed));
		memcpy((char *)buf + 300, rng_seed, sizeof(seen_seed));
	}
	seen_initrd = initrd.gpa;
	seen_initrd_size = initrd_size;
	return 0;
}

int guest_fdt_apply_overlay(void *buf, uint64_t cap, void *copy, const struct vm_image *overlay,
			    const struct vm *of)
{
	assert_ptr_equal(of, &vm);
	assert_ptr_equal(copy, (char *)buf + cap);
	memset(copy, 0x6f,
	       overlay->size < GUEST_FDT_OVERLAY_MAX ? overlay->size : GUEST_FDT_OVERLAY_MAX);
	((char *)buf)[200] = 'T';
	return overlay_result;
}

/* --- helpers ------------------------------------------------------------------------------------ */

static uint8_t kernel[MIB(5)];
static uint8_t ramdisk[MIB(3) + 123];

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* An Image of @bytes that will occupy @image_size from @text_offset on. */
static void use_image(uint64_t bytes, uint64_t text_offset, uint64_t image_size)
{
	memset(kernel, 0x4b, sizeof(kernel));
	memcpy(kernel, "MZ", 2);
	put_le64(kernel + 8, text_offset);
	put_le64(kernel + 16, image_size);
	put_le64(kernel + 24, 0);
	memcpy(kernel + 56, "RSC\x05", 4);
	cfg.kernel = (struct vm_image){ "linux", kernel, bytes, 0, 0 };
}

static void use_raw(uint64_t bytes, uint64_t load, uint64_t entry)
{
	memset(kernel, 0x13, sizeof(kernel));
	cfg.kernel = (struct vm_image){ "payload", kernel, bytes, load, entry };
}

static void use_ramdisk(uint64_t bytes)
{
	memset(ramdisk, 0x52, sizeof(ramdisk));
	cfg.ramdisk = (struct vm_image){ "busybox", ramdisk, bytes, 0, 0 };
}

static void start(uint64_t memory)
{
	if (ram != NULL)
		munmap(ram, cfg.memory);
	ram = mmap(NULL, memory, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	cfg = (struct vm_config){ .name = "linux-a",
				  .path = "/configurations/two/linux-a",
				  .memory = memory,
				  .bootargs = "" };
	largest_write = 0;
	no_pages = false;
	overlay_result = 0;
	fake_log_reset();
}

static const uint8_t *at(uint64_t gpa_value)
{
	return ram + (gpa_value - GUEST_RAM_BASE);
}

static void assert_says(const char *line)
{
	char with_newline[512];

	snprintf(with_newline, sizeof(with_newline), "%s\n", line);
	assert_string_equal(fake_log_text, with_newline);
	assert_in_range(strlen(line), 1, 240);
}

/* All three are in RAM, whole, and apart from each other. */
static void assert_loaded(const struct loader_result *r, uint64_t kernel_at, uint64_t occupies)
{
	uint64_t tree = r->fdt.gpa, end = tree + LOADER_FDT_SIZE;

	assert_memory_equal(at(kernel_at), cfg.kernel.data, cfg.kernel.size);
	assert_int_equal(fdt_totalsize(at(tree)), 256);
	assert_memory_equal(at(tree) + 200, TREE_TEXT, sizeof(TREE_TEXT));
	assert_true(is_aligned(tree, MIB(2)));
	assert_true(tree >= GUEST_RAM_BASE && end <= GUEST_RAM_BASE + cfg.memory);
	assert_true(end <= kernel_at || kernel_at + occupies <= tree);
	if (cfg.ramdisk.data == NULL) {
		assert_int_equal(seen_initrd_size, 0);
		return;
	}
	assert_int_equal(seen_initrd_size, cfg.ramdisk.size);
	assert_true(is_aligned(seen_initrd, PAGE_SIZE));
	assert_memory_equal(at(seen_initrd), cfg.ramdisk.data, cfg.ramdisk.size);
	assert_true(seen_initrd + cfg.ramdisk.size <= kernel_at ||
		    kernel_at + occupies <= seen_initrd);
	assert_true(seen_initrd + cfg.ramdisk.size <= tree || end <= seen_initrd);
}

/* --- tests -------------------------------------------------------------------------------------- */

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
			cfg.kernel.load = 0;
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
	is_range(&plan.images[2], "ramdisk", l.pieces[1].at.gpa, sizeof(ramdisk));
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
		{ 0, 4,
		  "\x7f"
		  "ELF",
		  "an ELF file: must be a raw binary or Image (objcopy -O binary)" },
		{ 0, 4, "\x1f\x8b\x08", "compressed by gzip: must be unpacked (gunzip)" },
		{ 0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd: must be unpacked (unzstd)" },
		{ 56, 4, "ARM\x64", "an Image for arm64: must be one for riscv64" },
		{ 0, 8, "MZ\0\0zimg",
		  "an EFI zboot image: must be the Image inside it "
		  "(CONFIG_EFI_ZBOOT=n, or extract-vmlinux)" },
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
		cfg.kernel.load = 0x80200000;
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
	cfg.overlay = (struct vm_image){ "dtbo", kernel, 64, 0, 0 };
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
	cfg.overlay = (struct vm_image){ "dtbo", kernel, 64, 0, 0 };
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

/* --- the random seed ---------------------------------------------------------------------------- */

static struct loader loaders[6]; /* one for each VM, as in its life */

static void load_with_id(unsigned int id, uint8_t seed[32])
{
	struct loader *l = &loaders[id];
	int err;

	vm.id = id;
	if (!l->random.ready)
		assert_int_equal(loader_prepare(l, &vm), 0);
	memset(seen_seed, 0, sizeof(seen_seed));
	assert_int_equal(loader_begin(l, &vm, &cfg), 0);
	while ((err = loader_step(l)) == 1)
		;
	assert_int_equal(err, 0);
	assert_true(seed_given);
	memcpy(seed, seen_seed, sizeof(seen_seed));
}

/* Comes first: the generator never forgets that it has entropy. */
static void without_entropy_a_guest_gets_no_seed(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	seed_given = true;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_false(seed_given);
}

static void every_boot_and_every_vm_gets_another_seed(void **state)
{
	uint8_t seeds[8][32];

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	random_add("0123456789abcdef0123456789abcdef", 32);
	/* Twice the same VM, then others, all at the same time. */
	for (unsigned int i = 0; i < ARRAY_SIZE(seeds); i++)
		load_with_id(i / 2, seeds[i]);
	for (unsigned int i = 0; i < 4 * ARRAY_SIZE(seeds); i++)
		for (unsigned int k = 0; k < i; k++)
			assert_memory_not_equal(seeds[i / 4] + i % 4 * 8, seeds[k / 4] + k % 4 * 8,
						8);
}

static void no_seed_stays_in_pages_that_go_back(void **state)
{
	struct loader_result r;

	(void)state;
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	dirty_page_freed = false;
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(seed_given);
	assert_false(dirty_page_freed);
}

/*
 * The attack on what seeds were made by before: each word of a seed was splitmix64's output, which is a
 * bijection of its state, and the states of one seed differed by the words of a pool that all VMs shared. So a
 * guest found the pool in its own seed, and others' seeds by trying the few values that were not common.
 */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t scramble(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t unscramble(uint64_t z)
{
	z = (z ^ (z >> 31) ^ (z >> 62)) * UINT64_C(0x319642b2d24d8ec3);
	z = (z ^ (z >> 27) ^ (z >> 54)) * UINT64_C(0x96de1b173f119089);
	return z ^ (z >> 30) ^ (z >> 60);
}

static void compute_another_seed(const uint8_t mine[32], uint64_t difference, uint8_t out[32])
{
	uint64_t word, my_state, before = 0, state = 0;

	for (int i = 0; i < 4; i++) {
		memcpy(&word, mine + 8 * i, 8);
		my_state = unscramble(word);
		/* The pool's word; the first one with the start that is not common. */
		state ^= (my_state - GOLDEN) ^ before ^ (i == 0 ? difference : 0);
		state += GOLDEN;
		before = my_state;
		word = scramble(state);
		memcpy(out + 8 * i, &word, 8);
	}
}

static void one_vms_seed_does_not_give_another_vms(void **state)
{
	uint8_t mine[32], others[32], computed[32];

	(void)state;
	for (uint64_t z = 1; z != 0; z <<= 1)
		assert_true(unscramble(scramble(z + GOLDEN)) == z + GOLDEN);
	start(MIB(16));
	use_raw(MIB(1), 0x80200000, 0);
	load_with_id(3, mine);
	load_with_id(5, others);
	for (uint64_t count = 0; count < 1024; count++) {
		compute_another_seed(mine, (uint64_t)(3 ^ 5) << 56 ^ (count ^ (count + 1)) << 40,
				     computed);
		assert_memory_not_equal(computed, others, 32);
	}
}

static int drop_ram(void **state)
{
	(void)state;
	munmap(ram, cfg.memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_entropy_a_guest_gets_no_seed),
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
		cmocka_unit_test(every_boot_and_every_vm_gets_another_seed),
		cmocka_unit_test(no_seed_stays_in_pages_that_go_back),
		cmocka_unit_test(one_vms_seed_does_not_give_another_vms),
	};

	return cmocka_run_group_tests(tests, NULL, drop_ram);
}
