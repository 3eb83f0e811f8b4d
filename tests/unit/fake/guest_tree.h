/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM of two vcpus and 256 MiB, and the tree that it gets. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/vm/guest_fdt.c hyp/vm/config_ram.c hyp/vm/guest_overlay.c hyp/vm/guest_overlay_check.c hyp/lib/text.c platform/machine.c hyp/arch/isa.c hyp/lib/fdt.c
 * SOURCES: hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/pv/pv_lock.c hyp/pv/pv_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/fdt_writer.c
 * SOURCES: hyp/dev/mmio.c hyp/dev/vuart.c hyp/dev/vrtc.c hyp/dev/vsyscon.c hyp/irqchip/vplic.c hyp/irqchip/vplic_part.c tests/unit/fake/pcpu.c tests/unit/fake/no_magic_page.c
 * SOURCES: tests/unit/fake/devvm.c tests/unit/fake/tree.c tests/unit/fake/guest_tree.c tests/unit/fake/part_world.c tests/unit/fake/timer.c
 */
#ifndef FAKE_GUEST_TREE_H
#define FAKE_GUEST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config_node.h"
#include "vm/guest_fdt.h"

extern struct vm vm;
extern struct vm_config cfg;
extern uint64_t guest_tree[GUEST_FDT_SIZE / 8];
extern const uint8_t seed32[32];

static void *const guest = guest_tree;

/* For each test: the VM is as above, and no tree has been built. */
int guest_tree_setup(void **state);

#define TREE_TEST(name) cmocka_unit_test_setup(name, guest_tree_setup)

/* guest_tree_pv - what cfg's node says: pv = @pv, a list, and pv-lock-base = @base unless that is 0. */
void guest_tree_pv(const void *pv, size_t pv_len, uint64_t base);

/* make_parts - vm's parts as cfg says now, in place of those that it has. build() does it, too. */
void make_parts(void);

/* make_parts_of - the same as node @n says; parts_create() must return @result. */
void make_parts_of(struct config_node *n, int result);

/* build - the guest's tree, in at most @cap bytes. Returns what guest_fdt_build() did. */
int build(uint64_t cap);

/* apply_overlay - guest_fdt_apply_overlay() as in a coroutine, with no more room for the copy than it asks for. */
int apply_overlay(void *buf, uint64_t cap, const struct vm_image *overlay);

/* at - the node @path, which must be there. */
int at(const char *path);

uint32_t u32_at(const char *path, const char *name);
uint64_t u64_at(const char *path, const char *name);
void assert_string_at(const char *path, const char *name, const char *is);
void assert_reg_at(const char *path, uint64_t base, uint64_t size);

#endif
