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

static_assert(GUEST_FDT_SIZE <= LOADER_FDT_SIZE, "the tree must fit into its place");

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

int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *cfg)
{
	*l = (struct loader){ .vm = vm,
			      .cfg = cfg,
			      .stack = l->stack,
			      .coroutine = l->coroutine,
			      .random = l->random };
	return loader_place(l);
}

void loader_plan(const struct loader *l, struct vm_ram_plan *out)
{
	const struct loader_image *ramdisk = &l->images[LOADER_RAMDISK];
	gpa_t fdt = l->result.fdt;

	*out = (struct vm_ram_plan){
		.images = { { "kernel", gpa(GUEST_RAM_BASE + l->kernel_start),
			      l->kernel_end - l->kernel_start },
			    { "device tree", fdt, GUEST_FDT_SIZE } },
		.nr_images = 2,
		.spare = { "device tree", gpa_add(fdt, GUEST_FDT_SIZE),
			   LOADER_FDT_SIZE - GUEST_FDT_SIZE },
	};
	if (ramdisk->given)
		out->images[out->nr_images++] = (struct vm_range){ "ramdisk", ramdisk->pieces[0].at,
								   ramdisk->unpack.bytes };
}

/* --- steps ------------------------------------------------------------------------------------------ */

/* Interrupts are on from here to build_fdt()'s end: arch/coroutine.h. */

static int build_fdt(struct loader *l, void *buf)
{
	const struct loader_image *ramdisk = &l->images[LOADER_RAMDISK];
	const struct vm_config *cfg = l->cfg;
	uint8_t seed[SEED_SIZE];
	bool have_seed = make_seed(l, seed);
	int err;

	err = guest_fdt_build(l->vm, cfg, ramdisk->pieces[0].at, ramdisk->unpack.done,
			      have_seed ? seed : NULL, buf, GUEST_FDT_SIZE);
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

/* Of the image that is being unpacked. */
static int put(void *arg, uint64_t at, const void *bytes, uint64_t n)
{
	const struct loader *l = arg;
	const struct loader_image *im = &l->images[l->image];
	int err = HV_OK;

	for (unsigned int i = 0; i < im->nr && err == HV_OK; i++) {
		const struct loader_piece *p = &im->pieces[i];
		uint64_t from = max_u64(at, p->from), to = min_u64(at + n, p->from + p->size);

		if (from < to)
			err = gstage_write(&l->vm->gstage, gpa_add(p->at, from - p->from),
					   (const char *)bytes + (from - at), to - from);
	}
	return err;
}

static void unpack_image(void *arg)
{
	struct loader *l = arg;
	struct loader_image *im = &l->images[l->image];

	im->unpack.scratch = hpa_to_ptr(l->scratch);
	im->unpack.put = put;
	im->unpack.arg = l;
	l->problem = unpack_all(&im->unpack);
	if (l->problem == NULL && im->unpack.done < im->needed)
		l->problem = "an ELF file that is cut short";
	/* The pool holds no VM's data. */
	erase(im->unpack.scratch, l->scratch_size);
}

/* --- and off again --- */

static void free_scratch(struct loader *l)
{
	page_free(l->scratch, l->scratch_size);
	l->scratch_size = 0;
}

/* One step of @fn in the coroutine, with @size bytes of scratch memory. 1: call again; 0: it is done. */
static int job_step(struct loader *l, uint64_t size, void (*fn)(void *l), const char *verb,
		    const char *what)
{
	if (l->scratch_size == 0) {
		if (!page_alloc(size, PAGE_SIZE, &l->scratch)) {
			log_error("config: %s: no memory left to %s %s's %s in", l->cfg->path, verb,
				  l->cfg->name, what);
			return HV_ENOMEM;
		}
		l->scratch_size = size;
		coroutine_begin(&l->coroutine, fn, l);
		return 1;
	}
	if (!coroutine_run(&l->coroutine))
		return 1;
	free_scratch(l);
	return 0;
}

static int tree_step(struct loader *l)
{
	uint64_t overlay = min_u64(l->cfg->overlay.size, GUEST_FDT_OVERLAY_MAX);
	int err = job_step(l, GUEST_FDT_SIZE + align_up(overlay, PAGE_SIZE), make_tree, "make",
			   "device tree");

	return err == 0 ? l->tree_result : err;
}

static int unpack_step(struct loader *l)
{
	struct loader_image *im = &l->images[l->image];
	int err = job_step(l, im->unpack.scratch_size, unpack_image, "unpack",
			   l->image == LOADER_KERNEL ? "kernel" : "ramdisk");

	if (err != 0)
		return err;
	if (l->problem != NULL)
		return loader_bad_image(l, l->image, l->problem);
	l->image++;
	return 1;
}

/* Of an image that is not packed. */
static int copy_step(struct loader *l)
{
	struct loader_image *im = &l->images[l->image];
	const struct loader_piece *p = &im->pieces[l->piece];
	uint64_t n = min_u64(LOADER_STEP, p->size - l->copied), at = p->at.gpa + l->copied;
	int err = n == 0 ? HV_OK :
			   gstage_write(&l->vm->gstage, gpa(at),
					im->unpack.data + p->from + l->copied, n);

	if (err != 0) {
		log_error("config: %s: %s's RAM at 0x%" PRIx64 " cannot be written (error %d)",
			  l->cfg->path, l->cfg->name, at, err);
		return err;
	}
	l->copied += n;
	if (l->copied < p->size)
		return 1;
	l->copied = 0;
	if (++l->piece < im->nr)
		return 1;
	l->piece = 0;
	im->unpack.done = im->unpack.size;
	l->image++;
	return 1;
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
	while (l->image < LOADER_IMAGES && l->images[l->image].given == NULL)
		l->image++;
	if (l->image == LOADER_IMAGES)
		return tree_step(l);
	return l->images[l->image].unpack.packing == PACKING_NONE ? copy_step(l) : unpack_step(l);
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
