// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: platform/machine.c hyp/arch/isa.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* What the host's device tree says, and what is said about a wrong one. */
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
#include "fake/tree.h"
#include "platform/machine.h"

/* As in memory: behind the tree there is something, not the end of the world. */
#define CAP MIB(4)
static void *tree;

static const struct tree_virt virt = { .cpus = 4,
				       .memory = GIB(2),
				       .timebase = 10000000,
				       .initrd = 0xa0200000,
				       .initrd_end = 0xa0300001 };

static int setup(void **state)
{
	(void)state;
	tree = aligned_alloc(PAGE_SIZE, CAP);
	memset(tree, 0, CAP);
	fake_log_reset();
	return tree ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(tree);
	return 0;
}

static int parse_virt(struct tree_virt what)
{
	tree_virt(tree, CAP, &what);
	fake_log_reset();
	return machine_parse(tree);
}

static bool is_reserved(uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < machine.nr_reserved; i++)
		if (machine.reserved[i].base.hpa == base && machine.reserved[i].size == size)
			return true;
	return false;
}

static void begin(void)
{
	fake_log_reset();
	tree_begin(tree, CAP);
	tree_cells(tree, "#address-cells", 1, 2);
	tree_cells(tree, "#size-cells", 1, 2);
}

static void memory(uint64_t base, uint64_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)base);
	tree_node(tree, name);
	tree_string(tree, "device_type", "memory");
	tree_cells(tree, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32),
		   (uint32_t)size);
	tree_end_node(tree);
}

static void begin_cpus(void)
{
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	tree_cells(tree, "timebase-frequency", 1, 10000000);
}

static void cpu(uint32_t hartid, const char *isa, const char *status, const char *mmu)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu@%x", hartid);
	tree_node(tree, name);
	tree_string(tree, "device_type", "cpu");
	tree_cells(tree, "reg", 1, hartid);
	if (isa)
		tree_string(tree, "riscv,isa", isa);
	if (status)
		tree_string(tree, "status", status);
	if (mmu)
		tree_string(tree, "mmu-type", mmu);
	tree_end_node(tree);
}

static int finish(void)
{
	tree_finish(tree);
	return machine_parse(tree);
}

static void the_usual_cpus(void)
{
	begin_cpus();
	cpu(0, "rv64imafdch", NULL, NULL);
	tree_end_node(tree);
}

/* --- right trees ----------------------------------------------------------------------------------- */

static void all_of_virts_tree_is_found(void **state)
{
	(void)state;
	assert_int_equal(parse_virt(virt), HV_OK);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(machine.nr_memory, 1);
	assert_true(machine.memory[0].base.hpa == 0x80000000 && machine.memory[0].size == GIB(2));
	assert_true(machine.memory_bytes == GIB(2));
	assert_int_equal(machine.nr_cpus, 4);
	assert_int_equal(machine.total_cpus, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(machine.cpus[i].hartid == i && machine.cpus[i].available &&
			    machine.cpus[i].has_h);
	assert_int_equal(machine.va_bits, 57);
	assert_int_equal(machine.timebase, 10000000);
	assert_string_equal(machine.bootargs, "config=two-linux");
	assert_string_equal(machine.stdout_path, "/soc/serial@10000000");
	assert_true(machine.initrd.hpa == 0xa0200000 && machine.initrd_size == 0x100001);
	assert_int_equal(machine.rng_seed_size, 32);
	assert_true(isa_has(&isa_machine()->set, ISA_ZAWRS));
}

static void the_seed_is_erased_and_nothing_else(void **state)
{
	static const char seed[] = "0123456789abcdef0123456789abcdef"; /* tree_virt()'s */
	size_t size;

	(void)state;
	assert_int_equal(parse_virt(virt), HV_OK);
	size = fdt_totalsize(tree);
	assert_memory_equal(machine.rng_seed, seed, 32);
	machine_erase_rng_seed();
	assert_null(machine.rng_seed);
	assert_int_equal(machine.rng_seed_size, 0);
	for (int i = 0; i < 32; i += 8)
		assert_null(memmem(tree, size, seed + i, 8));
	machine_erase_rng_seed();
	/* The strings still hold, and the tree is as good as before. */
	assert_string_equal(machine.bootargs, "config=two-linux");
	assert_int_equal(machine_parse(tree), HV_OK);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(machine.rng_seed_size, 0);
	assert_string_equal(machine.bootargs, "config=two-linux");
	assert_string_equal(machine.stdout_path, "/soc/serial@10000000");
	assert_true(machine.initrd.hpa == 0xa0200000 && machine.initrd_size == 0x100001);
	assert_int_equal(machine.nr_cpus, 4);
}

static void a_tree_without_chosen_has_no_seed_to_erase(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	machine_erase_rng_seed();
	assert_null(machine.rng_seed);
}

static void all_that_is_taken_is_reserved(void **state)
{
	(void)state;
	assert_int_equal(parse_virt(virt), HV_OK);
	assert_true(is_reserved(0x80000000, 0x40000)); /* memory reservation block */
	assert_true(is_reserved(0x80000000, 0x60000)); /* /reserved-memory */
	assert_true(is_reserved(ptr_to_hpa(tree).hpa, fdt_totalsize(tree)));
	assert_true(is_reserved(0xa0200000, 0x100001));
	assert_int_equal(machine.nr_reserved, 4);
}

static void no_byte_of_memory_is_told_twice(void **state)
{
	(void)state;
	begin();
	memory(0x100000000, GIB(1));
	memory(0x80000000, GIB(1));
	memory(0xa0000000, MIB(16));  /* inside */
	memory(0xb0000000, GIB(1));   /* overlaps the end */
	memory(0xf0000000, MIB(128)); /* adjoins, from behind a gap that is none */
	memory(0x40000000, 0);
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.nr_memory, 2);
	assert_true(machine.memory[0].base.hpa == 0x80000000 &&
		    machine.memory[0].size == 0x78000000);
	assert_true(machine.memory[1].base.hpa == 0x100000000 && machine.memory[1].size == GIB(1));
	assert_true(machine.memory_bytes == 0x78000000 + GIB(1));

	assert_true(machine_is_memory(hpa(0x80000000), 0x78000000));
	assert_false(machine_is_memory(hpa(0x80000000), 0x78000001));
	assert_false(machine_is_memory(hpa(0x7fffffff), 2));
	assert_false(machine_is_memory(hpa(0x80000000), UINT64_MAX));
	assert_false(machine_is_memory(hpa(UINT64_MAX), 2));
}

static void memory_above_the_direct_map_is_left_out(void **state)
{
	(void)state;
	begin();
	memory(DIRECT_MAP_SIZE - GIB(1), GIB(2));
	memory(DIRECT_MAP_SIZE + GIB(4), GIB(2));
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_true(machine.nr_memory == 1 && machine.memory_bytes == GIB(1));
	assert_int_equal(fake_log_count, 2);
}

static void more_ranges_than_fit_are_told_and_left_out(void **state)
{
	(void)state;
	begin();
	for (unsigned int i = 0; i < 100; i++)
		memory(0x80000000 + i * MIB(4), MIB(1));
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.nr_memory, MACHINE_MAX_MEMORY);
	assert_non_null(strstr(fake_log_text, "more than 32 ranges of memory"));
	assert_in_range(fake_log_count, 1, 17);
	assert_non_null(strstr(fake_log_last, "52 more problems"));
	/* All of them are looked at, and nothing behind them. */
	assert_true(machine_touches_memory(hpa(0x80000000 + 31 * MIB(4)), 1));
	assert_false(machine_touches_memory(hpa(0x80000000 + 32 * MIB(4)), 1));
	assert_true(machine_is_memory(hpa(0x80000000 + 31 * MIB(4)), MIB(1)));
	assert_false(machine_is_memory(hpa(0x80000000 + 32 * MIB(4)), MIB(1)));
}

static void an_old_tree_has_the_time_base_in_a_cpus_node(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	tree_node(tree, "cpus");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 0);
	tree_node(tree, "cpu@0");
	tree_string(tree, "device_type", "cpu");
	tree_cells(tree, "reg", 1, 0);
	tree_string(tree, "riscv,isa", "rv64imafdch");
	tree_string(tree, "mmu-type", "riscv,sv39");
	tree_cells(tree, "timebase-frequency", 1, 32768);
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.timebase, 32768);
	assert_int_equal(fake_log_count, 0);
}

static void only_harts_with_h_and_d_count_for_the_machines_isa(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	begin_cpus();
	cpu(7, "rv64imac", "okay", "riscv,sv39"); /* a management hart */
	cpu(1, "rv64imafdch_zba_sstc", NULL, "riscv,sv57");
	cpu(2, "rv64imafdch_zba", "okay", "riscv,sv48");
	cpu(3, "rv64imach", "disabled", NULL);
	cpu(4, "rv64imafch_zba", "okay", "riscv,sv48"); /* H, and no D */
	tree_node(tree, "cpu-map");
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.nr_cpus, 5);
	assert_true(machine.cpus[4].has_h && !machine.cpus[4].has_d);
	assert_true(machine.cpus[0].hartid == 7 && machine.cpus[0].available &&
		    !machine.cpus[0].has_h);
	assert_true(machine.cpus[1].has_h && machine.cpus[2].has_h);
	assert_true(machine.cpus[1].has_d && machine.cpus[2].has_d);
	assert_false(machine.cpus[3].available);
	assert_true(isa_has(&isa_machine()->set, ISA_ZBA) && isa_has(&isa_machine()->set, ISA_D));
	assert_false(isa_has(&isa_machine()->set, ISA_SSTC));
	assert_int_equal(machine.va_bits, 48); /* of those that run guests */
}

static void a_machine_without_h_is_parsed_and_lacks_it(void **state)
{
	struct tree_virt what = virt;

	(void)state;
	what.isa = "rv64imafdc";
	assert_int_equal(parse_virt(what), HV_OK);
	assert_true(isa_has(&isa_machine()->set, ISA_I) && !isa_has(&isa_machine()->set, ISA_H));
}

static void harts_beyond_the_limit_are_counted(void **state)
{
	struct tree_virt what = virt;

	(void)state;
	what.cpus = MAX_PCPUS + 6;
	assert_int_equal(parse_virt(what), HV_OK);
	assert_int_equal(machine.nr_cpus, MAX_PCPUS);
	assert_int_equal(machine.total_cpus, MAX_PCPUS + 6);
	assert_int_equal(fake_log_count, 1);
}

static void a_second_parse_remembers_nothing_of_the_first(void **state)
{
	struct tree_virt what = { .cpus = 1, .memory = GIB(1), .timebase = 1 };

	(void)state;
	assert_int_equal(parse_virt(virt), HV_OK);
	assert_int_equal(parse_virt(what), HV_OK);
	assert_true(machine.nr_cpus == 1 && machine.initrd_size == 0 && machine.nr_memory == 1);
}

/* --- wrong trees ----------------------------------------------------------------------------------- */

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
		{ 0xa0200000, 0xa0200000 }, { 0xa0200000, 0x90000000 }, { 0xfffff000, 0x100001000 },
		{ 0x10000000, 0x10001000 }, { 0xfff00000, 0xffffffff }, { 0x1a0200000, 0xa0300000 },
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
}

/* A read of the firmware's memory may fault; an image inside hartvisor's own is a mistake. */
static void an_initrd_in_memory_that_is_taken_is_not_used(void **state)
{
	static const struct {
		uint64_t start, end;
		const char *said; /* NULL: it is used */
	} cases[] = {
		{ 0x80000000, 0x80001000,
		  "must not overlap /reserved-memory; the initrd is not used" },
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
	begin();
	memory(0x80000000, GIB(1));
	the_usual_cpus();
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
	begin();
	memory(0x80000000, GIB(1));
	the_usual_cpus();
	tree_node(tree, "reserved-memory");
	tree_cells(tree, "#address-cells", 1, 1);
	tree_cells(tree, "#size-cells", 1, 1);
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
		cmocka_unit_test_setup_teardown(all_of_virts_tree_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(the_seed_is_erased_and_nothing_else, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_tree_without_chosen_has_no_seed_to_erase, setup,
						teardown),
		cmocka_unit_test_setup_teardown(all_that_is_taken_is_reserved, setup, teardown),
		cmocka_unit_test_setup_teardown(no_byte_of_memory_is_told_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_above_the_direct_map_is_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(more_ranges_than_fit_are_told_and_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_old_tree_has_the_time_base_in_a_cpus_node, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_harts_with_h_and_d_count_for_the_machines_isa,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_machine_without_h_is_parsed_and_lacks_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(harts_beyond_the_limit_are_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_second_parse_remembers_nothing_of_the_first,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_missing_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_cpu_costs_only_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(an_initrd_that_cannot_be_is_not_used, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_initrd_in_memory_that_is_taken_is_not_used,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_reservation_block_closes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(memory_that_wraps_around_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(more_reserved_ranges_than_fit_are_fatal, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_wrong_byte_anywhere_is_survived_and_told_briefly,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
