// SPDX-License-Identifier: BSD-2-Clause
/* One vcpu by itself: calls, traps, devices. */
#include "bench.h"
#include "fdt.h"
#include "plic.h"
#include "test.h"
#include "time.h"
#include "uart.h"

#define FAR_AHEAD (1UL << 60)
#define A_PAGE	  0x80400000UL

/* An EID of no extension, and a guest-physical address where virt has nothing. */
#define UNKNOWN_EID 0x0b5e55edUL
#define NOWHERE	    0x18000000UL

/* Pages that the guest has not touched yet: hartvisor clears guest RAM, but through its own mapping. */
#define FRESH	    0x81000000UL
#define FRESH_PAGES (BATCHES * 200UL)

static void calls(void)
{
	unsigned long me = this_cpu()->hartid;

	BENCH_SBI_ROW("sbi-nop", 100, SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0, 0);
	BENCH_SBI_ROW("sbi-probe", 100, SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_TIME, 0, 0,
		      0);
	BENCH_SBI_ROW("sbi-unknown", 100, UNKNOWN_EID, 0, 0, 0, 0, 0);
	BENCH_SBI_ROW("sbi-set-timer", 100, SBI_EXT_TIME, SBI_TIME_SET_TIMER, FAR_AHEAD, 0, 0, 0);
	BENCH_SBI_ROW("hsm-status", 100, SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, me, 0, 0, 0);
	BENCH_SBI_ROW("sfence-self", 100, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, 1, me, A_PAGE,
		      4096);
	BENCH_SBI_ROW("sfence-all-self", 100, SBI_EXT_RFNC, SBI_RFNC_REMOTE_SFENCE_VMA, 1, me, 0,
		      ~0UL);
	BENCH_SBI_ROW("fencei-self", 100, SBI_EXT_RFNC, SBI_RFNC_REMOTE_FENCE_I, 1, me, 0, 0);
}

/* One IPI to @me; how many came before the next instruction. */
static unsigned long ipis_taken(unsigned long me)
{
	register unsigned long a0 __asm__("a0") = 1;
	register unsigned long a1 __asm__("a1") = me;
	register unsigned long a6 __asm__("a6") = SBI_IPI_SEND_IPI;
	register unsigned long a7 __asm__("a7") = SBI_EXT_IPI;
	register unsigned long taken __asm__("s11") = 0;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(taken) : "r"(a6), "r"(a7) : "memory");
	return taken;
}

/* Taken by an interrupt each, and cleared there. */
static void ipi_self(void)
{
	unsigned long me = this_cpu()->hartid, old = bench_vector(bench_vec_soft);

	csr_write(sie, 1UL << IRQ_SOFT);
	irq_on();
	CHECK_EQ(ipis_taken(me), 1);
	BENCH_SBI_ROW("ipi-self", 100, SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, me, 0, 0);
	irq_off();
	csr_write(sie, 0);
	csr_write(stvec, old);
	CHECK((csr_read(sip) & 1UL << IRQ_SOFT) == 0);
}

/* From when it is due to the handler's first instruction. */
static void timer_out_of_wfi(void)
{
	unsigned long old = bench_vector(bench_vec_timer);
	long samples[BATCHES];

	CHECK(timer_is_sstc());
	csr_write(sie, 1UL << IRQ_TIMER);
	for (unsigned int i = 0; i < BATCHES; i++) {
		register long next __asm__("s8") = 0;
		register long turns __asm__("s9") = 0;
		register long taken __asm__("s11") = 0;
		unsigned long due = time_now() + 200;

		csr_write(CSR_STIMECMP, due);
		/* With interrupts on only here: taken out of WFI or not at all. */
		__asm__ volatile("csrsi sstatus, 2\n"
				 ".balign 8\n"
				 "wfi\n"
				 "nop\n"
				 "csrci sstatus, 2"
				 : "+r"(next), "+r"(turns), "+r"(taken)
				 :
				 : "s10", "memory");
		CHECK_EQ(taken, 1);
		samples[i] = clock_before(next, turns) - (long)due * TICK;
	}
	csr_write(sie, 0);
	csr_write(stvec, old);
	bench_result("timer-wfi", bench_median(samples, BATCHES), 1);
}

#define BENCH_TRAP(insn, address) \
	__asm__ volatile(insn : : "r"(address) : "t0", "s10", "s11", "memory")
#define BENCH_TRAP_ROW(row, insn, address) \
	BENCH_ROW(row, 100, BENCH_TRAP(insn, address), BENCH_TRAP("", address))

/* Each ends in the guest's own handler, which skips it. */
static void exceptions(void)
{
	unsigned long old = bench_vector(bench_vec_skip);

	/* hstatus is a virtual instruction's matter; natively only a CSR that does not exist traps. */
	if (guest_is_virtual())
		BENCH_TRAP_ROW("csr-trap", "csrr t0, 0x600", 0);
	else
		BENCH_TRAP_ROW("csr-trap", "csrr t0, 0x5c0", 0);
	BENCH_TRAP_ROW("csr-illegal", "csrr t0, 0x5c0", 0);
	BENCH_TRAP_ROW("fault-nowhere", ".option push\n.option norvc\nld t0, 0(%0)\n.option pop",
		       NOWHERE);
	csr_write(stvec, old);
}

#define BENCH_INSN(insn, address) __asm__ volatile(insn : : "r"(address) : "t0", "a0", "memory")
#define BENCH_INSN_ROW(row, insn, address) \
	BENCH_ROW(row, 100, BENCH_INSN(insn, address), BENCH_INSN("", address))

/* Into a register that C keeps. */
#define BENCH_SAVED(insn, address) __asm__ volatile(insn : : "r"(address) : "s2", "memory")
#define BENCH_SAVED_ROW(row, insn, address) \
	BENCH_ROW(row, 100, BENCH_SAVED(insn, address), BENCH_SAVED("", address))

/* The UART's line goes up anew each time: QEMU's PLIC does not look at a line that stays high. */
static inline __attribute__((always_inline)) void claim_one(volatile uint32_t *claim, bool really)
{
	*uart_reg(UART_IER) = UART_IER_THRE;
	if (really) {
		uint32_t source = *claim;

		*claim = source;
	}
	*uart_reg(UART_IER) = 0;
}

/* WRS.NTO traps with stval 0, so that hartvisor has to fetch it (HLVX). No other vcpu waits for the hart. */
static void wait_on_reservation(void)
{
	BENCH_INSN_ROW("wrs-nto", ".word 0x00d00073", 0);
}

static void devices(void)
{
	unsigned long context = plic_context(this_cpu()->hartid);
	volatile uint32_t *claim = plic_claim(context);

	BENCH_INSN_ROW("uart-read", "lbu t0, 0(%0)", uart_reg(UART_SCR));
	BENCH_SAVED_ROW("uart-read-saved", "lbu s2, 0(%0)", uart_reg(UART_SCR));
	BENCH_INSN_ROW("uart-read-short",
		       ".option push\n.option arch, +c\nc.lw a0, 0(%0)\n.option pop",
		       uart_reg(UART_MCR));
	BENCH_INSN_ROW("uart-write", "sb zero, 0(%0)", uart_reg(UART_SCR));

	*plic_priority(UART_IRQ) = 1;
	*plic_enable(context, UART_IRQ) |= 1U << UART_IRQ;
	*plic_threshold(context) = 0;
	BENCH_ROW("plic-claim-complete", 100, claim_one(claim, true), claim_one(claim, false));
	for (unsigned int source = 1; source <= 100; source++) {
		*plic_priority(source) = 1;
		*plic_enable(context, source) |= 1U << source % 32;
	}
	BENCH_ROW("plic-100-enabled", 100, claim_one(claim, true), claim_one(claim, false));
	for (unsigned int source = 1; source <= 100; source++)
		*plic_enable(context, source) &= ~(1U << source % 32);
	(void)*claim;
	*claim = UART_IRQ;
}

static void fresh_pages(void)
{
	unsigned long page = FRESH;

	CHECK(FRESH + FRESH_PAGES * 4096 <= machine.ram_base + machine.ram_size);
	BENCH_ROW("page-first-touch", 200,
		  __asm__ volatile("sd zero, 0(%0)\nadd %0, %0, %1"
				   : "+r"(page)
				   : "r"(4096UL)
				   : "memory"),
		  __asm__ volatile("add %0, %0, %1"
				   : "+r"(page)
				   : "r"(4096UL)
				   : "memory"));
}

/* The text ends in a newline, or becomes a line of its own afterwards. */
static void console_write(const char *row, const char *text, unsigned long len)
{
	long samples[BATCHES];

	for (unsigned int i = 0; i < BATCHES; i++) {
		long began;

		bench_wait_asleep(); /* what is under way goes out */
		began = clock_edge();
		CHECK_EQ(BENCH_SBI("ecall", SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, len,
				   (unsigned long)text, 0, 0),
			 SBI_SUCCESS);
		samples[i] = clock_now() - began;
	}
	bench_result(row, bench_median(samples, BATCHES), 1);
	print("\n");
}

void bench_one(void)
{
	calls();
	ipi_self();
	timer_out_of_wfi();
	exceptions();
	wait_on_reservation();
	devices();
	fresh_pages();
	console_write("dbcn-1", ".", 1);
	console_write("dbcn-64",
		      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", 64);
}
