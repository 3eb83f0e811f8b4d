// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads and stores of all widths to devices' registers, and beside them, by the thousand (boot arguments n=, seed=). What
 * they answer depends on no time, so that two hypervisors, or two ways through one, must come to the same.
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "test.h"
#include "trap.h"
#include "uart.h"

GUEST("mmio_fuzz");

#define PLIC_BASE 0x0c000000UL
#define NOWHERE	  0x18000000UL
#define MCR_LOOP  0x10 /* what is sent is received, and nothing goes out */

static unsigned long seed;
static unsigned long answers; /* a hash of all */

static unsigned long rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void add(unsigned long value)
{
	answers = (answers ^ value) * 0x100000001b3UL;
}

static unsigned long address(void)
{
	switch (rnd() % 8) {
	case 0:
		return PLIC_BASE + rnd() % 64 * 4; /* priorities */
	case 1:
		return PLIC_BASE + 0x1000 + rnd() % 36 * 4; /* pending, and behind it */
	case 2:
		return PLIC_BASE + 0x2000 + rnd() % 5 * 0x80 + rnd() % 4 * 4; /* enabled */
	case 3:
	case 4:
		return PLIC_BASE + 0x200000 + rnd() % 5 * 0x1000 + rnd() % 4 * 4; /* contexts */
	case 5:
		return rnd() % 4 ? NOWHERE : PLIC_BASE + rnd() % 0x610000;
	default:
		return UART_BASE + rnd() % 9;
	}
}

#define LOAD(insn)  __asm__ volatile(insn " %0, (%1)" : "=r"(val) : "r"(at) : "memory")
#define STORE(insn) __asm__ volatile(insn " %0, (%1)" : : "r"(val), "r"(at) : "memory")

static unsigned long load(unsigned long at, unsigned int kind)
{
	unsigned long val = 0;

	switch (kind) {
	case 0:
		LOAD("lb");
		break;
	case 1:
		LOAD("lbu");
		break;
	case 2:
		LOAD("lh");
		break;
	case 3:
		LOAD("lhu");
		break;
	case 4:
		LOAD("lw");
		break;
	case 5:
		LOAD("lwu");
		break;
	default:
		LOAD("ld");
		break;
	}
	return val;
}

static void store(unsigned long at, unsigned int kind, unsigned long val)
{
	switch (kind / 2) {
	case 0:
		STORE("sb");
		break;
	case 1:
		STORE("sh");
		break;
	case 2:
		STORE("sw");
		break;
	default:
		STORE("sd");
		break;
	}
}

static void one_access(void)
{
	unsigned long at = address(), val = rnd() >> rnd() % 64;
	unsigned int kind = rnd() % 8;
	struct trap t;

	if (rnd() % 4) /* mostly in their natural place */
		at &= ~((1UL << kind / 2) - 1);
	if (at == UART_BASE + UART_MCR)
		val |= MCR_LOOP;
	if (rnd() % 2) {
		t = TRAP_TRY(store(at, kind, val));
	} else {
		val = 0;
		t = TRAP_TRY(val = load(at, kind));
		if (!t.count)
			add(val);
	}
	if (t.count) {
		add(t.cause);
		add(t.stval);
	}
	add(csr_read(sip) & 1UL << IRQ_EXT);
	if (machine_arg("trace", 0))
		print("%lx kind %u: %lx, %lu traps, answers %lx\n", at, kind, val, t.count,
		      answers);
}

void guest_main(void)
{
	unsigned long n = machine_arg("n", 2000);

	seed = machine_arg("seed", 88172645463325252UL);
	csr_write(sie, 0);
	*uart_reg(UART_LCR) = 3;
	*uart_reg(UART_MCR) = MCR_LOOP;
	for (unsigned long i = 0; i < n; i++)
		one_access();
	*uart_reg(UART_LCR) = 3;
	*uart_reg(UART_IER) = 0;
	*uart_reg(UART_MCR) = 0;
	print("mmio_fuzz: %lu accesses, answers %lx\n", n, answers);
}
