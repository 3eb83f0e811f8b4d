// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every SBI call and every rule about its arguments, errors and registers (riscv-sbi-doc 2.0). What
 * OpenSBI does otherwise, or the specification leaves open, is asked of hartvisor only.
 */
#include "csr.h"
#include "fdt.h"
#include "sbi.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"

GUEST("sbi");

#define CALL(eid, fid, ...) CALL_(eid, fid, ##__VA_ARGS__, 0, 0, 0, 0, 0)
#define CALL_(eid, fid, a, b, c, d, e, ...)                                            \
	sbi_call(eid, fid, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), \
		 (unsigned long)(d), (unsigned long)(e))
#define ERROR(...) CALL(__VA_ARGS__).error

#define NO_HART	  1000UL
#define NO_MEMORY 0x10UL

static bool is_virtual;

static unsigned long pending(unsigned long irq)
{
	return csr_read(sip) & 1UL << irq;
}

static void test_base(void)
{
	static const unsigned long there[] = { SBI_EXT_BASE, SBI_EXT_TIME, SBI_EXT_IPI,
					       SBI_EXT_RFNC, SBI_EXT_HSM,  SBI_EXT_SRST,
					       SBI_EXT_DBCN };
	struct sbiret version = CALL(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION);

	CHECK_EQ(version.error, SBI_SUCCESS);
	CHECK_EQ(version.value, 2 << 24);
	for (unsigned int i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		CHECK(sbi_probe(there[i]));
	CHECK(!sbi_probe(0x12345678));
	CHECK(!sbi_probe(0x08000001));
	for (unsigned long fid = SBI_BASE_GET_IMPL_VERSION; fid <= SBI_BASE_GET_MIMPID; fid++)
		CHECK_EQ(ERROR(SBI_EXT_BASE, fid, SBI_EXT_BASE), SBI_SUCCESS);
	CHECK_EQ(ERROR(SBI_EXT_BASE, 7), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(ERROR(0x12345678, 0), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(ERROR(0x08000001, 3), SBI_ERR_NOT_SUPPORTED);
}

/* Fills all registers but sp and tp with a pattern, calls, and returns those that came back changed. */
static unsigned long changed_registers(unsigned long eid, unsigned long fid)
{
	static unsigned long before[32], after[32];
	unsigned long changed = 0;

	for (unsigned long i = 0; i < 32; i++)
		before[i] = 0x1111111111111111UL * (i % 15 + 1) + i;
	before[10] = 0;
	before[11] = 0;
	before[16] = fid;
	before[17] = eid;
	__asm__ volatile(
		"addi sp, sp, -128\n"
		"sd s0, 0(sp)\n sd s1, 8(sp)\n sd s2, 16(sp)\n sd s3, 24(sp)\n"
		"sd s4, 32(sp)\n sd s5, 40(sp)\n sd s6, 48(sp)\n sd s7, 56(sp)\n"
		"sd s8, 64(sp)\n sd s9, 72(sp)\n sd s10, 80(sp)\n sd s11, 88(sp)\n"
		"sd gp, 96(sp)\n sd ra, 104(sp)\n sd %1, 112(sp)\n"
		"mv x31, %0\n"
		"ld x1, 8(x31)\n ld x3, 24(x31)\n"
		".irp n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30\n"
		"ld x\\n, \\n*8(x31)\n"
		".endr\n"
		"ld x31, 248(x31)\n"
		"ecall\n"
		"sd x31, 120(sp)\n"
		"ld x31, 112(sp)\n"
		"sd x1, 8(x31)\n sd x3, 24(x31)\n"
		".irp n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30\n"
		"sd x\\n, \\n*8(x31)\n"
		".endr\n"
		"ld t0, 120(sp)\n sd t0, 248(x31)\n"
		"ld s0, 0(sp)\n ld s1, 8(sp)\n ld s2, 16(sp)\n ld s3, 24(sp)\n"
		"ld s4, 32(sp)\n ld s5, 40(sp)\n ld s6, 48(sp)\n ld s7, 56(sp)\n"
		"ld s8, 64(sp)\n ld s9, 72(sp)\n ld s10, 80(sp)\n ld s11, 88(sp)\n"
		"ld gp, 96(sp)\n ld ra, 104(sp)\n"
		"addi sp, sp, 128\n"
		:
		: "r"(before), "r"(after)
		: "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5",
		  "a6", "a7", "memory");
	for (unsigned int i = 1; i < 32; i++)
		if (i != 2 && i != 4 && before[i] != after[i])
			changed |= 1UL << i;
	return changed;
}

static void test_registers(void)
{
	static const unsigned long calls[][2] = {
		{ SBI_EXT_BASE, 0 }, { SBI_EXT_BASE, 99 }, { SBI_EXT_IPI, 0 },	{ SBI_EXT_HSM, 2 },
		{ 0x12345678, 0 },   { SBI_EXT_DBCN, 0 },  { SBI_EXT_RFNC, 0 },
	};
	const unsigned long results = 1UL << 10 | 1UL << 11;

	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		unsigned long changed = changed_registers(calls[i][0], calls[i][1]);

		if (changed & ~results)
			test_fail("call %lx/%lu changed registers, mask %lx", calls[i][0],
				  calls[i][1], changed);
	}
	/* Legacy calls return in a0 alone. */
	CHECK_EQ(changed_registers(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0) & ~(1UL << 10), 0);
}

static void test_legacy(void)
{
	CHECK_EQ(CALL(SBI_EXT_LEGACY_CONSOLE_GETCHAR, 0).error, -1);
	for (const char *p = "legacy console\n"; *p; p++)
		CHECK_EQ(CALL(SBI_EXT_LEGACY_CONSOLE_PUTCHAR, 0, *p).error, 0);
	CHECK_EQ(CALL(SBI_EXT_LEGACY_SET_TIMER, 0, ~0UL).error, 0);
	CHECK(!pending(IRQ_TIMER));
}

static void test_time(void)
{
	unsigned long limit = time_in_ms(10000);

	CHECK_EQ(ERROR(SBI_EXT_TIME, SBI_TIME_SET_TIMER, 0), SBI_SUCCESS);
	while (!pending(IRQ_TIMER))
		CHECK(time_now() < limit);
	/* Masked in sie as it is, the pending bit still has to go. */
	CHECK_EQ(ERROR(SBI_EXT_TIME, SBI_TIME_SET_TIMER, time_in_ms(1000000)), SBI_SUCCESS);
	CHECK(!pending(IRQ_TIMER));
	CHECK_EQ(ERROR(SBI_EXT_TIME, SBI_TIME_SET_TIMER, time_in_ms(2)), SBI_SUCCESS);
	while (!pending(IRQ_TIMER))
		CHECK(time_now() < limit);
	CHECK_EQ(ERROR(SBI_EXT_TIME, SBI_TIME_SET_TIMER, ~0UL), SBI_SUCCESS);
	CHECK(!pending(IRQ_TIMER));
	CHECK_EQ(ERROR(SBI_EXT_TIME, 1), SBI_ERR_NOT_SUPPORTED);
}

static void test_ipi(unsigned long self)
{
	unsigned long limit = time_in_ms(10000);

	csr_clear(sip, 1UL << IRQ_SOFT);
	CHECK_EQ(sbi_send_ipi(1, self), SBI_SUCCESS);
	while (!pending(IRQ_SOFT))
		CHECK(time_now() < limit);
	csr_clear(sip, 1UL << IRQ_SOFT);
	CHECK(!pending(IRQ_SOFT));

	/* The mask means nothing when the base is -1. */
	CHECK_EQ(sbi_send_ipi(0, ~0UL), SBI_SUCCESS);
	while (!pending(IRQ_SOFT))
		CHECK(time_now() < limit);
	csr_clear(sip, 1UL << IRQ_SOFT);

	CHECK_EQ(sbi_send_ipi(1, NO_HART), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(ERROR(SBI_EXT_IPI, 1, 1, 0), SBI_ERR_NOT_SUPPORTED);
	if (is_virtual) {
		CHECK_EQ(sbi_send_ipi(1UL << 63, 0), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(sbi_send_ipi(~0UL, 0),
			 nr_cpus == 64 ? SBI_SUCCESS : SBI_ERR_INVALID_PARAM);
		CHECK_EQ(sbi_send_ipi(0, NO_HART), SBI_SUCCESS);
		CHECK_EQ(sbi_send_ipi(4, ~0UL - 1), SBI_ERR_INVALID_PARAM);
		/* One wrong hart, and nothing was sent to the right ones. */
		csr_clear(sip, 1UL << IRQ_SOFT);
		CHECK_EQ(sbi_send_ipi(1 | 1UL << 63, self), SBI_ERR_INVALID_PARAM);
		CHECK(!pending(IRQ_SOFT));
	}
	csr_clear(sip, 1UL << IRQ_SOFT);
}

static void test_rfence(unsigned long self)
{
	CHECK_EQ(sbi_remote_fence_i(1, self), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_fence_i(0, ~0UL), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_sfence_vma(1, self, 0, 0), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_sfence_vma(1, self, 0, ~0UL), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_sfence_vma(0, ~0UL, 0x1000, 0x3000), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_sfence_vma_asid(1, self, 0, 0, 1), SBI_SUCCESS);
	CHECK_EQ(sbi_remote_sfence_vma_asid(1, self, 0x1000, 0x1000, 0xffff), SBI_SUCCESS);
	CHECK_EQ(ERROR(SBI_EXT_RFNC, 7, 1, self), SBI_ERR_NOT_SUPPORTED);
	if (!is_virtual)
		return;
	for (unsigned long fid = 0; fid <= SBI_RFNC_REMOTE_SFENCE_VMA_ASID; fid++) {
		CHECK_EQ(ERROR(SBI_EXT_RFNC, fid, 1, NO_HART), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_RFNC, fid, 1UL << 63, 0), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_RFNC, fid, 0, NO_HART), SBI_SUCCESS);
	}
	/* Only a guest with the H extension could want these. */
	for (unsigned long fid = 3; fid <= SBI_RFNC_REMOTE_HFENCE_VVMA; fid++)
		CHECK_EQ(ERROR(SBI_EXT_RFNC, fid, 1, self), SBI_ERR_NOT_SUPPORTED);
}

static volatile unsigned long satp_seen, sstatus_seen, woken;

static void look_around(struct cpu *cpu)
{
	(void)cpu;
	satp_seen = csr_read(satp);
	sstatus_seen = csr_read(sstatus);
}

static void suspend_until_ipi(struct cpu *cpu)
{
	(void)cpu;
	csr_write(sie, 1UL << IRQ_SOFT);
	while (!pending(IRQ_SOFT))
		CHECK_EQ(ERROR(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE),
			 SBI_SUCCESS);
	csr_clear(sip, 1UL << IRQ_SOFT);
	woken = 1;
}

static void test_hsm_errors(unsigned long self)
{
	CHECK_EQ(sbi_hart_status(self), SBI_HSM_STATE_STARTED);
	CHECK_EQ(sbi_hart_status(NO_HART), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(sbi_hart_status(~0UL), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(sbi_hart_start(self, (unsigned long)test_hsm_errors, 0),
		 SBI_ERR_ALREADY_AVAILABLE);
	CHECK_EQ(sbi_hart_start(NO_HART, (unsigned long)test_hsm_errors, 0), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(ERROR(SBI_EXT_HSM, 4), SBI_ERR_NOT_SUPPORTED);
	CHECK_EQ(ERROR(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, 1), SBI_ERR_INVALID_PARAM);
}

static void test_hsm(unsigned long self)
{
	struct cpu *other = &cpus[1];
	unsigned long limit;

	test_hsm_errors(self);

	/* Retentive suspend of this hart ends with an interrupt that sie enables, taken or not. */
	csr_write(sie, 1UL << IRQ_TIMER);
	timer_set(time_in_ms(5));
	CHECK_EQ(ERROR(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE), SBI_SUCCESS);
	timer_set(~0UL);
	csr_write(sie, 0);

	if (nr_cpus < 2)
		return;
	CHECK_EQ(sbi_hart_status(other->hartid), SBI_HSM_STATE_STOPPED);
	if (is_virtual)
		CHECK_EQ(sbi_hart_start(other->hartid, NO_MEMORY, 0), SBI_ERR_INVALID_ADDRESS);
	for (int i = 0; i < 3; i++) {
		satp_seen = sstatus_seen = ~0UL;
		CHECK_EQ(smp_start(other, look_around), SBI_SUCCESS);
		smp_wait_stopped(other);
		CHECK_EQ(other->state, CPU_DONE);
		CHECK_EQ(satp_seen, 0);
		CHECK_EQ(sstatus_seen & SSTATUS_SIE, 0);
	}

	limit = time_in_ms(60000);
	CHECK_EQ(smp_start(other, suspend_until_ipi), SBI_SUCCESS);
	while (sbi_hart_status(other->hartid) != SBI_HSM_STATE_SUSPENDED)
		CHECK(time_now() < limit);
	if (is_virtual) /* OpenSBI: INVALID_PARAM */
		CHECK_EQ(sbi_hart_start(other->hartid, 0x80200000, 0), SBI_ERR_ALREADY_AVAILABLE);
	CHECK_EQ(sbi_send_ipi(1, other->hartid), SBI_SUCCESS);
	smp_wait_stopped(other);
	CHECK(woken);
}

static void test_srst(void)
{
	CHECK_EQ(ERROR(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, 3, 0), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(ERROR(SBI_EXT_SRST, 1, 0, 0), SBI_ERR_NOT_SUPPORTED);
	if (!is_virtual)
		return;
	CHECK_EQ(ERROR(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, 0xefffffff, 0), SBI_ERR_INVALID_PARAM);
	CHECK_EQ(ERROR(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, 0, 2), SBI_ERR_INVALID_PARAM);
	CHECK(ERROR(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, 0xf0000000, 0) < 0);
}

static void test_dbcn(void)
{
	static char text[] = "dbcn: a line in one piece\n", room[16];
	unsigned long at = (unsigned long)text, end = machine.ram_base + machine.ram_size;
	struct sbiret r = CALL(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, sizeof(text) - 1, at);

	/* May be partial, never more than asked. */
	CHECK_EQ(r.error, SBI_SUCCESS);
	CHECK((unsigned long)r.value < sizeof(text));
	r = CALL(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 0, at);
	CHECK_EQ(r.error, SBI_SUCCESS);
	CHECK_EQ(r.value, 0);
	r = CALL(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, sizeof(room), (unsigned long)room);
	CHECK_EQ(r.error, SBI_SUCCESS);
	CHECK_EQ(r.value, 0);
	CHECK_EQ(ERROR(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE_BYTE, '\n'), SBI_SUCCESS);
	CHECK_EQ(ERROR(SBI_EXT_DBCN, 3), SBI_ERR_NOT_SUPPORTED);
	if (!is_virtual)
		return;
	for (unsigned long fid = SBI_DBCN_CONSOLE_WRITE; fid <= SBI_DBCN_CONSOLE_READ; fid++) {
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, 16, NO_MEMORY), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, 16, 0x10000000), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, 16, at, 1), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, 16, end - 8), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, ~0UL, at), SBI_ERR_INVALID_PARAM);
		CHECK_EQ(ERROR(SBI_EXT_DBCN, fid, 16, ~0UL - 7), SBI_ERR_INVALID_PARAM);
	}
}

void guest_main(void)
{
	unsigned long self = this_cpu()->hartid;

	is_virtual = guest_is_virtual();
	test_base();
	test_registers();
	test_legacy();
	test_time();
	test_ipi(self);
	test_rfence(self);
	test_hsm(self);
	test_srst();
	test_dbcn();
}
