// SPDX-License-Identifier: BSD-2-Clause
/* Where a VM's images go, before any of them is put there. */
#include "vm/loader.h"

#include <inttypes.h>

#include "arch/memmap.h"
#include "lib/erase.h"
#include "lib/log.h"
#include "lib/text.h"
#include "mm/page.h"
#include "vm/image.h"

/* Old kernels need their ramdisk and tree in the first GiBs of the linear map. */
#define LOW_RAM GIB(2)

/* Where the physical addresses of Linux's vmlinux count from, which begin at 0: its Image's text_offset. */
#define ELF_BASE (GUEST_RAM_BASE + MIB(2))

/* Guest RAM that is spoken for; everything is relative to its base, so that nothing can wrap. */
struct span {
	uint64_t start;
	uint64_t end;
};

/* --- messages ------------------------------------------------------------------------------------- */

static const char *const names[] = {
	[LOADER_KERNEL] = "kernel",
	[LOADER_RAMDISK] = "ramdisk",
};

/* Begins a message about image @i: "config: PATH: kernel "NAME": ". LOADER_IMAGES: the device tree. */
static const char *begin_message(const struct loader *l, char *buf, size_t size, unsigned int i)
{
	const struct loader_image *im = i < LOADER_IMAGES ? &l->images[i] : NULL;
	struct text t;

	text_begin(&t, buf, size);
	text_add(&t, "config: %s: ", l->cfg->path);
	if (im == NULL) {
		text_add(&t, "device tree: ");
		return buf;
	}
	text_add(&t, "%s \"", names[i]);
	text_add_plain(&t, im->given->name, 40);
	text_add(&t, "\": ");
	if (im->unpack.packing != PACKING_NONE)
		text_add(&t, "compressed by %s: ", unpack_name(im->unpack.packing));
	return buf;
}

static int too_big(const struct loader *l, unsigned int i, uint64_t needs, uint64_t room)
{
	char line[256];

	log_error("%sneeds %" PRIu64 " bytes, %" PRIu64
		  " more than %s's memory leaves (memory is 0x%" PRIx64 " bytes)",
		  begin_message(l, line, sizeof(line), i), needs, needs - room, l->cfg->name,
		  l->cfg->memory);
	return HV_EOVERFLOW;
}

int loader_bad_image(const struct loader *l, unsigned int i, const char *what)
{
	char line[256];

	log_error("%s%s", begin_message(l, line, sizeof(line), i), what);
	return HV_EINVAL;
}

static int bad_address(const struct loader *l, const char *what, uint64_t value, uint64_t from,
		       uint64_t to)
{
	char line[256];

	log_error("%s%s = <0x%" PRIx64 ">: must be 0x%" PRIx64 " to 0x%" PRIx64,
		  begin_message(l, line, sizeof(line), LOADER_KERNEL), what, value, from, to);
	return HV_EINVAL;
}

/* --- the kernel ------------------------------------------------------------------------------------ */

/* The whole of it lies at @at. */
static void set_piece(struct loader_image *im, gpa_t at)
{
	im->nr = 1;
	im->pieces[0] = (struct loader_piece){ .size = im->unpack.bytes, .at = at };
}

/*
 * An Image says itself where it goes and how much it occupies. What lies below it counts as taken:
 * older kernels have no linear mapping of the RAM below themselves.
 */
static int place_image(struct loader *l, const struct image_linux *header, struct span *where)
{
	struct unpack *u = &l->images[LOADER_KERNEL].unpack;
	uint64_t memory = l->cfg->memory;
	uint64_t start = header->text_offset;
	uint64_t size;

	/* A file that was measured by its blocks is no larger than what it occupies. */
	if (!u->exact && header->image_size != 0)
		u->bytes = min_u64(u->bytes, header->image_size);
	size = max_u64(header->image_size, u->bytes);
	if (start >= memory)
		return bad_address(l, "text_offset", start, 0, memory - 1);
	if (size > memory - start)
		return too_big(l, LOADER_KERNEL, size, memory - start);
	*where = (struct span){ 0, start + size };
	l->result.entry = gpa(GUEST_RAM_BASE + start);
	set_piece(&l->images[LOADER_KERNEL], l->result.entry);
	return 0;
}

static int place_raw(struct loader *l, struct span *where)
{
	const struct vm_image *k = &l->cfg->kernel;
	uint64_t size = l->images[LOADER_KERNEL].unpack.bytes;
	uint64_t memory = l->cfg->memory;
	uint64_t load = k->load.gpa != 0 ? k->load.gpa : GUEST_RAM_BASE;
	uint64_t entry = k->entry.gpa != 0 ? k->entry.gpa : load;

	if (load < GUEST_RAM_BASE || load - GUEST_RAM_BASE >= memory)
		return bad_address(l, "load", load, GUEST_RAM_BASE, GUEST_RAM_BASE + memory - 1);
	if (size > memory - (load - GUEST_RAM_BASE))
		return too_big(l, LOADER_KERNEL, size, memory - (load - GUEST_RAM_BASE));
	if (entry < load || entry - load >= size)
		return bad_address(l, "entry", entry, load, load + size - 1);
	if (!is_aligned(entry, 2))
		return loader_bad_image(l, LOADER_KERNEL,
					"entry: must be even, as every instruction's address");
	where->start = load - GUEST_RAM_BASE;
	where->end = where->start + size;
	l->result.entry = gpa(entry);
	set_piece(&l->images[LOADER_KERNEL], gpa(load));
	return 0;
}

/* Physical addresses below RAM are relative to it, as those of Linux's vmlinux: then what lies below counts as taken, too. */
static int place_elf(struct loader *l, const struct elf *e, struct span *where)
{
	struct loader_image *im = &l->images[LOADER_KERNEL];
	uint64_t memory = l->cfg->memory, end = GUEST_RAM_BASE + memory;
	bool relative = e->start < GUEST_RAM_BASE;
	uint64_t shift = relative ? ELF_BASE : 0;
	uint64_t room = end - shift; /* of physical addresses, as the file has them */

	if (e->start >= room)
		return bad_address(l, "an ELF segment at", e->start, relative ? 0 : GUEST_RAM_BASE,
				   room - 1);
	if (e->end > room)
		return too_big(l, LOADER_KERNEL, e->end - e->start, room - e->start);
	for (unsigned int i = 0; i < e->nr; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (s->file_size == 0)
			continue;
		im->pieces[im->nr++] =
			(struct loader_piece){ s->offset, s->file_size, gpa(s->paddr + shift) };
		im->needed = max_u64(im->needed, s->offset + s->file_size);
	}
	where->start = relative ? 0 : e->start - GUEST_RAM_BASE;
	where->end = e->end + shift - GUEST_RAM_BASE;
	l->result.entry = gpa(e->entry + shift);
	return 0;
}

/* By its first bytes. */
static int place_by_head(struct loader *l, const uint8_t *head, uint64_t n, struct span *where)
{
	struct image_linux header;
	const char *problem;
	struct elf elf;

	if (elf_is(head, n)) {
		problem = elf_read(head, n, l->images[LOADER_KERNEL].unpack.bytes, &elf);
		return problem != NULL ? loader_bad_image(l, LOADER_KERNEL, problem) :
					 place_elf(l, &elf, where);
	}
	problem = image_mistake(head, n);
	if (problem != NULL)
		return loader_bad_image(l, LOADER_KERNEL, problem);
	if (image_is_linux(head, n, &header))
		return place_image(l, &header, where);
	return place_raw(l, where);
}

/* A packed kernel: its first bytes are unpacked. */
static int place_packed(struct loader *l, struct span *where)
{
	struct unpack *u = &l->images[LOADER_KERNEL].unpack;
	uint64_t got = 0;
	const char *problem;
	uint8_t *head;
	hpa_t scratch;
	int err;

	if (!page_alloc(UNPACK_HEAD_SCRATCH, PAGE_SIZE, &scratch)) {
		log_error("config: %s: no memory left to unpack %s's kernel in", l->cfg->path,
			  l->cfg->name);
		return HV_ENOMEM;
	}
	u->scratch = hpa_to_ptr(scratch);
	head = (uint8_t *)u->scratch + UNPACK_HEAD_SCRATCH - UNPACK_HEAD_MAX;
	problem = unpack_head(u, head, UNPACK_HEAD_MAX, &got);
	err = problem != NULL ? loader_bad_image(l, LOADER_KERNEL, problem) :
				place_by_head(l, head, got, where);
	erase(u->scratch, UNPACK_HEAD_SCRATCH);
	page_free(scratch, UNPACK_HEAD_SCRATCH);
	return err;
}

/* Its size, unpacked. */
static int measure(struct loader *l, unsigned int i)
{
	struct unpack *u = &l->images[i].unpack;
	const char *problem = NULL;

	if (u->packing == PACKING_NONE) {
		u->bytes = u->size;
		u->exact = true;
	} else {
		problem = unpack_measure(u);
	}
	return problem != NULL ? loader_bad_image(l, i, problem) : 0;
}

static int place_kernel(struct loader *l, struct span *where)
{
	struct loader_image *im = &l->images[LOADER_KERNEL];
	const char *problem;
	int err;

	im->given = &l->cfg->kernel;
	problem = image_open(im->given, (enum image_packing)l->cfg->kernel_packing, &im->unpack);
	if (problem != NULL) {
		im->unpack.packing = PACKING_NONE;
		return loader_bad_image(l, LOADER_KERNEL, problem);
	}
	err = measure(l, LOADER_KERNEL);
	if (err != 0)
		return err;
	if (im->unpack.packing != PACKING_NONE)
		return place_packed(l, where);
	return place_by_head(l, im->unpack.data, im->unpack.size, where);
}

/* --- the others ------------------------------------------------------------------------------------ */

/* As it is, unless the bundle says that it is packed: a kernel unpacks its ramdisk itself. */
static int open_ramdisk(struct loader *l)
{
	const struct vm_image *given = &l->cfg->ramdisk;
	struct loader_image *im = &l->images[LOADER_RAMDISK];

	if (given->data == NULL)
		return 0;
	im->given = given;
	im->unpack = (struct unpack){
		.data = given->data,
		.size = given->size,
		.packing = (enum image_packing)l->cfg->ramdisk_packing,
	};
	return measure(l, LOADER_RAMDISK);
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

/* Device tree and ramdisk below @top, a multiple of 2 MiB. Returns HV_EOVERFLOW with *@what, the one that does not fit. */
static int place_rest(struct loader *l, uint64_t top, const struct span *kernel, unsigned int *what,
		      uint64_t *needs, uint64_t *room)
{
	struct loader_image *ramdisk = &l->images[LOADER_RAMDISK];
	uint64_t at = 0;

	*what = LOADER_IMAGES;
	*needs = LOADER_FDT_SIZE;
	if (!place_below(top, *needs, LOADER_FDT_SIZE, kernel, &at, room))
		return HV_EOVERFLOW;
	l->result.fdt = gpa(GUEST_RAM_BASE + at);
	if (ramdisk->given == NULL)
		return 0;
	*what = LOADER_RAMDISK;
	*needs = ramdisk->unpack.bytes;
	if (!place_below(at, *needs, PAGE_SIZE, kernel, &at, room))
		return HV_EOVERFLOW;
	set_piece(ramdisk, gpa(GUEST_RAM_BASE + at));
	return 0;
}

int loader_place(struct loader *l)
{
	uint64_t needs = 0, room = 0, memory = l->cfg->memory;
	struct span kernel = { 0 };
	unsigned int what = 0;
	int err = place_kernel(l, &kernel);

	if (err == 0)
		err = open_ramdisk(l);
	if (err != 0)
		return err;
	l->kernel_start = kernel.start;
	l->kernel_end = kernel.end;
	err = place_rest(l, min_u64(memory, LOW_RAM), &kernel, &what, &needs, &room);
	if (err != 0 && memory > LOW_RAM)
		err = place_rest(l, memory, &kernel, &what, &needs, &room);
	return err != 0 ? too_big(l, what, needs, room) : 0;
}
