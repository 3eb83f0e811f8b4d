/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/driver.h"

#include "lib/fdt.h"

/* From the linker script. */
extern const struct driver drivers_start[] __asm__("__drivers_start");
extern const struct driver drivers_end[] __asm__("__drivers_end");

static bool driver_matches(const struct driver *d, const void *fdt, int node)
{
	for (const char *const *c = d->compatible; *c; c++) {
		if (fdtx_is_compatible(fdt, node, *c))
			return true;
	}
	return false;
}

/* A probe that fails has said why; the machine goes on without that device. */
static void driver_probe_node(const void *fdt, int node, enum driver_order order)
{
	for (const struct driver *d = drivers_start; d < drivers_end; d++) {
		if (d->order == order && driver_matches(d, fdt, node)) {
			(void)d->probe(fdt, node);
			return;
		}
	}
}

static void driver_probe_order(const void *fdt, enum driver_order order)
{
	for (int node = fdt_next_node(fdt, -1, NULL); node >= 0;
	     node = fdt_next_node(fdt, node, NULL)) {
		if (fdt_getprop(fdt, node, "compatible", NULL) && fdtx_is_available(fdt, node))
			driver_probe_node(fdt, node, order);
	}
}

void driver_probe_all(const void *fdt)
{
	driver_probe_order(fdt, DRIVER_IRQCHIP);
	driver_probe_order(fdt, DRIVER_DEVICE);
}
