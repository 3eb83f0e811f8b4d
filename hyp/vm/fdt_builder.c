// SPDX-License-Identifier: BSD-2-Clause
#include "vm/fdt_builder.h"

#include <string.h>

#include "lib/fdt.h"

void begin_node(struct builder *b, const char *name)
{
	if (!b->err)
		b->err = fdt_begin_node(b->fdt, name);
}

void end_node(struct builder *b)
{
	if (!b->err)
		b->err = fdt_end_node(b->fdt);
}

void put_bytes(struct builder *b, const char *name, const void *bytes, size_t len)
{
	if (!b->err)
		b->err = len <= INT32_MAX ? fdt_property(b->fdt, name, bytes, (int)len) :
					    -FDT_ERR_NOSPACE;
}

void put_empty(struct builder *b, const char *name)
{
	put_bytes(b, name, "", 0);
}

void put_string(struct builder *b, const char *name, const char *s)
{
	put_bytes(b, name, s, strlen(s) + 1);
}

void put_u32(struct builder *b, const char *name, uint32_t v)
{
	fdt32_t cell = cpu_to_fdt32(v);

	put_bytes(b, name, &cell, sizeof(cell));
}

void put_u64(struct builder *b, const char *name, uint64_t v)
{
	fdt64_t cells = cpu_to_fdt64(v);

	put_bytes(b, name, &cells, sizeof(cells));
}

void put_reg(struct builder *b, uint64_t base, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	put_bytes(b, "reg", reg, sizeof(reg));
}

void *put_space(struct builder *b, const char *name, size_t len)
{
	void *p = NULL;

	if (!b->err)
		b->err = len <= INT32_MAX ? fdt_property_placeholder(b->fdt, name, (int)len, &p) :
					    -FDT_ERR_NOSPACE;
	return b->err ? NULL : p;
}
