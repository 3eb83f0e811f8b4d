// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/config_ram.c hyp/lib/config_node.c hyp/lib/text.c hyp/lib/fdt.c tests/unit/fake/log.c
/* Where a VM's RAM is: two ranges that touch, and one apart. What the property may say is in test_vm_config.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_as_they_were_given),
		TEST(all_of_it_or_not),
		TEST(any_of_it_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
