// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/config_ram.c hyp/lib/config_node.c hyp/lib/text.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* What `extra-memory` may say, and where a VM's RAM is then: two ranges that touch, and one apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/log.h"
#include "fake/tree.h"
#include "vm/config_ram.h"

#define TEST(fn) cmocka_unit_test(fn)

static const uint8_t extra[] = {
	0xff, /* a tree need not have it aligned */
	0,    0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, /* 2 MiB behind the first 16 */
	0,    0, 0, 1, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, /* 2 MiB at 4 GiB */
};

static const struct vm_config cfg = { .memory = MIB(16),
				      .extra_ram = extra + 1,
				      .nr_extra_ram = 2 };

#define FIRST  UINT64_C(0x80000000)
#define SECOND UINT64_C(0x81000000)
#define END    UINT64_C(0x81200000)
#define APART  GIB(4)

static void ranges_are_as_they_were_given(void **state)
{
	static const struct vm_config plain = { .memory = MIB(32) };

	(void)state;
	assert_int_equal(config_nr_ram(&cfg), 3);
	assert_int_equal(config_ram(&cfg, 0).base.gpa, FIRST);
	assert_int_equal(config_ram(&cfg, 0).size, MIB(16));
	assert_int_equal(config_ram(&cfg, 1).base.gpa, SECOND);
	assert_int_equal(config_ram(&cfg, 2).base.gpa, APART);
	assert_int_equal(config_ram(&cfg, 2).size, MIB(2));
	assert_int_equal(config_ram_bytes(&cfg), MIB(20));
	assert_int_equal(config_ram_end(&cfg), APART + MIB(2));
	assert_int_equal(config_nr_ram(&plain), 1);
	assert_int_equal(config_ram_bytes(&plain), MIB(32));
	assert_int_equal(config_ram_end(&plain), FIRST + MIB(32));
}

static void all_of_it_or_not(void **state)
{
	(void)state;
	assert_true(config_is_ram(&cfg, gpa(FIRST), 0));
	assert_true(config_is_ram(&cfg, gpa(FIRST), MIB(16)));
	assert_true(config_is_ram(&cfg, gpa(FIRST), MIB(18))); /* across both */
	assert_true(config_is_ram(&cfg, gpa(SECOND - 8), 16));
	assert_true(config_is_ram(&cfg, gpa(APART), MIB(2)));
	assert_true(config_is_ram(&cfg, gpa(APART + MIB(2) - 1), 1));
	assert_false(config_is_ram(&cfg, gpa(FIRST), MIB(18) + 1));
	assert_false(config_is_ram(&cfg, gpa(FIRST - 1), 2));
	assert_false(config_is_ram(&cfg, gpa(0), 1));
	assert_false(config_is_ram(&cfg, gpa(END), 1));
	assert_false(config_is_ram(&cfg, gpa(END - 8), 16));
	assert_false(config_is_ram(&cfg, gpa(APART), MIB(2) + 1));
	assert_false(config_is_ram(&cfg, gpa(APART + MIB(2)), 0));
	assert_false(config_is_ram(&cfg, gpa(FIRST), UINT64_MAX));
	assert_false(config_is_ram(&cfg, gpa(UINT64_MAX), 1));
}

static void any_of_it_or_none(void **state)
{
	(void)state;
	assert_true(config_has_ram(&cfg, gpa(FIRST), 1));
	assert_true(config_has_ram(&cfg, gpa(FIRST - 1), 2));
	assert_true(config_has_ram(&cfg, gpa(0), UINT64_MAX));
	assert_true(config_has_ram(&cfg, gpa(END - 1), MIB(1)));
	assert_true(config_has_ram(&cfg, gpa(END), APART - END + 1));
	assert_true(config_has_ram(&cfg, gpa(APART + MIB(2) - 1), UINT64_MAX));
	assert_false(config_has_ram(&cfg, gpa(FIRST), 0));
	assert_false(config_has_ram(&cfg, gpa(FIRST - 1), 1));
	assert_false(config_has_ram(&cfg, gpa(END), APART - END));
	assert_false(config_has_ram(&cfg, gpa(APART + MIB(2)), UINT64_MAX));
}

/* --- the property ------------------------------------------------------------------------------------- */

static uint64_t tree[256];
static struct vm_config read_cfg;

static const struct property row = { .name = "extra-memory", .read = config_read_extra_ram };

/* @n bytes of @cells as the property of a VM with 256 MiB; false: it was refused, in one line. */
static bool takes(const uint32_t *cells, size_t n)
{
	struct config_node node = { .fdt = tree, .path = "/vm" };
	uint8_t bytes[160];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(cells[i / 4] >> (24 - i % 4 * 8));
	tree_begin(tree, sizeof(tree));
	tree_bytes(tree, "extra-memory", bytes, n);
	(void)tree_finish(tree);
	fake_log_reset();
	read_cfg = (struct vm_config){ .memory = MIB(256) };
	row.read(&node, &row, &read_cfg);
	assert_int_equal(fake_log_count, node.failed);
	assert_true(!node.failed || config_nr_ram(&read_cfg) == 1);
	return !node.failed;
}

static void what_is_no_list_of_ranges_is_told(void **state)
{
	static const uint32_t cells[40] = { 1, 0, 0, 0x200000, 2, 0, 0, 0x200000 };
	static const size_t wrong[] = { 0, 1, 4, 8, 12, 15, 17, 20, 24, 31, 8 * 16 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(takes(cells, wrong[i]));
		assert_non_null(strstr(fake_log_last,
				       "must be one to seven ranges of an address in two "
				       "cells and a number of bytes in two cells"));
	}
	assert_true(takes(cells, 16));
	assert_true(takes(cells, 32));
}

static void wrong_ranges_are_told(void **state)
{
	/* The first range, a second one (size 0: there is none), and what is said of the last of them. */
	static const struct {
		uint64_t base, size, base2, size2;
		const char *line;
	} wrong[] = {
		{ GIB(4), 0, 0, 0,
		  "range 0, 0x0 bytes at 0x100000000: must be multiples of 2 MiB" },
		{ GIB(4) + KIB(4), MIB(2), 0, 0,
		  "range 0, 0x200000 bytes at 0x100001000: must be" },
		{ GIB(4), MIB(3), 0, 0, "range 0, 0x300000 bytes at 0x100000000: must be" },
		{ GIB(4), GIB(1024) + MIB(2), 0, 0,
		  "range 0, 0x10000200000 bytes at 0x100000000: must" },
		{ 0x8fe00000, MIB(2), 0, 0, "within 0x90000000 to 0xffffffffffffff" },
		{ 0, MIB(2), 0, 0, "within 0x90000000 to 0xffffffffffffff" },
		{ GIB(4), MIB(2), GIB(8), MIB(3),
		  "range 1, 0x300000 bytes at 0x200000000: must be" },
		{ GIB(4), MIB(4), GIB(4) + MIB(2), MIB(2),
		  "within 0x100400000 to 0xffffffffffffff" },
		{ GIB(4), MIB(2), GIB(3), MIB(2), "within 0x100200000 to 0xffffffffffffff" },
		{ GIB(4), MIB(2), GIB(4), MIB(2), "within 0x100200000 to 0xffffffffffffff" },
		{ BIT(56) - MIB(2), MIB(4), 0, 0,
		  "range 0, 0x400000 bytes at 0xffffffffe00000: must" },
		{ UINT64_MAX - MIB(2) + 1, MIB(2), 0, 0,
		  "range 0, 0x200000 bytes at 0xffffffffffe00000" },
		{ UINT64_MAX - MIB(2) + 1, MIB(4), 0, 0,
		  "range 0, 0x400000 bytes at 0xffffffffffe00000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const uint64_t v[] = { wrong[i].base, wrong[i].size, wrong[i].base2,
				       wrong[i].size2 };
		uint32_t cells[8];

		for (unsigned int j = 0; j < 4; j++) {
			cells[2 * j] = (uint32_t)(v[j] >> 32);
			cells[2 * j + 1] = (uint32_t)v[j];
		}
		assert_false(takes(cells, wrong[i].size2 ? 32 : 16));
		assert_non_null(strstr(fake_log_last, wrong[i].line));
	}
}

static void seven_good_ranges_are_taken(void **state)
{
	static const uint32_t cells[] = {
		0,     0x90000000, 0, 0x200000, 0,	  0x90200000, 0,     0x200000, 1, 0,
		0,     0x200000,   2, 0,	0x100,	  0,	      0x400, 0,	       0, 0x200000,
		0x800, 0,	   0, 0x200000, 0xffffff, 0xffe00000, 0,     0x200000,
	};

	(void)state;
	assert_true(takes(cells, sizeof(cells)));
	assert_int_equal(config_nr_ram(&read_cfg), 8);
	assert_true(config_ram_bytes(&read_cfg) == MIB(268) + GIB(1024));
	assert_true(config_ram_end(&read_cfg) == BIT(56));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_as_they_were_given),
		TEST(all_of_it_or_not),
		TEST(any_of_it_or_none),
		TEST(what_is_no_list_of_ranges_is_told),
		TEST(wrong_ranges_are_told),
		TEST(seven_good_ranges_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
