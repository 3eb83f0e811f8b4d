/* SPDX-License-Identifier: BSD-2-Clause */
/* virt's ns16550a and its interrupt, without any buffering. */
#ifndef GUEST_UART_H
#define GUEST_UART_H

#include <stdint.h>

#define UART_BASE 0x10000000UL
#define UART_IRQ  10

#define UART_RBR 0 /* read */
#define UART_THR 0 /* write */
#define UART_IER 1
#define UART_IIR 2 /* read */
#define UART_FCR 2 /* write */
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7

#define UART_IER_RX   1
#define UART_IER_THRE 2
#define UART_LSR_DR   0x01
#define UART_LSR_THRE 0x20
#define UART_LSR_TEMT 0x40

static inline volatile uint8_t *uart_reg(unsigned int reg)
{
	return (volatile uint8_t *)(UART_BASE + reg);
}

void uart_putc(char c);

/* uart_getc - a byte, or -1 at once when there is none. */
int uart_getc(void);

#endif
