/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int err)
{
	if (err) {
		fprintf(stderr, "libfdt: %s\n", fdt_strerror(err));
		abort();
	}
}

void tree_begin(void *buf, size_t cap)
{
	must(fdt_create(buf, (int)cap));
	must(fdt_add_reservemap_entry(buf, 0x80000000, 0x40000));
	must(fdt_finish_reservemap(buf));
	must(fdt_begin_node(buf, ""));
}

void tree_node(void *buf, const char *name)
{
	must(fdt_begin_node(buf, name));
}

void tree_end_node(void *buf)
{
	must(fdt_end_node(buf));
}

void tree_cells(void *buf, const char *name, unsigned int n, ...)
{
	fdt32_t cells[16];
	va_list ap;

	if (n > 16)
		abort();
	va_start(ap, n);
	for (unsigned int i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(va_arg(ap, uint32_t));
	va_end(ap);
	must(fdt_property(buf, name, cells, (int)(n * sizeof(cells[0]))));
}

void tree_string(void *buf, const char *name, const char *s)
{
	must(fdt_property_string(buf, name, s));
}

void tree_bytes(void *buf, const char *name, const void *bytes, size_t n)
{
	must(fdt_property(buf, name, bytes, (int)n));
}

size_t tree_finish(void *buf)
{
	tree_end_node(buf);
	must(fdt_finish(buf));
	return fdt_totalsize(buf);
}

static void virt_cpu(void *buf, unsigned int id, const char *isa)
{
	char name[24];

	snprintf(name, sizeof(name), "cpu@%x", id);
	tree_node(buf, name);
	tree_string(buf, "device_type", "cpu");
	tree_cells(buf, "reg", 1, id);
	tree_string(buf, "status", "okay");
	tree_string(buf, "compatible", "riscv");
	tree_string(buf, "riscv,isa", isa);
	tree_string(buf, "mmu-type", "riscv,sv57");
	tree_cells(buf, "riscv,cbom-block-size", 1, 64);
	tree_cells(buf, "riscv,cbop-block-size", 1, 64);
	tree_cells(buf, "riscv,cboz-block-size", 1, 64);
	tree_end_node(buf);
}

static void virt_reserved(void *buf)
{
	tree_node(buf, "reserved-memory");
	tree_cells(buf, "#address-cells", 1, 2);
	tree_cells(buf, "#size-cells", 1, 2);
	tree_bytes(buf, "ranges", "", 0);
	tree_node(buf, "mmode_resv0@80000000");
	tree_cells(buf, "reg", 4, 0, 0x80000000, 0, 0x60000);
	tree_end_node(buf);
	tree_node(buf, "somewhere");
	tree_cells(buf, "size", 2, 0, 0x1000);
	tree_end_node(buf);
	tree_end_node(buf);
}

size_t tree_virt(void *buf, size_t cap, const struct tree_virt *what)
{
	tree_begin(buf, cap);
	tree_cells(buf, "#address-cells", 1, 2);
	tree_cells(buf, "#size-cells", 1, 2);
	tree_string(buf, "compatible", "riscv-virtio");
	tree_node(buf, "chosen");
	tree_string(buf, "bootargs", "config=two-linux");
	tree_string(buf, "stdout-path", "/soc/serial@10000000");
	tree_bytes(buf, "rng-seed", "0123456789abcdef0123456789abcdef", 32);
	if (what->initrd) {
		tree_cells(buf, "linux,initrd-start", 2, (uint32_t)(what->initrd >> 32),
			   (uint32_t)what->initrd);
		tree_cells(buf, "linux,initrd-end", 1, (uint32_t)what->initrd_end);
	}
	tree_end_node(buf);
	if (what->memory) {
		tree_node(buf, "memory@80000000");
		tree_string(buf, "device_type", "memory");
		tree_cells(buf, "reg", 4, 0, 0x80000000, (uint32_t)(what->memory >> 32),
			   (uint32_t)what->memory);
		tree_end_node(buf);
	}
	virt_reserved(buf);
	tree_node(buf, "cpus");
	tree_cells(buf, "#address-cells", 1, 1);
	tree_cells(buf, "#size-cells", 1, 0);
	if (what->timebase)
		tree_cells(buf, "timebase-frequency", 1, what->timebase);
	for (unsigned int i = 0; i < what->cpus; i++)
		virt_cpu(buf, i, what->isa ? what->isa : TREE_ISA);
	tree_end_node(buf);
	tree_node(buf, "soc");
	tree_cells(buf, "#address-cells", 1, 2);
	tree_cells(buf, "#size-cells", 1, 2);
	tree_node(buf, "serial@10000000");
	tree_cells(buf, "reg", 4, 0, 0x10000000, 0, 0x100);
	tree_list(buf, "compatible", "ns16550a\0ns16550");
	tree_end_node(buf);
	tree_end_node(buf);
	return tree_finish(buf);
}

uint32_t tree_random(uint32_t *state)
{
	/* xorshift32 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}
