// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/hart_intc.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* Which entry of a controller's interrupts-extended is a hart's, whatever the cpu nodes look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/tree.h"
#include "lib/errno.h"
#include "platform/hart_intc.h"

#define IRQ_S_SOFT 1
#define IRQ_S_EXT  9

static char tree[16384];

/* --- a tree with @cells address cells in /cpus --------------------------------------------------------- */

static void begin(unsigned int cells)
{
	tree_begin(tree, sizeof(tree));
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, cells);
	tree_cells(tree, "#size-cells", 1, 0);
}

/* @words of @reg; @phandle of its interrupt controller, 0: it has none. */
static void cpu(unsigned int words, uint32_t high, uint32_t low, uint32_t phandle)
{
	static unsigned int number;
	char name[32];

	snprintf(name, sizeof(name), "cpu@%x", number++);
	tree_node(tree, name);
	if (words == 1)
		tree_cells(tree, "reg", 1, low);
	else if (words == 2)
		tree_cells(tree, "reg", 2, high, low);
	else if (words == 3)
		tree_cells(tree, "reg", 3, high, low, 0);
	tree_node(tree, "cache");
	tree_cells(tree, "phandle", 1, phandle + 100);
	tree_end_node(tree);
	if (phandle) {
		tree_node(tree, "interrupt-controller");
		tree_bytes(tree, "interrupt-controller", "", 0);
		tree_cells(tree, "phandle", 1, phandle);
		tree_end_node(tree);
	}
	tree_end_node(tree);
}

/* The end of /cpus, and a controller: two entries of phandles 1 to 3, one of phandle 4, and half of one. */
static void end_with_controller(void)
{
	tree_end_node(tree);
	tree_node(tree, "plic");
	tree_cells(tree, "interrupts-extended", 15, 1, IRQ_S_SOFT, 1, IRQ_S_EXT, 2, IRQ_S_SOFT, 2,
		   IRQ_S_EXT, 3, IRQ_S_SOFT, 3, IRQ_S_EXT, 4, IRQ_S_EXT, 5);
	tree_end_node(tree);
	tree_finish(tree);
}

static int entry(uint64_t hartid, uint32_t irq)
{
	return hart_intc_entry(tree, fdt_path_offset(tree, "/plic"), hartid, irq);
}

/* --- tests --------------------------------------------------------------------------------------------- */

static void a_harts_entry_is_found_by_its_id(void **state)
{
	(void)state;
	for (unsigned int cells = 1; cells <= 2; cells++) {
		begin(cells);
		cpu(cells, 0, 7, 1);
		cpu(cells, 0, 0, 2);
		cpu(cells, 0, 3, 4);
		end_with_controller();
		assert_int_equal(entry(7, IRQ_S_SOFT), 0);
		assert_int_equal(entry(7, IRQ_S_EXT), 1);
		assert_int_equal(entry(0, IRQ_S_EXT), 3);
		assert_int_equal(entry(3, IRQ_S_EXT), 6);
		assert_int_equal(entry(1, IRQ_S_EXT), HV_ENOENT);
		assert_int_equal(entry(7, 5), HV_ENOENT);
	}
}

static void both_halves_of_an_id_count(void **state)
{
	(void)state;
	begin(2);
	cpu(2, 1, 7, 1);
	cpu(2, 0, 7, 2);
	cpu(2, 2, 7, 3);
	end_with_controller();
	assert_int_equal(entry(7, IRQ_S_EXT), 3);
	assert_int_equal(entry(0x100000007, IRQ_S_EXT), 1);
	assert_int_equal(entry(0x200000007, IRQ_S_EXT), 5);
	assert_int_equal(entry(0x300000007, IRQ_S_EXT), HV_ENOENT);
}

static void a_reg_of_another_length_is_no_id(void **state)
{
	(void)state;
	begin(2);
	cpu(1, 0, 7, 1);
	cpu(3, 0, 7, 2);
	cpu(0, 0, 7, 3);
	cpu(2, 0, 7, 4);
	end_with_controller();
	assert_int_equal(entry(7, IRQ_S_EXT), 6);
}

static void ids_of_three_words_are_none(void **state)
{
	(void)state;
	begin(3);
	cpu(3, 0, 7, 1);
	end_with_controller();
	for (uint64_t id = 0; id < 8; id++)
		assert_int_equal(entry(id, IRQ_S_EXT), HV_ENOENT);
}

static void a_hart_without_a_controller_has_no_entry(void **state)
{
	(void)state;
	begin(1);
	cpu(1, 0, 7, 0);
	cpu(1, 0, 8, 6); /* one that the controller does not name */
	end_with_controller();
	assert_int_equal(entry(7, IRQ_S_EXT), HV_ENOENT);
	assert_int_equal(entry(8, IRQ_S_EXT), HV_ENOENT);
	assert_int_equal(hart_intc_entry(tree, fdt_path_offset(tree, "/cpus"), 8, IRQ_S_EXT),
			 HV_ENOENT);
}

static void only_a_cpus_interrupt_controller_is_one(void **state)
{
	(void)state;
	begin(1);
	cpu(1, 0, 7, 2);
	cpu(1, 0, 8, 0);
	end_with_controller();
	assert_true(hart_intc_exists(tree, 2));
	assert_false(hart_intc_exists(tree, 1));
	assert_false(hart_intc_exists(tree, 102)); /* its cache */
	assert_false(hart_intc_exists(tree, 0));   /* what a cpu without one has */
}

static void a_tree_without_cpus_has_none(void **state)
{
	(void)state;
	tree_begin(tree, sizeof(tree));
	tree_node(tree, "other");
	cpu(2, 0, 7, 2);
	end_with_controller();
	assert_false(hart_intc_exists(tree, 2));
	assert_int_equal(entry(7, IRQ_S_EXT), HV_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_harts_entry_is_found_by_its_id),
		cmocka_unit_test(both_halves_of_an_id_count),
		cmocka_unit_test(a_reg_of_another_length_is_no_id),
		cmocka_unit_test(ids_of_three_words_are_none),
		cmocka_unit_test(a_hart_without_a_controller_has_no_entry),
		cmocka_unit_test(only_a_cpus_interrupt_controller_is_one),
		cmocka_unit_test(a_tree_without_cpus_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
