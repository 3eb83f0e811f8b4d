// SPDX-License-Identifier: BSD-2-Clause
/*
 * Images of the bundle as memory: boot arguments size=N and sum=N say what the first one is, and nr=N how many there are.
 * It is read and executed, zero behind its end, and each way to write it fails and changes nothing.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "test.h"
#include "trap.h"

GUEST("pmem");

#define C_JR_RA	      0x8082 /* at the begin of the image */
#define STA_SET_SHMEM 0

static volatile uint8_t *bytes;

static uint64_t sum(uint64_t size)
{
	uint64_t s = 0;

	for (uint64_t i = 0; i < size; i++)
		s = s * 31 + bytes[i];
	return s & 0xffffffff;
}

static void refused(const char *how, unsigned long addr, struct trap t)
{
	if (t.count != 1 || t.cause != CAUSE_STORE_ACCESS || t.stval != addr)
		test_fail("%s at %lx: %lu traps, cause %lu, stval %lx", how, addr, t.count, t.cause,
			  t.stval);
}

static void test_writes(unsigned long addr)
{
	unsigned long v = 1;

	refused("sd", addr,
		TRAP_TRY(__asm__ volatile("sd %0, (%1)" ::"r"(~v), "r"(addr)
					  : "memory")));
	refused("sb", addr + 7,
		TRAP_TRY(__asm__ volatile("sb %0, (%1)" ::"r"(~v), "r"(addr + 7)
					  : "memory")));
	refused("c.sw", addr,
		TRAP_TRY(
			__asm__ volatile("mv a5, %1; mv a4, %0; c.sw a4, 0(a5)" ::"r"(~v), "r"(addr)
					 : "a4", "a5", "memory")));
	refused("amoadd", addr,
		TRAP_TRY(__asm__ volatile("amoadd.d %0, %0, (%1)"
					  : "+r"(v)
					  : "r"(addr)
					  : "memory")));
}

/* hartvisor writes no more than the guest may, and reads it as the guest may. */
static void test_calls(unsigned long addr)
{
	CHECK(sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, 16, addr, 0, 0, 0).error != 0);
	CHECK(sbi_call(SBI_EXT_STA, STA_SET_SHMEM, addr, 0, 0, 0, 0).error != 0);
}

void guest_main(void)
{
	uint64_t size = machine_arg("size", 0), is = machine_arg("sum", 0);
	unsigned long base;

	CHECK_EQ(machine.nr_pmem, machine_arg("nr", 1));
	if (machine.nr_pmem == 0)
		return;
	base = machine.pmem[0].base;
	bytes = (volatile uint8_t *)base;
	CHECK_EQ(base % 0x200000, 0);
	CHECK_EQ(machine.pmem[0].size, (size + 0x1fffff) & ~0x1fffffUL);
	CHECK_EQ(sum(size), is);
	for (uint64_t i = size; i < machine.pmem[0].size; i++)
		if (bytes[i] != 0)
			test_fail("byte %lx is %x", (unsigned long)i, bytes[i]);
	if (*(volatile uint16_t *)base == C_JR_RA)
		__asm__ volatile("fence.i; jalr ra, (%0)" ::"r"(base) : "ra", "memory");
	test_writes(base);
	test_writes(base + machine.pmem[0].size - 8);
	test_calls(base);
	CHECK_EQ(sum(size), is);
	print("pmem: %u, the first of %lu bytes\n", machine.nr_pmem, (unsigned long)size);
}
