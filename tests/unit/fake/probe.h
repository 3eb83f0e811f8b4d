/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver is offered a node, as platform/driver.c does it. */
#ifndef FAKE_PROBE_H
#define FAKE_PROBE_H

#include "lib/fdt.h"
#include "platform/driver.h"

static inline int probe_path(const struct driver *d, const void *fdt, const char *path)
{
	int node = fdt_path_offset(fdt, path);
	struct driver_reg reg = { 0 };

	reg.err = fdtx_reg(fdt, node, 0, &reg.base, &reg.size);
	return d->probe(fdt, node, &reg);
}

#endif
