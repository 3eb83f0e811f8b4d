// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/boot_map.c tests/unit/fake/fence.c
// CFLAGS: -DFAKE_STACK_MAP_BASE=0x60000000UL -DFAKE_IMAGE_BASE=0x40000000UL
/* The boot tables: what they map and how, and what hartvisor says when it cannot make them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/boot_map.h"
#include "arch/csr.h"
#include "arch/mmu.h"
#include "arch/pte.h"
#include "arch/sbi_call.h"

#define LOADED	   UINT64_C(0x80200000)
#define IMAGE_MAX  MIB(16)
#define RAM_FLAGS  (PTE_V | PTE_R | PTE_W | PTE_G | PTE_A | PTE_D)
#define CODE_FLAGS (RAM_FLAGS | PTE_X)

static char said[256];
static size_t said_len;
static jmp_buf off;
static uint64_t satp;

/* The firmware. Power-off ends the test's call. */
struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	assert_int_equal(arg2 | arg3 | arg4 | arg5, 0);
	if (eid == SBI_EXT_LEGACY_CONSOLE_PUTCHAR) {
		assert_true(said_len < sizeof(said) - 1);
		assert_int_equal(fid | arg1, 0);
		said[said_len++] = (char)arg0;
		return (struct sbi_call_ret){ 0, 0 };
	}
	assert_int_equal(eid, SBI_EXT_SRST);
	assert_int_equal(fid, SBI_SRST_SYSTEM_RESET);
	assert_int_equal(arg0, SBI_SRST_TYPE_SHUTDOWN);
	assert_int_equal(arg1, SBI_SRST_REASON_NONE);
	longjmp(off, 1);
}

/* The leaf for @va; 0: there is none. *@offset: of @va in what the leaf maps. */
static pte_t leaf_of(uint64_t va, uint64_t *offset)
{
	const pte_t *table = (const pte_t *)(uintptr_t)((satp & (BIT(44) - 1)) << PAGE_SHIFT);

	for (unsigned int level = 2;; level--) {
		pte_t e = table[va >> (12 + 9 * level) & 511];

		*offset = va & (pte_level_size(level) - 1);
		if (!pte_is_valid(e) || pte_is_leaf(e))
			return e;
		/* A, D and the permissions of an entry that leads to a table must be 0. */
		assert_int_equal(e & 0x3ff, PTE_V);
		assert_true(level > 0);
		table = (const pte_t *)(uintptr_t)pte_hpa(e).hpa;
	}
}

static void maps(uint64_t va, uint64_t pa, uint64_t flags)
{
	uint64_t offset;
	pte_t e = leaf_of(va, &offset);

	assert_int_equal(e & 0x3ff, flags);
	assert_int_equal(pte_hpa(e).hpa + offset, pa);
}

static void maps_nothing(uint64_t va)
{
	uint64_t offset;

	assert_int_equal(leaf_of(va, &offset), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(said, 0, sizeof(said));
	said_len = 0;
	satp = boot_map(hpa(LOADED));
	return 0;
}

static void satp_has_sv39_and_asid_0(void **state)
{
	(void)state;
	assert_int_equal(satp >> 60, 8);
	assert_int_equal(satp >> 44 & 0xffff, 0);
}

static void the_image_is_mapped_where_it_is_linked(void **state)
{
	(void)state;
	for (uint64_t off = 0; off < IMAGE_MAX; off += MIB(1))
		maps(IMAGE_BASE + off, LOADED + off, CODE_FLAGS);
	maps_nothing(IMAGE_BASE + IMAGE_MAX);
	maps_nothing(IMAGE_BASE + GIB(1) - 1);
	maps_nothing(IMAGE_BASE - 1);
	assert_int_equal(image_load_base.hpa, LOADED);
	assert_int_equal(image_hpa((void *)(IMAGE_BASE + 0x1234)).hpa, LOADED + 0x1234);
}

/* Pages of 1 GiB, with all that the range touches and nothing else. */
static void memory_is_mapped_for_data_and_not_for_code(void **state)
{
	(void)state;
	maps_nothing(DIRECT_MAP_BASE + GIB(3));
	mmu_early_map(hpa(GIB(4) - 0x1000), 0x1001);
	maps_nothing(DIRECT_MAP_BASE + GIB(3) - 1);
	maps(DIRECT_MAP_BASE + GIB(3), GIB(3), RAM_FLAGS);
	maps(DIRECT_MAP_BASE + GIB(4), GIB(4), RAM_FLAGS);
	maps_nothing(DIRECT_MAP_BASE + GIB(5));
}

static void memory_above_the_direct_map_is_not_mapped(void **state)
{
	(void)state;
	mmu_early_map(hpa(DIRECT_MAP_SIZE - 0x1000), GIB(2));
	maps(DIRECT_MAP_BASE + DIRECT_MAP_SIZE - 1, DIRECT_MAP_SIZE - 1, RAM_FLAGS);
	maps_nothing(DIRECT_MAP_BASE + DIRECT_MAP_SIZE);
}

/* A range that crosses from one 2 MiB page into the next takes both. */
static void windows_are_for_data_and_lie_one_behind_the_other(void **state)
{
	char *a, *b;

	(void)state;
	a = device_map(hpa(0x10000ff8), 0x10);
	b = device_map(hpa(0x0c3ffff8), 0x10);
	assert_ptr_equal(a, (void *)(uintptr_t)(DEVICE_MAP_BASE + 0xff8));
	assert_ptr_equal(b, (void *)(uintptr_t)(DEVICE_MAP_BASE + MIB(2) + 0x1ffff8));
	maps((uintptr_t)a, 0x10000ff8, RAM_FLAGS);
	maps((uintptr_t)b, 0x0c3ffff8, RAM_FLAGS);
	maps((uintptr_t)b + 8, 0x0c400000, RAM_FLAGS);
	maps_nothing(DEVICE_MAP_BASE + 3 * MIB(2));
	assert_int_equal(pte_hpa(mmu_device_root_entry()).hpa & (PAGE_SIZE - 1), 0);
	assert_int_equal(mmu_device_root_entry() & 0x3ff, PTE_V);
}

/* Last: it takes what the others have left of the one address space. */
static void a_window_that_does_not_fit_is_none(void **state)
{
	(void)state;
	assert_null(device_map(hpa(0x10000000), 0));
	assert_null(device_map(hpa(UINT64_MAX - 0xfff), 0x1000));
	assert_null(device_map(hpa(GIB(1)), 510 * MIB(2))); /* three are taken */
	assert_ptr_equal(device_map(hpa(GIB(1)), 508 * MIB(2)),
			 (void *)(uintptr_t)(DEVICE_MAP_BASE + 3 * MIB(2)));
	assert_ptr_equal(device_map(hpa(GIB(8)), 1),
			 (void *)(uintptr_t)(DEVICE_MAP_BASE + 511 * MIB(2)));
	assert_null(device_map(hpa(GIB(8)), 1));
	maps(DEVICE_MAP_BASE + 510 * MIB(2), GIB(1) + 507 * MIB(2), RAM_FLAGS);
	maps(DEVICE_MAP_BASE + 511 * MIB(2), GIB(8), RAM_FLAGS);
}

static void refuses(uint64_t load_base)
{
	memset(said, 0, sizeof(said));
	said_len = 0;
	if (!setjmp(off)) {
		(void)boot_map(hpa(load_base));
		fail_msg("it goes on");
	}
	assert_string_equal(said, "[hartvisor] error: hartvisor was not loaded at a "
				  "multiple of 2 MiB; powering off\r\n");
}

static void an_image_at_an_odd_address_is_refused(void **state)
{
	(void)state;
	refuses(LOADED + 1);
	refuses(LOADED + PAGE_SIZE);
	refuses(LOADED + MIB(1));
}

static void a_hart_without_sv39_is_refused(void **state)
{
	(void)state;
	if (!setjmp(off))
		boot_refuse();
	assert_string_equal(said, "[hartvisor] error: this hart's satp does not take mode Sv39, "
				  "which hartvisor needs; powering off\r\n");
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(satp_has_sv39_and_asid_0),
		TEST(the_image_is_mapped_where_it_is_linked),
		TEST(memory_is_mapped_for_data_and_not_for_code),
		TEST(memory_above_the_direct_map_is_not_mapped),
		TEST(windows_are_for_data_and_lie_one_behind_the_other),
		TEST(a_window_that_does_not_fit_is_none),
		TEST(an_image_at_an_odd_address_is_refused),
		TEST(a_hart_without_sv39_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
