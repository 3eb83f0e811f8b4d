// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/mm/hostmap.c hyp/mm/pgtable.c hyp/mm/page.c hyp/arch/boot_map.c hyp/arch/coroutine.c
// SOURCES: tests/unit/fake/page.c tests/unit/fake/pcpu.c
// CFLAGS: -fno-pie -no-pie -DFAKE_STACK_MAP_BASE=0x60000000UL -DFAKE_IMAGE_BASE=0x40000000UL
/*
 * hartvisor's own address space on harts that cache every translation, valid or not, that satp leads to at any step,
 * and forget them by sfence.vma alone. What is mapped is used, and what is not mapped any more is not.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "arch/boot_map.h"
#include "arch/checked.h"
#include "arch/coroutine.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/mmu.h"
#include "arch/sbi_call.h"
#include "fake/page.h"
#include "fake/pcpu.h"
#include "mm/hostmap.h"

#define ABSOLUTE(name, value) __asm__(".globl " name "\n.set " name ", " value "\n")
ABSOLUTE("__image_start", "0x40000000");
ABSOLUTE("__text_end", "0x40003000");
ABSOLUTE("__rodata_end", "0x40004000");
ABSOLUTE("__image_end", "0x40008000");

#define LOADED	UINT64_C(0x80200000)
#define RAM	UINT64_C(0xc0000000)
#define DEVICES UINT64_C(0x40000000)

/* --- harts ------------------------------------------------------------------------------------------------ */

#define HARTS 2
#define PAGES 4 /* that are looked at */
#define SETS  4

struct cached {
	unsigned int n;
	uint64_t of[SETS]; /* 0: nothing is mapped */
};

static struct {
	uint64_t satp;
	struct cached leaf[PAGES], table[PAGES][2];
} harts[HARTS];

static uint64_t watched[PAGES];

static void add(struct cached *c, uint64_t what)
{
	for (unsigned int i = 0; i < c->n; i++)
		if (c->of[i] == what)
			return;
	assert_true(c->n < SETS);
	c->of[c->n++] = what;
}

/* What the entry for @va in the table at @table leads to: a leaf as the address, or a table of the level below. */
static void walk_one(struct cached *leaf, struct cached *below, uint64_t table, unsigned int level,
		     uint64_t va)
{
	pte_t e = ((const pte_t *)hpa_to_ptr(hpa(table)))[va >> (12 + 9 * level) & 511];

	if (!pte_is_valid(e))
		add(leaf, 0);
	else if (pte_is_leaf(e))
		add(leaf, pte_hpa(e).hpa + (va & (pte_level_size(level) - 1)));
	else
		add(below, pte_hpa(e).hpa);
}

static void walk(uint64_t satp, uint64_t va, struct cached *leaf, struct cached table[2])
{
	walk_one(leaf, &table[1], (satp & (BIT(44) - 1)) << PAGE_SHIFT, 2, va);
	for (unsigned int level = 2; level-- > 0;)
		for (unsigned int i = 0; i < table[level].n; i++)
			walk_one(leaf, &table[level ? 0 : 1], table[level].of[i], level, va);
}

static void step(void)
{
	for (unsigned int h = 0; h < HARTS; h++)
		for (unsigned int i = 0; harts[h].satp && i < PAGES; i++)
			walk(harts[h].satp, watched[i], &harts[h].leaf[i], harts[h].table[i]);
}

void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid)
{
	unsigned int h = this_pcpu()->index;

	(void)gva, (void)asid;
	assert_int_equal(kind, FAKE_SFENCE_VMA_ALL);
	step();
	memset(harts[h].leaf, 0, sizeof(harts[h].leaf));
	memset(harts[h].table, 0, sizeof(harts[h].table));
	step();
}

uint64_t fake_csr_read(unsigned int csr)
{
	return csr == CSR_SATP ? harts[this_pcpu()->index].satp : 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	step();
	if (csr == CSR_SATP)
		harts[this_pcpu()->index].satp = val;
	step();
}

/* Page @i is at @va. */
static void watch(unsigned int i, uint64_t va)
{
	watched[i] = va;
	for (unsigned int h = 0; h < HARTS; h++) {
		memset(&harts[h].leaf[i], 0, sizeof(harts[h].leaf[i]));
		memset(harts[h].table[i], 0, sizeof(harts[h].table[i]));
	}
	step();
}

/* This hart uses page @i: it is just where the tables say that it is; 0: there is none. */
static void uses(unsigned int i, uint64_t pa)
{
	unsigned int h = this_pcpu()->index;
	struct cached leaf = { 0 }, table[2] = { 0 };

	step();
	walk(harts[h].satp, watched[i], &leaf, table);
	assert_int_equal(leaf.n, 1);
	assert_int_equal(leaf.of[0], pa);
	assert_int_equal(harts[h].leaf[i].n, 1);
	assert_int_equal(harts[h].leaf[i].of[0], pa);
}

/* --- what the sources link with ---------------------------------------------------------------------------- */

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)eid, (void)fid, (void)arg0, (void)arg1, (void)arg2, (void)arg3, (void)arg4,
		(void)arg5;
	abort();
}

void coroutine_entry(void);
bool coroutine_switch(struct coroutine *c);

void coroutine_entry(void)
{
}

static unsigned int switches;
static uint64_t stack_page;

/* It uses its stack, is interrupted twice, and is done. */
bool coroutine_switch(struct coroutine *c)
{
	(void)c;
	uses(0, stack_page);
	return ++switches == 3;
}

/* --- the promises -------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	static bool page_is_ready;

	(void)state;
	if (!page_is_ready)
		fake_page_setup(MIB(1), MIB(2));
	page_is_ready = true;
	fake_pcpu_setup(HARTS);
	memset(harts, 0, sizeof(harts));
	memset(watched, 0, sizeof(watched));
	switches = 0;
	csr_write(CSR_SATP, boot_map(hpa(LOADED)));
	return 0;
}

static void memory_is_seen_as_soon_as_it_is_mapped_at_boot(void **state)
{
	(void)state;
	watch(0, DIRECT_MAP_BASE + RAM + 0x5000);
	uses(0, 0);
	mmu_early_map(hpa(RAM), MIB(2));
	uses(0, RAM + 0x5000);
}

static void a_window_is_seen_as_soon_as_it_is_there(void **state)
{
	void *regs;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		watch(i, DEVICE_MAP_BASE + i * MIB(2) + 0x3000);
		uses(i, 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		regs = device_map(hpa(DEVICES + i * MIB(2) + 0x3000), 0x1000);
		assert_int_equal((uintptr_t)regs, watched[i]);
		uses(i, DEVICES + i * MIB(2) + 0x3000);
	}
}

static void the_final_tables_are_all_that_is_left(void **state)
{
	(void)state;
	mmu_early_map(hpa(RAM), MIB(2));
	watch(0, DIRECT_MAP_BASE + RAM);
	watch(1, IMAGE_BASE + 0x1000); /* text */
	watch(2, IMAGE_BASE + MIB(2)); /* behind the image */
	uses(0, RAM);
	uses(1, LOADED + 0x1000);
	uses(2, LOADED + MIB(2));
	assert_int_equal(hostmap_build(), HV_OK);
	uses(0, RAM);
	hostmap_load();
	uses(0, 0);
	uses(1, LOADED + 0x1000);
	uses(2, 0);
}

static void a_new_stack_is_seen_by_every_hart_that_uses_it(void **state)
{
	struct coroutine c;
	uint64_t top;

	(void)state;
	watch(0, STACK_MAP_BASE + PAGE_SIZE + HOST_STACK_SIZE - PAGE_SIZE);
	assert_int_equal(hostmap_build(), HV_OK);
	for (unsigned int h = 0; h < HARTS; h++) {
		fake_pcpu_become(h);
		hostmap_load();
		uses(0, 0);
	}
	top = hostmap_new_stack();
	assert_int_equal(top, STACK_MAP_BASE + PAGE_SIZE + HOST_STACK_SIZE);
	assert_true(mmap((void *)(top - HOST_STACK_SIZE), HOST_STACK_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	{
		struct cached leaf = { 0 }, table[2] = { 0 };

		walk(hostmap_satp(), watched[0], &leaf, table);
		stack_page = leaf.of[0];
	}
	coroutine_init(&c, top, HOST_STACK_SIZE);
	coroutine_begin(&c, NULL, NULL);
	uses(0, stack_page);
	/* Begun on hart 1; it goes on elsewhere, and comes back. */
	assert_false(coroutine_run(&c));
	fake_pcpu_become(0);
	assert_false(coroutine_run(&c));
	fake_pcpu_become(1);
	assert_true(coroutine_run(&c));
	assert_int_equal(switches, 3);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_is_seen_as_soon_as_it_is_mapped_at_boot),
		TEST(a_window_is_seen_as_soon_as_it_is_there),
		TEST(the_final_tables_are_all_that_is_left),
		TEST(a_new_stack_is_seen_by_every_hart_that_uses_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
