// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accesses outside memory: loads, stores, atomics and fetches each give their access fault with the
 * address in stval, through page tables too; so do page tables that lie outside; device windows may
 * answer what they like, but they answer.
 */
#include "csr.h"
#include "fdt.h"
#include "paging.h"
#include "plic.h"
#include "sbi.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "trap.h"
#include "uart.h"

GUEST("mem");

static unsigned long ram_end;
static bool lenient;

static struct trap load(unsigned long addr)
{
	unsigned long v;

	return TRAP_TRY(__asm__ volatile("ld %0, (%1)" : "=r"(v) : "r"(addr) : "memory"));
}

static struct trap store(unsigned long addr)
{
	return TRAP_TRY(__asm__ volatile("sd zero, (%0)" : : "r"(addr) : "memory"));
}

static struct trap amo(unsigned long addr)
{
	unsigned long v = 1;

	return TRAP_TRY(__asm__ volatile("amoadd.d %0, %0, (%1)" : "+r"(v) : "r"(addr) : "memory"));
}

static struct trap fetch(unsigned long addr)
{
	return TRAP_TRY(__asm__ volatile("jalr ra, (%0)" : : "r"(addr) : "ra", "memory"));
}

static void check(const char *name, unsigned long addr, struct trap t, unsigned long cause)
{
	/* QEMU itself calls a page table that is nowhere a page fault. */
	if (lenient && (t.cause == CAUSE_LOAD_PAGE || t.cause == CAUSE_STORE_PAGE ||
			t.cause == CAUSE_FETCH_PAGE))
		t.cause = cause;
	if (t.count != 1 || t.cause != cause || t.stval != addr)
		test_fail("%s at %lx: %lu traps, cause %lu (not %lu), stval %lx", name, addr,
			  t.count, t.cause, cause, t.stval);
}

static void check_nowhere(unsigned long addr)
{
	check("load", addr, load(addr), CAUSE_LOAD_ACCESS);
	check("store", addr, store(addr), CAUSE_STORE_ACCESS);
	check("amo", addr, amo(addr), CAUSE_STORE_ACCESS);
	check("fetch", addr, fetch(addr), CAUSE_FETCH_ACCESS);
}

static void test_outside(void)
{
	/* Nothing is there on virt, nor in a guest. */
	unsigned long everywhere[] = {
		0x00200000, 0x18000000, ram_end, ram_end + 8, ram_end + 0x1000, ram_end + 0x200000,
	};
	/* On virt something is, or QEMU has other limits than a G-stage. */
	static const unsigned long guests_only[] = {
		0,	    0x1000,	0x02000000, 0x02004000, 0x20000000,	 0x30000000,
		0x40000000, 0x7ffffff8, 1UL << 38,  1UL << 39,	(1UL << 41) - 8, 1UL << 41,
		1UL << 50,  1UL << 55,	1UL << 56,  1UL << 63,	~0UL - 7,
	};

	for (unsigned int i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		check_nowhere(everywhere[i]);
	if (!guest_is_virtual())
		return;
	for (unsigned int i = 0; i < sizeof(guests_only) / sizeof(guests_only[0]); i++)
		check_nowhere(guests_only[i]);
}

static void test_straddle(void)
{
	/* Half in memory, half not: the fault may name the access or its bad half. */
	for (unsigned long back = 1; back < 8; back++) {
		struct trap t = load(ram_end - back);

		if (t.count != 1 || t.cause != CAUSE_LOAD_ACCESS ||
		    (t.stval != ram_end - back && t.stval != ram_end))
			test_fail("load at end of memory - %lu: %lu traps, cause %lu, stval %lx",
				  back, t.count, t.cause, t.stval);
		t = store(ram_end - back);
		if (t.count != 1 || t.cause != CAUSE_STORE_ACCESS ||
		    (t.stval != ram_end - back && t.stval != ram_end))
			test_fail("store at end of memory - %lu: %lu traps, cause %lu, stval %lx",
				  back, t.count, t.cause, t.stval);
	}
	CHECK_EQ(load(ram_end - 8).count, 0);
}

#define CHECK_ANSWER(t, access, misaligned)                                               \
	do {                                                                              \
		if ((t).count && (t).cause != (access) && (t).cause != (misaligned))      \
			test_fail("mem:%d: at %lx cause %lu", __LINE__, addr, (t).cause); \
	} while (0)
#define CHECK_LOAD(t)  CHECK_ANSWER(t, CAUSE_LOAD_ACCESS, CAUSE_LOAD_MISALIGNED)
#define CHECK_STORE(t) CHECK_ANSWER(t, CAUSE_STORE_ACCESS, CAUSE_STORE_MISALIGNED)

static void poke(unsigned long addr)
{
	unsigned long v;
	struct trap t;

	t = TRAP_TRY(__asm__ volatile("lb %0, (%1)" : "=r"(v) : "r"(addr) : "memory"));
	CHECK_LOAD(t);
	t = TRAP_TRY(__asm__ volatile("lhu %0, (%1)" : "=r"(v) : "r"(addr) : "memory"));
	CHECK_LOAD(t);
	t = TRAP_TRY(__asm__ volatile("lw %0, (%1)" : "=r"(v) : "r"(addr) : "memory"));
	CHECK_LOAD(t);
	t = load(addr);
	CHECK_LOAD(t);
	t = TRAP_TRY(__asm__ volatile("sb zero, (%0)" : : "r"(addr) : "memory"));
	CHECK_STORE(t);
	t = store(addr);
	CHECK_STORE(t);
	t = amo(addr);
	CHECK_STORE(t);
	t = TRAP_TRY(__asm__ volatile("lr.w %0, (%1)" : "=r"(v) : "r"(addr) : "memory"));
	CHECK_LOAD(t);
	if (guest_is_virtual()) {
		t = fetch(addr & ~1UL);
		CHECK_EQ(t.count, 1);
		CHECK_EQ(t.cause, CAUSE_FETCH_ACCESS);
	}
}

static void test_device_windows(void)
{
	static const unsigned long at[] = {
		PLIC_BASE,
		PLIC_BASE + 1,
		PLIC_BASE + 0xffc,
		PLIC_BASE + 0x1ffe,
		PLIC_BASE + 0x1f2000,
		PLIC_BASE + 0x1fffff,
		PLIC_BASE + 0x200002,
		PLIC_BASE + 0x3ffff8,
		PLIC_BASE + 0x5ffffc,
		UART_BASE + 1,
		UART_BASE + 4,
		UART_BASE + 7,
		UART_BASE + 8,
		UART_BASE + 0xfc,
		UART_BASE + 0xff,
		0x00101000,
		0x00101004,
		0x00101ff9,
		0x00100ffc,
		0x00100003,
	};

	for (unsigned int i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		poke(at[i]);
	*uart_reg(UART_LCR) = 3;
	*uart_reg(UART_IER) = 0;
}

static void test_page_tables(void)
{
	static const unsigned long nowhere[] = { 0x00200000, 0x18000000, 1UL << 41,
						 (1UL << 56) - 4096 };
	unsigned long va = -(128UL << 30), leaf = PAGING_VA(7);
	volatile unsigned long *root = &paging_root[va >> 30 & 511];

	paging_init();
	paging_enable(0);
	CHECK_EQ(load(machine.ram_base + machine.ram_size / 2).count, 0);
	check("unmapped load", va, load(va), CAUSE_LOAD_PAGE);
	check("unmapped store", va, store(va), CAUSE_STORE_PAGE);
	check("unmapped fetch", va, fetch(va), CAUSE_FETCH_PAGE);
	for (unsigned int i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		if (i >= 2 && !guest_is_virtual())
			break;
		lenient = !guest_is_virtual();
		/* A table that lies nowhere, */
		*root = pte_make(nowhere[i], PTE_V);
		sfence_vma();
		check_nowhere(va);
		*root = 0;
		/* and a page that does. */
		paging_map(leaf, nowhere[i], PTE_RWX);
		sfence_vma();
		check_nowhere(leaf + 0x10);
	}
	paging_disable();
}

/*
 * Half in memory, half in a device: no access to the device. (QEMU itself splits it into bytes, so a device of a real
 * machine may answer.)
 */
static void test_straddle_device(void)
{
	unsigned long ram = PAGING_VA(3), device = PAGING_VA(4);

	if (!guest_is_virtual())
		return;
	paging_init();
	paging_map(ram, machine.ram_base + machine.ram_size / 2, PTE_RW);
	paging_map(device, PLIC_BASE, PTE_RW);
	paging_enable(0);
	for (unsigned long back = 1; back < 8; back++) {
		struct trap t = load(device - back);

		if (t.count != 1 || t.cause != CAUSE_LOAD_ACCESS ||
		    (t.stval != device - back && t.stval != device))
			test_fail("load %lu before a device: %lu traps, cause %lu, stval %lx", back,
				  t.count, t.cause, t.stval);
		t = store(device - back);
		if (t.count != 1 || t.cause != CAUSE_STORE_ACCESS ||
		    (t.stval != device - back && t.stval != device))
			test_fail("store %lu before a device: %lu traps, cause %lu, stval %lx",
				  back, t.count, t.cause, t.stval);
	}
	paging_disable();
}

#define RET 0x8082 /* c.ret */

/* RAM apart from the first range (boot argument more=N: there are N ranges) is RAM from its first byte to its last. */
static void test_more_ram(void)
{
	CHECK_EQ(machine.nr_more_ram, machine_arg("more", 0));
	for (unsigned int i = 0; i < machine.nr_more_ram; i++) {
		unsigned long base = machine.more_ram[i].base, size = machine.more_ram[i].size;
		unsigned long ends[] = { base, base + size - 8 };
		bool touches = i + 1 < machine.nr_more_ram &&
			       machine.more_ram[i + 1].base == base + size;

		for (unsigned int j = 0; j < 2; j++) {
			volatile unsigned long *p = (volatile unsigned long *)ends[j];

			CHECK_EQ(*p, 0);
			*p = 16 * i + j;
			*(volatile uint16_t *)(ends[j] + 4) = RET;
			fence_i();
			CHECK_EQ(fetch(ends[j] + 4).count, 0);
			CHECK_EQ(amo(ends[j]).count, 0);
		}
		if (!touches)
			check_nowhere(base + size);
	}
	/* No range shows through in another one. */
	for (unsigned int i = 0; i < machine.nr_more_ram; i++)
		CHECK_EQ(*(volatile uint32_t *)machine.more_ram[i].base, 16 * i + 1);
}

/* hartvisor itself reads what lies there, and a page table may. */
static void test_uses_of_more_ram(void)
{
	static const char text[] = "[more]\n";
	unsigned long va = -(128UL << 30);
	volatile unsigned long *root = &paging_root[va >> 30 & 511];

	for (unsigned int i = 0; i < machine.nr_more_ram; i++) {
		unsigned long at = machine.more_ram[i].base + machine.more_ram[i].size / 2;
		struct sbiret ret;

		memcpy((void *)at, text, sizeof(text));
		ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, sizeof(text) - 1, at, 0, 0, 0);
		CHECK_EQ(ret.error, 0);
		CHECK_EQ(ret.value, sizeof(text) - 1);
		*(unsigned long *)at = pte_make(machine.ram_base & -(1UL << 21), PTE_RW);
		paging_init();
		*root = pte_make(at, PTE_V);
		paging_enable(0);
		CHECK_EQ(load(va).count, 0);
		check("fetch", va, fetch(va), CAUSE_FETCH_PAGE);
		paging_disable();
		*root = 0;
	}
}

void guest_main(void)
{
	test_more_ram();
	test_uses_of_more_ram();
	ram_end = machine.ram_base + machine.ram_size;
	test_outside();
	test_straddle();
	test_device_windows();
	test_page_tables();
	test_straddle_device();
}
