/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/driver.h"

#include <inttypes.h>

#include "lib/fdt.h"
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

/* A wrong `reg` must not make a driver write to memory, or to an address that cannot exist, or that traps. */
static bool driver_reg_ok(const void *fdt, int node)
{
	char path[FDTX_PATH_MAX];
	const char *what = NULL;
	uint64_t base, size;

	if (fdtx_reg(fdt, node, 0, &base, &size) != HV_OK)
		return true; /* the driver knows whether it needs one */
	if (size > ADDRESS_LIMIT || base > ADDRESS_LIMIT - size)
		what = "must end below 0x100000000000000";
	else if (!is_aligned(base, REGISTER_SIZE))
		what = "must begin at a multiple of 4";
	else if (machine_touches_memory(hpa(base), size))
		what = "must not overlap /memory";
	if (what)
		log_warn("%s: reg = 0x%" PRIx64 ", 0x%" PRIx64 ": %s; the device is not used",
			 fdtx_path(fdt, node, path, sizeof(path)), base, size, what);
	return what == NULL;
}

/* A probe that fails has said why; the machine goes on without that device. */
static void driver_probe_node(const void *fdt, int node, enum driver_order order)
{
	for (const struct driver *d = drivers_start; d < drivers_end; d++) {
		if (d->order == order && driver_matches(d, fdt, node)) {
			if (driver_reg_ok(fdt, node))
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
