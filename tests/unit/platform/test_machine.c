// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/machine_tree.h
/* What the host's device tree says. */
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

static void a_seed_of_one_byte_and_one_told_twice_are_erased(void **state)
{
	static const char seed[] = "\xa5"
				   "seed";

	(void)state;
	begin_usual();
	tree_node(tree, "chosen");
	tree_bytes(tree, "rng-seed", seed, 1);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.rng_seed_size, 1);
	machine_erase_rng_seed();
	assert_null(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", NULL));

	begin_usual();
	tree_node(tree, "chosen");
	tree_bytes(tree, "rng-seed", "an old seed", 11);
	tree_bytes(tree, "rng-seed", seed, 5);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	machine_erase_rng_seed();
	assert_null(memmem(tree, fdt_totalsize(tree), "an old seed", 11));
	assert_null(memmem(tree, fdt_totalsize(tree), seed, 5));
}

static void a_tree_without_chosen_has_no_seed_to_erase(void **state)
{
	(void)state;
	begin_usual();
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

/* As the memory reservation block of a tree may have it. */
static void a_reservation_that_wraps_around_ends_with_the_addresses(void **state)
{
	(void)state;
	tree_virt(tree, CAP, &virt);
	assert_int_equal(fdt_open_into(tree, tree, KIB(64)), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0xfffffffffffff000, 0x2000), 0);
	assert_int_equal(machine_parse(tree), HV_OK);
	assert_true(is_reserved(0xfffffffffffff000, 0xfff));
	assert_int_equal(machine.nr_reserved, 5);
}

static void a_reservation_without_size_takes_nothing(void **state)
{
	(void)state;
	begin_reserved();
	tree_node(tree, "empty");
	tree_cells(tree, "reg", 2, 0x90000000, 0);
	tree_end_node(tree);
	tree_node(tree, "one");
	tree_cells(tree, "reg", 2, 0xa0000000, 1);
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_null(machine_closed(hpa(0x8ffff000), 0x2000));
	assert_non_null(machine_closed(hpa(0x9ffff000), 0x2000));
	assert_int_equal(machine.nr_reserved, 3); /* with the block's entry and the tree itself */
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
	assert_true(machine_is_memory(hpa(0x80001000), 0x77fff000));
	assert_false(machine_is_memory(hpa(0x80001000), 0x77fff001));
	assert_true(machine_is_memory(hpa(0xf8000000), 0)); /* nothing, behind the last byte */
	assert_false(machine_is_memory(hpa(0xf8000000), 1));
	assert_false(machine_is_memory(hpa(0x7fffffff), 2));
	assert_false(machine_is_memory(hpa(0x80000000), UINT64_MAX));
	assert_false(machine_is_memory(hpa(UINT64_MAX), 2));
}

static void memory_is_what_says_so_and_is_there(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	tree_node(tree, "memory@c0000000");
	tree_string(tree, "device_type", "memory");
	tree_string(tree, "status", "disabled");
	tree_cells(tree, "reg", 4, 0, 0xc0000000, 0, 0x1000);
	tree_end_node(tree);
	tree_node(tree, "sram@d0000000");
	tree_string(tree, "device_type", "sram");
	tree_cells(tree, "reg", 4, 0, 0xd0000000, 0, 0x1000);
	tree_end_node(tree);
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_true(machine.nr_memory == 1 && machine.memory_bytes == GIB(1));
}

static void memory_above_the_direct_map_is_left_out(void **state)
{
	static const struct {
		uint64_t base, from;
	} high[] = {
		{ DIRECT_MAP_SIZE - GIB(1), DIRECT_MAP_SIZE },
		{ DIRECT_MAP_SIZE + GIB(4), DIRECT_MAP_SIZE + GIB(4) },
	};

	(void)state;
	begin();
	for (unsigned int i = 0; i < ARRAY_SIZE(high); i++)
		memory(high[i].base, GIB(2));
	the_usual_cpus();
	assert_int_equal(finish(), HV_OK);
	assert_true(machine.nr_memory == 1 && machine.memory_bytes == GIB(1));
	assert_int_equal(fake_log_count, 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(high); i++) {
		char line[128];

		snprintf(line, sizeof(line),
			 "/memory@%llx: memory from 0x%llx on is too high to be used",
			 (unsigned long long)high[i].base, (unsigned long long)high[i].from);
		assert_non_null(strstr(fake_log_text, line));
	}
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
	assert_non_null(strstr(fake_log_text, "more than 32 ranges of memory; 0x100000 bytes at "
					      "0x88000000 are left out"));
	assert_in_range(fake_log_count, 1, 17);
	assert_non_null(strstr(fake_log_last, "52 more problems"));
	/* All of them are looked at, and nothing behind them. */
	assert_true(machine_touches_memory(hpa(0x80000000 + 31 * MIB(4)), 1));
	assert_false(machine_touches_memory(hpa(0x80000000 + 32 * MIB(4)), 1));
	assert_true(machine_is_memory(hpa(0x80000000 + 31 * MIB(4)), MIB(1)));
	assert_false(machine_is_memory(hpa(0x80000000 + 32 * MIB(4)), MIB(1)));
	assert_false(machine_is_memory(hpa(32 * MIB(1)), 1)); /* as many bytes as there are */
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

static void the_time_base_of_all_cpus_counts_where_there_are_two(void **state)
{
	(void)state;
	begin();
	memory(0x80000000, GIB(1));
	begin_cpus();
	tree_node(tree, "cpu@0");
	tree_string(tree, "device_type", "cpu");
	tree_cells(tree, "reg", 1, 0);
	tree_string(tree, "riscv,isa", "rv64imafdch");
	tree_cells(tree, "timebase-frequency", 1, 32768);
	tree_end_node(tree);
	tree_end_node(tree);
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.timebase, 10000000);
}

static void a_hart_whose_node_names_no_mode_has_sv39(void **state)
{
	(void)state;
	begin_usual();
	assert_int_equal(finish(), HV_OK);
	assert_int_equal(machine.va_bits, 39);
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
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(machine.nr_cpus, 5);
	assert_int_equal(machine.total_cpus, 5); /* the map is no hart */
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
	char line[64];

	(void)state;
	what.cpus = MAX_PCPUS + 6;
	assert_int_equal(parse_virt(what), HV_OK);
	assert_int_equal(machine.nr_cpus, MAX_PCPUS);
	assert_int_equal(machine.total_cpus, MAX_PCPUS + 6);
	assert_int_equal(fake_log_count, 1);
	snprintf(line, sizeof(line), "the machine has %d harts; %d are used", MAX_PCPUS + 6,
		 MAX_PCPUS);
	assert_non_null(strstr(fake_log_last, line));
	what.cpus = MAX_PCPUS;
	assert_int_equal(parse_virt(what), HV_OK);
	assert_int_equal(fake_log_count, 0);
}

static void a_second_parse_remembers_nothing_of_the_first(void **state)
{
	struct tree_virt what = { .cpus = 1, .memory = GIB(1), .timebase = 1 };

	(void)state;
	assert_int_equal(parse_virt(virt), HV_OK);
	assert_int_equal(parse_virt(what), HV_OK);
	assert_true(machine.nr_cpus == 1 && machine.initrd_size == 0 && machine.nr_memory == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(all_of_virts_tree_is_found),
		MACHINE_TEST(the_seed_is_erased_and_nothing_else),
		MACHINE_TEST(a_seed_of_one_byte_and_one_told_twice_are_erased),
		MACHINE_TEST(a_tree_without_chosen_has_no_seed_to_erase),
		MACHINE_TEST(all_that_is_taken_is_reserved),
		MACHINE_TEST(a_reservation_that_wraps_around_ends_with_the_addresses),
		MACHINE_TEST(a_reservation_without_size_takes_nothing),
		MACHINE_TEST(no_byte_of_memory_is_told_twice),
		MACHINE_TEST(memory_is_what_says_so_and_is_there),
		MACHINE_TEST(memory_above_the_direct_map_is_left_out),
		MACHINE_TEST(more_ranges_than_fit_are_told_and_left_out),
		MACHINE_TEST(an_old_tree_has_the_time_base_in_a_cpus_node),
		MACHINE_TEST(the_time_base_of_all_cpus_counts_where_there_are_two),
		MACHINE_TEST(a_hart_whose_node_names_no_mode_has_sv39),
		MACHINE_TEST(only_harts_with_h_and_d_count_for_the_machines_isa),
		MACHINE_TEST(a_machine_without_h_is_parsed_and_lacks_it),
		MACHINE_TEST(harts_beyond_the_limit_are_counted),
		MACHINE_TEST(a_second_parse_remembers_nothing_of_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
