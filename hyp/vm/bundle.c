/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/bundle.h"

#include <inttypes.h>
#include <string.h>

#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/unpack.h"

/* The names that mkimage knows (tools and boot scripts spell them so). */
static const char *const use_type[] = {
	[BUNDLE_KERNEL] = "kernel",
	[BUNDLE_RAMDISK] = "ramdisk",
	[BUNDLE_FDT] = "flat_dt",
};

int bundle_open(struct bundle *b, const void *at, uint64_t size)
{
	const void *fit = bundle_align(at, size);
	const char *problem;

	if (fit == NULL)
		return HV_ENOMEM;
	/* A copy has no more than the tree. */
	problem = fdtx_problem(fit, fit == at ? size : fdt_totalsize(fit));
	if (problem != NULL) {
		log_error(
			"bundle: no usable FIT image (mkimage -f NAME.its NAME.itb) in the %" PRIu64
			" bytes given: %s",
			size, problem);
		return HV_EINVAL;
	}
	*b = (struct bundle){ .fit = fit, .start = at, .size = size };
	return 0;
}

static int complain(struct text *why, const char *name, const char *what)
{
	text_add(why, "/images/");
	text_add_plain(why, name, 48);
	text_add(why, ": %s", what);
	return HV_EINVAL;
}

static int complain_property(const struct bundle *b, int node, const char *name, const char *prop,
			     struct text *why)
{
	complain(why, name, prop);
	text_add(why, " = ");
	text_add_property(why, b->fit, node, prop);
	text_add(why, ": ");
	return HV_EINVAL;
}

/* The data lies behind the tree, @offset from the FIT's start. */
static int find_external(const struct bundle *b, int node, const char *name, const char *prop,
			 uint64_t offset, struct vm_image *out, struct text *why)
{
	uint64_t size;

	if (fdtx_prop_u64(b->fit, node, "data-size", &size) != 0)
		return complain(why, name, "data-size: must be there, one or two cells");
	if (offset > b->size || size > b->size - offset) {
		complain_property(b, node, name, prop, why);
		text_add(why,
			 "bytes %" PRIu64 " to %" PRIu64 " of a bundle that has %" PRIu64
			 "; is it cut short?",
			 offset, size > UINT64_MAX - offset ? UINT64_MAX : offset + size, b->size);
		return HV_EINVAL;
	}
	out->data = b->start + offset;
	out->size = size;
	return 0;
}

static int find_data(const struct bundle *b, int node, const char *name, struct vm_image *out,
		     struct text *why)
{
	/* mkimage -E counts from the end of the tree, rounded up to 4. */
	uint64_t end = align_up((uint64_t)fdt_totalsize(b->fit), 4);
	uint64_t offset;
	int len;
	const void *data;

	if (fdtx_prop_u64(b->fit, node, "data-position", &offset) == 0)
		return find_external(b, node, name, "data-position", offset, out, why);
	if (fdtx_prop_u64(b->fit, node, "data-offset", &offset) == 0)
		return find_external(b, node, name, "data-offset",
				     offset > UINT64_MAX - end ? UINT64_MAX : end + offset, out,
				     why);
	data = fdt_getprop(b->fit, node, "data", &len);
	if (data == NULL)
		return complain(why, name,
				"has no data: must have data, or data-offset or data-position "
				"(one or two cells) with data-size");
	out->data = data;
	out->size = (uint64_t)len;
	return 0;
}

/* An overlay is small, and read where it lies. Data is given to guests where it lies. */
static bool may_be_packed(enum bundle_use use)
{
	return use == BUNDLE_KERNEL || use == BUNDLE_RAMDISK;
}

static int get_packing(const struct bundle *b, int node, const char *name, enum bundle_use use,
		       enum image_packing *out, struct text *why)
{
	const char *s = fdtx_prop_string(b->fit, node, "compression");
	bool known = s == NULL ? !fdtx_prop_bool(b->fit, node, "compression") :
				 unpack_by_name(s, out);

	if (known && (may_be_packed(use) || *out == PACKING_NONE))
		return 0;
	complain_property(b, node, name, "compression", why);
	text_add(why, may_be_packed(use) ? "must be \"none\", \"gzip\" or \"lz4\"" :
					   "must be \"none\" here");
	return HV_EINVAL;
}

/*
 * What mkimage wrote down beside the data. Properties that are not there are fine; those that say
 * that this is something else are not.
 */
static int check_kind(const struct bundle *b, int node, const char *name, enum bundle_use use,
		      enum image_packing *packing, struct text *why)
{
	const char *s;

	if (get_packing(b, node, name, use, packing, why) != 0)
		return HV_EINVAL;
	s = fdtx_prop_string(b->fit, node, "arch");
	if (s != NULL && strcmp(s, "riscv") != 0 && use != BUNDLE_DATA) {
		complain_property(b, node, name, "arch", why);
		text_add(why, "must be \"riscv\"");
		return HV_EINVAL;
	}
	s = fdtx_prop_string(b->fit, node, "type");
	for (size_t i = 0; s != NULL && i < ARRAY_SIZE(use_type); i++) {
		if (i == use || strcmp(s, use_type[i]) != 0)
			continue;
		complain_property(b, node, name, "type", why);
		text_add(why, "must be \"%s\" here",
			 use == BUNDLE_DATA ? "filesystem" : use_type[use]);
		return HV_EINVAL;
	}
	return 0;
}

static int get_address(const struct bundle *b, int node, const char *name, const char *prop,
		       gpa_t *out, struct text *why)
{
	uint64_t at = out->gpa;

	if (fdtx_prop_u64(b->fit, node, prop, &at) != HV_EINVAL) {
		*out = gpa(at);
		return 0;
	}
	complain_property(b, node, name, prop, why);
	text_add(why, "must be an address of one or two cells");
	return HV_EINVAL;
}

int bundle_find_image(const struct bundle *b, const char *name, enum bundle_use use,
		      struct vm_image *out, uint8_t *packing, struct text *why)
{
	int images = fdt_path_offset(b->fit, "/images");
	int node = images < 0 ? images : fdt_subnode_offset(b->fit, images, name);
	struct vm_image image = { .load = IMAGE_LOAD_DEFAULT };
	enum image_packing how = PACKING_NONE;

	if (images < 0) {
		text_add(why, "no such image; the bundle has no /images");
		return HV_ENOENT;
	}
	if (node < 0) {
		text_add(why, "no such image; ");
		text_add_candidates(why, b->fit, images, name);
		return HV_ENOENT;
	}
	image.name = fdtx_name(b->fit, node);
	if (check_kind(b, node, name, use, &how, why) != 0 ||
	    find_data(b, node, name, &image, why) != 0 ||
	    get_address(b, node, name, "load", &image.load, why) != 0 ||
	    get_address(b, node, name, "entry", &image.entry, why) != 0)
		return HV_EINVAL;
	if (image.size == 0)
		return complain(why, name, "is empty (0 bytes)");
	*out = image;
	*packing = (uint8_t)how;
	return 0;
}

static_assert(offsetof(struct bundle_images, images) == 0, "find_data_image()");

static int find_data_image(const struct config_images *from, const char *name,
			   struct config_image *out, struct text *why)
{
	const struct bundle_images *images = (const void *)from; /* it is the first member */
	struct vm_image image;
	uint8_t packing;
	int err = bundle_find_image(&images->bundle, name, BUNDLE_DATA, &image, &packing, why);

	if (err == HV_OK)
		*out = (struct config_image){ image.name, image.data, image.size };
	return err;
}

void bundle_images_init(struct bundle_images *out, const struct bundle *b)
{
	*out = (struct bundle_images){ .images = { find_data_image }, .bundle = *b };
}

const struct config_images *bundle_images_of(struct bundle_images *out, const struct vm_config *cfg)
{
	const struct bundle b = { cfg->fdt, cfg->bundle, cfg->bundle_size };

	if (!cfg->bundle)
		return NULL;
	bundle_images_init(out, &b);
	return &out->images;
}
