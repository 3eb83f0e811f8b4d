/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmem@N: an image of the bundle as read-only memory of the VM, outside of its RAM (pmem-region in the guest's tree). All
 * VMs that name an image see the same pages: nothing is copied for a VM, and no access leaves the guest. A write gets
 * a store access fault.
 *
 * A guest sees whole pages, and nothing in them but the image and zeroes: what lies beside the image may be another VM's.
 * So the image itself is mapped only up to its last whole page. The rest is a copy, filled with zeroes up to a multiple
 * of 2 MiB, which Linux wants of such a region. An image that does not begin at a page is copied as a whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "lib/list.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vcpu/vm_part.h"

/* A region's base and size are multiples of it, or Linux's nd_pmem calls it misaligned. With the image's own address they give the largest leaves. */
#define PMEM_UNIT MIB(2)

/* Of a VM. Each takes up to two slots of the G-stage, and the VM's RAM up to eight. */
#define PMEM_MAX 4

static_assert(8 + 2 * PMEM_MAX <= GSTAGE_MAX_SLOTS, "RAM of eight ranges, and all regions");

struct pmem_piece {
	hpa_t at;
	uint64_t size;
	bool is_copy;
};

/* The pages of an image, shared by the VMs that name it. In a page of its own. */
struct pmem_pages {
	struct list all;
	const uint8_t *data; /* in the bundle */
	uint64_t size;
	unsigned int refs;
	struct pmem_piece pieces[2]; /* in this order; the size of either may be 0 */
};

static struct spinlock lock =
	SPINLOCK_INIT(LOCK_IMAGES); /* guards all of them, also while one is copied */
static struct list all_pages = { &all_pages, &all_pages };

/* Bytes that a region with @size bytes of data has. */
static uint64_t region_size(uint64_t size)
{
	return align_up(size, PMEM_UNIT);
}

static bool copy(struct pmem_piece *p, const uint8_t *from, uint64_t len, uint64_t size)
{
	uint8_t *to;

	*p = (struct pmem_piece){ .size = size, .is_copy = true };
	if (!page_alloc(size, PMEM_UNIT, &p->at) && !page_alloc(size, PAGE_SIZE, &p->at)) {
		p->size = 0;
		return false;
	}
	to = hpa_to_ptr(p->at);
	memcpy(to, from, len);
	arch_zero_range(to + len, size - len);
	arch_clean_range(to, size);
	return true;
}

static bool starts_at_page(const struct pmem_pages *p)
{
	return is_aligned((uint64_t)(uintptr_t)p->data, PAGE_SIZE);
}

/* What is mapped where it lies, and what is copied. */
static bool fill(struct pmem_pages *p)
{
	uint64_t whole = starts_at_page(p) ? align_down(p->size, PAGE_SIZE) : 0;
	uint64_t rest = region_size(p->size) - whole;

	if (whole != 0) {
		p->pieces[0] = (struct pmem_piece){ .at = ptr_to_hpa(p->data), .size = whole };
		arch_clean_range(p->data, whole);
	}
	return rest == 0 || copy(&p->pieces[1], p->data + whole, p->size - whole, rest);
}

static void free_pages(struct pmem_pages *p)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(p->pieces); i++) {
		const struct pmem_piece *piece = &p->pieces[i];

		/* Not cleared, which may be long: the bundle still has what it holds, and it is cleared when it is given to a guest. */
		if (piece->is_copy && piece->size != 0)
			page_free(piece->at, piece->size);
	}
	page_free(ptr_to_hpa(p), PAGE_SIZE);
}

static struct pmem_pages *find(const struct config_image *image)
{
	list_for_each(l, &all_pages) {
		struct pmem_pages *p = list_entry(l, struct pmem_pages, all);

		if (p->data == image->data && p->size == image->size)
			return p;
	}
	return NULL;
}

static struct pmem_pages *make(const struct config_image *image)
{
	struct pmem_pages *p = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);

	if (!p)
		return NULL;
	p->data = image->data;
	p->size = image->size;
	if (!starts_at_page(p))
		log_info("pmem: %s: begins within a page of the bundle: 0x%" PRIx64
			 " bytes are copied; mkimage -E -B 0x1000 saves them",
			 image->name, region_size(p->size));
	if (!fill(p)) {
		free_pages(p);
		return NULL;
	}
	list_push_back(&all_pages, &p->all);
	return p;
}

/* NULL: no memory. */
static struct pmem_pages *pages_get(const struct config_image *image)
{
	struct pmem_pages *p;

	spin_lock(&lock);
	p = find(image);
	if (!p)
		p = make(image);
	if (p)
		p->refs++;
	spin_unlock(&lock);
	return p;
}

static void pages_put(struct pmem_pages *p)
{
	spin_lock(&lock);
	if (--p->refs == 0) {
		list_remove(&p->all);
		free_pages(p);
	}
	spin_unlock(&lock);
}

/* --- as a part of a VM ---------------------------------------------------------------------------- */

struct pmem_config {
	struct config_image image;
};

struct pmem {
	struct pmem_pages *pages;
	gpa_t base;
	uint64_t size;
	uint32_t phandle;
	char label[8];
};

static const struct property rows[] = {
	PROPERTY_IMAGE_REQUIRED("image", struct pmem_config, image),
};

static const struct pmem_config initial;

static int pmem_create(struct vm *vm, const struct vm_part_args *args, void **state);

static unsigned int count(const struct vm *vm)
{
	unsigned int n = 0;

	for (const struct vm_part_of *p = vm->parts; p; p = p->next)
		n += p->part->create == pmem_create;
	return n;
}

static int pmem_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct pmem_config *config = args->config;
	struct pmem *p = arena_new(&vm->arena, struct pmem);

	if (!p)
		return HV_ENOMEM;
	if (count(vm) == PMEM_MAX) {
		config_error(args->node, NULL, "a VM must have at most %d pmem nodes", PMEM_MAX);
		return HV_EINVAL;
	}
	p->size = region_size(config->image.size);
	if (vm_new_window(vm, p->size, &p->base) != HV_OK) {
		config_error(args->node, "image",
			     "0x%" PRIx64 " bytes: must be at most 0x%" PRIx64
			     ", all that this machine's G-stage addresses behind the VM's memory",
			     config->image.size, vm_window_room(vm));
		return HV_EINVAL;
	}
	p->pages = pages_get(&config->image);
	if (!p->pages) {
		config_error(args->node, "image",
			     "no memory is left for a copy of what is no whole page of it, up to "
			     "0x%" PRIx64 " bytes: must begin at a page (mkimage -E -B 0x1000)",
			     p->size);
		return HV_EINVAL;
	}
	p->phandle = vm_new_phandle(vm);
	snprintf(p->label, sizeof(p->label), "pmem%u", args->unit);
	*state = p;
	return HV_OK;
}

static int pmem_map(void *state, struct vm *vm)
{
	const struct pmem *p = state;
	gpa_t at = p->base;

	for (unsigned int i = 0; i < ARRAY_SIZE(p->pages->pieces); i++) {
		const struct pmem_piece *piece = &p->pages->pieces[i];
		int err = piece->size == 0 ? HV_OK :
					     gstage_add_slot(&vm->gstage, at, piece->size,
							     GSTAGE_ROM, piece->at);

		if (err != HV_OK)
			return err;
		at = gpa_add(at, piece->size);
	}
	return HV_OK;
}

/* The VM's tables are gone, and no hart has a translation of them (vm/lifecycle.c, wipe_step). */
static void pmem_destroy(void *state)
{
	struct pmem *p = state;

	pages_put(p->pages);
	p->pages = NULL;
}

/* `volatile`: what is written to it does not stay. Linux flushes nothing then. */
static void pmem_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	const struct pmem *p = state;

	if (place != VM_PLACE_ROOT)
		return;
	fdtw_begin_device(w, "pmem", p->label, p->phandle, p->base.gpa, p->size);
	fdtw_string(w, "compatible", "pmem-region");
	fdtw_empty(w, "volatile");
	fdtw_end(w);
}

VM_PART(pmem) = {
	.name = "pmem",
	.child = "pmem",
	.order = VM_PART_DEVICE,
	VM_PART_CONFIG(rows, initial),
	.create = pmem_create,
	.map = pmem_map,
	.destroy = pmem_destroy,
	.describe = pmem_describe,
};
