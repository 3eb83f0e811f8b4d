// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c tests/unit/fake/tree.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The source itself: see test_ns16550.c. */
#include "platform/goldfish_rtc.c"

#include "fake/log.h"
#include "fake/probe.h"
#include "fake/tree.h"

#define RTC_BASE 0x101000
#define RTC_SIZE 0x1000
#define NOW	 0x17a3b5c7d9e0f102ULL

/* --- the clock: reading the low half latches the high one ------------------------------------------- */

static struct {
	uint8_t window[RTC_SIZE];
	uint64_t now;
	uint32_t latched;
	uint64_t base, size;
	bool unmappable;
} hw;

static const struct host_rtc *bound;

uint32_t fake_io_read(const volatile void *at, unsigned int width)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)at - hw.window);

	assert_int_equal(width, 4);
	/* Two harts must not read in turns: the second would change what is latched for the first. */
	assert_int_equal(rtc_lock.next, rtc_lock.owner + 1);
	if (off == 4)
		return hw.latched;
	assert_int_equal(off, 0);
	hw.latched = (uint32_t)(hw.now >> 32);
	/* It goes on between the two reads. */
	hw.now += 0x80000000;
	return (uint32_t)(hw.now - 0x80000000);
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	(void)at;
	(void)width;
	(void)val;
	fail(); /* the host's clock is only read */
}

void *device_map(hpa_t base, uint64_t size)
{
	hw.base = base.hpa;
	hw.size = size;
	return hw.unmappable ? NULL : hw.window;
}

int host_bind_rtc(const struct host_rtc *r)
{
	if (bound)
		return HV_EBUSY;
	bound = r;
	return HV_OK;
}

/* --- the node ---------------------------------------------------------------------------------------- */

static char tree[4096];

/* A clock with @size bytes of registers; 0: no reg. */
static int probe(uint32_t size)
{
	tree_begin(tree, sizeof(tree));
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
	tree_node(tree, "rtc@101000");
	tree_string(tree, "compatible", "google,goldfish-rtc");
	if (size)
		tree_cells(tree, "reg", 4, 0, RTC_BASE, 0, size);
	tree_end_node(tree);
	tree_finish(tree);
	return probe_path(&driver_goldfish_rtc, tree, "/rtc@101000");
}

static int setup(void **state)
{
	(void)state;
	memset(&hw, 0, sizeof(hw));
	hw.now = NOW;
	bound = NULL;
	rtc_regs = NULL;
	fake_log_reset();
	return 0;
}

static void the_time_is_read_whole(void **state)
{
	(void)state;
	assert_int_equal(probe(RTC_SIZE), HV_OK);
	assert_int_equal(hw.base, RTC_BASE);
	assert_int_equal(hw.size, RTC_SIZE);
	assert_non_null(bound);
	assert_int_equal(bound->now(), NOW);
	assert_int_equal(bound->now(), NOW + 0x80000000);
	/* No lock is left. */
	assert_int_equal(bound->now(), NOW + 0x100000000);
	assert_string_equal(fake_log_text, "");
}

static void a_node_without_room_for_the_registers_is_told(void **state)
{
	static const uint32_t sizes[] = { 0, 7 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		fake_log_reset();
		assert_int_equal(probe(sizes[i]), HV_EINVAL);
		assert_non_null(
			strstr(fake_log_text, "/rtc@101000: reg has to give at least 8 bytes"));
		assert_null(bound);
	}
	assert_int_equal(probe(8), HV_OK);
}

static void a_clock_that_cannot_be_mapped_is_none(void **state)
{
	(void)state;
	hw.unmappable = true;
	assert_int_equal(probe(RTC_SIZE), HV_ENOMEM);
	assert_null(bound);
}

static void a_second_clock_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(probe(RTC_SIZE), HV_OK);
	hw.base = 0;
	assert_int_equal(probe(RTC_SIZE), HV_EBUSY);
	/* Nor is it mapped. */
	assert_int_equal(hw.base, 0);
}

static void qemus_clock_is_this_drivers(void **state)
{
	(void)state;
	assert_string_equal(driver_goldfish_rtc.compatible[0], "google,goldfish-rtc");
	assert_null(driver_goldfish_rtc.compatible[1]);
	assert_int_equal(driver_goldfish_rtc.order, DRIVER_DEVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_time_is_read_whole, setup),
		cmocka_unit_test_setup(a_node_without_room_for_the_registers_is_told, setup),
		cmocka_unit_test_setup(a_clock_that_cannot_be_mapped_is_none, setup),
		cmocka_unit_test_setup(a_second_clock_is_not_taken, setup),
		cmocka_unit_test_setup(qemus_clock_is_this_drivers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
