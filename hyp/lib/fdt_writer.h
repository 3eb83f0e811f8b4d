/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a device tree from its root on, by whatever has a node in it. After the first error nothing more is written.
 *
 * The same functions that write the nodes are called a second time for /__symbols__, where only fdtw_label() writes: so
 * a label stands at its node, and needs no list of its own.
 */
#ifndef LIB_FDT_WRITER_H
#define LIB_FDT_WRITER_H

#include <stddef.h>

#include "lib/types.h"

#define FDTW_PATH_MAX 128

struct fdtw {
	void *fdt;
	int err;	  /* libfdt's, 0: none */
	bool labels_only; /* the second time */
	size_t path_len;
	char path[FDTW_PATH_MAX]; /* of the node that was begun last and has not ended; "" is the root's */
};

/*
 * fdtw_begin - a node below the one that was begun last, or the root. fdtw_begin_at - named NAME@UNIT, in hex.
 * fdtw_end - of the one that was begun last.
 */
void fdtw_begin(struct fdtw *w, const char *name);
void fdtw_begin_at(struct fdtw *w, const char *name, uint64_t unit);
void fdtw_end(struct fdtw *w);

/* fdtw_label - overlays may call this node &LABEL; its phandle is @phandle, a number that no other node has. */
void fdtw_label(struct fdtw *w, const char *label, uint32_t phandle);

/* Between them, in the root after all other nodes, the functions that wrote these nodes are called again. */
void fdtw_begin_labels(struct fdtw *w);
void fdtw_end_labels(struct fdtw *w);

/* Properties of the node that was begun last, before its children. */
void fdtw_bytes(struct fdtw *w, const char *name, const void *bytes, size_t len);
void fdtw_empty(struct fdtw *w, const char *name);
void fdtw_string(struct fdtw *w, const char *name, const char *s);
void fdtw_u32(struct fdtw *w, const char *name, uint32_t v);
void fdtw_u64(struct fdtw *w, const char *name, uint64_t v);

/* fdtw_reg - `reg` of one range, of 2 and 2 cells. */
void fdtw_reg(struct fdtw *w, uint64_t base, uint64_t size);

/* fdtw_begin_device - the node KIND@BASE of a device with its registers there, its label and its phandle. */
void fdtw_begin_device(struct fdtw *w, const char *kind, const char *label, uint32_t phandle,
		       uint64_t base, uint64_t size);

/* fdtw_space - room for @len bytes of a property, to be filled in place; NULL after an error, and the second time. */
void *fdtw_space(struct fdtw *w, const char *name, size_t len);

/* fdtw_strings - @list is an array of char, strings with a zero between any two. */
#define fdtw_strings(w, name, list) fdtw_bytes((w), (name), (list), sizeof(list))

#endif
