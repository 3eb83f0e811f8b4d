// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/loader_place.c hyp/vm/elf.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c
// SOURCES: hyp/vm/loader.c hyp/vm/image.c hyp/lib/text.c hyp/lib/fdt.c tests/unit/fake/coroutine.c
/*
 * Kernels and ramdisks of any size and with any header, packed or as ELF files, into guests' memory of any size: nothing
 * overlaps, nothing is written outside of RAM, and the kernel begins where it says. Loads are abandoned, too.
 */
#include <sys/mman.h>

#include "common/fuzz.h"

#include "arch/memmap.h"
#include "arch/timer.h"
#include "fake/coroutine.h"
#include "fake/log.h"
#include "lib/fdt.h"
#include "lib/random.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "vm/guest_fdt.h"
#include "vm/loader.h"

#define IMAGE_MAX MIB(4)

static struct vm vm = { .name = "a" };
static struct vm_config cfg;
static uint8_t *kernel, *ramdisk; /* of IMAGE_MAX */
static uint8_t *dirty;		  /* from here on the kernel's memory may not be zero */
static uint64_t written;	  /* bytes */
static unsigned int pages_out;
static bool no_pages;
static struct random_child *child;

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	const uint8_t *p = buf;

	(void)gs;
	fuzz_must(a.gpa >= GUEST_RAM_BASE && len > 0 && len <= cfg.memory);
	fuzz_must(a.gpa - GUEST_RAM_BASE <= cfg.memory - len);
	(void)*(const volatile uint8_t *)p;
	(void)*(const volatile uint8_t *)(p + len - 1);
	written += len;
	return HV_OK;
}

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	void *p = no_pages ? NULL : aligned_alloc(align, size);

	if (!p)
		return false;
	*out = ptr_to_hpa(p);
	pages_out++;
	return true;
}

void page_free(hpa_t base, uint64_t size)
{
	const uint8_t *p = hpa_to_ptr(base);

	/* The tree holds the guest's seed, and what is unpacked is a guest's. */
	for (uint64_t i = 0; i < size; i += 61)
		fuzz_must(p[i] == 0);
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

bool random_child_init(struct random_child *c, const void *use, size_t use_len)
{
	(void)use, (void)use_len;
	child = c;
	return true;
}

bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len)
{
	(void)c, (void)use, (void)use_len;
	memset(out, 0x77, len);
	return true;
}

int guest_fdt_build(const struct vm *of, const struct vm_config *c, gpa_t initrd,
		    uint64_t initrd_size, const uint8_t rng_seed[32], void *buf, uint64_t cap)
{
	fuzz_must(of == &vm && c == &cfg && cap == GUEST_FDT_SIZE);
	fuzz_must(initrd_size == 0 || cfg.ramdisk.data);
	fuzz_must(cfg.ramdisk_packing != PACKING_NONE ||
		  initrd_size == (cfg.ramdisk.data ? cfg.ramdisk.size : 0));
	fuzz_must(initrd_size == 0 || initrd.gpa >= GUEST_RAM_BASE);
	fuzz_must(fdt_create_empty_tree(buf, 256) == 0);
	if (rng_seed)
		memcpy((char *)buf + 200, rng_seed, 32);
	return HV_OK;
}

int guest_fdt_apply_overlay(void *buf, uint64_t cap, void *copy, const struct vm_image *overlay,
			    const struct vm *of)
{
	fuzz_must(of == &vm);
	fuzz_must(copy == (char *)buf + cap);
	memset(copy, 1, min_u64(overlay->size, GUEST_FDT_OVERLAY_MAX));
	return overlay->size % 3 ? HV_OK : HV_EINVAL;
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size == 0 || b_size == 0 || a + a_size <= b || b + b_size <= a;
}

static void check_places(const struct loader *l)
{
	const struct loader_image *k = &l->images[LOADER_KERNEL];
	const struct loader_piece *r = &l->images[LOADER_RAMDISK].pieces[0];
	uint64_t end = GUEST_RAM_BASE + cfg.memory, fdt = l->result.fdt.gpa;
	bool has_entry = false;

	fuzz_must(k->nr >= 1 && k->nr <= ARRAY_SIZE(k->pieces));
	for (unsigned int i = 0; i < k->nr; i++) {
		const struct loader_piece *p = &k->pieces[i];

		fuzz_must(p->at.gpa >= GUEST_RAM_BASE + l->kernel_start &&
			  p->at.gpa + p->size <= GUEST_RAM_BASE + l->kernel_end);
		fuzz_must(p->from + p->size <= k->unpack.bytes);
		has_entry |= l->result.entry.gpa >= p->at.gpa &&
			     l->result.entry.gpa < p->at.gpa + p->size;
	}
	fuzz_must(has_entry && GUEST_RAM_BASE + l->kernel_end <= end);
	fuzz_must(fdt >= GUEST_RAM_BASE && fdt % LOADER_FDT_SIZE == 0 &&
		  fdt + LOADER_FDT_SIZE <= end);
	fuzz_must(r->size == 0 || (r->at.gpa >= GUEST_RAM_BASE && r->at.gpa + r->size <= end));
	fuzz_must(r->size == 0 || r->at.gpa % PAGE_SIZE == 0);
	fuzz_must(apart(GUEST_RAM_BASE + l->kernel_start, l->kernel_end - l->kernel_start, fdt,
			LOADER_FDT_SIZE));
	fuzz_must(apart(GUEST_RAM_BASE + l->kernel_start, l->kernel_end - l->kernel_start,
			r->at.gpa, r->size));
	fuzz_must(apart(r->at.gpa, r->size, fdt, LOADER_FDT_SIZE));
}

/* What parts of the VM are told of it. */
static void check_plan(const struct loader *l)
{
	uint64_t end = GUEST_RAM_BASE + cfg.memory;
	struct vm_ram_plan plan;

	loader_plan(l, &plan);
	fuzz_must(plan.nr_images == (l->images[LOADER_RAMDISK].given ? 3 : 2));
	for (unsigned int i = 0; i <= plan.nr_images; i++) {
		const struct vm_range *r = i < plan.nr_images ? &plan.images[i] : &plan.spare;

		fuzz_must(r->what && r->size != 0 && r->base.gpa >= GUEST_RAM_BASE &&
			  r->base.gpa + r->size <= end);
		for (unsigned int j = 0; j < i; j++)
			fuzz_must(apart(r->base.gpa, r->size, plan.images[j].base.gpa,
					plan.images[j].size));
	}
}

static void load(struct loader *l, unsigned int steps)
{
	int err = loader_begin(l, &vm, &cfg);
	uint64_t all = 0;

	fuzz_must(pages_out == 0);
	if (err != HV_OK) {
		fuzz_must(err < 0 && fake_log_count == 1);
		return;
	}
	fuzz_must(fake_log_count == 0);
	check_places(l);
	check_plan(l);
	written = 0;
	err = 1;
	for (unsigned int n = 0; n < steps && (err = loader_step(l)) == 1; n++)
		;
	for (unsigned int i = 0; i < LOADER_IMAGES; i++)
		for (unsigned int k = 0; l->images[i].unpack.exact && k < l->images[i].nr; k++)
			all += l->images[i].pieces[k].size;
	if (err == 0)
		fuzz_must(written >= all);
	fuzz_must(err >= 0 || fake_log_count == 1 ||
		  cfg.overlay.data); /* a fake one says nothing */
	while (loader_abandon_step(l))
		;
	fuzz_must(pages_out == 0);
}

/* Both lie in a mapping of their own; the last byte of an image is that of the mapping, so that what is beyond faults. */
static void map_images(void)
{
	if (kernel)
		return;
	kernel = mmap(NULL, IMAGE_MAX + PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ramdisk = mmap(NULL, IMAGE_MAX + PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fuzz_must(kernel != MAP_FAILED && ramdisk != MAP_FAILED);
	dirty = kernel + IMAGE_MAX;
	fuzz_must(mprotect(kernel + IMAGE_MAX, PAGE_SIZE, PROT_NONE) == 0);
	fuzz_must(mprotect(ramdisk + IMAGE_MAX, PAGE_SIZE, PROT_NONE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loader l;
	struct fuzz_input in = { data, size };
	uint64_t kernel_size, ramdisk_size;
	uint8_t how = fuzz_u8(&in);

	map_images();
	fake_log_reset();
	no_pages = how & 1;
	fake_coroutine_interrupts = how >> 1 & 3;
	kernel_size = 1 + fuzz_number(&in, MIB(1)) % IMAGE_MAX;
	ramdisk_size = 1 + fuzz_number(&in, MIB(2)) % IMAGE_MAX;
	cfg = (struct vm_config){ .name = "a", .path = "/a", .cpus = 1 };
	cfg.memory = VM_MEMORY_MIN + fuzz_number(&in, GIB(2)) / 64 * VM_MEMORY_UNIT % GIB(8);
	cfg.kernel = (struct vm_image){ .name = "k", .size = kernel_size };
	cfg.kernel.data = kernel + IMAGE_MAX - kernel_size;
	cfg.kernel.load = gpa(fuzz_number(&in, GUEST_RAM_BASE + cfg.memory - kernel_size));
	cfg.kernel.entry = gpa(fuzz_number(&in, cfg.kernel.load.gpa + kernel_size));
	if (how & 8)
		cfg.ramdisk = (struct vm_image){ "r", ramdisk + IMAGE_MAX - ramdisk_size,
						 ramdisk_size, gpa(0), gpa(0) };
	if (how & 16)
		cfg.overlay = (struct vm_image){ "o", ramdisk, ramdisk_size, gpa(0), gpa(0) };
	memset(dirty, 0, (size_t)(kernel + IMAGE_MAX - dirty));
	/* An image that is small is all of what is left of the input: packed ones then end where they should. */
	if (kernel_size == 1 && in.left > 1) {
		cfg.kernel.size = kernel_size = min_u64(in.left, IMAGE_MAX);
		cfg.kernel.data = kernel + IMAGE_MAX - kernel_size;
		cfg.kernel_packing = (uint8_t)((how >> 6) % (PACKING_LZ4 + 1));
		if (how & 8) {
			cfg.ramdisk = cfg.kernel;
			cfg.ramdisk_packing = cfg.kernel_packing;
		}
	}
	dirty = kernel + IMAGE_MAX - kernel_size;
	fuzz_bytes(&in, kernel + IMAGE_MAX - kernel_size,
		   min_u64(kernel_size, max_u64(80, in.left)));
	(void)loader_prepare(&l, &vm);
	load(&l, how & 32 ? 1000 : how >> 6);
	/* A second time, as a reboot does. */
	fake_log_reset();
	load(&l, 1000);
	return 0;
}
