/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/fdt.h"

#include <string.h>

/* --- the check at the door ------------------------------------------------------------------------ */

/* What a walk over the structure block has counted so far. */
struct walk {
	const void *fdt;
	int offset;
	unsigned int depth;
	unsigned int nodes;
	unsigned int props; /* and NOPs, which cost a walker as much */
	const char *problem;
};

static bool walk_fail(struct walk *w, const char *problem)
{
	w->problem = problem;
	return false;
}

static bool walk_begin_node(struct walk *w)
{
	uint32_t left = fdt_size_dt_struct(w->fdt) - (uint32_t)w->offset;
	size_t room = left < FDTX_MAX_NAME + 1 ? left : FDTX_MAX_NAME + 1;
	const char *name = fdt_offset_ptr(w->fdt, w->offset, (unsigned int)room);
	const char *end = name ? memchr(name, '\0', room) : NULL;

	if (!end)
		return walk_fail(w, "a node's name does not end or is too long");
	if (w->depth == 0 && (w->nodes > 0 || end != name))
		return walk_fail(w, "it has no root, or two");
	/* Neither could be told by a path; fdt_get_path() goes astray over them. */
	if (w->depth > 0 && (end == name || memchr(name, '/', (size_t)(end - name))))
		return walk_fail(w, "a node's name is empty or holds a '/'");
	if (w->depth == FDTX_MAX_DEPTH)
		return walk_fail(w, "its nodes lie too deep");
	if (w->nodes == FDTX_MAX_NODES)
		return walk_fail(w, "it has too many nodes");
	w->depth++;
	w->nodes++;
	w->offset += (int)align_up((uint64_t)(end - name) + 1, FDT_TAGSIZE);
	return true;
}

static bool walk_prop(struct walk *w)
{
	const fdt32_t *head = fdt_offset_ptr(w->fdt, w->offset, 2 * FDT_TAGSIZE);
	uint32_t strings_size = fdt_size_dt_strings(w->fdt);
	uint64_t end;

	if (!head)
		return walk_fail(w, "it ends inside a property");
	if (w->depth == 0)
		return walk_fail(w, "a property lies outside of the root");

	uint32_t len = fdt32_to_cpu(head[0]);
	uint32_t name_offset = fdt32_to_cpu(head[1]);

	end = align_up((uint64_t)w->offset + 2 * FDT_TAGSIZE + len, FDT_TAGSIZE);
	if (end > fdt_size_dt_struct(w->fdt))
		return walk_fail(w, "a property is longer than the tree");
	if (name_offset >= strings_size)
		return walk_fail(w, "a property's name is outside of the tree");

	uint32_t left = strings_size - name_offset;
	const char *name = (const char *)w->fdt + fdt_off_dt_strings(w->fdt) + name_offset;

	if (!memchr(name, '\0', left < FDTX_MAX_NAME + 1 ? left : FDTX_MAX_NAME + 1))
		return walk_fail(w, "a property's name does not end or is too long");
	w->offset = (int)end;
	return true;
}

/* One tag. False: the end, good or bad. */
static bool walk_step(struct walk *w)
{
	const fdt32_t *tag = fdt_offset_ptr(w->fdt, w->offset, FDT_TAGSIZE);

	if (!tag)
		return walk_fail(w, "it ends too early");
	w->offset += (int)FDT_TAGSIZE;
	switch (fdt32_to_cpu(*tag)) {
	case FDT_BEGIN_NODE:
		return walk_begin_node(w);
	case FDT_END_NODE:
		if (w->depth == 0)
			return walk_fail(w, "a node ends that never began");
		w->depth--;
		return true;
	case FDT_PROP:
	case FDT_NOP:
		if (++w->props > FDTX_MAX_PROPS)
			return walk_fail(w, "it has too many properties");
		return fdt32_to_cpu(*tag) == FDT_PROP ? walk_prop(w) : true;
	case FDT_END:
		if (w->depth != 0 || w->nodes == 0)
			return walk_fail(w, "it ends inside a node");
		return false;
	default:
		return walk_fail(w, "it holds a tag that does not exist");
	}
}

static const char *reserved_problem(const void *fdt)
{
	uint32_t at = fdt_off_mem_rsvmap(fdt);

	for (unsigned int i = 0; i <= FDTX_MAX_RESERVED; i++) {
		const fdt64_t *entry = (const void *)((const char *)fdt + at);

		if ((uint64_t)at + sizeof(struct fdt_reserve_entry) > fdt_totalsize(fdt))
			return "its memory reservation block does not end";
		if (fdt64_ld(&entry[0]) == 0 && fdt64_ld(&entry[1]) == 0)
			return NULL;
		at += (uint32_t)sizeof(struct fdt_reserve_entry);
	}
	return "its memory reservation block is too long";
}

/* The header and where it says the blocks are; fdt_check_header() sees to it that they lie inside. */
static const char *header_problem(const void *fdt, uint64_t max_size)
{
	struct fdt_header head;

	if (max_size < sizeof(head))
		return "it is shorter than a header";
	memcpy(&head, fdt, sizeof(head));
	if (fdt_magic(&head) != FDT_MAGIC)
		return "it has not the magic number of a device tree";
	if (fdt_totalsize(&head) > max_size)
		return "it is cut off: its header tells a larger size";
	if (!is_aligned((uint64_t)(uintptr_t)fdt, 8))
		return "it is not aligned to 8 bytes";
	/* Version 17 came in 2007; before it, the structure block's size is not told. */
	if (fdt_version(fdt) < 17)
		return "its format version is older than 17";
	if (fdt_check_header(fdt) != 0)
		return "its header is wrong";
	/* libfdt loads words from there as they lie. */
	if (!is_aligned(fdt_off_dt_struct(fdt), 4) || !is_aligned(fdt_off_mem_rsvmap(fdt), 8))
		return "its blocks are not aligned";
	return NULL;
}

const char *fdtx_problem(const void *fdt, uint64_t max_size)
{
	struct walk w = { .fdt = fdt };
	const char *problem = header_problem(fdt, max_size);

	if (!problem)
		problem = reserved_problem(fdt);
	if (problem)
		return problem;

	/*
	 * libfdt's full check is only run on a tree that passed this walk: for every property it looks
	 * for the end of its name, which without the limits takes quadratic time.
	 */
	while (walk_step(&w))
		;
	if (w.problem)
		return w.problem;

	int err = fdt_check_full(fdt, max_size);

	return err ? fdt_strerror(err) : NULL;
}

int fdtx_check(const void *fdt, uint64_t max_size)
{
	return fdtx_problem(fdt, max_size) ? HV_EINVAL : HV_OK;
}

/* --- properties ----------------------------------------------------------------------------------- */

/* @n (0, 1 or 2) cells as one number. */
static uint64_t read_cells(const fdt32_t *cells, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++)
		v = v << 32 | fdt32_ld(&cells[i]);
	return v;
}

int fdtx_prop_u32(const void *fdt, int node, const char *name, uint32_t *out)
{
	int len;
	const fdt32_t *cells = fdt_getprop(fdt, node, name, &len);

	if (!cells)
		return HV_ENOENT;
	if (len != 4)
		return HV_EINVAL;
	*out = fdt32_ld(cells);
	return HV_OK;
}

int fdtx_prop_u64(const void *fdt, int node, const char *name, uint64_t *out)
{
	int len;
	const fdt32_t *cells = fdt_getprop(fdt, node, name, &len);

	if (!cells)
		return HV_ENOENT;
	if (len != 4 && len != 8)
		return HV_EINVAL;
	*out = read_cells(cells, (unsigned int)len / 4);
	return HV_OK;
}

bool fdtx_prop_bool(const void *fdt, int node, const char *name)
{
	return fdt_getprop(fdt, node, name, NULL) != NULL;
}

const char *fdtx_prop_string(const void *fdt, int node, const char *name)
{
	int len;
	const char *s = fdt_getprop(fdt, node, name, &len);

	if (!s || len <= 0 || memchr(s, '\0', (size_t)len) != s + len - 1)
		return NULL;
	return s;
}

int fdtx_prop_strings(const void *fdt, int node, const char *name, struct fdtx_strings *it)
{
	int len;
	const char *s = fdt_getprop(fdt, node, name, &len);

	it->next = NULL;
	it->end = NULL;
	if (!s)
		return HV_ENOENT;
	if (len <= 0 || s[len - 1] != '\0')
		return HV_EINVAL;
	it->next = s;
	it->end = s + len;
	return HV_OK;
}

const char *fdtx_strings_next(struct fdtx_strings *it)
{
	const char *s = it->next;

	if (s == it->end)
		return NULL;
	it->next = s + strlen(s) + 1;
	return s;
}

bool fdtx_is_compatible(const void *fdt, int node, const char *compatible)
{
	struct fdtx_strings it;
	const char *s;

	fdtx_prop_strings(fdt, node, "compatible", &it);
	while ((s = fdtx_strings_next(&it)) != NULL)
		if (strcmp(s, compatible) == 0)
			return true;
	return false;
}

bool fdtx_is_available(const void *fdt, int node)
{
	const char *status = fdtx_prop_string(fdt, node, "status");

	if (!status)
		return !fdtx_prop_bool(fdt, node, "status");
	return strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

bool fdtx_is_disabled(const void *fdt, int node)
{
	const char *status = fdtx_prop_string(fdt, node, "status");

	return status && strcmp(status, "disabled") == 0;
}

bool fdtx_is_bookkeeping(const char *name)
{
	return strcmp(name, "phandle") == 0 || strcmp(name, "linux,phandle") == 0 ||
	       strcmp(name, "name") == 0;
}

/* --- reg ------------------------------------------------------------------------------------------ */

/* @parent's #address-cells or #size-cells, which is @name; at most 2. */
static int parent_cells(const void *fdt, int parent, const char *name, uint32_t standard,
			uint32_t *out)
{
	int err = fdtx_prop_u32(fdt, parent, name, out);

	/* guest-loader writes modules with the root's cells and never says so. */
	if (err == HV_ENOENT && parent == fdt_path_offset(fdt, "/chosen"))
		err = fdtx_prop_u32(fdt, 0, name, out);
	if (err == HV_ENOENT)
		*out = standard;
	else if (err)
		return err;
	return *out <= 2 ? HV_OK : HV_EINVAL;
}

int fdtx_reg_below(const void *fdt, int parent, int node, unsigned int index, uint64_t *addr,
		   uint64_t *size)
{
	uint32_t address_cells, size_cells;
	int len;
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &len);

	if (!reg)
		return HV_ENOENT;
	if (parent < 0 || parent_cells(fdt, parent, "#address-cells", 2, &address_cells) != HV_OK ||
	    parent_cells(fdt, parent, "#size-cells", 1, &size_cells) != HV_OK || address_cells == 0)
		return HV_EINVAL;

	uint64_t stride = 4 * (uint64_t)(address_cells + size_cells);

	if (len <= 0 || (uint64_t)len % stride != 0)
		return HV_EINVAL;
	if (index >= (uint64_t)len / stride)
		return HV_ENOENT;
	reg += index * (address_cells + size_cells);

	uint64_t base = read_cells(reg, address_cells);
	uint64_t bytes = read_cells(reg + address_cells, size_cells);

	/* A range that ends with the last byte of the address space is none that we could use. */
	if (base + bytes < base)
		return HV_EINVAL;
	*addr = base;
	if (size)
		*size = bytes;
	return HV_OK;
}

int fdtx_reg(const void *fdt, int node, unsigned int index, uint64_t *addr, uint64_t *size)
{
	return fdtx_reg_below(fdt, fdt_parent_offset(fdt, node), node, index, addr, size);
}

/* --- names for messages --------------------------------------------------------------------------- */

const char *fdtx_name(const void *fdt, int node)
{
	const char *name = fdt_get_name(fdt, node, NULL);

	if (!name)
		return "?";
	return *name ? name : "/";
}

const char *fdtx_path(const void *fdt, int node, char *buf, size_t len)
{
	static const char shortened[] = ".../";

	if (len == 0)
		return "";
	if (len > INT32_MAX)
		len = INT32_MAX;
	/* fdt_get_path() is asked about nodes only: the offset of FDT_END leads it out of @buf. */
	if (!fdt_get_name(fdt, node, NULL) || fdt_get_path(fdt, node, buf, (int)len) != 0) {
		const char *name = fdtx_name(fdt, node);
		size_t start = len > sizeof(shortened) ? sizeof(shortened) - 1 : 0;
		size_t n = strnlen(name, len - 1 - start);

		memcpy(buf, shortened, start);
		memcpy(buf + start, name, n);
		buf[start + n] = '\0';
	}
	for (char *c = buf; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return buf;
}
