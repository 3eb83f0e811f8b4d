// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/hostmap.c hyp/mm/pgtable.c hyp/mm/page.c tests/unit/fake/page.c
// SOURCES: tests/unit/fake/csr.c tests/unit/fake/fence.c
// CFLAGS: -fno-pie -no-pie -mcmodel=large -DFAKE_REAL_DIRECT_MAP
/* hartvisor's own address space, as a hart would walk it by the satp that boot loads. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/boot_map.h"
#include "arch/csr.h"
#include "arch/mmu.h"
#include "fake/log.h"
#include "fake/page.h"
#include "mm/hostmap.h"
#include "mm/page.h"

/* The image: 5 pages of text, 2 of constants, 1538 of data, linked at its address and loaded elsewhere. */
#define TEXT_END   (IMAGE_BASE + 0x5000)
#define RODATA_END (IMAGE_BASE + 0x7000)
#define IMAGE_END  (IMAGE_BASE + 0x609000)
#define LOADED_AT  UINT64_C(0x80200000)
#define LOADED_END (LOADED_AT + (IMAGE_END - IMAGE_BASE))

#define ABSOLUTE(name, value) __asm__(".globl " name "\n.set " name ", " value "\n")
ABSOLUTE("__image_start", "0xffffffff80000000");
ABSOLUTE("__text_end", "0xffffffff80005000");
ABSOLUTE("__rodata_end", "0xffffffff80007000");
ABSOLUTE("__image_end", "0xffffffff80609000");

#define DEVICES ((pte_t)0x123456789001) /* the boot tables' entry for the device window */

hpa_t image_hpa(const void *sym)
{
	uint64_t va = (uint64_t)(uintptr_t)sym;

	assert_in_range(va, IMAGE_BASE, IMAGE_END);
	return hpa(va - IMAGE_BASE + LOADED_AT);
}

pte_t mmu_device_root_entry(void)
{
	return DEVICES;
}

/* --- the hart's walk: Sv39, by the privileged specification -------------------------------------------------- */

struct leaf {
	uint64_t va, pa, size, bits;
};

static struct leaf leaves[4096];
static unsigned int nr_leaves;

static void walk(uint64_t table, unsigned int level, uint64_t va)
{
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t pte = ((const uint64_t *)hpa_to_ptr(hpa(table)))[i],
			 at = va + (i << (12 + 9 * level));
		uint64_t pa = (pte >> 10 & ((UINT64_C(1) << 44) - 1)) << 12;

		if (level == 2 && at >> 38 & 1)
			at |= ~UINT64_C(0) << 39; /* canonical */
		if (pte == DEVICES) {
			assert_int_equal(at, DEVICE_MAP_BASE);
			continue;
		}
		if (!(pte & PTE_V))
			continue;
		if (!(pte & (PTE_R | PTE_W | PTE_X))) {
			assert_true(level > 0);
			walk(pa, level - 1, at);
			continue;
		}
		assert_true(nr_leaves < ARRAY_SIZE(leaves));
		leaves[nr_leaves++] = (struct leaf){ at, pa, PAGE_SIZE << 9 * level, pte & 0x3ff };
	}
}

static void look(void)
{
	uint64_t satp = hostmap_satp();

	assert_int_equal(satp >> 60, 8);	  /* Sv39 */
	assert_int_equal(satp >> 44 & 0xffff, 0); /* ASID */
	nr_leaves = 0;
	walk((satp & ((UINT64_C(1) << 44) - 1)) << 12, 2, 0);
	for (unsigned int i = 0; i < nr_leaves; i++) {
		assert_int_equal((leaves[i].va | leaves[i].pa) & (leaves[i].size - 1), 0);
		/* Never both, never for user mode; and A and D are there, or the first access would trap. */
		assert_true((leaves[i].bits & (PTE_W | PTE_X)) != (PTE_W | PTE_X));
		assert_int_equal(leaves[i].bits & ~(PTE_R | PTE_W | PTE_X),
				 PTE_V | PTE_G | PTE_A | PTE_D);
	}
}

/* The leaf that maps @va, or NULL. */
static const struct leaf *find(uint64_t va)
{
	for (unsigned int i = 0; i < nr_leaves; i++)
		if (va - leaves[i].va < leaves[i].size)
			return &leaves[i];
	return NULL;
}

static bool is_mapped(uint64_t va, uint64_t pa, uint64_t rwx)
{
	const struct leaf *l = find(va);

	return l && l->pa + (va - l->va) == pa && (l->bits & (PTE_R | PTE_W | PTE_X)) == rwx;
}

/* Exactly the pages of [@start, @end) of the machine are in the direct map, as data; between @from and @to. */
static void direct_map_is(uint64_t from, uint64_t to, uint64_t start, uint64_t end)
{
	for (uint64_t a = from; a < to; a += PAGE_SIZE) {
		bool in = a >= start && a < end;

		if (in ? !is_mapped(DIRECT_MAP_BASE + a, a, PTE_R | PTE_W) :
			 find(DIRECT_MAP_BASE + a) != NULL)
			fail_msg("%#lx", (unsigned long)a);
	}
}

/* --- the tests ------------------------------------------------------------------------------------------------ */

/* The build machine's memory is a few gigabytes above host-physical 0, so that the direct map has it. */
static void place_memory(void)
{
	void *p = aligned_alloc(MIB(4), MIB(4));

	fake_hpa_0 = align_down((uint64_t)(uintptr_t)p, GIB(1)) - GIB(64);
	free(p);
}

static int setup(void **state)
{
	(void)state;
	place_memory();
	fake_log_reset();
	fake_page_setup(MIB(4), MIB(4));
	assert_int_equal(hostmap_build(), HV_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)fake_page_teardown();
	return fake_log_count == 0 ? 0 : -1;
}

static void
the_image_is_mapped_where_it_is_linked_and_nothing_is_to_be_written_and_run(void **state)
{
	(void)state;
	look();
	for (uint64_t va = IMAGE_BASE; va < IMAGE_END; va += PAGE_SIZE) {
		uint64_t rwx = va < TEXT_END   ? PTE_R | PTE_X :
			       va < RODATA_END ? PTE_R :
						 PTE_R | PTE_W;

		assert_true(is_mapped(va, va - IMAGE_BASE + LOADED_AT, rwx));
	}
	assert_null(find(IMAGE_END));
	assert_null(find(IMAGE_BASE - PAGE_SIZE));
	for (unsigned int i = 0; i < nr_leaves; i++) /* and nothing else is there */
		assert_true(leaves[i].va >= IMAGE_BASE);
}

/* What drivers have mapped before the tables change stays mapped, and what they map later is seen. */
static void the_device_window_is_that_of_the_boot_tables(void **state)
{
	uint64_t root = (hostmap_satp() & ((UINT64_C(1) << 44) - 1)) << 12;

	(void)state;
	assert_true(((const pte_t *)hpa_to_ptr(hpa(root)))[DEVICE_MAP_BASE >> 30 & 511] == DEVICES);
}

static void memory_is_in_the_direct_map(void **state)
{
	(void)state;
	assert_int_equal(hostmap_add_ram(hpa(0), MIB(1)), HV_OK);
	assert_int_equal(hostmap_add_ram(hpa(0x40000000), GIB(1)), HV_OK);
	look();
	direct_map_is(0, MIB(2), 0, MIB(1));
	direct_map_is(0x3fff0000, 0x80010000, 0x40000000, 0x80000000);
	assert_int_equal(find(DIRECT_MAP_BASE + 0x40000000)->size, GIB(1));
}

/* Its text must not be writable by another name, nor its data have two. */
static void the_image_is_not_in_the_direct_map(void **state)
{
	static const struct {
		uint64_t base, end;
	} rows[] = {
		{ LOADED_AT - MIB(2), LOADED_END + MIB(2) }, /* all around it */
		{ LOADED_AT, LOADED_END },		     /* the image alone */
		{ LOADED_AT, LOADED_END + MIB(1) },
		{ LOADED_AT - MIB(1), LOADED_END },
		{ LOADED_AT + MIB(1), LOADED_AT + MIB(2) },  /* in it */
		{ LOADED_AT + MIB(1), LOADED_END + MIB(1) }, /* across its end */
		{ LOADED_AT - MIB(1), LOADED_AT + MIB(1) },  /* across its beginning */
		{ LOADED_AT - MIB(1), LOADED_AT },	     /* just before */
		{ LOADED_END, LOADED_END + MIB(1) },	     /* just behind */
		{ LOADED_AT - PAGE_SIZE, LOADED_AT + PAGE_SIZE },
		{ LOADED_END - PAGE_SIZE, LOADED_END + PAGE_SIZE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		assert_int_equal(hostmap_add_ram(hpa(rows[i].base), rows[i].end - rows[i].base),
				 HV_OK);
		look();
		for (uint64_t a = LOADED_AT - MIB(4); a < LOADED_END + MIB(4); a += PAGE_SIZE) {
			bool in = a >= rows[i].base && a < rows[i].end &&
				  (a < LOADED_AT || a >= LOADED_END);

			if (in ? !is_mapped(DIRECT_MAP_BASE + a, a, PTE_R | PTE_W) :
				 find(DIRECT_MAP_BASE + a) != NULL)
				fail_msg("row %u: %#lx", i, (unsigned long)a);
		}
		if (i + 1 < ARRAY_SIZE(rows))
			assert_int_equal(teardown(state), 0);
	}
}

/* A device tree may give any bytes; a tree or an initrd may lie in the pages at both ends. */
static void pages_that_memory_begins_or_ends_in_are_mapped(void **state)
{
	(void)state;
	assert_int_equal(hostmap_add_ram(hpa(0x40000ff8), 0x2010), HV_OK);
	look();
	direct_map_is(0x3fff0000, 0x40010000, 0x40000000, 0x40004000);
}

/* The one ends in the page where the other begins: some bytes in between are firmware's. */
static void two_ranges_may_share_a_page(void **state)
{
	(void)state;
	assert_int_equal(hostmap_add_ram(hpa(0x40000000), 0x2400), HV_OK);
	assert_int_equal(hostmap_add_ram(hpa(0x40002800), 0x2000), HV_OK);
	assert_int_equal(hostmap_add_ram(hpa(0x40004900), 0x80), HV_OK); /* within that page */
	look();
	direct_map_is(0x3fff0000, 0x40010000, 0x40000000, 0x40005000);
}

static void what_is_above_the_direct_map_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(hostmap_add_ram(hpa(DIRECT_MAP_SIZE - MIB(2)), MIB(4)), HV_OK);
	assert_int_equal(hostmap_add_ram(hpa(DIRECT_MAP_SIZE + GIB(1)), GIB(1)), HV_OK);
	look();
	direct_map_is(DIRECT_MAP_SIZE - MIB(3), DIRECT_MAP_SIZE + MIB(3), DIRECT_MAP_SIZE - MIB(2),
		      DIRECT_MAP_SIZE);
	assert_null(find(DIRECT_MAP_BASE + DIRECT_MAP_SIZE));
	assert_null(find(DIRECT_MAP_BASE + DIRECT_MAP_SIZE + GIB(1)));
}

static void a_stack_has_a_page_on_either_side_that_nothing_maps(void **state)
{
	uint64_t pas[128 * 4], tops[128];
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(tops); i++)
		assert_true((tops[i] = hostmap_new_stack()) != 0);
	look();
	for (unsigned int i = 0; i < ARRAY_SIZE(tops); i++) {
		assert_in_range(tops[i], STACK_MAP_BASE, DEVICE_MAP_BASE);
		assert_int_equal(tops[i] % 16, 0);
		assert_null(find(tops[i]));
		assert_null(find(tops[i] - HOST_STACK_SIZE - 1));
		for (uint64_t at = tops[i] - HOST_STACK_SIZE; at < tops[i]; at += PAGE_SIZE) {
			const struct leaf *l = find(at);

			assert_non_null(l);
			assert_true(is_mapped(at, l->pa + (at - l->va), PTE_R | PTE_W));
			pas[n++] = l->pa + (at - l->va);
		}
		for (unsigned int j = 0; j < i; j++)
			assert_true(tops[j] != tops[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_true(pas[i] != pas[j]);
}

/* Nothing of it stays taken, and the next one is tried where this one would have been. */
static void a_stack_without_memory_is_none(void **state)
{
	uint64_t last, before, next;

	(void)state;
	last = hostmap_new_stack();
	assert_true(last != 0);
	for (uint64_t left = 0; left < HOST_STACK_SIZE; left += PAGE_SIZE) {
		fake_page_starve(left);
		before = page_free_bytes();
		assert_int_equal(hostmap_new_stack(), 0);
		assert_int_equal(page_free_bytes(), before);
		fake_page_feed();
	}
	next = hostmap_new_stack();
	assert_int_equal(next - last, HOST_STACK_SIZE + PAGE_SIZE);
}

/* The stack's pages are there, and none is left for the table that maps them. */
/* The last one that was freed comes first, without what was on it; nothing more is mapped or allocated for it. */
static void a_stack_that_was_freed_is_given_again(void **state)
{
	uint64_t tops[3], before;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_true((tops[i] = hostmap_new_stack()) != 0);
	look();
	for (unsigned int i = 0; i < 3; i++)
		memset(hpa_to_ptr(hpa(find(tops[i] - PAGE_SIZE)->pa)), 0x5a, PAGE_SIZE);
	before = page_free_bytes();
	hostmap_free_stack(tops[0]);
	hostmap_free_stack(tops[2]);
	for (unsigned int n = 0; n < 2; n++) {
		unsigned int i = n ? 0 : 2;
		const char *page = hpa_to_ptr(hpa(find(tops[i] - PAGE_SIZE)->pa));

		assert_int_equal(hostmap_new_stack(), tops[i]);
		for (unsigned int at = 0; at < PAGE_SIZE; at++)
			assert_int_equal(page[at], 0);
	}
	assert_int_equal(page_free_bytes(), before);
	assert_true(hostmap_new_stack() > tops[2]);
}

static void a_stack_without_memory_for_its_table_is_none(void **state)
{
	uint64_t top, before;

	(void)state;
	do { /* until the next one needs another table */
		assert_true((top = hostmap_new_stack()) != 0);
	} while ((top + PAGE_SIZE) % MIB(2) != 0 &&
		 (top + PAGE_SIZE + HOST_STACK_SIZE - 1) / MIB(2) == top / MIB(2));
	fake_page_starve(HOST_STACK_SIZE);
	before = page_free_bytes();
	assert_int_equal(hostmap_new_stack(), 0);
	assert_int_equal(page_free_bytes(), before);
	fake_page_feed();
	assert_int_equal(hostmap_new_stack(), top + PAGE_SIZE + HOST_STACK_SIZE);
	look();
	assert_null(find(top));
}

static void tables_without_memory_are_an_error(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (uint64_t left = 0;; left += PAGE_SIZE, failed++) {
		int err;

		(void)fake_page_teardown();
		fake_page_setup(MIB(4), MIB(4));
		fake_page_starve(left);
		err = hostmap_build();
		fake_page_feed();
		if (err == HV_OK)
			break;
		assert_int_equal(err, HV_ENOMEM);
	}
	assert_true(failed >=
		    3); /* root, and the two tables below it for the image's first pages */
	fake_page_starve(0);
	assert_int_equal(hostmap_add_ram(hpa(0x40001000), PAGE_SIZE), HV_ENOMEM);
	/* The part behind the image needs none. */
	assert_int_equal(hostmap_add_ram(hpa(LOADED_AT - MIB(4) - PAGE_SIZE), MIB(5)), HV_ENOMEM);
	assert_int_equal(hostmap_add_ram(hpa(LOADED_END), MIB(1)), HV_ENOMEM);
	fake_page_feed();
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_image_is_mapped_where_it_is_linked_and_nothing_is_to_be_written_and_run),
		test(the_device_window_is_that_of_the_boot_tables),
		test(memory_is_in_the_direct_map),
		test(the_image_is_not_in_the_direct_map),
		test(pages_that_memory_begins_or_ends_in_are_mapped),
		test(two_ranges_may_share_a_page),
		test(what_is_above_the_direct_map_is_left_out),
		test(a_stack_has_a_page_on_either_side_that_nothing_maps),
		test(a_stack_without_memory_is_none),
		test(a_stack_that_was_freed_is_given_again),
		test(a_stack_without_memory_for_its_table_is_none),
		test(tables_without_memory_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
