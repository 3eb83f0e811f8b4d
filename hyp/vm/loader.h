/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader: puts kernel, ramdisk and device tree of a VM into its RAM (loader.c), each in its place (loader_place.c).
 *
 *   RAM base                                                                   top
 *   | 2 MiB | kernel, image_size bytes |  ...  | ramdisk | device tree, 2 MiB |
 *
 * top is the end of RAM, or 2 GiB into it when all fits below. A kernel with a RISC-V Linux Image
 * header lies where that says, an ELF file's segments at their physical addresses; any other is copied to `load` as it
 * is. If such a kernel occupies the top, the others go below it. Nothing overlaps, and what does not fit is an error.
 *
 * Images may be packed (unpack.h). The places are known before anything is unpacked, and the same each time: what packs
 * an image says how large it is at most, and a kernel's first bytes are unpacked to know what it is.
 *
 * A reboot loads a VM again between the time slices of others, so the work comes in steps of some 10,000 instructions:
 *
 *	err = loader_begin(&l, vm, cfg);
 *	while (err == 0 && (err = loader_step(&l)) == 1)
 *		;
 *
 * The device tree is made by libfdt in one go, and images are unpacked by other libraries, so that is done in a coroutine,
 * which interrupts leave (arch/coroutine.h).
 *
 * The tree's /chosen/rng-seed is new at each boot (lib/random.h). Without entropy there is none: a guest
 * would credit it, although it could be guessed.
 *
 * Context: the VM's RAM is allocated and cleared and the VM does not run; one loader per VM at a time.
 */
#ifndef VM_LOADER_H
#define VM_LOADER_H

#include "arch/coroutine.h"
#include "lib/random.h"
#include "vcpu/vm_part.h"
#include "vm/config.h"
#include "vm/elf.h"
#include "vm/unpack.h"

/* Copied by one loader_step() at most, and erased by one loader_abandon_step(). */
#define LOADER_STEP KIB(16)
/* Of guest RAM, for the device tree; also the alignment, so that one large page of a kernel's early
 * mapping covers it. */
#define LOADER_FDT_SIZE MIB(2)

struct loader_result {
	gpa_t entry; /* of vcpu 0: the kernel's first instruction */
	gpa_t fdt;   /* its a1 */
};

/* The bytes [from, from + size) of the unpacked image go to @at, in the order of the file. */
struct loader_piece {
	uint64_t from;
	uint64_t size;
	gpa_t at;
};

struct loader_image {
	const struct vm_image *given; /* NULL: there is none */
	struct unpack unpack;	      /* PACKING_NONE: as it lies there */
	uint64_t needed;	      /* unpacked bytes at least: an ELF file's segments */
	unsigned int nr;
	struct loader_piece pieces[ELF_SEGMENTS_MAX];
};

enum { LOADER_KERNEL, LOADER_RAMDISK, LOADER_IMAGES };

struct loader {
	struct vm *vm;
	const struct vm_config *cfg;
	uint64_t kernel_start; /* what the kernel takes of RAM, from its base on */
	uint64_t kernel_end;
	struct loader_image images[LOADER_IMAGES];
	unsigned int image; /* being put into RAM */
	unsigned int piece; /* of that image, being copied */
	uint64_t copied;    /* of that piece */
	struct loader_result result;
	/* What the coroutine does: one image unpacked, or the device tree, once the images are in place. */
	hpa_t scratch; /* for the tree: where it is made; the copy of the overlay is behind it */
	uint64_t scratch_size; /* 0: not begun */
	int tree_result;       /* HV_*: when the coroutine is done */
	const char *problem;   /* likewise: with the image */
	uint64_t erased;       /* of scratch, when the load is abandoned */
	/* The VM's, from loader_prepare() on */
	uint64_t stack; /* its top */
	struct coroutine coroutine;
	struct random_child random; /* of which its seeds are made */
};

/* loader_free - the other end of loader_prepare(), once nothing is being loaded. */
void loader_free(struct loader *l);

/* loader_prepare - once, before the first loader_begin(). HV_ENOMEM. */
int loader_prepare(struct loader *l, const struct vm *vm);

/*
 * loader_begin - check the images and give each its place. HV_EINVAL, HV_EOVERFLOW, HV_ENOMEM after a message. @l is done with
 * what was begun before (loader_step() or loader_abandon_step() has said so).
 */
int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *cfg);

/*
 * loader_step - copy LOADER_STEP bytes at most, or go on with the device tree until an interrupt is pending. 1: call
 * again; 0: done, l->result is valid; else HV_E* after a message.
 */
int loader_step(struct loader *l);

/* loader_abandon_step - of a load that is not to be completed: give back what it holds. True: call again. */
bool loader_abandon_step(struct loader *l);

/*
 * loader_plan - after loader_begin(): where the images go. The device tree's place is larger than the tree: its end is
 * spare.
 */
void loader_plan(const struct loader *l, struct vm_ram_plan *out);

/*
 * loader_place - loader.c's own: fills images, the places and the result's addresses. HV_* after a message.
 * loader_bad_image - HV_EINVAL after a message about image @i.
 */
int loader_place(struct loader *l);
int loader_bad_image(const struct loader *l, unsigned int i, const char *what);

/* loader_load - all steps at once. */
int loader_load(struct vm *vm, const struct vm_config *cfg, struct loader_result *out);

#endif
