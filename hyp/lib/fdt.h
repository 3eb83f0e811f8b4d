/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading device trees that a stranger made, over libfdt.
 *
 * A tree is passed to fdtx_check() once, where it comes in. After that, everything here and every
 * read-only function of libfdt is safe on it: no access outside of it, and no walk longer than the
 * limits below allow. Node numbers are libfdt's structure offsets; node 0 is the root.
 *
 * What the properties say is checked where they are read: a number has to be one or two cells, a
 * string has to end. Functions that return an int give 0, HV_ENOENT (no such property, no such entry)
 * or HV_EINVAL (it is there, and malformed).
 *
 * Nodes are found by their exact names: fdt_subnode_offset(), fdt_path_offset() and what libfdt builds
 * on them are those of fdt_exact.c here, which do not take "k@1" for "k".
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include <libfdt.h>

#include "lib/errno.h"
#include "lib/types.h"

/* Limits of fdtx_check(). FDTX_MAX_DEPTH also bounds what may recurse over children. */
#define FDTX_MAX_DEPTH	  16
#define FDTX_MAX_NODES	  16384
#define FDTX_MAX_PROPS	  131072
#define FDTX_MAX_NAME	  255  /* of a node or a property */
#define FDTX_MAX_RESERVED 1024 /* entries of the memory reservation block */

/* Long enough for the path of any node that people write. */
#define FDTX_PATH_MAX 128

/*
 * fdtx_problem - NULL when the tree at @fdt, of which @max_size bytes may be read, is well formed,
 * aligned to 8 bytes and within the limits above; else a few words that say what is wrong with it.
 */
const char *fdtx_problem(const void *fdt, uint64_t max_size);

/* fdtx_check - 0, or HV_EINVAL when there is a fdtx_problem(). */
int fdtx_check(const void *fdt, uint64_t max_size);

/* fdtx_for_each_child - @child (an int of the caller's) goes over the direct children of @node. */
#define fdtx_for_each_child(fdt, node, child)                          \
	for ((child) = fdt_first_subnode((fdt), (node)); (child) >= 0; \
	     (child) = fdt_next_subnode((fdt), (child)))

/* fdtx_prop_u32 - a property of exactly one cell. *@out is left alone on errors. */
int fdtx_prop_u32(const void *fdt, int node, const char *name, uint32_t *out);

/* fdtx_prop_u64 - a property of one or two cells. *@out is left alone on errors. */
int fdtx_prop_u64(const void *fdt, int node, const char *name, uint64_t *out);

/* fdtx_prop_bool - is the property there (whatever it holds)? */
bool fdtx_prop_bool(const void *fdt, int node, const char *name);

/*
 * fdtx_prop_string - the property's one string, inside the tree; NULL when there is no such property
 * or it is not a single string that ends where the property ends.
 */
const char *fdtx_prop_string(const void *fdt, int node, const char *name);

/* A list of strings on the way through it. */
struct fdtx_strings {
	const char *next;
	const char *end;
};

/*
 * fdtx_prop_strings - begin with the strings of a property. HV_EINVAL: the last one does not end.
 * On errors @it is an empty list.
 *
 *	fdtx_prop_strings(fdt, node, "riscv,isa-extensions", &it);
 *	while ((s = fdtx_strings_next(&it)) != NULL)
 *		...
 */
int fdtx_prop_strings(const void *fdt, int node, const char *name, struct fdtx_strings *it);

/* fdtx_strings_next - the next string of the list; NULL: that was all. */
const char *fdtx_strings_next(struct fdtx_strings *it);

/*
 * fdtx_reg - entry @index of @node's `reg`, by the #address-cells and #size-cells of its parent
 * (devicetree specification, 2.3.5: 2 and 1 unless given; at most 2 of each here). Below /chosen the
 * root's serve when /chosen has none: QEMU's guest-loader writes its modules so. With #size-cells = 0
 * the size is 0. @size may be NULL. HV_EINVAL also when base + size wraps around.
 */
int fdtx_reg(const void *fdt, int node, unsigned int index, uint64_t *addr, uint64_t *size);

/* fdtx_reg_below - the same where the caller knows @node's @parent: to find it takes a walk through the tree. */
int fdtx_reg_below(const void *fdt, int parent, int node, unsigned int index, uint64_t *addr,
		   uint64_t *size);

/* fdtx_is_compatible - does the node's `compatible` list @compatible? */
bool fdtx_is_compatible(const void *fdt, int node, const char *compatible);

/* fdtx_is_available - `status` is absent, "okay" or "ok". */
bool fdtx_is_available(const void *fdt, int node);

/* fdtx_is_disabled - `status` is "disabled". If neither holds it has a value that is not allowed here. */
bool fdtx_is_disabled(const void *fdt, int node);

/* fdtx_is_bookkeeping - does dtc or a boot loader write property @name, not the author of the tree (phandle, name)? */
bool fdtx_is_bookkeeping(const char *name);

/*
 * fdtx_name - the node's name, unit address included; "/" for the root, "?" for what is no node. It
 * may hold any byte: for messages use fdtx_path().
 */
const char *fdtx_name(const void *fdt, int node);

/*
 * fdtx_path - the path of @node into @buf, for messages: always ends, printable ASCII only, shortened
 * to ".../name" when it does not fit. Returns @buf.
 */
const char *fdtx_path(const void *fdt, int node, char *buf, size_t len);

#endif
