// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: tests/unit/fake/copy_device.c
/* The eight slots of virtio-mmio: which device gets which, what an empty one answers, and what the tree says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "dev/virtio/transport.h"
#include "fake/copy_device.h"
#include "fake/said.h"
#include "lib/fdt.h"

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_guest_setup(1, FAKE_ONE_PIECE, MIB(1));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_lines_fit();
	assert_true(fake_guest_teardown());
	return 0;
}

static unsigned int slot_of(uint32_t wanted)
{
	struct copy_device *c;

	assert_int_equal(copy_device_make(&c, NULL, wanted), HV_OK);
	return c->dev.slot;
}

static void devices_get_the_first_slots_that_are_free(void **state)
{
	(void)state;
	assert_int_equal(slot_of(0), 0);
	assert_int_equal(slot_of(2), 1);
	assert_int_equal(slot_of(5), 4);
	assert_int_equal(slot_of(0), 2);
	assert_int_equal(slot_of(0), 3);
	assert_int_equal(slot_of(0), 5);
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++)
		assert_int_equal(vdev_get(VDEV(i), VIRTIO_MMIO_DEVICE_ID), i < 6 ? COPY_ID : 0);
}

static void a_slot_that_is_taken_is_told(void **state)
{
	static uint64_t tree[32];
	struct config_node n = { .path = "/vm/copy@1", .fdt = tree };
	struct copy_device *c;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	assert_int_equal(slot_of(VIRTIO_SLOTS), VIRTIO_SLOTS - 1);
	assert_int_equal(copy_device_make(&c, &n, VIRTIO_SLOTS), HV_EINVAL);
	assert_true(n.failed);
	assert_logged("config: /vm/copy@1: slot is missing: must be free: the slot has a device "
		      "already");
}

static void no_device_is_made_without_a_slot(void **state)
{
	struct config_node n = { .path = "/vm/copy@8" };
	struct copy_device *c;

	(void)state;
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++)
		assert_int_equal(slot_of(0), i);
	assert_int_equal(copy_device_make(&c, &n, 0), HV_EINVAL);
	assert_true(n.failed);
	assert_logged(
		"config: /vm/copy@8: all 8 virtio slots have a device: must be 8 devices at most");
}

/* Itself, its page, its queues, and two things of each. */
#define NR_ALLOCS (3 + COPY_QUEUES)

static void a_vm_without_memory_gets_none(void **state)
{
	struct copy_device *c;

	(void)state;
	for (fake_arena_left = 0; fake_arena_left < NR_ALLOCS;) {
		const unsigned int left = fake_arena_left;

		assert_int_equal(copy_device_make(&c, NULL, 1), HV_ENOMEM);
		fake_arena_left = left + 1;
	}
	assert_int_equal(copy_device_make(&c, NULL, 1), HV_OK);
	assert_int_equal(fake_arena_left, 0);
}

/* As QEMU's: a kernel that probes all slots finds no device there. */
static void an_empty_slot_has_device_0(void **state)
{
	(void)state;
	assert_int_equal(slot_of(1), 0);
	for (unsigned int i = 1; i < VIRTIO_SLOTS; i++) {
		assert_int_equal(vdev_get(VDEV(i), VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
		assert_int_equal(vdev_get(VDEV(i), VIRTIO_MMIO_VERSION), 2);
		assert_int_equal(vdev_get(VDEV(i), VIRTIO_MMIO_VENDOR_ID), VIRTIO_VENDOR);
		for (unsigned int len = 1; len <= 8; len *= 2)
			if (len != 4)
				assert_int_equal(guest_read(VDEV(i), len), 0);
		for (uint64_t reg = 0; reg < PAGE_SIZE; reg += 4) {
			vdev_set(VDEV(i), reg, UINT32_MAX);
			if (reg == VIRTIO_MMIO_DEVICE_ID || reg > VIRTIO_MMIO_VENDOR_ID)
				assert_int_equal(vdev_get(VDEV(i), reg), 0);
		}
	}
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_STATUS), 0);
}

/* --- the page, and the tree --------------------------------------------------------------------------- */

static void the_registers_of_a_device_are_mapped_read_only(void **state)
{
	const struct vm_part *part = fake_part_named("virtio slots");
	struct copy_device *c;

	(void)state;
	assert_int_equal(copy_device_make(&c, NULL, 3), HV_OK);
	assert_int_equal(part->map(fake_vm.virtio, &fake_vm), HV_OK);
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++) {
		struct pgtable_leaf leaf;
		uint64_t len = 4;
		int err = pgtable_walk(&fake_vm.gstage.pt, VDEV(i), &leaf);

		assert_int_equal(err, i == 2 ? HV_OK : HV_ENOENT);
		assert_null(gstage_leaf(&fake_vm.gstage, gpa(VDEV(i)), GSTAGE_READ, &len));
		if (i != 2)
			continue;
		assert_int_equal(leaf.pa.hpa, ptr_to_hpa(c->dev.page).hpa);
		assert_int_equal(leaf.left, PAGE_SIZE);
		assert_int_equal(leaf.prot & (PTE_R | PTE_W | PTE_X), PTE_R);
	}
	/* It is what a read that takes an exit finds, too. */
	vdev_set(VDEV(2), VIRTIO_MMIO_STATUS, VIRTIO_ACKNOWLEDGE);
	assert_int_equal(*(uint32_t *)(void *)(c->dev.page + VIRTIO_MMIO_STATUS),
			 VIRTIO_ACKNOWLEDGE);
}

static void put_specifier(const struct virqchip *chip, unsigned int source, struct fdtw *w)
{
	(void)chip;
	fdtw_u32(w, "interrupts", source);
}

static void set_level(struct virqchip *chip, unsigned int source, bool high)
{
	(void)chip, (void)source, (void)high;
}

static const struct virqchip_ops chip_ops = { .set_level = set_level,
					      .put_specifier = put_specifier };

static void the_tree_has_a_node_for_each_device(void **state)
{
	static struct virqchip chip = { .ops = &chip_ops, .phandle = 77 };
	const struct vm_part *part = fake_part_named("virtio slots");
	static uint64_t out[512];
	struct fdtw w = { .fdt = out };
	unsigned int nr = 0;
	int node;

	(void)state;
	fake_vm.irqchip = &chip;
	assert_int_equal(slot_of(7), 6);
	assert_int_equal(slot_of(1), 0);
	assert_int_equal(fdt_create(out, sizeof(out)), 0);
	assert_int_equal(fdt_finish_reservemap(out), 0);
	fdtw_begin(&w, "");
	fdtw_u32(&w, "#address-cells", 2);
	fdtw_u32(&w, "#size-cells", 2);
	for (enum vm_place place = VM_PLACE_CHOSEN; place <= VM_PLACE_ROOT; place++)
		part->describe(fake_vm.virtio, &w, place);
	fdtw_begin_labels(&w);
	part->describe(fake_vm.virtio, &w, VM_PLACE_SOC);
	fdtw_end_labels(&w);
	fdtw_end(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(fdt_finish(out), 0);
	fdt_for_each_subnode(node, out, 0)
		nr++;
	assert_int_equal(nr, 3); /* with the labels */
	for (unsigned int i = 0; i < 2; i++) {
		const unsigned int slot = i == 0 ? 0 : 6;
		uint64_t base, size;
		char text[40];

		snprintf(text, sizeof(text), "/virtio_mmio@%llx", (unsigned long long)VDEV(slot));
		node = fdt_path_offset(out, text);
		assert_true(node > 0);
		assert_true(fdtx_is_compatible(out, node, "virtio,mmio"));
		assert_int_equal(fdtx_reg(out, node, 0, &base, &size), HV_OK);
		assert_int_equal(base, VDEV(slot));
		assert_int_equal(size, PAGE_SIZE);
		assert_int_equal(fdt32_ld(fdt_getprop(out, node, "interrupts", NULL)),
				 VVIRTIO_IRQ + slot);
		assert_int_equal(fdt32_ld(fdt_getprop(out, node, "interrupt-parent", NULL)), 77);
		assert_true(fdt_get_phandle(out, node) > 0);
		snprintf(text, sizeof(text), "virtio_mmio%u", slot);
		assert_non_null(fdtx_prop_string(out, fdt_path_offset(out, "/__symbols__"), text));
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(devices_get_the_first_slots_that_are_free),
		test(a_slot_that_is_taken_is_told),
		test(no_device_is_made_without_a_slot),
		test(a_vm_without_memory_gets_none),
		test(an_empty_slot_has_device_0),
		test(the_registers_of_a_device_are_mapped_read_only),
		test(the_tree_has_a_node_for_each_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
