// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/loader_world.h
/* Kernels as ELF files: each segment lies where it is linked to, or a sentence says why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/elf.h"
#include "fake/loader_world.h"
#include "fake/log.h"
#include "fake/pack.h"

static const struct pack_lz4 by_default = { 7, false, true, false };

/* The kernel, packed. */
static void use_packed(struct packed p, enum image_packing packing)
{
	static uint8_t *held;

	free(held);
	held = p.data;
	cfg.kernel.data = p.data;
	cfg.kernel.size = p.size;
	cfg.kernel_packing = (uint8_t)packing;
}

#define LINK UINT64_C(0xffffffff80000000)

/* As Linux's vmlinux: two segments, the second of which stands first; the bytes are 0x4b and 0x4c. */
static void use_vmlinux(uint64_t paddr)
{
	memset(kernel, 0, sizeof(kernel));
	elf_header(kernel, 3, LINK + 0x40);
	elf_load(kernel, 0, 8192, LINK + MIB(2), paddr + MIB(2), 5000, MIB(1));
	elf_put(kernel + ELF_PH(1), 4, 4); /* PT_NOTE */
	elf_load(kernel, 2, KIB(20), LINK, paddr, 3000, 3000);
	memset(kernel + 8192, 0x4c, 5000);
	memset(kernel + KIB(20), 0x4b, 3000);
	cfg.kernel_packing = PACKING_NONE;
	cfg.kernel = (struct vm_image){ "vmlinux", kernel, KIB(24), gpa(0), gpa(0) };
}

static void vmlinux_is_at(uint64_t gpa_value)
{
	assert_int_equal(*at(gpa_value - 1), 0);
	for (uint64_t i = 0; i < MIB(3); i++)
		assert_int_equal(at(gpa_value)[i], i < 3000			    ? 0x4b :
						   i >= MIB(2) && i < MIB(2) + 5000 ? 0x4c :
										      0);
}

static void an_elf_kernel_lies_at_its_physical_addresses(void **state)
{
	struct loader_result r;
	struct loader l = { 0 };

	(void)state;
	for (unsigned int packed = 0; packed < 3; packed++) {
		start(MIB(16));
		use_vmlinux(0x80400000);
		use_ramdisk(5000);
		if (packed)
			use_packed(packed == 1 ? pack_gzip(kernel, KIB(24), 6, 0, 8) :
						 pack_lz4(kernel, KIB(24), by_default),
				   packed == 1 ? PACKING_GZIP : PACKING_LZ4);
		assert_int_equal(loader_load(&vm, &cfg, &r), 0);
		assert_true(r.entry.gpa == 0x80400040);
		vmlinux_is_at(0x80400000);
	}
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	assert_int_equal(l.kernel_start, MIB(4));
	assert_int_equal(l.kernel_end, MIB(7)); /* with what is not in the file */
}

static void addresses_of_linuxs_vmlinux_count_from_ram(void **state)
{
	struct loader_result r;
	struct loader l = { 0 };

	(void)state;
	start(MIB(16));
	use_vmlinux(0);
	assert_int_equal(loader_load(&vm, &cfg, &r), 0);
	assert_true(r.entry.gpa == 0x80200040);
	vmlinux_is_at(0x80200000);
	assert_int_equal(loader_begin(&l, &vm, &cfg), 0);
	assert_int_equal(l.kernel_start, 0);
	assert_int_equal(l.kernel_end, MIB(5));
}

struct elf_case {
	unsigned int at, bytes;
	uint64_t value;
	int err;
	const char *says;
};

static void a_wrong_elf_file_is_told(void **state)
{
	static const struct elf_case cases[] = {
		{ 4, 1, 1, HV_EINVAL, "an ELF file for another machine: must be for riscv64" },
		{ 5, 1, 2, HV_EINVAL, "an ELF file for another machine: must be for riscv64" },
		{ 18, 2, 62, HV_EINVAL, "an ELF file for another machine: must be for riscv64" },
		{ 16, 2, 1, HV_EINVAL, "an ELF file that is not linked: must be an executable" },
		{ 56, 2, 0, HV_EINVAL,
		  "an ELF file without program headers of 56 bytes: must be an executable" },
		{ 54, 2, 32, HV_EINVAL,
		  "an ELF file without program headers of 56 bytes: must be an executable" },
		{ 32, 8, UINT64_MAX - 8, HV_EINVAL,
		  "an ELF file whose program headers do not lie in its first 1024 bytes: must have "
		  "them there, 17 at most" },
		{ 32, 8, KIB(24) - 100, HV_EINVAL,
		  "an ELF file whose program headers do not lie in its first 1024 bytes: must have "
		  "them there, 17 at most" },
		{ ELF_PH(0) + 32, 8, MIB(2), HV_EINVAL,
		  "a damaged ELF file: a segment's size is wrong" },
		{ ELF_PH(0) + 40, 8, UINT64_MAX, HV_EINVAL,
		  "a damaged ELF file: a segment's size is wrong" },
		{ ELF_PH(0) + 8, 8, KIB(24) - 4999, HV_EINVAL,
		  "an ELF file that is cut short: a segment lies behind its end" },
		{ ELF_PH(0) + 8, 8, UINT64_MAX, HV_EINVAL,
		  "an ELF file that is cut short: a segment lies behind its end" },
		{ ELF_PH(0) + 24, 8, 0x80400001, HV_EINVAL,
		  "a damaged ELF file: two segments overlap at their physical addresses" },
		{ 24, 8, LINK + 0x41, HV_EINVAL, "a damaged ELF file: its entry point is odd" },
		{ 24, 8, LINK + 3000, HV_EINVAL,
		  "an ELF file whose entry point lies in none of its segments" },
		{ ELF_PH(0) + 24, 8, 0x82000000, HV_EOVERFLOW,
		  "needs 30408704 bytes, 17825792 more than linux-a's memory leaves (memory is "
		  "0x1000000 bytes)" },
		{ ELF_PH(0) + 24, 8, 0, HV_EOVERFLOW,
		  "needs 2151680952 bytes, 2137000888 more than linux-a's memory leaves (memory is "
		  "0x1000000 bytes)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[240];

		start(MIB(16));
		use_vmlinux(0x80400000);
		elf_put(kernel + cases[i].at, cases[i].bytes, cases[i].value);
		snprintf(line, sizeof(line), "kernel \"vmlinux\": %s", cases[i].says);
		assert_fails(cases[i].err, line);
		assert_int_equal(largest_write, 0);
	}
	use_vmlinux(0x90000000);
	assert_fails(HV_EINVAL,
		     "kernel \"vmlinux\": an ELF segment at = <0x90000000>: must be 0x80000000 to "
		     "0x80ffffff");
	use_vmlinux(0x80400000);
	cfg.kernel.size = 63;
	assert_fails(HV_EINVAL, "kernel \"vmlinux\": an ELF file that is cut short");
	elf_header(kernel, 1, LINK);
	elf_put(kernel + ELF_PH(0), 4, 4);
	cfg.kernel.size = KIB(24);
	assert_fails(
		HV_EINVAL,
		"kernel \"vmlinux\": an ELF file without a segment to load: must be an executable");
	elf_header(kernel, 17, LINK);
	for (unsigned int i = 0; i < 17; i++)
		elf_load(kernel, i, 8192, LINK + i * 16, 0x80400000 + i * 16, 16, 16);
	assert_fails(HV_EINVAL,
		     "kernel \"vmlinux\": an ELF file with more segments to load than 16");
}

/* lz4 does not say how long it is, so that is seen at its end. */
static void a_packed_elf_file_that_is_cut_short_is_told(void **state)
{
	(void)state;
	start(MIB(16));
	use_vmlinux(0x80400000);
	use_packed(pack_lz4(kernel, KIB(20) + 2999, by_default), PACKING_LZ4);
	assert_fails(HV_EINVAL,
		     "kernel \"vmlinux\": compressed by lz4: an ELF file that is cut short");
	use_vmlinux(0x80400000);
	use_packed(pack_gzip(kernel, KIB(20) + 2999, 6, 0, 0), PACKING_GZIP);
	assert_fails(
		HV_EINVAL,
		"kernel \"vmlinux\": compressed by gzip: an ELF file that is cut short: a segment "
		"lies behind its end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_elf_kernel_lies_at_its_physical_addresses),
		cmocka_unit_test(addresses_of_linuxs_vmlinux_count_from_ram),
		cmocka_unit_test(a_wrong_elf_file_is_told),
		cmocka_unit_test(a_packed_elf_file_that_is_cut_short_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, drop_ram);
}
