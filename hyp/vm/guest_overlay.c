/* SPDX-License-Identifier: BSD-2-Clause */
/* The user's overlay onto a generated tree; contract in guest_fdt.h. */
#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vm/guest_fdt.h"

static const char *image_name(const struct vm_image *overlay)
{
	return overlay->name ? overlay->name : "(no name)";
}

static int overlay_error(const struct vm_config *cfg, const struct vm_image *overlay,
			 const char *reason, int err)
{
	log_error("%s: the device tree overlay \"%s\" cannot be applied: %s", cfg->name,
		  image_name(overlay), reason);
	return err;
}

/* libfdt names its errors in capitals; those that a user can do something about, in words. */
static const char *overlay_reason(int err)
{
	switch (-err) {
	case FDT_ERR_NOTFOUND:
		return "it refers to a node or a label that the VM's tree has not "
		       "(FDT_ERR_NOTFOUND)";
	case FDT_ERR_BADOVERLAY:
		return "it is no overlay: dtc makes one from a source that begins with "
		       "/dts-v1/; /plugin/; (FDT_ERR_BADOVERLAY)";
	case FDT_ERR_NOSPACE:
		return "the VM's tree grows too large (FDT_ERR_NOSPACE)";
	default:
		return fdt_strerror(err);
	}
}

/* @copy is ours: libfdt resolves references in it, and leaves it damaged. */
static int apply_copy(void *buf, uint64_t cap, void *copy, uint64_t copy_size,
		      const struct vm_image *overlay, const struct vm_config *cfg)
{
	const char *problem = fdtx_problem(copy, copy_size);
	int err;

	if (problem)
		return overlay_error(cfg, overlay, problem, HV_EINVAL);
	err = fdt_open_into(buf, buf, (int)min_u64(cap, INT32_MAX));
	if (!err)
		err = fdt_overlay_apply(buf, copy);
	if (!err)
		err = fdt_pack(buf);
	if (err)
		return overlay_error(cfg, overlay, overlay_reason(err),
				     err == -FDT_ERR_NOSPACE ? HV_EOVERFLOW : HV_EINVAL);
	/* Grafting may nest deeper than we, and others after us, walk. */
	problem = fdtx_problem(buf, cap);
	return problem ? overlay_error(cfg, overlay, problem, HV_EINVAL) : HV_OK;
}

int guest_fdt_apply_overlay(void *buf, uint64_t cap, const struct vm_image *overlay,
			    const struct vm_config *cfg)
{
	uint64_t size = align_up(overlay->size, PAGE_SIZE);
	void *copy;
	int err;

	/* Resolving takes time that grows with the square of the size. */
	if (overlay->size > GUEST_FDT_OVERLAY_MAX) {
		log_error("%s: the device tree overlay \"%s\" has %" PRIu64 " bytes, at most %" PRIu64
			  " are allowed",
			  cfg->name, image_name(overlay), overlay->size, GUEST_FDT_OVERLAY_MAX);
		return HV_EINVAL;
	}
	if (overlay->size < sizeof(struct fdt_header))
		return overlay_error(cfg, overlay, "it is shorter than a header", HV_EINVAL);
	copy = page_alloc_zeroed(size, PAGE_SIZE);
	if (!copy)
		return overlay_error(cfg, overlay, "no memory left for a copy of it", HV_ENOMEM);
	memcpy(copy, overlay->data, overlay->size);
	err = apply_copy(buf, cap, copy, overlay->size, overlay, cfg);
	page_free(ptr_to_hpa(copy), size);
	return err;
}
