/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device tree of a machine, which a test writes and machine_parse() reads. A program that is LIKE this file
 * is made of
 *
 * SOURCES: platform/machine.c hyp/arch/isa.c hyp/lib/fdt.c tests/unit/fake/tree.c tests/unit/fake/machine_tree.c
 */
#ifndef FAKE_MACHINE_TREE_H
#define FAKE_MACHINE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake/tree.h"

/* As in memory: behind the tree there is something, not the end of the world. */
#define CAP MIB(4)
extern void *tree;

/* A machine like QEMU's virt: four harts, 2 GiB, an initrd. */
extern const struct tree_virt virt;

int setup(void **state);
int teardown(void **state);

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* parse_virt - write the tree of @what and parse it. */
int parse_virt(struct tree_virt what);

/* is_reserved - is there a reserved range of just that base and size? */
bool is_reserved(uint64_t base, uint64_t size);

/* Parts of a tree of the test's own: begin(), then nodes, then finish(), which parses it. */
void begin(void);
void memory(uint64_t base, uint64_t size);
void begin_cpus(void);
void cpu(uint32_t hartid, const char *isa, const char *status, const char *mmu);
void the_usual_cpus(void);
void begin_usual(void);	   /* with 1 GiB of memory and a hart */
void begin_reserved(void); /* and in /reserved-memory, of cells of 32 bits */
int finish(void);

#endif
