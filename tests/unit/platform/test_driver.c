// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/driver.c hyp/lib/fdt.c tests/unit/fake/tree.c
// CFLAGS: -Wl,--defsym=__drivers_start=__start_drivers -Wl,--defsym=__drivers_end=__stop_drivers
/* Which node is offered to which driver, and which is not because its registers cannot be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/said.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "platform/driver.h"
#include "platform/machine.h"

#define ENTRY(name) \
	static const struct driver name __attribute__((used, section("drivers"), aligned(8)))

static uint64_t tree[512];
static char probed[256]; /* names of nodes, in order */

bool machine_touches_memory(hpa_t base, uint64_t size)
{
	return base.hpa < 0x90000000 && base.hpa + size > 0x80000000;
}

/* Each driver is told the node's reg, whatever was walked through before. */
static int remember(const char *driver, const void *fdt, int node, const struct driver_reg *reg)
{
	uint64_t base = 0, size = 0;

	size_t used = strlen(probed);

	assert_int_equal(reg->err, fdtx_reg(fdt, node, 0, &base, &size));
	assert_int_equal(reg->base, base);
	assert_int_equal(reg->size, size);
	snprintf(probed + used, sizeof(probed) - used, "%s:%s ", driver, fdtx_name(fdt, node));
	return HV_OK;
}

static int probe_chip(const void *fdt, int node, const struct driver_reg *reg)
{
	return remember("chip", fdt, node, reg);
}

static int probe_uart(const void *fdt, int node, const struct driver_reg *reg)
{
	return remember("uart", fdt, node, reg);
}

static int probe_second(const void *fdt, int node, const struct driver_reg *reg)
{
	return remember("second", fdt, node, reg);
}

static const char *const chips[] = { "chip", NULL };
static const char *const uarts[] = { "uart", "other-uart", NULL };
static const char *const seconds[] = { "second", NULL };

ENTRY(uart_driver) = { .compatible = uarts, .order = DRIVER_DEVICE, .probe = probe_uart };
ENTRY(second_driver) = { .compatible = seconds, .order = DRIVER_DEVICE, .probe = probe_second };
ENTRY(chip_driver) = { .compatible = chips, .order = DRIVER_IRQCHIP, .probe = probe_chip };

static void begin(void)
{
	probed[0] = '\0';
	fake_log_reset();
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
}

static void put(const char *name, const char *compatible, uint64_t base, uint64_t size)
{
	tree_node(tree, name);
	tree_string(tree, "compatible", compatible);
	tree_cells(tree, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32),
		   (uint32_t)size);
	tree_end_node(tree);
}

static void probe_all(void)
{
	(void)tree_finish(tree);
	driver_probe_all(tree);
}

static void interrupt_controllers_come_first_and_each_node_once(void **state)
{
	(void)state;
	begin();
	put("a", "other-uart", 0x1000, 0x100);
	put("b", "chip", 0x2000, 0x100);
	put("c", "unknown", 0x3000, 0x100);
	put("d", "uart", 0x4000, 0x100);
	tree_node(tree, "off");
	tree_string(tree, "compatible", "uart");
	tree_string(tree, "status", "disabled");
	tree_end_node(tree);
	tree_node(tree, "without-reg");
	tree_string(tree, "compatible", "uart");
	tree_end_node(tree);
	probe_all();
	assert_string_equal(probed, "chip:b uart:a uart:d uart:without-reg ");
	assert_int_equal(fake_log_count, 0);
}

/* Whichever of them the linker has put first. */
static void a_node_of_two_drivers_is_offered_to_one(void **state)
{
	(void)state;
	begin();
	tree_node(tree, "both");
	tree_list(tree, "compatible", "uart\0second");
	tree_end_node(tree);
	probe_all();
	assert_true(!strcmp(probed, "uart:both ") || !strcmp(probed, "second:both "));
}

static void registers_that_cannot_be_there_are_told_and_left_alone(void **state)
{
	static const struct {
		uint64_t base, size;
		const char *why;
	} wrong[] = {
		{ 0x8ffffffc, 0x100, "reg = 0x8ffffffc, 0x100: must not overlap /memory" },
		{ 0x7fffff04, 0x100, "reg = 0x7fffff04, 0x100: must not overlap /memory" },
		{ BIT(56) - 0x100, 0x101,
		  "reg = 0xffffffffffff00, 0x101: must end below 0x100000000000000" },
		{ 0, BIT(56), "reg = 0x0, 0x100000000000000: must not overlap /memory" },
		{ 0, BIT(56) + 1,
		  "reg = 0x0, 0x100000000000001: must end below 0x100000000000000" },
		{ 0x1001, 0x100, "reg = 0x1001, 0x100: must begin at a multiple of 4" },
		{ 0x1002, 0x100, "reg = 0x1002, 0x100: must begin at a multiple of 4" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		char line[160];

		begin();
		put("bad", "uart", wrong[i].base, wrong[i].size);
		put("good", "uart", 0x90000000, 0x100);
		probe_all();
		assert_string_equal(probed, "uart:good ");
		snprintf(line, sizeof(line), "/bad: %s; the device is not used", wrong[i].why);
		assert_logged(line);
		assert_int_equal(fake_log_count, 1);
	}
}

static void registers_at_the_limits_are_taken(void **state)
{
	(void)state;
	begin();
	put("below-memory", "uart", 0x7fffff00, 0x100);
	put("last", "uart", BIT(56) - 0x100, 0x100);
	put("first", "uart", 0, 4);
	probe_all();
	assert_string_equal(probed, "uart:below-memory uart:last uart:first ");
	assert_int_equal(fake_log_count, 0);
}

/* Below parents that have cells of their own, and behind their children. */
static void each_node_has_the_cells_of_its_parent(void **state)
{
	(void)state;
	begin();
	tree_node(tree, "bus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 1);
	tree_node(tree, "deep");
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 1);
	tree_node(tree, "a");
	tree_string(tree, "compatible", "uart");
	tree_cells(tree, "reg", 3, 1, 0x1000, 0x10);
	tree_end_node(tree);
	tree_end_node(tree);
	tree_node(tree, "b");
	tree_string(tree, "compatible", "second");
	tree_cells(tree, "reg", 2, 0x2000, 0x20);
	tree_end_node(tree);
	tree_end_node(tree);
	put("c", "chip", 0x3000, 0x30);
	probe_all();
	assert_string_equal(probed, "chip:c uart:a second:b ");
	assert_int_equal(fake_log_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupt_controllers_come_first_and_each_node_once),
		cmocka_unit_test(a_node_of_two_drivers_is_offered_to_one),
		cmocka_unit_test(registers_that_cannot_be_there_are_told_and_left_alone),
		cmocka_unit_test(registers_at_the_limits_are_taken),
		cmocka_unit_test(each_node_has_the_cells_of_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
