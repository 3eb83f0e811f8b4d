/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of state of the VM's devices. The UART's and the RTC's lines are high while they are marked, which marks the
 * PLIC: one source is in service, the other one pending.
 */
#include "plic.h"
#include "smp.h"
#include "test.h"
#include "time.h"
#include "uart.h"
#include "state.h"

/* --- uart: in loopback, so that it holds bytes --- */

#define UART_DLL 0 /* behind LCR.DLAB */
#define UART_DLM 1

#define UART_LCR_DLAB 0x80
#define UART_MCR_LOOP 0x10
#define UART_IIR_FIFO 0xc0
#define UART_BYTES    5

static struct {
	uint8_t lcr, dll, dlm, ier, mcr, msr, scr;
	uint8_t bytes[UART_BYTES];
} uart_want;

static bool uart_exists(void)
{
	return true;
}

static void uart_fresh(void)
{
	CHECK_EQ(*uart_reg(UART_IER), 0);
	CHECK_EQ(*uart_reg(UART_LCR), 0);
	CHECK_EQ(*uart_reg(UART_MCR), 0);
	CHECK_EQ(*uart_reg(UART_SCR), 0);
	CHECK_EQ(*uart_reg(UART_IIR), 1);
	CHECK_EQ(*uart_reg(UART_MSR), 0xb0);
	CHECK_EQ(*uart_reg(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	*uart_reg(UART_LCR) = UART_LCR_DLAB;
	CHECK_EQ(*uart_reg(UART_DLL), 0);
	CHECK_EQ(*uart_reg(UART_DLM), 0);
	*uart_reg(UART_LCR) = 0;
}

static void uart_mark(unsigned long round)
{
	unsigned long p = state_pattern(17, round);

	*uart_reg(UART_MCR) = UART_MCR_LOOP;
	*uart_reg(UART_FCR) = (uint8_t)(1 | (p & 3) << 6);
	for (unsigned int i = 0; i < UART_BYTES; i++)
		*uart_reg(UART_THR) = uart_want.bytes[i] = (uint8_t)(p >> i);
	*uart_reg(UART_LCR) = UART_LCR_DLAB;
	*uart_reg(UART_DLL) = uart_want.dll = (uint8_t)(p >> 8);
	*uart_reg(UART_DLM) = uart_want.dlm = (uint8_t)(p >> 16);
	*uart_reg(UART_LCR) = uart_want.lcr = (uint8_t)(p >> 24) & 0x7f;
	*uart_reg(UART_IER) = uart_want.ier = ((uint8_t)(p >> 32) & 0x0f) | UART_IER_THRE;
	*uart_reg(UART_MCR) = uart_want.mcr = ((uint8_t)(p >> 40) & 0x0f) | UART_MCR_LOOP;
	*uart_reg(UART_SCR) = uart_want.scr = (uint8_t)(p >> 48);
	(void)*uart_reg(UART_MSR);
	uart_want.msr = *uart_reg(UART_MSR);
}

static void uart_look(unsigned long round)
{
	(void)round;
	state_check("UART, LCR", *uart_reg(UART_LCR), uart_want.lcr);
	state_check("UART, IER", *uart_reg(UART_IER), uart_want.ier);
	state_check("UART, MCR", *uart_reg(UART_MCR), uart_want.mcr);
	state_check("UART, MSR", *uart_reg(UART_MSR), uart_want.msr);
	state_check("UART, SCR", *uart_reg(UART_SCR), uart_want.scr);
	state_check("UART, IIR", *uart_reg(UART_IIR) & UART_IIR_FIFO, UART_IIR_FIFO);
	*uart_reg(UART_LCR) = UART_LCR_DLAB;
	state_check("UART, DLL", *uart_reg(UART_DLL), uart_want.dll);
	state_check("UART, DLM", *uart_reg(UART_DLM), uart_want.dlm);
	*uart_reg(UART_LCR) = 0;
	for (unsigned int i = 0; i < UART_BYTES; i++) {
		state_check("UART, LSR", *uart_reg(UART_LSR) & UART_LSR_DR, UART_LSR_DR);
		state_check("UART, RBR", *uart_reg(UART_RBR), uart_want.bytes[i]);
	}
	state_check("UART, LSR when all is read", *uart_reg(UART_LSR) & UART_LSR_DR, 0);
}

static void uart_unmark(void)
{
	*uart_reg(UART_LCR) = 0;
	*uart_reg(UART_IER) = 0;
	*uart_reg(UART_MCR) = 0;
	*uart_reg(UART_FCR) = 0;
	(void)*uart_reg(UART_MSR);
}

/* --- rtc: an alarm that has rung, and another one far ahead --- */

#define RTC_BASE	    0x101000UL
#define RTC_IRQ		    11
#define RTC_TIME_LOW	    0x00
#define RTC_TIME_HIGH	    0x04
#define RTC_ALARM_LOW	    0x08
#define RTC_ALARM_HIGH	    0x0c
#define RTC_IRQ_ENABLED	    0x10
#define RTC_CLEAR_ALARM	    0x14
#define RTC_ALARM_STATUS    0x18
#define RTC_CLEAR_INTERRUPT 0x1c

static uint32_t rtc_at_start; /* the upper half of its time */

static volatile uint32_t *rtc_reg(unsigned long offset)
{
	return (volatile uint32_t *)(RTC_BASE + offset);
}

static bool rtc_exists(void)
{
	return true;
}

/* The upper half of the time is latched when the lower one is read, which it has not been. */
static void rtc_fresh(void)
{
	if (rtc_at_start == 0)
		CHECK_EQ(*rtc_reg(RTC_TIME_HIGH), 0);
	(void)*rtc_reg(RTC_TIME_LOW);
	rtc_at_start = *rtc_reg(RTC_TIME_HIGH);
	CHECK_EQ(*rtc_reg(RTC_ALARM_LOW), 0);
	CHECK_EQ(*rtc_reg(RTC_ALARM_HIGH), 0);
	CHECK_EQ(*rtc_reg(RTC_IRQ_ENABLED), 0);
	CHECK_EQ(*rtc_reg(RTC_ALARM_STATUS), 0);
}

static uint32_t rtc_high(unsigned long round)
{
	return (uint32_t)(0x20000000 | state_id << 16 | (round & 0xff) << 4);
}

static void rtc_mark(unsigned long round)
{
	*rtc_reg(RTC_TIME_HIGH) = rtc_high(round);
	*rtc_reg(RTC_TIME_LOW) = 0;
	*rtc_reg(RTC_IRQ_ENABLED) = 1;
	*rtc_reg(RTC_ALARM_HIGH) = 0;
	*rtc_reg(RTC_ALARM_LOW) = 1;
	*rtc_reg(RTC_ALARM_HIGH) = 0x7fff0000 | (state_pattern(1, round) & 0xff);
	*rtc_reg(RTC_ALARM_LOW) = (uint32_t)state_pattern(2, round);
}

static void rtc_look(unsigned long round)
{
	uint32_t high;

	(void)*rtc_reg(RTC_TIME_LOW);
	high = *rtc_reg(RTC_TIME_HIGH);
	if (high - rtc_high(round) > 15) /* it goes on */
		state_is_bad("RTC, time", high, rtc_high(round));
	state_check("RTC, alarm", *rtc_reg(RTC_ALARM_HIGH),
		    0x7fff0000 | (state_pattern(1, round) & 0xff));
	state_check("RTC, alarm", *rtc_reg(RTC_ALARM_LOW), (uint32_t)state_pattern(2, round));
	state_check("RTC, interrupt enable", *rtc_reg(RTC_IRQ_ENABLED), 1);
	state_check("RTC, alarm status", *rtc_reg(RTC_ALARM_STATUS), 1);
}

static void rtc_unmark(void)
{
	*rtc_reg(RTC_CLEAR_ALARM) = 1;
	*rtc_reg(RTC_CLEAR_INTERRUPT) = 1;
	*rtc_reg(RTC_IRQ_ENABLED) = 0;
}

/* --- plic --- */

#define PLIC_NDEV 95

static bool plic_exists(void)
{
	return true;
}

static unsigned long plic_own(void)
{
	return plic_context(this_cpu()->hartid);
}

/* The gateway of the UART's source is open: its line reaches the pending bit, a claim and a completion end it. */
static void plic_check_gateway(void)
{
	*plic_enable(plic_own(), UART_IRQ) = 1U << UART_IRQ;
	*plic_priority(UART_IRQ) = 1;
	*uart_reg(UART_IER) = UART_IER_THRE;
	CHECK_EQ(*plic_pending(UART_IRQ), 1U << UART_IRQ);
	*uart_reg(UART_IER) = 0;
	CHECK_EQ(*plic_claim(plic_own()), UART_IRQ);
	*plic_claim(plic_own()) = UART_IRQ;
	CHECK_EQ(*plic_pending(UART_IRQ), 0); /* no edge is remembered */
	*plic_enable(plic_own(), UART_IRQ) = 0;
	*plic_priority(UART_IRQ) = 0;
}

static void plic_fresh(void)
{
	for (unsigned int s = 0; s <= PLIC_NDEV; s++)
		CHECK_EQ(*plic_priority(s), 0);
	for (unsigned int s = 0; s <= PLIC_NDEV; s += 32) {
		CHECK_EQ(*plic_pending(s), 0);
		for (unsigned int c = 0; c < 2 * nr_cpus; c++)
			CHECK_EQ(*plic_enable(c, s), 0);
	}
	for (unsigned int c = 0; c < 2 * nr_cpus; c++) {
		CHECK_EQ(*plic_threshold(c), 0);
		CHECK_EQ(*plic_claim(c), 0);
	}
	plic_check_gateway();
}

static uint32_t plic_priority_mark(unsigned int source, unsigned long round)
{
	/* The UART's is the one to be claimed. */
	return source == UART_IRQ ? 7 : 1 + state_pattern(source, round) % 6;
}

static uint32_t plic_enable_mark(unsigned long context, unsigned int source, unsigned long round)
{
	uint32_t mark = (uint32_t)state_pattern(context * 8 + source / 32, round);

	return source < 32 ? (mark | 1U << UART_IRQ) & ~1U : mark;
}

static uint32_t plic_threshold_mark(unsigned int context, unsigned long round)
{
	return state_pattern(context, round) & 7;
}

static void plic_mark(unsigned long round)
{
	for (unsigned int s = 1; s <= PLIC_NDEV; s++)
		*plic_priority(s) = plic_priority_mark(s, round);
	for (unsigned int c = 0; c < 2 * nr_cpus; c++) {
		for (unsigned int s = 0; s <= PLIC_NDEV; s += 32)
			*plic_enable(c, s) = plic_enable_mark(c, s, round);
		*plic_threshold(c) = plic_threshold_mark(c, round);
	}
	state_check("PLIC, claim", *plic_claim(plic_own()), UART_IRQ);
}

static void plic_look(unsigned long round)
{
	for (unsigned int s = 1; s <= PLIC_NDEV; s++)
		state_check("PLIC, priority", *plic_priority(s), plic_priority_mark(s, round));
	for (unsigned int c = 0; c < 2 * nr_cpus; c++) {
		for (unsigned int s = 0; s <= PLIC_NDEV; s += 32)
			state_check("PLIC, enable", *plic_enable(c, s),
				    plic_enable_mark(c, s, round));
		state_check("PLIC, threshold", *plic_threshold(c), plic_threshold_mark(c, round));
	}
	state_check("PLIC, pending", *plic_pending(0), 1U << RTC_IRQ);
	*plic_claim(plic_own()) = UART_IRQ;
	state_check("PLIC, pending after completion", *plic_pending(0),
		    1U << RTC_IRQ | 1U << UART_IRQ);
}

/* The lines are low again. */
static void plic_unmark(void)
{
	uint32_t source;

	for (unsigned int s = 1; s <= PLIC_NDEV; s++)
		*plic_priority(s) = 1;
	*plic_enable(plic_own(), 0) = ~0U;
	*plic_threshold(plic_own()) = 0;
	*plic_claim(plic_own()) = UART_IRQ;
	while ((source = *plic_claim(plic_own())) != 0)
		*plic_claim(plic_own()) = source;
	for (unsigned int s = 1; s <= PLIC_NDEV; s++)
		*plic_priority(s) = 0;
	for (unsigned int c = 0; c < 2 * nr_cpus; c++) {
		for (unsigned int s = 0; s <= PLIC_NDEV; s += 32)
			*plic_enable(c, s) = 0;
		*plic_threshold(c) = 0;
	}
}

/* --- clock: begins with each life --- */

static unsigned long clock_at_mark;

static bool clock_exists(void)
{
	return true;
}

/* Between two lives a VM waits for a second. */
static void clock_fresh(void)
{
	CHECK(boot_time < machine.timebase / 2);
}

static void clock_mark(unsigned long round)
{
	(void)round;
	clock_at_mark = time_now();
}

static void clock_look(unsigned long round)
{
	unsigned long gone = time_now() - clock_at_mark;

	(void)round;
	if (gone > 60UL * machine.timebase)
		state_is_bad("time", time_now(), clock_at_mark);
}

static void clock_unmark(void)
{
}
