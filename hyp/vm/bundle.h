/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bundle: a FIT image (U-Boot's flattened image tree) as plain mkimage makes it. Images are the
 * children of /images, with their data inside the tree (`data`) or behind it (mkimage -E: `data-offset`
 * from the tree's end, or `data-position` from its start, and `data-size`).
 *
 * A bundle is a few pointers into memory that stays as it is. Nothing is copied, except the tree of a bundle that is
 * not aligned to 8 bytes. A stranger made it: every offset and size is checked against what is there.
 */
#ifndef VM_BUNDLE_H
#define VM_BUNDLE_H

#include "lib/config_node.h"
#include "lib/text.h"
#include "vm/config.h"

struct bundle {
	const void *fit;      /* the tree, aligned to 8 bytes */
	const uint8_t *start; /* where the bundle was given; external data counts from there */
	uint64_t size;	      /* bytes that may be read from start on, external data included */
};

/* What an image is to be used for; `type` of the image must not say another one of these. */
enum bundle_use {
	BUNDLE_KERNEL,
	BUNDLE_RAMDISK,
	BUNDLE_FDT,
	BUNDLE_DATA, /* of a part of a VM: anything else, mkimage's "filesystem" for example; not packed */
};

/*
 * bundle_open - HV_EINVAL or HV_ENOMEM after a message when there is no well-formed FIT image at @at, which may have
 * any alignment (see bundle_align()).
 */
int bundle_open(struct bundle *b, const void *at, uint64_t size);

/*
 * bundle_align - the tree of the bundle at @at, which has @size bytes, aligned to 8 bytes. An aligned one, and what is
 * no tree, stays. A small tree is copied to pages of the allocator. A large one, whose images lie in it, is moved down
 * by at most 7 bytes, so that its memory is not needed twice; it is copied if those bytes belong to something else.
 * NULL after a message: no memory is left for a copy. For the boot hart, in the direct map, before others read it.
 */
const void *bundle_align(const void *at, uint64_t size);

/*
 * bundle_find_image - image @name, for @use. On errors (HV_ENOENT: there is none of that name,
 * HV_EINVAL: it is not usable) @why gets what is wrong and what is allowed, and @out is untouched.
 * @packing: enum image_packing.
 */
int bundle_find_image(const struct bundle *b, const char *name, enum bundle_use use,
		      struct vm_image *out, uint8_t *packing, struct text *why);

/* The images of a bundle, for properties that name one (lib/property.h). */
struct bundle_images {
	struct config_images images;
	struct bundle bundle;
};

/* bundle_images_init - of @b. @out must be there as long as a node refers to it. */
void bundle_images_init(struct bundle_images *out, const struct bundle *b);

/* bundle_images_of - the same of the bundle that @cfg comes from. NULL: it comes from none, and @out is untouched. */
const struct config_images *bundle_images_of(struct bundle_images *out,
					     const struct vm_config *cfg);

#endif
