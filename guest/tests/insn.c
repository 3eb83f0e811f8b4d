// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions that trap, or that a hypervisor may make trap, from S-mode and from U-mode: each works
 * or arrives at this guest's own handler as the architecture says.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("insn");

#define RS1_A0	  (10U << 15)
#define RET	  0x00008067U
#define C_RET	  0x8082U
#define WFI	  0x10500073U
#define WRS_NTO	  0x00d00073U
#define WRS_STO	  0x01d00073U
#define PAUSE	  0x0100000fU
#define CBO_INVAL (0x0000200fU | RS1_A0)
#define CBO_CLEAN (0x0010200fU | RS1_A0)
#define CBO_FLUSH (0x0020200fU | RS1_A0)
#define CBO_ZERO  (0x0040200fU | RS1_A0)

#define CAN_ILLEGAL 1 /* an illegal instruction exception */
#define CAN_WORK    2
#define CAN_BOTH    3

static uint32_t code[4] __attribute__((aligned(16)));
static char user_stack[4096] __attribute__((aligned(16)));
static uint8_t block[4096] __attribute__((aligned(4096)));
static bool is_virtual;

static unsigned long call_code(unsigned long arg)
{
	return ((unsigned long (*)(unsigned long))code)(arg);
}

static struct trap run(uint32_t insn, bool user)
{
	unsigned long arg = (unsigned long)block;

	code[0] = insn;
	if ((insn & 3) == 3) {
		code[1] = RET;
	} else {
		code[0] |= C_RET << 16;
		code[1] = RET;
	}
	fence_i();
	return user ? TRAP_TRY(user_call(call_code, arg, user_stack + sizeof(user_stack))) :
		      TRAP_TRY(call_code(arg));
}

static void check(const char *name, uint32_t insn, bool user, unsigned int allowed)
{
	struct trap t = run(insn, user);
	const char *where = user ? "U" : "S";

	if (!t.count) {
		if (!(allowed & CAN_WORK))
			test_fail("%s (%x) from %s-mode went through", name, insn, where);
		return;
	}
	if (!(allowed & CAN_ILLEGAL) || t.count != 1 || t.cause != CAUSE_ILLEGAL ||
	    t.sepc != (unsigned long)code)
		test_fail("%s (%x) from %s-mode: %lu traps, cause %lu at %lx", name, insn, where,
			  t.count, t.cause, t.sepc);
	/* QEMU 10 leaves an older instruction in stval when mret and its kin are refused. */
	if ((insn & 0x707f) != 0x73 && t.stval != 0 && t.stval != insn &&
	    t.stval != (insn & 0xffff))
		test_fail("%s (%x) from %s-mode: stval %lx", name, insn, where, t.stval);
}

static void test_illegal(bool user)
{
	check("zeros", 0x0000, user, CAN_ILLEGAL);
	check("ones", 0xffffffff, user, CAN_ILLEGAL);
	check("custom-0 hole", 0x0000700b, user, CAN_ILLEGAL);
	check("reserved op", 0xfe00707f, user, CAN_ILLEGAL);
	check("mret", 0x30200073, user, CAN_ILLEGAL);
	check("uret", 0x00200073, user, CAN_ILLEGAL);
	check("dret", 0x7b200073, user, CAN_ILLEGAL);
	check("fadd.d with FS off", 0x02a50553, user, CAN_ILLEGAL);
	check("c.fld with FS off", 0x2108, user, CAN_ILLEGAL);
	check("vsetvli with VS off", 0x0d0572d7, user, CAN_ILLEGAL);
	if (user) {
		check("sret", 0x10200073, user, CAN_ILLEGAL);
		check("sfence.vma", 0x12000073, user, CAN_ILLEGAL);
	}
	if (!is_virtual)
		return;
	check("hfence.vvma", 0x22000073, user, CAN_ILLEGAL);
	check("hfence.gvma", 0x62000073, user, CAN_ILLEGAL);
	check("hlv.b", 0x60054573, user, CAN_ILLEGAL);
	check("hlv.d", 0x6c054573, user, CAN_ILLEGAL);
	check("hlvx.hu", 0x64354573, user, CAN_ILLEGAL);
	check("hsv.b", 0x62a54073, user, CAN_ILLEGAL);
	check("hsv.d", 0x6ea54073, user, CAN_ILLEGAL);
	check("hinval.gvma", 0x66000073, user, CAN_ILLEGAL);
}

static void test_waiting(void)
{
	/* With something pending that sie enables, WFI goes through at once. */
	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(time_in_ms(3));
	check("wfi", WFI, false, CAN_WORK);
	timer_set(0);
	check("wfi", WFI, false, CAN_WORK);
	timer_set(~0UL);
	csr_write(sie, 0);
	check("wfi", WFI, true, CAN_ILLEGAL);
	/* Without a reservation it may return at once, and it has to at last. */
	for (int i = 0; i < 100; i++) {
		check("wrs.nto", WRS_NTO, false, machine_has("zawrs") ? CAN_WORK : CAN_BOTH);
		check("wrs.sto", WRS_STO, false, machine_has("zawrs") ? CAN_WORK : CAN_BOTH);
		check("wrs.nto", WRS_NTO, true, CAN_BOTH);
		check("wrs.sto", WRS_STO, true, CAN_BOTH);
	}
	check("pause", PAUSE, false, CAN_WORK);
	check("pause", PAUSE, true, CAN_WORK);
}

static void test_cache_blocks(void)
{
	unsigned int cbom = machine_has("zicbom") ? CAN_WORK : is_virtual ? CAN_ILLEGAL : CAN_BOTH;
	unsigned int cboz = machine_has("zicboz") ? CAN_WORK : is_virtual ? CAN_ILLEGAL : CAN_BOTH;

	for (unsigned int i = 0; i < sizeof(block); i++)
		block[i] = 0xa5;
	check("cbo.clean", CBO_CLEAN, false, cbom);
	check("cbo.flush", CBO_FLUSH, false, cbom);
	check("cbo.inval", CBO_INVAL, false, cbom);
	check("cbo.zero", CBO_ZERO, false, cboz);
	if (cboz == CAN_WORK)
		CHECK(block[0] == 0 && block[15] == 0);
	CHECK(block[2048] == 0xa5);

	/* senvcfg is 0 until a guest opens them for its user. */
	block[0] = 0xa5;
	check("cbo.clean", CBO_CLEAN, true, is_virtual ? CAN_ILLEGAL : CAN_BOTH);
	check("cbo.inval", CBO_INVAL, true, is_virtual ? CAN_ILLEGAL : CAN_BOTH);
	check("cbo.zero", CBO_ZERO, true, is_virtual ? CAN_ILLEGAL : CAN_BOTH);
	if (is_virtual)
		CHECK(block[0] == 0xa5);
	if (!machine_has("zicboz"))
		return;
	csr_set(CSR_SENVCFG, 1UL << 7);
	check("cbo.zero", CBO_ZERO, true, CAN_WORK);
	CHECK(block[0] == 0);
	csr_clear(CSR_SENVCFG, 1UL << 7);
	check("cbo.zero", CBO_ZERO, true, CAN_ILLEGAL);
}

static void test_calls(void)
{
	struct trap t = run(0x00000073, true);

	CHECK_EQ(t.count, 1);
	CHECK_EQ(t.cause, CAUSE_USER_ECALL);
	CHECK_EQ(t.sepc, code);
	for (int user = 0; user < 2; user++) {
		t = run(0x00100073, user);
		CHECK_EQ(t.count, 1);
		CHECK_EQ(t.cause, CAUSE_BREAKPOINT);
		CHECK_EQ(t.sepc, code);
		t = run(0x9002, user); /* c.ebreak */
		CHECK_EQ(t.count, 1);
		CHECK_EQ(t.cause, CAUSE_BREAKPOINT);
	}
}

static void check_misaligned(const char *name, struct trap t, unsigned long addr, bool store,
			     bool may_work)
{
	unsigned long misaligned = store ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED;
	unsigned long access = store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS;

	if (!t.count) {
		if (!may_work)
			test_fail("misaligned %s went through", name);
		return;
	}
	if (t.count != 1 || (t.cause != misaligned && t.cause != access) || t.stval != addr)
		test_fail("misaligned %s: %lu traps, cause %lu, stval %lx", name, t.count, t.cause,
			  t.stval);
}

static void test_misaligned(void)
{
	for (unsigned long offset = 1; offset < 8; offset++) {
		unsigned long addr = (unsigned long)block + 64 + offset, v = 0;

		check_misaligned("load",
				 TRAP_TRY(__asm__ volatile("ld %0, (%1)"
							   : "=r"(v)
							   : "r"(addr)
							   : "memory")),
				 addr, false, true);
		check_misaligned("store",
				 TRAP_TRY(__asm__ volatile("sd %0, (%1)"
							   :
							   : "r"(v), "r"(addr)
							   : "memory")),
				 addr, true, true);
		check_misaligned("lr.d",
				 TRAP_TRY(__asm__ volatile("lr.d %0, (%1)"
							   : "=r"(v)
							   : "r"(addr)
							   : "memory")),
				 addr, false, false);
		check_misaligned("sc.d",
				 TRAP_TRY(__asm__ volatile("sc.d %0, %0, (%1)"
							   : "+r"(v)
							   : "r"(addr)
							   : "memory")),
				 addr, true, true);
		check_misaligned("amoadd.d",
				 TRAP_TRY(__asm__ volatile("amoadd.d %0, %0, (%1)"
							   : "+r"(v)
							   : "r"(addr)
							   : "memory")),
				 addr, true, true);
	}
}

/*
 * A WFI and a WRS.NTO in the last bytes of a page, where QEMU 10.0 reports the next page's address when
 * they trap; what follows each says whether the guest went on there.
 */
__asm__(".pushsection .text\n"
	".balign 4096\n"
	"ends_of_pages:\n"
	"	.skip 4092\n"
	"wfi_at_the_end:\n"
	"	.word 0x10500073\n" /* wfi */
	"	li a0, 1\n"
	"	ret\n"
	"	.skip 4096 - 4 - 4\n"
	"wrs_at_the_end:\n"
	"	.word 0x00d00073\n" /* wrs.nto */
	"	li a0, 2\n"
	"	ret\n"
	"	.skip 4096 - 4\n"
	"	li a0, 3\n" /* one page too far */
	"	ret\n"
	"	.popsection\n");

unsigned long wfi_at_the_end(void);
unsigned long wrs_at_the_end(void);

static void test_ends_of_pages(void)
{
	csr_write(sie, 1UL << IRQ_TIMER);
	for (unsigned int i = 0; i < 3; i++) {
		timer_set(time_now());
		CHECK_EQ(wfi_at_the_end(), 1);
		timer_set(~0UL);
		if (machine_has("zawrs"))
			CHECK_EQ(wrs_at_the_end(), 2);
	}
	csr_write(sie, 0);
}

void guest_main(void)
{
	is_virtual = guest_is_virtual();
	csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS);
	test_illegal(false);
	test_illegal(true);
	test_waiting();
	test_cache_blocks();
	test_calls();
	test_misaligned();
	test_ends_of_pages();
}
