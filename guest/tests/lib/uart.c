// SPDX-License-Identifier: BSD-2-Clause

#include "uart.h"

void uart_putc(char c)
{
	while (!(*uart_reg(UART_LSR) & UART_LSR_THRE))
		;
	*uart_reg(UART_THR) = (uint8_t)c;
}

int uart_getc(void)
{
	return *uart_reg(UART_LSR) & UART_LSR_DR ? *uart_reg(UART_RBR) : -1;
}
