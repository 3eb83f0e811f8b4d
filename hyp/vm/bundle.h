/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bundle: a FIT image (U-Boot's flattened image tree) as plain mkimage makes it. Images are the
 * children of /images, with their data inside the tree (`data`) or behind it (mkimage -E: `data-offset`
 * from the tree's end, or `data-position` from its start, and `data-size`).
 *
 * A bundle is a few pointers into memory that stays as it is; nothing is copied. A stranger made it:
 * every offset and size is checked against what is there.
 */
#ifndef VM_BUNDLE_H
#define VM_BUNDLE_H

#include "vm/config.h"
#include "vm/text.h"

struct bundle {
	const void *fit;
	uint64_t size; /* bytes that may be read from there on, external data included */
};

/* What an image is to be used for; `type` of the image must not say another one of these. */
enum bundle_use {
	BUNDLE_KERNEL,
	BUNDLE_RAMDISK,
	BUNDLE_FDT,
};

/* bundle_open - HV_EINVAL after a message when there is no well-formed FIT image at @fit. */
int bundle_open(struct bundle *b, const void *fit, uint64_t size);

/*
 * bundle_find_image - image @name, for @use. On errors (HV_ENOENT: there is none of that name,
 * HV_EINVAL: it is not usable) @why gets what is wrong and what is allowed, and @out is untouched.
 */
int bundle_find_image(const struct bundle *b, const char *name, enum bundle_use use,
		      struct vm_image *out, struct text *why);

#endif
