/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/driver.h"

#include <inttypes.h>

#include "lib/fdt.h"
#include "lib/index.h"
#include "lib/log.h"
#include "platform/machine.h"

/* Physical addresses have 56 bits (privileged specification, "Sv39"). */
#define ADDRESS_LIMIT BIT(56)

/* The widest access of any driver: a misaligned one would trap. */
#define REGISTER_SIZE 4

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

/* A parent that is a walk through the tree away is asked for once. */
static struct driver_reg read_reg(const void *fdt, int parent, int node)
{
	struct driver_reg r = { 0 };

	r.err = fdtx_reg_below(fdt, parent, node, 0, &r.base, &r.size);
	return r;
}

/* A wrong `reg` must not make a driver write to memory, or to an address that cannot exist, or that traps. */
static bool driver_reg_ok(const void *fdt, int node, const struct driver_reg *r)
{
	char path[FDTX_PATH_MAX];
	const char *what = NULL;

	if (r->err != HV_OK)
		return true; /* the driver knows whether it needs one */
	if (r->size > ADDRESS_LIMIT || r->base > ADDRESS_LIMIT - r->size)
		what = "must end below 0x100000000000000";
	else if (!is_aligned(r->base, REGISTER_SIZE))
		what = "must begin at a multiple of 4";
	else if (machine_touches_memory(hpa(r->base), r->size))
		what = "must not overlap /memory";
	if (what)
		log_warn("%s: reg = 0x%" PRIx64 ", 0x%" PRIx64 ": %s; the device is not used",
			 fdtx_path(fdt, node, path, sizeof(path)), r->base, r->size, what);
	return what == NULL;
}

/* A probe that fails has said why; the machine goes on without that device. */
static void driver_probe_node(const void *fdt, int parent, int node, enum driver_order order)
{
	struct driver_reg reg;

	for (const struct driver *d = drivers_start; d < drivers_end; d++) {
		if (d->order == order && driver_matches(d, fdt, node)) {
			reg = read_reg(fdt, parent, node);
			if (driver_reg_ok(fdt, node, &reg))
				(void)d->probe(fdt, node, &reg);
			return;
		}
	}
}

/* The walk keeps the nodes that it is below, so that no driver's `reg` takes another walk. */
static void driver_probe_order(const void *fdt, enum driver_order order)
{
	int above[FDTX_MAX_DEPTH + 1] = { -1 };
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		const uint64_t d = index_below((uint64_t)depth, FDTX_MAX_DEPTH);

		above[d + 1] = node;
		if (fdt_getprop(fdt, node, "compatible", NULL) && fdtx_is_available(fdt, node))
			driver_probe_node(fdt, above[d], node, order);
	}
}

void driver_probe_all(const void *fdt)
{
	driver_probe_order(fdt, DRIVER_IRQCHIP);
	driver_probe_order(fdt, DRIVER_DEVICE);
}
