/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user's overlay onto a generated tree; contract in guest_fdt.h.
 *
 * An overlay brings two tables along (dtc, "Device Tree Dynamic Object format internals"): /__fixups__
 * says where the phandles of the base's labels go, /__local_fixups__ where its own phandles stand.
 * libfdt believes them: it adds an offset from __local_fixups__ to a pointer and writes there, and
 * the one from __fixups__ overflows in its check. So the tables are checked here first; and because
 * libfdt writes as it goes, also that nothing they do can change the tables themselves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/interrupts.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/guest_fdt.h"

/* Resolving takes, at worst, time like the product of these. */
#define MAX_NODES 1024
#define MAX_REFS  1024

/* --- the tables ------------------------------------------------------------------------------------ */

struct check {
	const void *base;
	const void *overlay;
	unsigned int refs;
	char reason[220];
};

static bool refuse(struct check *c, const char *reason)
{
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
	return false;
}

static bool refuse_node(struct check *c, int node, const char *reason)
{
	char path[FDTX_PATH_MAX];

	snprintf(c->reason, sizeof(c->reason), "%s: %s",
		 fdtx_path(c->overlay, node, path, sizeof(path)), reason);
	return false;
}

/* What is not merged but guides the merging: __fixups__, __local_fixups__, __symbols__. */
static bool is_table_name(const char *name)
{
	return name[0] == '_' && name[1] == '_';
}

static bool check_ref(struct check *c, int node, const char *name, int name_len, uint64_t offset)
{
	int len;

	if (++c->refs > MAX_REFS)
		return refuse(c, "it has more than 1024 references");
	if (!fdt_getprop_namelen(c->overlay, node, name, name_len, &len) || len < 4 ||
	    offset > (uint64_t)len - 4)
		return refuse_node(c, node, "a reference to fix up lies outside of its property");
	return true;
}

/* The properties of @fixups tell where in those of @node, of the same names, phandles stand. */
static bool check_local_node(struct check *c, int node, int fixups)
{
	int prop;

	fdt_for_each_property_offset(prop, c->overlay, fixups) {
		const char *name;
		int len;
		const fdt32_t *offsets = fdt_getprop_by_offset(c->overlay, prop, &name, &len);

		if (!offsets || len % 4 != 0)
			return refuse_node(c, fixups, "must hold offsets of one cell each");
		for (int i = 0; i < len / 4; i++)
			if (!check_ref(c, node, name, (int)strlen(name), fdt32_ld(&offsets[i])))
				return false;
	}
	return true;
}

static bool check_local(struct check *c, int node, int fixups)
{
	int child;

	if (!check_local_node(c, node, fixups))
		return false;
	/* As deep as fdtx_check() allows. */
	fdtx_for_each_child(c->overlay, fixups, child) {
		int of = fdt_subnode_offset(c->overlay, node, fdtx_name(c->overlay, child));

		if (of < 0 || (node == 0 && is_table_name(fdtx_name(c->overlay, of))))
			return refuse_node(c, child, "there is no such node to fix up");
		if (!check_local(c, of, child))
			return false;
	}
	return true;
}

/* Decimal digits and nothing else, as dtc writes them. */
static bool parse_offset(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	unsigned int n = 0;

	for (; s[n] >= '0' && s[n] <= '9' && n < 8; n++)
		v = v * 10 + (uint64_t)(s[n] - '0');
	*out = v;
	return n > 0 && s[n] == '\0';
}

/* "path:property:offset" */
static bool check_fixup(struct check *c, int table, const char *fixup)
{
	const char *name = strchr(fixup, ':');
	const char *offset = name ? strchr(name + 1, ':') : NULL;
	const char *first = fixup + strspn(fixup, "/");
	uint64_t at;

	if (!offset || first == fixup || !parse_offset(offset + 1, &at))
		return refuse_node(c, table, "must hold strings of \"path:property:offset\"");

	int node = fdt_path_offset_namelen(c->overlay, fixup, (int)(name - fixup));

	if (node < 0 || is_table_name(first))
		return refuse_node(c, table, "there is no such node to fix up");
	return check_ref(c, node, name + 1, (int)(offset - name - 1), at);
}

static bool check_label(struct check *c, const char *label)
{
	int symbols = fdt_path_offset(c->base, "/__symbols__");

	if (fdtx_prop_bool(c->base, symbols, label))
		return true;
	snprintf(c->reason, sizeof(c->reason),
		 "it refers to &%.64s, a label that the VM's tree has not", label);
	return false;
}

static bool check_fixups(struct check *c, int table)
{
	int prop;

	fdt_for_each_property_offset(prop, c->overlay, table) {
		struct fdtx_strings it;
		const char *label, *fixup;

		if (!fdt_getprop_by_offset(c->overlay, prop, &label, NULL) ||
		    fdtx_prop_strings(c->overlay, table, label, &it) != HV_OK)
			return refuse_node(c, table,
					   "must hold strings of \"path:property:offset\"");
		if (!check_label(c, label))
			return false;
		while ((fixup = fdtx_strings_next(&it)) != NULL)
			if (!check_fixup(c, table, fixup))
				return false;
	}
	return true;
}

/* libfdt adds to every property `phandle` and merges every __overlay__, in the tables as well. */
static bool check_table_node(struct check *c, int node, int depth)
{
	if (fdtx_prop_bool(c->overlay, node, "phandle") ||
	    fdtx_prop_bool(c->overlay, node, "linux,phandle"))
		return refuse_node(c, node, "must have no property named phandle");
	if (depth == 1 && fdt_subnode_offset(c->overlay, node, "__overlay__") >= 0)
		return refuse_node(c, node, "must have no child __overlay__");
	return true;
}

static bool check_nodes(struct check *c)
{
	bool in_table = false;
	unsigned int n = 0;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0;
	     node = fdt_next_node(c->overlay, node, &depth)) {
		if (++n > MAX_NODES)
			return refuse(c, "it has more than 1024 nodes");
		if (depth == 1)
			in_table = is_table_name(fdtx_name(c->overlay, node));
		if (depth > 0 && in_table && !check_table_node(c, node, depth))
			return false;
	}
	return true;
}

/* --- that all of it is applied ---------------------------------------------------------------------- */

/*
 * libfdt does not say which target it did not find, so the first one that the VM's tree lacks is noted as the reason.
 * It is no error yet: an earlier fragment may make that node.
 */
static void note_target(struct check *c, int fragment, const char *path)
{
	const char *name = strrchr(path, '/');
	char at[FDTX_PATH_MAX];
	struct text t;
	int parent;

	if (c->reason[0] != '\0' || fdt_path_offset(c->base, path) >= 0)
		return;
	text_begin(&t, c->reason, sizeof(c->reason));
	text_add(&t, "%s: target-path = \"", fdtx_path(c->overlay, fragment, at, sizeof(at)));
	text_add_plain(&t, path, 64);
	text_add(&t, "\": must be a node of the VM's tree");
	if (!name)
		return;
	parent = name == path ? 0 : fdt_path_offset_namelen(c->base, path, (int)(name - path));
	if (parent < 0)
		return;
	text_add(&t, "; ");
	text_add_candidates(&t, c->base, parent, name + 1);
}

/* libfdt applies `__overlay__` of each fragment, and passes over all else without a word. */
static bool check_fragment(struct check *c, int fragment, int overlay)
{
	const char *path = fdtx_prop_string(c->overlay, fragment, "target-path");
	bool by_phandle = fdtx_prop_bool(c->overlay, fragment, "target");
	bool has_target = by_phandle || path;
	int child;

	if (overlay < 0 && !has_target)
		return refuse_node(
			c, fragment,
			"has no child __overlay__, as in a whole device tree: must be an "
			"overlay, made by dtc from /dts-v1/; /plugin/;");
	fdtx_for_each_child(c->overlay, fragment, child)
		if (child != overlay)
			return refuse_node(
				c, child,
				"would not be applied: must be called __overlay__ and be "
				"the only child of its fragment");
	if (overlay < 0)
		return refuse_node(c, fragment, "must have a child __overlay__");
	if (!has_target)
		return refuse_node(c, fragment, "must have target, or target-path with one string");
	if (!by_phandle)
		note_target(c, fragment, path);
	return true;
}

static bool check_fragments(struct check *c)
{
	bool changes = false;
	int node;

	fdtx_for_each_child(c->overlay, 0, node) {
		int overlay = fdt_subnode_offset(c->overlay, node, "__overlay__");

		if (is_table_name(fdtx_name(c->overlay, node)))
			continue;
		if (!check_fragment(c, node, overlay))
			return false;
		changes |= fdt_first_property_offset(c->overlay, overlay) >= 0 ||
			   fdt_first_subnode(c->overlay, overlay) >= 0;
	}
	return changes || refuse(c, "it changes nothing: must have a fragment whose __overlay__ is "
				    "not empty");
}

static bool check_overlay(struct check *c)
{
	int fixups = fdt_path_offset(c->overlay, "/__fixups__");
	int local = fdt_path_offset(c->overlay, "/__local_fixups__");

	return check_nodes(c) && check_fragments(c) && (local < 0 || check_local(c, 0, local)) &&
	       (fixups < 0 || check_fixups(c, fixups));
}

/* --- applying -------------------------------------------------------------------------------------- */

static const char *image_name(const struct vm_image *overlay)
{
	return overlay->name ? overlay->name : "(no name)";
}

static int overlay_error(const struct vm_config *cfg, const struct vm_image *overlay,
			 const char *reason, int err)
{
	uint64_t interrupts = arch_interrupts_off();

	log_error("%s: the device tree overlay \"%s\" cannot be applied: %s", cfg->name,
		  image_name(overlay), reason);
	arch_interrupts_restore(interrupts);
	return err;
}

/* libfdt names its errors in capitals; those that a user can do something about, in words. */
static const char *overlay_reason(const struct check *c, int err)
{
	switch (-err) {
	case FDT_ERR_NOTFOUND:
		if (c->reason[0] != '\0')
			return c->reason;
		return "its target is not in the VM's tree (FDT_ERR_NOTFOUND)";
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
		      const struct vm_image *overlay, const struct vm *vm)
{
	const struct vm_config *cfg = vm->config;
	const char *problem = fdtx_problem(copy, copy_size);
	struct check check = { .base = buf, .overlay = copy };
	struct text why;
	int err;

	if (problem)
		return overlay_error(cfg, overlay, problem, HV_EINVAL);
	if (!check_overlay(&check))
		return overlay_error(cfg, overlay, check.reason, HV_EINVAL);
	err = fdt_open_into(buf, buf, (int)min_u64(cap, INT32_MAX));
	if (!err)
		err = fdt_overlay_apply(buf, copy);
	if (!err)
		err = fdt_pack(buf);
	if (err)
		return overlay_error(cfg, overlay, overlay_reason(&check, err),
				     err == -FDT_ERR_NOSPACE ? HV_EOVERFLOW : HV_EINVAL);
	/* Grafting may nest deeper than we, and others after us, walk. */
	problem = fdtx_problem(buf, cap);
	if (problem)
		return overlay_error(cfg, overlay, problem, HV_EINVAL);
	text_begin(&why, check.reason, sizeof(check.reason));
	return guest_fdt_fits_vm(buf, vm, &why) ?
		       HV_OK :
		       overlay_error(cfg, overlay, check.reason, HV_EINVAL);
}

int guest_fdt_apply_overlay(void *buf, uint64_t cap, void *copy, const struct vm_image *overlay,
			    const struct vm *vm)
{
	if (overlay->size > GUEST_FDT_OVERLAY_MAX) {
		uint64_t interrupts = arch_interrupts_off();

		log_error("%s: the device tree overlay \"%s\" has %" PRIu64
			  " bytes, at most %" PRIu64 " are allowed",
			  vm->name, image_name(overlay), overlay->size, GUEST_FDT_OVERLAY_MAX);
		arch_interrupts_restore(interrupts);
		return HV_EINVAL;
	}
	if (overlay->size < sizeof(struct fdt_header))
		return overlay_error(vm->config, overlay, "it is shorter than a header", HV_EINVAL);
	memcpy(copy, overlay->data, overlay->size);
	return apply_copy(buf, cap, copy, overlay->size, overlay, vm);
}
