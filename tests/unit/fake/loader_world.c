/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/loader_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/interrupts.h"
#include "arch/memmap.h"
#include "arch/timer.h"
#include "fake/fit.h"
#include "fake/log.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "vm/guest_fdt.h"

/* --- what the loader stands on ----------------------------------------------------------------- */

uint8_t *ram; /* the guest's */
uint64_t largest_write;
unsigned int pages_out;
bool no_pages;
int overlay_result;
uint8_t seen_seed[32];
bool seed_given;
bool dirty_page_freed;
uint64_t seen_initrd;
static uint64_t seen_initrd_size;
struct vm vm = { .name = "linux-a", .id = 3 };
struct vm_config cfg;

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

void hostmap_free_stack(uint64_t top)
{
	(void)top;
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

uint8_t kernel[MIB(5)];
uint8_t ramdisk[MIB(3) + 123];

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* An Image of @bytes that will occupy @image_size from @text_offset on. */
void use_image(uint64_t bytes, uint64_t text_offset, uint64_t image_size)
{
	memset(kernel, 0x4b, sizeof(kernel));
	memcpy(kernel, "MZ", 2);
	put_le64(kernel + 8, text_offset);
	put_le64(kernel + 16, image_size);
	put_le64(kernel + 24, 0);
	memcpy(kernel + 56, "RSC\x05", 4);
	cfg.kernel_packing = PACKING_NONE;
	cfg.kernel = (struct vm_image){ "linux", kernel, bytes, gpa(0), gpa(0) };
}

void use_raw(uint64_t bytes, uint64_t load, uint64_t entry)
{
	memset(kernel, 0x13, sizeof(kernel));
	cfg.kernel_packing = PACKING_NONE;
	cfg.kernel = (struct vm_image){ "payload", kernel, bytes, gpa(load), gpa(entry) };
}

void use_ramdisk(uint64_t bytes)
{
	memset(ramdisk, 0x52, sizeof(ramdisk));
	cfg.ramdisk_packing = PACKING_NONE;
	cfg.ramdisk = (struct vm_image){ "busybox", ramdisk, bytes, gpa(0), gpa(0) };
}

void start(uint64_t memory)
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

const uint8_t *at(uint64_t gpa_value)
{
	return ram + (gpa_value - GUEST_RAM_BASE);
}

void assert_says(const char *line)
{
	char with_newline[512];

	snprintf(with_newline, sizeof(with_newline), "%s\n", line);
	assert_string_equal(fake_log_text, with_newline);
	assert_in_range(strlen(line), 1, 240);
}

void assert_fails(int err, const char *line)
{
	struct loader_result r;
	char all[300];

	dirty_page_freed = false;
	assert_int_equal(loader_load(&vm, &cfg, &r), err);
	snprintf(all, sizeof(all), "config: %s: %s", cfg.path, line);
	assert_says(all);
	assert_int_equal(pages_out, 0);
	assert_false(dirty_page_freed);
	fake_log_reset();
}

/* All three are in RAM, whole, and apart from each other. */
void assert_loaded(const struct loader_result *r, uint64_t kernel_at, uint64_t occupies)
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

int drop_ram(void **state)
{
	(void)state;
	munmap(ram, cfg.memory);
	return 0;
}
