// SPDX-License-Identifier: BSD-2-Clause
/*
 * The PLIC: an interrupt's way from source to completion, claims on every context there is and is not,
 * reserved registers, and a storm of accesses anywhere in its window.
 */
#include "csr.h"
#include "fdt.h"
#include "plic.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "uart.h"

GUEST("plic");

#define PLIC_SIZE 0x600000UL

static unsigned long context;

static bool pending_at_hart(void)
{
	return csr_read(sip) & 1UL << IRQ_EXT;
}

static void raise_uart(void)
{
	*uart_reg(UART_IER) = UART_IER_THRE;
}

static void lower_uart(void)
{
	*uart_reg(UART_IER) = 0;
}

#define wait_pending(want) wait_pending_at(want, __LINE__)

static void wait_pending_at(bool want, int line)
{
	unsigned long limit = time_in_ms(10000);

	while (pending_at_hart() != want)
		if (time_now() > limit)
			test_fail("plic:%d: the external interrupt did not become %d", line, want);
}

static void set_up(void)
{
	*plic_priority(UART_IRQ) = 1;
	*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
	*plic_threshold(context) = 0;
}

static void test_claim(void)
{
	set_up();
	CHECK_EQ(*plic_claim(context), 0);
	raise_uart();
	wait_pending(true);
	CHECK(*plic_pending(UART_IRQ) & 1U << UART_IRQ);
	CHECK_EQ(*plic_claim(context), UART_IRQ);
	/* Claimed: not pending and not given again, though the line is still up. */
	wait_pending(false);
	CHECK_EQ(*plic_claim(context), 0);
	/* Completing what is not ours, or is no source, is ignored. */
	*plic_claim(context) = 0;
	*plic_claim(context) = 3;
	*plic_claim(context) = 1023;
	*plic_claim(context) = 0xffffffff;
	CHECK_EQ(*plic_claim(context), 0);
	/* Completed with the line still up: it comes again (not with QEMU's own PLIC). */
	if (guest_is_virtual()) {
		*plic_claim(context) = UART_IRQ;
		wait_pending(true);
		CHECK_EQ(*plic_claim(context), UART_IRQ);
	}
	lower_uart();
	*plic_claim(context) = UART_IRQ;
	wait_pending(false);
	CHECK_EQ(*plic_claim(context), 0);
}

static void test_gates(void)
{
	set_up();
	raise_uart();
	wait_pending(true);
	*plic_threshold(context) = 1;
	wait_pending(false);
	*plic_threshold(context) = 0;
	wait_pending(true);
	*plic_priority(UART_IRQ) = 0;
	wait_pending(false);
	*plic_priority(UART_IRQ) = 7;
	wait_pending(true);
	if (guest_is_virtual()) { /* QEMU's looks at enables at the next occasion only */
		*plic_enable(context, UART_IRQ) = 0;
		wait_pending(false);
		*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
		wait_pending(true);
	}
	lower_uart();
	/* It was latched by the gateway: one claim may still find it. */
	if (*plic_claim(context) == UART_IRQ)
		*plic_claim(context) = UART_IRQ;
	wait_pending(false);
}

static void test_other_contexts(void)
{
	/* M-mode's contexts, other harts', and those of no hart. */
	for (unsigned long c = 0; c < 2UL * nr_cpus + 16; c++) {
		if (c == context)
			continue;
		CHECK_EQ(*plic_claim(c), 0);
		*plic_claim(c) = UART_IRQ;
		*plic_threshold(c) = 7;
		(void)*plic_threshold(c);
	}
	if (guest_is_virtual())
		for (unsigned long c = 64; c < (PLIC_SIZE - 0x200000) / 0x1000; c += 61) {
			CHECK_EQ(*plic_claim(c), 0);
			*plic_claim(c) = UART_IRQ;
		}
	for (unsigned long c = 0; c < 2UL * nr_cpus; c++)
		*plic_threshold(c) = 0;
	test_claim();
}

static void test_m_context_is_inert(void)
{
	if (!guest_is_virtual())
		return;
	set_up();
	*plic_enable(context, UART_IRQ) = 0;
	*plic_enable(context - 1, UART_IRQ) = 1U << UART_IRQ;
	raise_uart();
	CHECK(!pending_at_hart());
	*plic_enable(context - 1, UART_IRQ) = 0;
	lower_uart();
	*plic_claim(context - 1) = UART_IRQ;
	/* It was latched all the same; away with it. */
	*plic_enable(context, UART_IRQ) = 1U << UART_IRQ;
	CHECK_EQ(*plic_claim(context), UART_IRQ);
	*plic_claim(context) = UART_IRQ;
	CHECK_EQ(*plic_claim(context), 0);
}

static void test_reserved(void)
{
	*plic_priority(0) = 7;
	CHECK_EQ(*plic_priority(0), 0);
	*plic_enable(context, 0) = 0xffffffff;
	CHECK_EQ(*plic_enable(context, 0) & 1, 0);
	*plic_enable(context, 0) = 0;
	*plic_pending(0) = ~(1U << UART_IRQ); /* read only; the UART's may still be latched */
	CHECK_EQ(*plic_pending(0) & ~(1U << UART_IRQ), 0);
	for (unsigned int source = 1; source < 1024; source++) {
		*plic_priority(source) = 7;
		*plic_enable(context, source) = 0xffffffff;
	}
	CHECK_EQ(*plic_claim(context), 0);
	for (unsigned int source = 1; source < 1024; source++) {
		*plic_priority(source) = 0;
		*plic_enable(context, source) = 0;
	}
	*plic_reg(0x1080) = 0xffffffff;
	*plic_reg(0x1f2000) = 0xffffffff;
	CHECK_EQ(*plic_reg(0x1f2000), 0);
}

static void test_storm(void)
{
	unsigned long seed = 0x2545f4914f6cdd1d, n = machine_arg("n", 20000);

	for (unsigned long i = 0; i < n; i++) {
		volatile uint32_t *reg;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		reg = plic_reg(seed % PLIC_SIZE & ~3UL);
		if (seed >> 60 & 1)
			(void)TRAP_TRY(*reg = (uint32_t)(seed >> 20));
		else
			(void)TRAP_TRY((void)*reg);
	}
	/* What it left behind is undone; then all works as before. */
	for (unsigned int source = 0; source < 1024; source++)
		(void)TRAP_TRY(*plic_priority(source) = 0);
	for (unsigned int source = 0; source < 1024; source += 32)
		(void)TRAP_TRY(*plic_enable(context, source) = 0);
	test_claim();
}

void guest_main(void)
{
	context = plic_context(this_cpu()->hartid);
	*uart_reg(UART_IER) = 0;
	test_claim();
	test_gates();
	test_other_contexts();
	test_m_context_is_inert();
	if (guest_is_virtual()) { /* QEMU's is not as strict */
		test_reserved();
		test_storm();
	}
}
