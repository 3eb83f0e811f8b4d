// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every CSR number is read and written from S-mode and read from U-mode. Whatever a CSR is, the access
 * works or is an illegal instruction; on hartvisor those of M-mode and of the H extension are always the
 * latter. Counters that are not enabled for guests are that, or they read as zero.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"
#include "trap.h"

GUEST("csr");

#define CSRRW(csr) \
	((uint32_t)(csr) << 20 | 11 << 15 | 1 << 12 | 10 << 7 | 0x73) /* csrrw a0, csr, a1 */
#define CSRRS(csr) ((uint32_t)(csr) << 20 | 2 << 12 | 10 << 7 | 0x73) /* csrrs a0, csr, x0 */
#define RET	   0x00008067

static uint32_t code[2] __attribute__((aligned(8)));
static char user_stack[4096] __attribute__((aligned(16)));
static bool is_virtual;
static unsigned int worked, refused;

static struct trap run(uint32_t insn, unsigned long *value)
{
	struct trap t;
	unsigned long result;

	code[0] = insn;
	code[1] = RET;
	fence_i();
	t = TRAP_TRY(result = ((unsigned long (*)(unsigned long, unsigned long))code)(0, *value));
	*value = result;
	return t;
}

static void check_illegal(struct trap t, uint32_t insn)
{
	if (t.count != 1 || t.cause != CAUSE_ILLEGAL || (t.stval != 0 && t.stval != insn) ||
	    t.sepc != (unsigned long)code)
		test_fail("csr %x: %lu traps, the first one %lu, stval %lx, sepc %lx", insn >> 20,
			  t.count, t.cause, t.stval, t.sepc);
}

/* M-mode's, debug mode's, the H extension's (whose VS bank is 0x200). */
static bool is_never_a_guests(unsigned int csr)
{
	unsigned int level = csr >> 8 & 3;

	return level == 2 || level == 3;
}

static bool is_closed_counter(unsigned int csr)
{
	return csr >= 0xc00 && csr <= 0xc1f && csr != 0xc01;
}

/* Written with anything but their own value, these pull the ground from under this very test. */
static bool is_ours(unsigned int csr)
{
	return csr == 0x100 /* sstatus */ || csr == 0x104 /* sie */ || csr == 0x105 /* stvec */ ||
	       csr == 0x140 /* sscratch */ || csr == 0x144 /* sip */ || csr == 0x180 /* satp */ ||
	       csr == CSR_SENVCFG;
}

/* Natively all of these do something, to the hypervisor that we are then, or to debug triggers. */
static bool is_left_alone_natively(unsigned int csr)
{
	return !is_virtual && ((csr >> 8 & 3) == 2 || (csr >= 0x5a0 && csr <= 0x5af));
}

static void test_csr(unsigned int csr)
{
	unsigned long value = 0, old;
	struct trap t = run(CSRRS(csr), &value);

	if (t.count) {
		check_illegal(t, CSRRS(csr));
		refused++;
	} else {
		worked++;
		if (is_virtual && (is_never_a_guests(csr) || (is_closed_counter(csr) && value)))
			test_fail("csr %x can be read: %lx", csr, value);
	}

	old = value;
	t = run(CSRRW(csr), &value);
	if (t.count)
		check_illegal(t, CSRRW(csr));
	else if (is_virtual && is_never_a_guests(csr))
		test_fail("csr %x can be written", csr);
	if (t.count || is_ours(csr))
		return;
	for (int i = 0; i < 4; i++) {
		static const unsigned long values[] = { ~0UL, 0, 0x5555555555555555UL,
							0xaaaaaaaaaaaaaaaaUL };

		value = values[i];
		t = run(CSRRW(csr), &value);
		if (t.count)
			check_illegal(t, CSRRW(csr));
	}
	value = old;
	run(CSRRW(csr), &value);
}

static unsigned long user_read(unsigned long arg)
{
	return ((unsigned long (*)(unsigned long, unsigned long))code)(0, arg);
}

static void test_csr_from_user(unsigned int csr)
{
	struct trap t;

	code[0] = CSRRS(csr);
	fence_i();
	t = TRAP_TRY(user_call(user_read, 0, user_stack + sizeof(user_stack)));
	if (t.count)
		check_illegal(t, CSRRS(csr));
	else if (csr >> 8 & 3)
		test_fail("csr %x can be read from user mode", csr);
}

void guest_main(void)
{
	is_virtual = guest_is_virtual();
	for (unsigned int csr = 0; csr < 4096; csr++) {
		if (is_left_alone_natively(csr))
			continue;
		test_csr(csr);
		test_csr_from_user(csr);
	}
	print("csr: %u of 4096 can be read, %u cannot\n", worked, refused);
	CHECK(worked > 10);
	CHECK(refused > 3000);
}
