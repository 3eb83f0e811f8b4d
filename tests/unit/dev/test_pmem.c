// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/pmem.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c hyp/dev/mmio.c
// SOURCES: tests/unit/fake/devvm.c tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c tests/unit/fake/tree.c
/* Images of the bundle as read-only memory: whole pages of them where they lie, and nothing that lies beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/devvm.h"
#include "fake/page.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "mm/page.h"
#include "vcpu/layout.h"
#include "vm/config.h"
#include "vm/parts.h"

#define BASE   (GUEST_RAM_BASE + GIB(1)) /* of the first region: behind the RAM, which is 4 MiB */
#define BUNDLE (MIB(2) + MIB(6))

/* What is in memory beside an image: another VM's. */
#define SECRET 0x5e

static struct vm_config cfg = { .path = "/one", .memory = MIB(4) };
static struct vm other;
static uint64_t tree[1024];
static uint8_t *bundle; /* aligned to 2 MiB */
static struct config_image image;
static uint64_t limit;

static int find(const struct config_images *from, const char *name, struct config_image *out,
		struct text *why)
{
	(void)from, (void)why;
	assert_string_equal(name, "root");
	*out = image;
	return HV_OK;
}

static const struct config_images images = { find };

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(32), MIB(32));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	bundle = aligned_alloc(MIB(2), BUNDLE);
	memset(bundle, SECRET, BUNDLE);
	fake_vm_setup(1);
	fake_vm.config = &cfg;
	other = (struct vm){ .name = "other", .config = &cfg };
	limit = gstage_limit();
	return 0;
}

/* Each page that was allocated is free again. */
static int teardown(void **state)
{
	(void)state;
	parts_destroy(&fake_vm);
	parts_destroy(&other);
	gstage_destroy(&fake_vm.gstage);
	gstage_destroy(&other.gstage);
	fake_vm_teardown();
	free(bundle);
	return fake_page_teardown() ? 0 : -1;
}

/* The image is @size bytes of the bundle from @offset on, each of another value than its neighbours'. */
static void place(uint64_t offset, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		bundle[offset + i] = (uint8_t)(i % 251 + i / PAGE_SIZE);
	image = (struct config_image){ "root", bundle + offset, size };
}

static int create(struct vm *vm, unsigned int nodes)
{
	struct config_node n = { .fdt = tree, .path = "/one", .images = &images };
	char name[16];

	tree_begin(tree, sizeof(tree));
	tree_node(tree, "one");
	for (unsigned int i = 0; i < nodes; i++) {
		snprintf(name, sizeof(name), "pmem@%x", i);
		tree_node(tree, name);
		tree_string(tree, "image", "root");
		tree_end_node(tree);
	}
	tree_end_node(tree);
	(void)tree_finish(tree);
	n.node = fdt_path_offset(tree, "/one");
	vm_windows_init(vm, GUEST_RAM_BASE + MIB(4), limit);
	return parts_create(vm, &n, NULL);
}

static int map(struct vm *vm)
{
	const struct vm_part_of *refused;

	assert_int_equal(gstage_init(&vm->gstage, vm->windows.end), HV_OK);
	assert_int_equal(gstage_alloc_ram(&vm->gstage, gpa(GUEST_RAM_BASE), MIB(4)), HV_OK);
	return parts_map(vm, &refused);
}

static void make(struct vm *vm)
{
	assert_int_equal(create(vm, 1), HV_OK);
	assert_int_equal(map(vm), HV_OK);
}

static uint64_t where(const struct vm *vm, uint64_t at, struct pgtable_leaf *leaf)
{
	assert_int_equal(pgtable_walk(&vm->gstage.pt, BASE + at, leaf), HV_OK);
	assert_int_equal(leaf->prot & (PTE_R | PTE_W | PTE_X | PTE_U), PTE_R | PTE_X | PTE_U);
	return leaf->pa.hpa;
}

/* All @size bytes of the region: the image and then zeroes, and nothing behind it. */
static void shows_the_image_alone(const struct vm *vm, uint64_t size)
{
	uint8_t *seen = malloc(size);
	struct pgtable_leaf leaf;

	assert_int_equal(gstage_read(&vm->gstage, gpa(BASE), seen, size), HV_OK);
	assert_memory_equal(seen, image.data, image.size);
	for (uint64_t i = image.size; i < size; i++)
		if (seen[i] != 0)
			fail_msg("byte 0x%llx is 0x%x", (unsigned long long)i, seen[i]);
	free(seen);
	assert_int_equal(pgtable_walk(&vm->gstage.pt, BASE + size, &leaf), HV_ENOENT);
	assert_int_equal(pgtable_walk(&vm->gstage.pt, BASE - 1, &leaf), HV_ENOENT);
}

static void an_image_of_whole_units_is_mapped_where_it_lies(void **state)
{
	uint64_t before = page_free_bytes();
	struct pgtable_leaf leaf;

	(void)state;
	place(0, MIB(4));
	assert_int_equal(create(&fake_vm, 1), HV_OK);
	assert_int_equal(before - page_free_bytes(), PAGE_SIZE); /* and nothing is copied */
	assert_int_equal(map(&fake_vm), HV_OK);
	shows_the_image_alone(&fake_vm, MIB(4));
	assert_int_equal(where(&fake_vm, 0, &leaf), ptr_to_hpa(bundle).hpa);
	assert_int_equal(leaf.left, MIB(2)); /* a large leaf */
	assert_int_equal(where(&fake_vm, MIB(3), &leaf), ptr_to_hpa(bundle + MIB(3)).hpa);
}

/* Of any size and at any page, up to the smallest. */
static void what_is_no_whole_page_is_copied_and_filled_with_zeroes(void **state)
{
	static const uint64_t sizes[] = { MIB(2) + 5 * PAGE_SIZE + 1, MIB(2) - 1, PAGE_SIZE, 1,
					  MIB(2) + PAGE_SIZE };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t whole = align_down(sizes[i], PAGE_SIZE);
		uint64_t region = align_up(sizes[i], MIB(2));
		struct pgtable_leaf leaf;

		place(3 * PAGE_SIZE, sizes[i]);
		make(&fake_vm);
		shows_the_image_alone(&fake_vm, region);
		if (whole != 0)
			assert_int_equal(where(&fake_vm, whole - 1, &leaf),
					 ptr_to_hpa(image.data + whole - 1).hpa);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void an_image_at_no_page_is_copied_as_a_whole(void **state)
{
	struct pgtable_leaf leaf;

	(void)state;
	place(PAGE_SIZE + 4, MIB(2) + 100);
	make(&fake_vm);
	shows_the_image_alone(&fake_vm, MIB(4));
	(void)where(&fake_vm, 0, &leaf);
	assert_int_equal(leaf.left, MIB(2));
}

/* Once and for all: also what is copied. The last VM takes the copy with it, and leaves nothing of it. */
static void vms_that_name_one_image_share_its_pages(void **state)
{
	uint64_t before = page_free_bytes(), one;
	struct pgtable_leaf a, b;

	(void)state;
	place(8, MIB(2) + 100);
	assert_int_equal(create(&fake_vm, 1), HV_OK);
	assert_logged(
		"pmem: root: begins within a page of the bundle: 0x400000 bytes are copied; mkimage -E "
		"-B 0x1000 saves them");
	one = page_free_bytes();
	assert_int_equal(before - one, MIB(4) + PAGE_SIZE);
	fake_log_reset();
	assert_int_equal(create(&other, 1), HV_OK);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(page_free_bytes(), one);
	assert_int_equal(map(&fake_vm), HV_OK);
	assert_int_equal(map(&other), HV_OK);
	shows_the_image_alone(&fake_vm, MIB(4));
	shows_the_image_alone(&other, MIB(4));
	assert_int_equal(where(&fake_vm, MIB(2), &a), where(&other, MIB(2), &b));
	gstage_destroy(&fake_vm.gstage);
	parts_destroy(&fake_vm);
	shows_the_image_alone(&other, MIB(4));
	gstage_destroy(&other.gstage);
	assert_int_equal(page_free_bytes(), one);
	parts_destroy(&other);
	assert_int_equal(page_free_bytes(), before);
	/* And anew. */
	make(&fake_vm);
	shows_the_image_alone(&fake_vm, MIB(4));
}

/* The same bytes as another image, a part of the first. */
static void another_image_has_its_own_pages(void **state)
{
	struct pgtable_leaf a, b;

	(void)state;
	place(8, 200);
	make(&fake_vm);
	image.size = 100;
	make(&other);
	shows_the_image_alone(&other, MIB(2));
	assert_int_not_equal(where(&fake_vm, 0, &a), where(&other, 0, &b));
}

static void it_is_never_written(void **state)
{
	uint8_t byte = 1;

	(void)state;
	place(0, MIB(2));
	make(&fake_vm);
	assert_int_equal(gstage_write(&fake_vm.gstage, gpa(BASE), &byte, 1), HV_EFAULT);
	assert_null(gstage_write_ptr(&fake_vm.gstage, gpa(BASE), 1));
	assert_int_equal(bundle[0], 0);
	/* It is no RAM, which could be given back. */
	assert_false(gstage_is_ram(&fake_vm.gstage, gpa(BASE), 1));
}

static void a_vm_may_have_four(void **state)
{
	uint64_t val[2];

	(void)state;
	place(0, 16);
	assert_int_equal(create(&fake_vm, 4), HV_OK);
	assert_int_equal(map(&fake_vm), HV_OK);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(gstage_read(&fake_vm.gstage, gpa(BASE + i * GIB(1)), val, 16),
				 HV_OK);
		assert_memory_equal(val, image.data, 16);
	}
	assert_int_equal(create(&other, 5), HV_EINVAL);
	assert_logged("config: /one/pmem@4: a VM must have at most 4 pmem nodes");
}

static void what_has_no_room_is_told(void **state)
{
	(void)state;
	place(0, MIB(4));
	limit = BASE + MIB(2);
	assert_int_equal(create(&fake_vm, 1), HV_EINVAL);
	assert_logged(
		"config: /one/pmem@0: image = \"root\": 0x400000 bytes: must be at most 0x200000, "
		"all that this machine's G-stage addresses behind the VM's memory");
	fake_log_reset();
	limit = gstage_limit();
	place(1, MIB(4));
	fake_page_starve(MIB(4));
	assert_int_equal(create(&fake_vm, 1), HV_EINVAL);
	assert_logged(
		"config: /one/pmem@0: image = \"root\": no memory is left for a copy of what is "
		"no whole page of it, up to 0x400000 bytes: must begin at a page (mkimage -E "
		"-B 0x1000)");
	fake_page_feed();
	fake_arena_left = 0;
	assert_int_equal(create(&fake_vm, 1), HV_ENOMEM);
}

static void the_guest_s_tree_has_it_below_the_root(void **state)
{
	static uint64_t out[512];
	struct fdtw w = { .fdt = out };
	int node;

	(void)state;
	place(0, MIB(2) + 1);
	assert_int_equal(create(&fake_vm, 2), HV_OK);
	assert_int_equal(fdt_create(out, sizeof(out)), 0);
	assert_int_equal(fdt_finish_reservemap(out), 0);
	fdtw_begin(&w, "");
	fdtw_u32(&w, "#address-cells", 2);
	fdtw_u32(&w, "#size-cells", 2);
	for (enum vm_place place = VM_PLACE_CHOSEN; place <= VM_PLACE_ROOT; place++)
		parts_describe(&fake_vm, &w, place);
	fdtw_begin_labels(&w);
	parts_describe(&fake_vm, &w, VM_PLACE_ROOT);
	fdtw_end_labels(&w);
	fdtw_end(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(fdt_finish(out), 0);
	/* Two, and the labels. */
	node = fdt_next_subnode(out, fdt_next_subnode(out, fdt_first_subnode(out, 0)));
	assert_string_equal(fdtx_name(out, node), "__symbols__");
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t base, size;
		char text[32];

		snprintf(text, sizeof(text), "/pmem@%llx", BASE + i * (unsigned long long)GIB(1));
		node = fdt_path_offset(out, text);
		assert_true(node > 0);
		assert_true(fdtx_is_compatible(out, node, "pmem-region"));
		assert_true(fdtx_prop_bool(out, node, "volatile"));
		assert_int_equal(fdtx_reg(out, node, 0, &base, &size), HV_OK);
		assert_int_equal(base, BASE + i * GIB(1));
		assert_int_equal(size, MIB(4));
		assert_int_equal(fdt_get_phandle(out, node), VM_PHANDLE_PARTS + i);
		snprintf(text + 16, 16, "pmem%u", i);
		text[15] = '\0';
		assert_non_null(
			fdtx_prop_string(out, fdt_path_offset(out, "/__symbols__"), text + 16));
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_image_of_whole_units_is_mapped_where_it_lies),
		test(what_is_no_whole_page_is_copied_and_filled_with_zeroes),
		test(an_image_at_no_page_is_copied_as_a_whole),
		test(vms_that_name_one_image_share_its_pages),
		test(another_image_has_its_own_pages),
		test(it_is_never_written),
		test(a_vm_may_have_four),
		test(what_has_no_room_is_told),
		test(the_guest_s_tree_has_it_below_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
