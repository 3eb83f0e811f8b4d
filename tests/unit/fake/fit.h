/* SPDX-License-Identifier: BSD-2-Clause */
/* A good bundle to break: two images and one configuration with the VMs "good" and "bad". */
#ifndef FAKE_FIT_H
#define FAKE_FIT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#define FIT_ROOM 65536

#define KERNEL_TEXT  "kernel bytes of the bundle"
#define RAMDISK_TEXT "ramdisk bytes"

#define fit_ok(call)             \
	do {                     \
		if ((call) < 0)  \
			abort(); \
	} while (0)

static inline void fit_image(void *fit, const char *name, const char *type, const char *data,
			     int size)
{
	fit_ok(fdt_begin_node(fit, name));
	fit_ok(fdt_property(fit, "data", data, size));
	fit_ok(fdt_property_string(fit, "type", type));
	fit_ok(fdt_property_string(fit, "arch", "riscv"));
	fit_ok(fdt_property_string(fit, "compression", "none"));
	if (strcmp(type, "kernel") == 0) {
		fit_ok(fdt_property_u32(fit, "load", 0x80400000));
		fit_ok(fdt_property_u64(fit, "entry", 0x80400004));
	}
	fit_ok(fdt_end_node(fit));
}

static inline void fit_vm(void *fit, const char *name)
{
	fit_ok(fdt_begin_node(fit, name));
	fit_ok(fdt_property_string(fit, "compatible", "hartvisor,vm"));
	fit_ok(fdt_property_u32(fit, "cpus", 2));
	fit_ok(fdt_property_u64(fit, "memory", 0x10000000));
	fit_ok(fdt_property_string(fit, "kernel", "linux"));
	fit_ok(fdt_property_string(fit, "ramdisk", "busybox"));
	fit_ok(fdt_property_string(fit, "bootargs", "console=ttyS0"));
	fit_ok(fdt_end_node(fit));
}

/* Into FIT_ROOM bytes at @fit, open for fdt_setprop() and its like. */
static inline void fit_make(void *fit)
{
	fit_ok(fdt_create(fit, FIT_ROOM));
	fit_ok(fdt_finish_reservemap(fit));
	fit_ok(fdt_begin_node(fit, ""));
	fit_ok(fdt_begin_node(fit, "images"));
	fit_image(fit, "linux", "kernel", KERNEL_TEXT, sizeof(KERNEL_TEXT));
	fit_image(fit, "busybox", "ramdisk", RAMDISK_TEXT, sizeof(RAMDISK_TEXT));
	fit_ok(fdt_end_node(fit));
	fit_ok(fdt_begin_node(fit, "configurations"));
	fit_ok(fdt_property_string(fit, "default", "two"));
	fit_ok(fdt_begin_node(fit, "two"));
	fit_ok(fdt_property_string(fit, "compatible", "hartvisor,config"));
	fit_vm(fit, "good");
	fit_vm(fit, "bad");
	fit_ok(fdt_end_node(fit));
	fit_ok(fdt_end_node(fit));
	fit_ok(fdt_end_node(fit));
	fit_ok(fdt_finish(fit));
	fit_ok(fdt_open_into(fit, fit, FIT_ROOM));
}

static inline int fit_node(const void *fit, const char *path)
{
	int node = fdt_path_offset(fit, path);

	fit_ok(node);
	return node;
}

static inline int fit_add_node(void *fit, const char *parent, const char *name)
{
	int node = fdt_add_subnode(fit, fit_node(fit, parent), name);

	fit_ok(node);
	return node;
}

/* A copy in a block of exactly its size, so that ASan sees every byte read beyond. */
static inline void *fit_exact(const void *fit, size_t size)
{
	void *copy = malloc(size != 0 ? size : 1);

	memcpy(copy, fit, size);
	return copy;
}

/* Reproducible everywhere: xorshift64*. */
static inline uint64_t fit_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
