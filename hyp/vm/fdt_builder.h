/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing a device tree from its root on. After the first error nothing more is written. */
#ifndef VM_FDT_BUILDER_H
#define VM_FDT_BUILDER_H

#include <stddef.h>

#include "lib/types.h"

struct builder {
	void *fdt;
	int err; /* libfdt's, 0: none */
};

void begin_node(struct builder *b, const char *name);
void end_node(struct builder *b);

/* Properties of the node that was begun last, before its children. */
void put_bytes(struct builder *b, const char *name, const void *bytes, size_t len);
void put_empty(struct builder *b, const char *name);
void put_string(struct builder *b, const char *name, const char *s);
void put_u32(struct builder *b, const char *name, uint32_t v);
void put_u64(struct builder *b, const char *name, uint64_t v);

/* put_reg - `reg` of one range, of 2 and 2 cells. */
void put_reg(struct builder *b, uint64_t base, uint64_t size);

/* put_space - room for @len bytes of a property, to be filled in place; NULL after an error. */
void *put_space(struct builder *b, const char *name, size_t len);

/* put_strings - @list is an array of char, strings with a zero between any two. */
#define put_strings(b, name, list) put_bytes((b), (name), (list), sizeof(list))

#endif
