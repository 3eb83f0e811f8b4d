// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/shared.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c
// SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c hyp/dev/mmio.c
// SOURCES: tests/unit/fake/devvm.c tests/unit/fake/page.c tests/unit/fake/csr.c tests/unit/fake/fence.c tests/unit/fake/tree.c
/* Memory that VMs share: what each of them sees of it, its doorbell, and what is left of a VM that has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "dev/shared.h"
#include "fake/devvm.h"
#include "fake/page.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "irqchip/virqchip.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "mm/page.h"
#include "vcpu/layout.h"
#include "vm/config.h"
#include "vm/parts.h"

#define BASE (GUEST_RAM_BASE + GIB(1)) /* of the first region: behind the RAM, which is 4 MiB */
#define SIZE (MIB(2) + PAGE_SIZE)
#define NR   3u

static struct vm_config cfg = { .path = "/one", .memory = MIB(4) };
static struct vm vms[NR]; /* the first is not used: fake_vm is it */
static struct shared_region regions[5];
static uint64_t tree[1024], limit;

/* --- interrupt controllers --------------------------------------------------------------------------- */

static struct line {
	struct virqchip chip;
	uint32_t high; /* by source */
} chips[NR];

static void set_level(struct virqchip *chip, unsigned int source, bool high)
{
	struct line *l = container_of(chip, struct line, chip);

	assert_true(source >= VSHARED_IRQ && source < VSHARED_IRQ + VSHARED_MAX);
	l->high = (l->high & ~(1u << source)) | (uint32_t)high << source;
}

static void put_specifier(const struct virqchip *chip, unsigned int source, struct fdtw *w)
{
	(void)chip;
	fdtw_u32(w, "interrupts", source);
}

static const struct virqchip_ops chip_ops = { .set_level = set_level,
					      .put_specifier = put_specifier };

static bool interrupts(unsigned int vm)
{
	return chips[vm].high & 1u << VSHARED_IRQ;
}

/* --- VMs ---------------------------------------------------------------------------------------------- */

static struct vm *vm_of(unsigned int i)
{
	return i == 0 ? &fake_vm : &vms[i];
}

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(32), MIB(32));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	fake_vm_setup(1);
	fake_vm.config = &cfg;
	limit = gstage_limit();
	for (unsigned int i = 0; i < 5; i++) {
		static const char *const names[] = { "a", "b", "c", "d", "e" };

		if (!named_find(shared_regions, names[i])) {
			regions[i].named.name = names[i];
			shared_add(&regions[i]);
		}
		regions[i].size = i == 0 ? SIZE : PAGE_SIZE;
		assert_true(page_alloc(regions[i].size, PAGE_SIZE, &regions[i].at));
		memset(hpa_to_ptr(regions[i].at), 0x5e, regions[i].size);
	}
	for (unsigned int i = 0; i < NR; i++) {
		chips[i] = (struct line){ .chip = { .ops = &chip_ops } };
		if (i != 0)
			vms[i] = (struct vm){ .name = "other", .config = &cfg };
		vm_of(i)->irqchip = &chips[i].chip;
	}
	for (unsigned int i = 1; i < NR; i++)
		vms[i].bus = mmio_bus_new(&fake_vm.arena);
	return 0;
}

/* Regions have no VM then, and all other pages are free. */
static int teardown(void **state)
{
	int bad = 0;

	(void)state;
	for (unsigned int i = 0; i < NR; i++) {
		gstage_destroy(&vm_of(i)->gstage);
		parts_destroy(vm_of(i));
	}
	fake_vm_teardown();
	for (unsigned int i = 0; i < 5; i++) {
		bad |= regions[i].nr_peers != 0;
		page_free(regions[i].at, regions[i].size);
	}
	return fake_page_teardown() && !bad ? 0 : -1;
}

/* Nodes shared@0 and so on, of the regions that @names has a letter of; a capital one is read-only. */
static int create(unsigned int i, const char *names)
{
	struct config_node n = { .fdt = tree, .path = "/one" };
	char name[16];

	tree_begin(tree, sizeof(tree));
	tree_node(tree, "one");
	for (unsigned int k = 0; names[k]; k++) {
		const char region[] = { (char)(names[k] | 0x20), 0 };

		snprintf(name, sizeof(name), "shared@%x", k);
		tree_node(tree, name);
		tree_string(tree, "region", region);
		if (names[k] < 'a')
			tree_string(tree, "access", "read-only");
		tree_end_node(tree);
	}
	tree_end_node(tree);
	(void)tree_finish(tree);
	n.node = fdt_path_offset(tree, "/one");
	vm_windows_init(vm_of(i), GUEST_RAM_BASE + MIB(4), limit);
	return parts_create(vm_of(i), &n, NULL);
}

static void live(unsigned int i)
{
	const struct vm_part_of *refused;
	struct vm *vm = vm_of(i);

	assert_int_equal(gstage_init(&vm->gstage, vm->windows.end), HV_OK);
	assert_int_equal(gstage_alloc_ram(&vm->gstage, gpa(GUEST_RAM_BASE), MIB(4)), HV_OK);
	assert_int_equal(parts_map(vm, &refused), HV_OK);
}

static void make(unsigned int i, const char *names)
{
	assert_int_equal(create(i, names), HV_OK);
	live(i);
}

static void end_life(unsigned int i)
{
	const struct vm_part *part = vm_of(i)->parts->part;

	part->reset(vm_of(i)->parts->state);
	gstage_destroy(&vm_of(i)->gstage);
}

static uint64_t get_n(unsigned int i, uint64_t off, unsigned int len)
{
	uint64_t val = 0;

	assert_int_equal(mmio_read(vm_of(i)->bus, gpa(VSHARED_BASE + off), len, &val), HV_OK);
	return val;
}

static uint32_t get(unsigned int i, uint64_t off)
{
	return (uint32_t)get_n(i, off, 4);
}

static void set(unsigned int i, uint64_t off, uint32_t val)
{
	assert_int_equal(mmio_write(vm_of(i)->bus, gpa(VSHARED_BASE + off), 4, val), HV_OK);
}

/* --- memory ------------------------------------------------------------------------------------------- */

/* @right: the rights of its leaves. */
static void is_mapped(unsigned int i, const struct shared_region *r, uint64_t at, uint64_t right)
{
	struct pgtable_leaf leaf;

	for (uint64_t off = 0; off < r->size; off += PAGE_SIZE) {
		assert_int_equal(pgtable_walk(&vm_of(i)->gstage.pt, at + off, &leaf), HV_OK);
		assert_int_equal(leaf.pa.hpa, r->at.hpa + off);
		assert_int_equal(leaf.prot & (PTE_R | PTE_W | PTE_X | PTE_U), right | PTE_U);
	}
	assert_int_equal(pgtable_walk(&vm_of(i)->gstage.pt, at + r->size, &leaf), HV_ENOENT);
	assert_int_equal(pgtable_walk(&vm_of(i)->gstage.pt, at - 1, &leaf), HV_ENOENT);
}

static void each_sees_the_same_memory_with_its_own_rights(void **state)
{
	const char text[] = "from one to the other";
	char seen[sizeof(text)];
	uint8_t byte;

	(void)state;
	make(0, "a");
	make(1, "ba");
	make(2, "A");
	is_mapped(0, &regions[0], BASE, PTE_R | PTE_W);
	is_mapped(1, &regions[1], BASE, PTE_R | PTE_W);
	is_mapped(1, &regions[0], BASE + GIB(1), PTE_R | PTE_W);
	is_mapped(2, &regions[0], BASE, PTE_R);
	/* It was cleared before the first one came. */
	for (uint64_t off = 0; off < SIZE; off++) {
		assert_int_equal(gstage_read(&fake_vm.gstage, gpa(BASE + off), &byte, 1), HV_OK);
		assert_int_equal(byte, 0);
	}
	assert_int_equal(gstage_write(&fake_vm.gstage, gpa(BASE + 5), text, sizeof(text)), HV_OK);
	assert_int_equal(gstage_read(&vms[2].gstage, gpa(BASE + 5), seen, sizeof(seen)), HV_OK);
	assert_string_equal(seen, text);
	assert_int_equal(gstage_write(&vms[2].gstage, gpa(BASE), text, 1), HV_EFAULT);
}

/* Through resets and while others come and go; but nothing is left for the first one of another time. */
static void memory_stays_while_some_vm_has_it(void **state)
{
	uint64_t *first = hpa_to_ptr(regions[0].at);

	(void)state;
	make(0, "a");
	first[0] = 1;
	end_life(0);
	live(0);
	assert_int_equal(first[0], 1);
	make(1, "a");
	gstage_destroy(&fake_vm.gstage);
	parts_destroy(&fake_vm);
	assert_int_equal(first[0], 1);
	gstage_destroy(&vms[1].gstage);
	parts_destroy(&vms[1]);
	make(2, "a");
	assert_int_equal(first[0], 0);
	assert_int_equal(((uint8_t *)first)[SIZE - 1], 0);
}

/* --- the doorbell --------------------------------------------------------------------------------------- */

static void registers_say_which_peers_are_there(void **state)
{
	(void)state;
	make(0, "a");
	assert_int_equal(create(1, "a"), HV_OK);
	make(2, "A");
	assert_int_equal(get(0, HARTVISOR_SHARED_MAGIC), HARTVISOR_SHARED_IS);
	assert_int_equal(get(0, HARTVISOR_SHARED_VERSION), 1);
	assert_int_equal(get(0, HARTVISOR_SHARED_ACCESS), 1);
	assert_int_equal(get(2, HARTVISOR_SHARED_ACCESS), 0);
	for (unsigned int i = 0; i < NR; i++)
		assert_int_equal(get(i, HARTVISOR_SHARED_PEER), i);
	assert_int_equal(get(0, HARTVISOR_SHARED_ALIVE), 5);
	live(1);
	assert_int_equal(get(0, HARTVISOR_SHARED_ALIVE), 7);
	end_life(2);
	assert_int_equal(get(0, HARTVISOR_SHARED_ALIVE), 3);
	parts_destroy(&vms[2]);
	assert_int_equal(get(0, HARTVISOR_SHARED_ALIVE), 3);
}

static void a_ring_is_pending_until_it_is_taken(void **state)
{
	(void)state;
	make(0, "a");
	make(1, "a");
	make(2, "A");
	set(1, HARTVISOR_SHARED_ENABLE, UINT32_MAX);
	assert_int_equal(get(1, HARTVISOR_SHARED_ENABLE), 0xffff);
	set(0, HARTVISOR_SHARED_RING, 1);
	assert_true(interrupts(1));
	assert_false(interrupts(0) || interrupts(2));
	set(2, HARTVISOR_SHARED_RING, 1); /* a peer that may not write may ring */
	assert_int_equal(get(1, HARTVISOR_SHARED_PENDING), 5);
	set(1, HARTVISOR_SHARED_PENDING, 1);
	assert_true(interrupts(1));
	set(1, HARTVISOR_SHARED_PENDING, 4);
	assert_false(interrupts(1));
	/* What is not enabled is pending all the same. */
	set(1, HARTVISOR_SHARED_ENABLE, 4);
	set(0, HARTVISOR_SHARED_RING, HARTVISOR_SHARED_ALL);
	assert_false(interrupts(1));
	assert_int_equal(get(1, HARTVISOR_SHARED_PENDING), 1);
	assert_int_equal(get(2, HARTVISOR_SHARED_PENDING), 1);
	assert_int_equal(get(0, HARTVISOR_SHARED_PENDING), 0);
	set(1, HARTVISOR_SHARED_ENABLE, 1);
	assert_true(interrupts(1));
	/* Itself. */
	set(0, HARTVISOR_SHARED_ENABLE, 1);
	set(0, HARTVISOR_SHARED_RING, 0);
	assert_true(interrupts(0));
}

/* No ring comes to a VM without a life, nor from one into the next. */
static void a_life_begins_without_rings(void **state)
{
	(void)state;
	make(0, "a");
	make(1, "a");
	set(1, HARTVISOR_SHARED_ENABLE, 1);
	set(0, HARTVISOR_SHARED_RING, 1);
	end_life(1);
	assert_false(interrupts(1));
	set(0, HARTVISOR_SHARED_RING, 1);
	live(1);
	assert_int_equal(get(1, HARTVISOR_SHARED_PENDING) | get(1, HARTVISOR_SHARED_ENABLE), 0);
	set(1, HARTVISOR_SHARED_ENABLE, 1);
	assert_false(interrupts(1));
	set(0, HARTVISOR_SHARED_RING, 1);
	assert_true(interrupts(1));
	gstage_destroy(&vms[1].gstage);
	parts_destroy(&vms[1]);
	assert_false(interrupts(1));
	set(0, HARTVISOR_SHARED_RING, 1);
	set(0, HARTVISOR_SHARED_RING, HARTVISOR_SHARED_ALL);
	assert_false(interrupts(1));
}

/* Whatever a guest writes where: only what the registers say, and only to peers. */
static void other_accesses_do_nothing(void **state)
{
	static const uint32_t vals[] = { 2, 3, 15, 16, 17, 31, 32, 0x80000000, 0xfffffffe };

	(void)state;
	make(0, "ab");
	make(1, "a");
	set(1, HARTVISOR_SHARED_ENABLE, UINT32_MAX);
	for (unsigned int i = 0; i < ARRAY_SIZE(vals); i++)
		set(0, HARTVISOR_SHARED_RING, vals[i]);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (uint64_t off = 0; off < 0x40; off += len) {
			if (len != 4) {
				assert_int_equal(get_n(0, off, len), 0);
				assert_int_equal(mmio_write(fake_vm.bus, gpa(VSHARED_BASE + off),
							    len, UINT64_MAX),
						 HV_OK);
			}
		}
	}
	for (uint64_t off = 0; off < VSHARED_SIZE; off += 4) {
		if (off >= 0x20)
			assert_int_equal(get(0, off), 0);
		if (off < HARTVISOR_SHARED_RING || off >= 0x20)
			set(0, off, 1);
	}
	assert_int_equal(get(0, HARTVISOR_SHARED_ENABLE) | get(0, HARTVISOR_SHARED_PENDING), 0);
	assert_int_equal(get(1, HARTVISOR_SHARED_PENDING), 0);
	assert_false(interrupts(0) || interrupts(1));
	assert_int_equal(get(0, HARTVISOR_SHARED_PEER), 0);
}

/* --- configuration --------------------------------------------------------------------------------------- */

static void what_is_wrong_is_told(void **state)
{
	struct shared_peer *const taken = (struct shared_peer *)&limit;

	(void)state;
	assert_int_equal(create(0, "aa"), HV_EINVAL);
	assert_logged(
		"config: /one/shared@1: region = \"a\": must not be that of another node of the VM");
	parts_destroy(&fake_vm);
	assert_int_equal(create(1, "abcde"), HV_EINVAL);
	assert_logged("config: /one/shared@4: a VM must have at most 4 shared nodes");
	parts_destroy(&vms[1]);
	limit = BASE + MIB(2);
	assert_int_equal(create(2, "a"), HV_EINVAL);
	assert_logged("config: /one/shared@0: region = \"a\": 0x201000 bytes: must be at most "
		      "0x200000, all that this machine's G-stage addresses behind the VM's memory");
	limit = gstage_limit();
	for (unsigned int i = 0; i < HARTVISOR_SHARED_PEERS; i++)
		regions[1].peers[i] = taken;
	vms[2].bus = mmio_bus_new(&fake_vm.arena);
	assert_int_equal(create(2, "b"), HV_EINVAL);
	assert_logged("config: /one/shared@0: region = \"b\": must have at most 16 VMs");
	memset(regions[1].peers, 0, sizeof(regions[1].peers));
}

static void the_guest_s_tree_has_both_ranges(void **state)
{
	static uint64_t out[512];
	struct fdtw w = { .fdt = out };
	uint64_t base, size;
	unsigned int nr = 0;
	int node;

	(void)state;
	make(0, "aB");
	assert_int_equal(fdt_create(out, sizeof(out)), 0);
	assert_int_equal(fdt_finish_reservemap(out), 0);
	fdtw_begin(&w, "");
	fdtw_u32(&w, "#address-cells", 2);
	fdtw_u32(&w, "#size-cells", 2);
	for (enum vm_place place = VM_PLACE_CHOSEN; place <= VM_PLACE_ROOT; place++)
		parts_describe(&fake_vm, &w, place);
	fdtw_end(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(fdt_finish(out), 0);
	node = fdt_path_offset(out, "/shared@1000a000");
	assert_true(node > 0);
	assert_true(fdtx_is_compatible(out, node, "hartvisor,shared-memory"));
	assert_string_equal(fdtx_prop_string(out, node, "label"), "b");
	assert_true(fdtx_prop_bool(out, node, "read-only"));
	assert_int_equal(fdtx_reg(out, node, 0, &base, &size), HV_OK);
	assert_int_equal(base, VSHARED_BASE + VSHARED_SIZE);
	assert_int_equal(size, VSHARED_SIZE);
	assert_int_equal(fdtx_reg(out, node, 1, &base, &size), HV_OK);
	assert_int_equal(base, BASE + GIB(1));
	assert_int_equal(size, PAGE_SIZE);
	node = fdt_path_offset(out, "/shared@10009000");
	assert_false(fdtx_prop_bool(out, node, "read-only"));
	/* In one place of the tree each. */
	for (node = 0; node >= 0; node = fdt_next_node(out, node, NULL))
		nr += strncmp(fdt_get_name(out, node, NULL), "shared@", 7) == 0;
	assert_int_equal(nr, 2);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(each_sees_the_same_memory_with_its_own_rights),
		test(memory_stays_while_some_vm_has_it),
		test(registers_say_which_peers_are_there),
		test(a_ring_is_pending_until_it_is_taken),
		test(a_life_begins_without_rings),
		test(other_accesses_do_nothing),
		test(what_is_wrong_is_told),
		test(the_guest_s_tree_has_both_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
