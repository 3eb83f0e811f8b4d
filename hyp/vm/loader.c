/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/loader.h"

#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "lib/erase.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/random.h"
#include "mm/hostmap.h"
#include "mm/page.h"
#include "vm/guest_fdt.h"
#include "vm/image.h"
#include "lib/text.h"

/* Old kernels need their ramdisk and tree in the first GiBs of the linear map. */
#define LOW_RAM GIB(2)

static_assert(GUEST_FDT_SIZE <= LOADER_FDT_SIZE, "the tree must fit into its place");

enum { KERNEL, RAMDISK };

/* Guest RAM that is spoken for; everything is relative to its base, so that nothing can wrap. */
struct span {
	uint64_t start;
	uint64_t end;
};

/* --- the random seed ------------------------------------------------------------------------------ */

#define SEED_SIZE 32

/* random_bytes()'s @use begins by what the bytes are for; another use takes another number. */
#define USE_RNG_SEED 1
#define USE_VM_STATE 2

int loader_prepare(struct loader *l, const struct vm *vm)
{
	const uint64_t use[] = { USE_VM_STATE, vm->id, timer_now() };
	uint64_t stack = hostmap_new_stack();

	if (!stack)
		return HV_ENOMEM;
	l->stack = stack;
	coroutine_init(&l->coroutine, stack, HOST_STACK_SIZE);
	/* Without entropy its guest gets no seed. */
	(void)random_child_init(&l->random, use, sizeof(use));
	return HV_OK;
}

void loader_free(struct loader *l)
{
	hostmap_free_stack(l->stack);
}

/* False: there is no entropy to make a seed of. */
static bool make_seed(struct loader *l, uint8_t seed[SEED_SIZE])
{
	const uint64_t use[] = { USE_RNG_SEED, l->vm->id, timer_now() };

	return random_child_bytes(&l->random, seed, SEED_SIZE, use, sizeof(use));
}

/* --- places ----------------------------------------------------------------------------------------- */

/* Begins a message about one of the images: "config: PATH: kernel "NAME": ". */
static void begin_message(const struct loader *l, struct text *t, char *buf, size_t size,
			  const char *what, const struct vm_image *image)
{
	text_begin(t, buf, size);
	text_add(t, "config: %s: %s", l->cfg->path, what);
	if (image != NULL) {
		text_add(t, " \"");
		text_add_plain(t, image->name, 40);
		text_add(t, "\"");
	}
	text_add(t, ": ");
}

static int too_big(const struct loader *l, const char *what, const struct vm_image *image,
		   uint64_t needs, uint64_t room)
{
	char line[256];
	struct text t;

	begin_message(l, &t, line, sizeof(line), what, image);
	log_error("%sneeds %" PRIu64 " bytes, %" PRIu64
		  " more than %s's memory leaves (memory is 0x%" PRIx64 " bytes)",
		  line, needs, needs - room, l->cfg->name, l->cfg->memory);
	return HV_EOVERFLOW;
}

static int bad_kernel(const struct loader *l, const char *what)
{
	char line[256];
	struct text t;

	begin_message(l, &t, line, sizeof(line), "kernel", &l->cfg->kernel);
	log_error("%s%s", line, what);
	return HV_EINVAL;
}

static int bad_address(const struct loader *l, const char *what, uint64_t value, uint64_t from,
		       uint64_t to)
{
	char line[256];
	struct text t;

	begin_message(l, &t, line, sizeof(line), "kernel", &l->cfg->kernel);
	log_error("%s%s = <0x%" PRIx64 ">: must be 0x%" PRIx64 " to 0x%" PRIx64, line, what, value,
		  from, to);
	return HV_EINVAL;
}

/*
 * An Image says itself where it goes and how much it occupies. What lies below it counts as taken:
 * older kernels have no linear mapping of the RAM below themselves.
 */
static int place_image(struct loader *l, const struct image_linux *header, struct span *where)
{
	uint64_t memory = l->cfg->memory;
	uint64_t size = max_u64(header->image_size, l->cfg->kernel.size);
	uint64_t start = header->text_offset;

	if (start >= memory)
		return bad_address(l, "text_offset", start, 0, memory - 1);
	if (size > memory - start)
		return too_big(l, "kernel", &l->cfg->kernel, size, memory - start);
	*where = (struct span){ 0, start + size };
	l->result.entry = gpa(GUEST_RAM_BASE + start);
	l->pieces[KERNEL].at = l->result.entry;
	return 0;
}

static int place_raw(struct loader *l, struct span *where)
{
	const struct vm_image *k = &l->cfg->kernel;
	uint64_t memory = l->cfg->memory;
	uint64_t load = k->load.gpa != 0 ? k->load.gpa : GUEST_RAM_BASE;
	uint64_t entry = k->entry.gpa != 0 ? k->entry.gpa : load;

	if (load < GUEST_RAM_BASE || load - GUEST_RAM_BASE >= memory)
		return bad_address(l, "load", load, GUEST_RAM_BASE, GUEST_RAM_BASE + memory - 1);
	if (k->size > memory - (load - GUEST_RAM_BASE))
		return too_big(l, "kernel", k, k->size, memory - (load - GUEST_RAM_BASE));
	if (entry < load || entry - load >= k->size)
		return bad_address(l, "entry", entry, load, load + k->size - 1);
	if (!is_aligned(entry, 2))
		return bad_kernel(l, "entry: must be even, as every instruction's address");
	where->start = load - GUEST_RAM_BASE;
	where->end = where->start + k->size;
	l->result.entry = gpa(entry);
	l->pieces[KERNEL].at = gpa(load);
	return 0;
}

/* The bytes right below @limit, or else right below the kernel; false with the larger gap in *@room. */
static bool place_below(uint64_t limit, uint64_t size, uint64_t align, const struct span *kernel,
			uint64_t *at, uint64_t *room)
{
	uint64_t above = align_up(kernel->end, align);
	uint64_t gap = limit > above ? limit - above : 0;
	uint64_t below = align_down(min_u64(limit, kernel->start), align);

	size = align_up(size, align);
	*room = max_u64(gap, below);
	if (size <= gap)
		*at = limit - size;
	else if (size <= below)
		*at = below - size;
	return size <= *room;
}

/* Device tree and ramdisk below @top, a multiple of 2 MiB. Returns the name of what does not fit. */
static const char *place_rest(struct loader *l, uint64_t top, const struct span *kernel,
			      uint64_t *needs, uint64_t *room)
{
	uint64_t at = 0;

	*needs = LOADER_FDT_SIZE;
	if (!place_below(top, *needs, LOADER_FDT_SIZE, kernel, &at, room))
		return "device tree";
	l->result.fdt = gpa(GUEST_RAM_BASE + at);
	*needs = l->cfg->ramdisk.size;
	if (l->cfg->ramdisk.data == NULL)
		return NULL;
	if (!place_below(at, *needs, PAGE_SIZE, kernel, &at, room))
		return "ramdisk";
	l->pieces[RAMDISK].at = gpa(GUEST_RAM_BASE + at);
	return NULL;
}

int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *cfg)
{
	uint64_t needs, room;
	struct image_linux header;
	struct span kernel;
	const char *problem;
	int err;

	*l = (struct loader){ .vm = vm,
			      .cfg = cfg,
			      .stack = l->stack,
			      .coroutine = l->coroutine,
			      .random = l->random };
	problem = image_mistake(cfg->kernel.data, cfg->kernel.size);
	if (problem != NULL)
		return bad_kernel(l, problem);
	if (image_is_linux(cfg->kernel.data, cfg->kernel.size, &header))
		err = place_image(l, &header, &kernel);
	else
		err = place_raw(l, &kernel);
	if (err != 0)
		return err;
	l->kernel_start = kernel.start;
	l->kernel_end = kernel.end;
	l->pieces[KERNEL].data = cfg->kernel.data;
	l->pieces[KERNEL].size = cfg->kernel.size;
	if (cfg->ramdisk.data != NULL) {
		l->pieces[RAMDISK].data = cfg->ramdisk.data;
		l->pieces[RAMDISK].size = cfg->ramdisk.size;
	}
	problem = place_rest(l, min_u64(cfg->memory, LOW_RAM), &kernel, &needs, &room);
	if (problem != NULL && cfg->memory > LOW_RAM)
		problem = place_rest(l, cfg->memory, &kernel, &needs, &room);
	if (problem != NULL)
		return too_big(l, problem, problem[0] == 'r' ? &cfg->ramdisk : NULL, needs, room);
	return 0;
}

void loader_plan(const struct loader *l, struct vm_ram_plan *out)
{
	const struct loader_piece *ramdisk = &l->pieces[RAMDISK];
	gpa_t fdt = l->result.fdt;

	*out = (struct vm_ram_plan){
		.images = { { "kernel", gpa(GUEST_RAM_BASE + l->kernel_start),
			      l->kernel_end - l->kernel_start },
			    { "device tree", fdt, GUEST_FDT_SIZE } },
		.nr_images = 2,
		.spare = { "device tree", gpa_add(fdt, GUEST_FDT_SIZE),
			   LOADER_FDT_SIZE - GUEST_FDT_SIZE },
	};
	if (ramdisk->size)
		out->images[out->nr_images++] =
			(struct vm_range){ "ramdisk", ramdisk->at, ramdisk->size };
}

/* --- steps ------------------------------------------------------------------------------------------ */

/* Interrupts are on from here to build_fdt()'s end: arch/coroutine.h. */

static int build_fdt(struct loader *l, void *buf)
{
	const struct loader_piece *ramdisk = &l->pieces[RAMDISK];
	const struct vm_config *cfg = l->cfg;
	uint8_t seed[SEED_SIZE];
	bool have_seed = make_seed(l, seed);
	int err;

	err = guest_fdt_build(l->vm, cfg, ramdisk->at, ramdisk->size, have_seed ? seed : NULL, buf,
			      GUEST_FDT_SIZE);
	erase(seed, sizeof(seed));
	if (err == 0 && cfg->overlay.data != NULL)
		err = guest_fdt_apply_overlay(buf, GUEST_FDT_SIZE, (char *)buf + GUEST_FDT_SIZE,
					      &cfg->overlay, l->vm);
	if (err != 0)
		return err; /* both have said why */
	return gstage_write(&l->vm->gstage, l->result.fdt, buf, fdt_totalsize(buf));
}

static void make_tree(void *arg)
{
	struct loader *l = arg;
	void *scratch = hpa_to_ptr(l->scratch);

	/* libfdt leaves padding as it finds it, and the guest is not to see a former owner's bytes. */
	memset(scratch, 0, l->scratch_size);
	l->tree_result = build_fdt(l, scratch);
	/* The tree holds the guest's seed. */
	erase(scratch, l->scratch_size);
}

/* --- and off again --- */

static int begin_tree(struct loader *l)
{
	uint64_t overlay = min_u64(l->cfg->overlay.size, GUEST_FDT_OVERLAY_MAX);
	uint64_t size = GUEST_FDT_SIZE + align_up(overlay, PAGE_SIZE);

	if (!page_alloc(size, PAGE_SIZE, &l->scratch)) {
		log_error("config: %s: no memory left to make %s's device tree in", l->cfg->path,
			  l->cfg->name);
		return HV_ENOMEM;
	}
	l->scratch_size = size;
	coroutine_begin(&l->coroutine, make_tree, l);
	return 1;
}

static void free_scratch(struct loader *l)
{
	page_free(l->scratch, l->scratch_size);
	l->scratch_size = 0;
}

static int tree_step(struct loader *l)
{
	if (l->scratch_size == 0)
		return begin_tree(l);
	if (!coroutine_run(&l->coroutine))
		return 1;
	free_scratch(l);
	return l->tree_result;
}

bool loader_abandon_step(struct loader *l)
{
	uint64_t n = min_u64(LOADER_STEP, l->scratch_size - l->erased);

	if (l->scratch_size == 0)
		return false;
	if (l->erased == 0)
		coroutine_forget(&l->coroutine);
	erase((char *)hpa_to_ptr(l->scratch) + l->erased, n);
	l->erased += n;
	if (l->erased < l->scratch_size)
		return true;
	free_scratch(l);
	l->erased = 0;
	return false;
}

int loader_step(struct loader *l)
{
	const struct loader_piece *p;
	uint64_t n;
	int err;

	while (l->piece < ARRAY_SIZE(l->pieces) && l->copied == l->pieces[l->piece].size) {
		l->piece++;
		l->copied = 0;
	}
	if (l->piece == ARRAY_SIZE(l->pieces))
		return tree_step(l);
	p = &l->pieces[l->piece];
	n = min_u64(LOADER_STEP, p->size - l->copied);
	err = gstage_write(&l->vm->gstage, gpa_add(p->at, l->copied), p->data + l->copied, n);
	if (err != 0) {
		log_error("config: %s: %s's RAM at 0x%" PRIx64 " cannot be written (error %d)",
			  l->cfg->path, l->cfg->name, p->at.gpa + l->copied, err);
		return err;
	}
	l->copied += n;
	return 1;
}

int loader_load(struct vm *vm, const struct vm_config *cfg, struct loader_result *out)
{
	struct loader l = { 0 };
	int err = loader_prepare(&l, vm);

	if (err == 0)
		err = loader_begin(&l, vm, cfg);
	while (err == 0) {
		err = loader_step(&l);
		if (err == 0) {
			*out = l.result;
			return 0;
		}
		if (err == 1)
			err = 0;
	}
	return err;
}
