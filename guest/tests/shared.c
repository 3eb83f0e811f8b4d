// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that VMs share, and its doorbell. The first two VMs hand a counter to each other, each time by a ring and an interrupt;
 * `rounds` of them. One that may not write (boot argument reader=1) sees the memory, and neither writes nor executes it.
 */
#include <hartvisor/shared.h>

#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("shared");

#define REGS	0x10009000UL
#define SOURCE	12
#define MEMORY	0xc0000000UL /* the RAM is less than 1 GiB */
#define C_JR_RA 0x8082

static volatile uint64_t *const memory = (volatile uint64_t *)MEMORY;
static unsigned long context;

static volatile uint32_t *reg(unsigned long off)
{
	return (volatile uint32_t *)(REGS + off);
}

static void wait_for_peers(uint32_t peers)
{
	unsigned long limit = time_in_ms(60000);

	while ((*reg(HARTVISOR_SHARED_ALIVE) & peers) != peers)
		if (time_now() > limit)
			test_fail("the peers %x are not there", peers);
}

static void set_up_interrupt(void)
{
	*plic_priority(SOURCE) = 1;
	*plic_enable(context, SOURCE) |= 1U << SOURCE;
	*plic_threshold(context) = 0;
	csr_write(sie, 1UL << IRQ_EXT);
}

/* Asleep until the line is up; then the ring of @from has been taken. */
static void take_ring(uint32_t from)
{
	uint32_t source = 0;

	while (source == 0) {
		while (!(csr_read(sip) & 1UL << IRQ_EXT))
			__asm__ volatile("wfi" ::: "memory");
		source = *plic_claim(context);
	}
	CHECK_EQ(source, SOURCE);
	CHECK_EQ(*reg(HARTVISOR_SHARED_PENDING), 1u << from);
	*reg(HARTVISOR_SHARED_PENDING) = 1u << from;
	*plic_claim(context) = source;
}

static void pass_on(uint64_t is, uint32_t other)
{
	CHECK_EQ(memory[0], is);
	memory[0] = is + 1;
	__asm__ volatile("fence rw, o" ::: "memory");
	*reg(HARTVISOR_SHARED_RING) = other;
}

static void test_pair(uint32_t me)
{
	const unsigned long rounds = machine_arg("rounds", 100);

	CHECK_EQ(*reg(HARTVISOR_SHARED_ACCESS), 1);
	set_up_interrupt();
	*reg(HARTVISOR_SHARED_ENABLE) = UINT32_MAX;
	if (me == 0) {
		wait_for_peers(3);
		memory[1] = C_JR_RA;
		/* The other one enables its interrupt some time; until then the ring is pending. */
		pass_on(0, 1);
	}
	for (unsigned long n = me == 0; n < rounds; n++) {
		take_ring(me ^ 1);
		pass_on(2 * n + me, me ^ 1);
	}
	print("shared: %lu rounds\n", rounds);
}

static void refused(struct trap t, unsigned long cause, unsigned long addr)
{
	if (t.count != 1 || t.cause != cause || t.stval != addr)
		test_fail("%lx: %lu traps, cause %lu, stval %lx", addr, t.count, t.cause, t.stval);
}

static void test_reader(void)
{
	unsigned long limit = time_in_ms(60000), v = 1;

	CHECK_EQ(*reg(HARTVISOR_SHARED_ACCESS), 0);
	while (memory[1] != C_JR_RA)
		if (time_now() > limit)
			test_fail("nothing is written");
	refused(TRAP_TRY(__asm__ volatile("sd %0, (%1)" ::"r"(v), "r"(MEMORY)
					  : "memory")),
		CAUSE_STORE_ACCESS, MEMORY);
	refused(TRAP_TRY(__asm__ volatile("amoadd.d %0, %0, (%1)"
					  : "+r"(v)
					  : "r"(MEMORY)
					  : "memory")),
		CAUSE_STORE_ACCESS, MEMORY);
	refused(TRAP_TRY(__asm__ volatile("jalr %0" ::"r"(MEMORY + 8)
					  : "ra", "memory")),
		CAUSE_FETCH_ACCESS, MEMORY + 8);
	/* It may ring; what comes of it is the others' matter. */
	*reg(HARTVISOR_SHARED_RING) = 9;
}

void guest_main(void)
{
	uint32_t me = *reg(HARTVISOR_SHARED_PEER);

	context = plic_context(this_cpu()->hartid);
	CHECK_EQ(*reg(HARTVISOR_SHARED_MAGIC), HARTVISOR_SHARED_IS);
	CHECK_EQ(*reg(HARTVISOR_SHARED_VERSION), 1);
	if (machine_arg("reader", 0))
		test_reader();
	else
		test_pair(me);
	test_pass();
}
