// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/machine_tree.h
/* What is said about a wrong device tree of the host's, and what it costs. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/machine_tree.h"
#include "platform/machine.h"

static void what_is_missing_is_named(void **state)
{
	struct tree_virt what = virt;

	(void)state;
	what.memory = 0;
	what.initrd = 0;
	assert_int_equal(parse_virt(what), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "no memory"));

	what = virt;
	what.timebase = 0;
	assert_int_equal(parse_virt(what), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "timebase-frequency"));

	what = virt;
	what.cpus = 0;
	assert_int_equal(parse_virt(what), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "/cpus: no hart"));

	begin();
	assert_int_equal(finish(), HV_EINVAL);
	assert_int_equal(fake_log_count, 2);
	assert_non_null(strstr(fake_log_text, "no /cpus"));

	memset(tree, 0, 64);
	assert_int_equal(machine_parse(tree), HV_EINVAL);
	assert_non_null(strstr(fake_log_last, "unusable"));
}

static void a_wrong_cpu_costs_only_itself(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	begin_cpus();
	cpu(0, "rv64imach", NULL, NULL);
	cpu(1, NULL, NULL, NULL);
	cpu(2, "rv32imach", NULL, NULL);
	tree_node(tree, "cpu@none");
	tree_string(tree, "device_type", "cpu");
	tree_end_node(tree);
	tree_node(tree, "cpu@0again");
	tree_string(tree, "device_type", "cpu");
	tree_cells(tree, "reg", 1, 0);
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(fake_log_count, 4);
	assert_non_null(strstr(fake_log_text, "/cpus/cpu@1: no usable riscv,isa"));
	assert_non_null(strstr(fake_log_text, "/cpus/cpu@none: reg"));
	assert_non_null(strstr(fake_log_text, "hart 0 has a node already"));
	assert_int_equal(machine.nr_cpus, 3);
	assert_true(machine.cpus[0].available && !machine.cpus[1].available);
}

static void an_initrd_that_cannot_be_is_not_used(void **state)
{
	static const uint64_t wrong[][2] = {
		{ 0xa0200000, 0xa0200000 },  { 0xa0200000, 0x90000000 },
		{ 0xfffff000, 0x100001000 }, { 0xfff00000, 0xffffffff },
		{ 0x1a0200000, 0xa0300000 }, { 0x10000000, 0x10001000 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct tree_virt what = virt;

		what.memory = GIB(1);
		what.initrd = wrong[i][0];
		what.initrd_end = wrong[i][1];
		assert_int_equal(parse_virt(what), HV_OK);
		assert_int_equal(machine.initrd_size, 0);
		assert_int_equal(fake_log_count, 1);
		assert_non_null(strstr(fake_log_last, "linux,initrd-start"));
	}
	assert_non_null(strstr(fake_log_last, "linux,initrd-start = 0x10000000, linux,initrd-end = "
					      "0x10001000: not within the machine's memory"));
}

/* @name: the property that is there; it has @cells cells. */
static void initrd_of_one_property(const char *name, unsigned int cells)
{
	begin_usual();
	tree_node(tree, "chosen");
	tree_cells(tree, name, cells, 0xa0200000, 0, 0);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.initrd_size, 0);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "must both be there, of one or two cells"));
}

static void an_initrd_has_a_start_and_an_end(void **state)
{
	(void)state;
	initrd_of_one_property("linux,initrd-start", 1);
	initrd_of_one_property("linux,initrd-start", 3);
	initrd_of_one_property("linux,initrd-end", 1);
	initrd_of_one_property("linux,initrd-end", 3);
}

/* A read of the firmware's memory may fault; an image inside hartvisor's own is a mistake. */
static void an_initrd_in_memory_that_is_taken_is_not_used(void **state)
{
	static const struct {
		uint64_t start, end;
		const char *said; /* NULL: it is used */
	} cases[] = {
		{ 0x80000000, 0x80001000,
		  "linux,initrd-start = 0x80000000, linux,initrd-end = 0x80001000: must not overlap "
		  "/reserved-memory; the initrd is not used" },
		{ 0x8005ffff, 0x80070000, "must not overlap /reserved-memory" },
		{ 0x80060000, 0x80070000, NULL },
		{ 0x80210000, 0x80211000, "must not overlap hartvisor itself" },
		{ 0x80100000, 0x80500000, "must not overlap hartvisor itself" },
		{ 0x80300000, 0x80500000, NULL },
	};

	(void)state;
	machine_set_image(hpa(0x80200000), 0x100000);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tree_virt what = virt;

		what.initrd = cases[i].start;
		what.initrd_end = cases[i].end;
		assert_int_equal(parse_virt(what), HV_OK);
		if (!cases[i].said) {
			assert_true(machine.initrd.hpa == cases[i].start);
			continue;
		}
		assert_int_equal(machine.initrd_size, 0);
		if (!strstr(fake_log_last, cases[i].said))
			fail_msg("%u: %s", i, fake_log_last);
	}
	machine_set_image(hpa(0), 0);
}

/* Boot loaders list the initrd there, and may list modules: it is not to be written, but may be read. */
static void the_reservation_block_closes_nothing(void **state)
{
	(void)state;
	parse_virt(virt);
	assert_true(is_reserved(0x80000000, 0x40000));
	assert_non_null(machine_closed(hpa(0x80000000), 1)); /* /reserved-memory is there, too */
	begin_usual();
	assert_int_equal(finish(), HV_OK);
	machine.reserved[machine.nr_reserved++] =
		(struct machine_reserved){ hpa(0x90000000), 0x1000, NULL };
	assert_null(machine_closed(hpa(0x90000000), 0x1000));
	assert_non_null(machine_closed(ptr_to_hpa(tree), 1));
}

static void memory_that_wraps_around_is_told(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	memory(0xfffffffffffff000, 0x2000);
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.memory_bytes, GIB(1));
	assert_non_null(strstr(fake_log_text, "memory@fffffffffffff000: reg: not a list of"));
	assert_true(machine_touches_memory(hpa(0x7ffff000), 0x1001));
	assert_false(machine_touches_memory(hpa(0x7ffff000), 0x1000));
	assert_false(machine_touches_memory(hpa(0xc0000000), 0x1000));
}

static void more_reserved_ranges_than_fit_are_fatal(void **state)
{
	(void)state;
	begin_reserved();
	tree_node(tree, "many");
	for (unsigned int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%u", i);
		tree_end_node(tree);
		tree_node(tree, name);
		tree_cells(tree, "reg", 2, 0x80000000 + i * 0x1000, 0x1000);
	}
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_EOVERFLOW);
	assert_non_null(strstr(fake_log_text, "reserves more than 64 ranges"));
	/* Those that fit are looked at, and nothing behind the last one. */
	assert_int_equal(machine.nr_reserved, MACHINE_MAX_RESERVED);
	assert_non_null(machine_closed(hpa(0x80000000 + 61 * 0x1000), 1));
	assert_null(machine_closed(hpa(0x80000000 + 62 * 0x1000), 1));
}

static void more_reserved_blocks_than_fit_are_fatal(void **state)
{
	(void)state;
	for (int nodes = 0; nodes <= 1; nodes++) {
		begin();
		memory(0x80000000, GIB(1));
		the_usual_cpus();
		if (nodes) {
			tree_node(tree, "reserved-memory");
			tree_end_node(tree);
		}
		(void)tree_finish(tree);
		assert_int_equal(fdt_open_into(tree, tree, KIB(64)), 0);
		for (unsigned int i = 0; i < MACHINE_MAX_RESERVED; i++)
			assert_int_equal(fdt_add_mem_rsv(tree, 0x90000000 + i * 0x1000, 0x1000), 0);
		assert_int_equal(machine_parse(tree), HV_EOVERFLOW);
		assert_non_null(strstr(fake_log_text, "reserves more than 64 ranges"));
	}
}

static void a_reservation_without_a_whole_reg_is_told_and_fatal(void **state)
{
	(void)state;
	begin_reserved();
	tree_node(tree, "half");
	tree_cells(tree, "reg", 3, 0x90000000, 0x1000, 0x91000000);
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_EINVAL);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "/reserved-memory/half: reg: not a list of"));
}

static void a_wrong_byte_anywhere_is_survived_and_told_briefly(void **state)
{
	size_t n = tree_virt(tree, CAP, &virt);
	void *good = malloc(n);
	uint32_t seed = 20261120;
	unsigned int failed = 0;

	(void)state;
	memcpy(good, tree, n);
	for (unsigned int i = 0; i < 10000; i++) {
		memcpy(tree, good, n);
		((uint8_t *)tree)[tree_random(&seed) % n] ^=
			(uint8_t)(1 + tree_random(&seed) % 255);
		fake_log_reset();
		if (machine_parse(tree) != HV_OK) {
			assert_true(fake_log_count > 0); /* never silent */
			failed++;
		} else {
			assert_true(machine.nr_memory > 0 && machine.timebase > 0);
			assert_true(isa_has(&isa_machine()->set, ISA_I));
		}
		assert_in_range(fake_log_count, 0, 24);
	}
	assert_in_range(failed, 500, 9500);
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(what_is_missing_is_named),
		MACHINE_TEST(a_wrong_cpu_costs_only_itself),
		MACHINE_TEST(an_initrd_that_cannot_be_is_not_used),
		MACHINE_TEST(an_initrd_has_a_start_and_an_end),
		MACHINE_TEST(an_initrd_in_memory_that_is_taken_is_not_used),
		MACHINE_TEST(the_reservation_block_closes_nothing),
		MACHINE_TEST(memory_that_wraps_around_is_told),
		MACHINE_TEST(more_reserved_ranges_than_fit_are_fatal),
		MACHINE_TEST(more_reserved_blocks_than_fit_are_fatal),
		MACHINE_TEST(a_reservation_without_a_whole_reg_is_told_and_fatal),
		MACHINE_TEST(a_wrong_byte_anywhere_is_survived_and_told_briefly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
