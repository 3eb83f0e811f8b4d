// SPDX-License-Identifier: BSD-2-Clause
#include "lib/fdt_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdt.h"

static bool writes(const struct fdtw *w)
{
	return !w->err && !w->labels_only;
}

/* The root's name is empty, and so is its path: those of its children begin with the slash. */
static void enter(struct fdtw *w, const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return;
	if (w->path_len + 1 + len >= sizeof(w->path)) {
		w->err = -FDT_ERR_NOSPACE;
		return;
	}
	w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, name, len + 1);
	w->path_len += len;
}

void fdtw_begin(struct fdtw *w, const char *name)
{
	if (w->err)
		return;
	enter(w, name);
	if (writes(w))
		w->err = fdt_begin_node(w->fdt, name);
}

void fdtw_begin_at(struct fdtw *w, const char *name, uint64_t unit)
{
	char full[48];

	snprintf(full, sizeof(full), "%s@%" PRIx64, name, unit);
	fdtw_begin(w, full);
}

void fdtw_end(struct fdtw *w)
{
	if (w->err)
		return;
	while (w->path_len > 0 && w->path[--w->path_len] != '/')
		;
	w->path[w->path_len] = '\0';
	if (writes(w))
		w->err = fdt_end_node(w->fdt);
}

void fdtw_label(struct fdtw *w, const char *label, uint32_t phandle)
{
	if (!w->labels_only)
		fdtw_u32(w, "phandle", phandle);
	else if (!w->err)
		w->err = fdt_property(w->fdt, label, w->path, (int)w->path_len + 1);
}

void fdtw_begin_labels(struct fdtw *w)
{
	fdtw_begin(w, "__symbols__");
	w->path_len = 0;
	w->path[0] = '\0';
	w->labels_only = true;
}

void fdtw_end_labels(struct fdtw *w)
{
	w->labels_only = false;
	fdtw_end(w);
}

void fdtw_bytes(struct fdtw *w, const char *name, const void *bytes, size_t len)
{
	if (writes(w))
		w->err = len <= INT32_MAX ? fdt_property(w->fdt, name, bytes, (int)len) :
					    -FDT_ERR_NOSPACE;
}

void fdtw_empty(struct fdtw *w, const char *name)
{
	fdtw_bytes(w, name, "", 0);
}

void fdtw_string(struct fdtw *w, const char *name, const char *s)
{
	fdtw_bytes(w, name, s, strlen(s) + 1);
}

void fdtw_u32(struct fdtw *w, const char *name, uint32_t v)
{
	fdt32_t cell = cpu_to_fdt32(v);

	fdtw_bytes(w, name, &cell, sizeof(cell));
}

void fdtw_u64(struct fdtw *w, const char *name, uint64_t v)
{
	fdt64_t cells = cpu_to_fdt64(v);

	fdtw_bytes(w, name, &cells, sizeof(cells));
}

void fdtw_reg(struct fdtw *w, uint64_t base, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	fdtw_bytes(w, "reg", reg, sizeof(reg));
}

void fdtw_begin_device(struct fdtw *w, const char *kind, const char *label, uint32_t phandle,
		       uint64_t base, uint64_t size)
{
	fdtw_begin_at(w, kind, base);
	fdtw_label(w, label, phandle);
	fdtw_reg(w, base, size);
}

void *fdtw_space(struct fdtw *w, const char *name, size_t len)
{
	void *p = NULL;

	if (!writes(w))
		return NULL;
	w->err = len <= INT32_MAX ? fdt_property_placeholder(w->fdt, name, (int)len, &p) :
				    -FDT_ERR_NOSPACE;
	return w->err ? NULL : p;
}
