/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/machine_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/log.h"
#include "platform/machine.h"

void *tree;

const struct tree_virt virt = { .cpus = 4,
				.memory = GIB(2),
				.timebase = 10000000,
				.initrd = 0xa0200000,
				.initrd_end = 0xa0300001 };

int setup(void **state)
{
	(void)state;
	tree = aligned_alloc(PAGE_SIZE, CAP);
	memset(tree, 0, CAP);
	fake_log_reset();
	return tree ? 0 : -1;
}

int teardown(void **state)
{
	(void)state;
	free(tree);
	return 0;
}

int parse_virt(struct tree_virt what)
{
	tree_virt(tree, CAP, &what);
	fake_log_reset();
	return machine_parse(tree);
}

bool is_reserved(uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < machine.nr_reserved; i++)
		if (machine.reserved[i].base.hpa == base && machine.reserved[i].size == size)
			return true;
	return false;
}

void begin(void)
{
	fake_log_reset();
	tree_begin(tree, CAP);
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
}

void memory(uint64_t base, uint64_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)base);
	tree_node(tree, name);
	tree_string(tree, "device_type", "memory");
	tree_cells(tree, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32),
		   (uint32_t)size);
	tree_end_node(tree);
}

void begin_cpus(void)
{
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	tree_cells(tree, "timebase-frequency", 1, 10000000);
}

void cpu(uint32_t hartid, const char *isa, const char *status, const char *mmu)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu@%x", hartid);
	tree_node(tree, name);
	tree_string(tree, "device_type", "cpu");
	tree_cells(tree, "reg", 1, hartid);
	if (isa)
		tree_string(tree, "riscv,isa", isa);
	if (status)
		tree_string(tree, "status", status);
	if (mmu)
		tree_string(tree, "mmu-type", mmu);
	tree_end_node(tree);
}

int finish(void)
{
	tree_finish(tree);
	return machine_parse(tree);
}

void the_usual_cpus(void)
{
	begin_cpus();
	cpu(0, "rv64imafdch", NULL, NULL);
	tree_end_node(tree);
}

void begin_usual(void)
{
	begin();
	memory(0x80000000, GIB(1));
	the_usual_cpus();
}

void begin_reserved(void)
{
	begin_usual();
	tree_node(tree, "reserved-memory");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 1);
}
