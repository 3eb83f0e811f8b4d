/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of a 16550A and their bits (PC16550D data sheet, "Registers"). */
#ifndef DEV_VUART_REGS_H
#define DEV_VUART_REGS_H

/* Register offsets; the second name is the one behind LCR.DLAB or of the other direction. */
#define UART_RBR 0 /* THR, DLL */
#define UART_IER 1 /* DLM */
#define UART_IIR 2 /* FCR */
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7

#define IER_RDA	 0x01 /* received data available, and the character timeout */
#define IER_THRE 0x02
#define IER_RLS	 0x04
#define IER_MSI	 0x08
#define IER_MASK 0x0f

#define IIR_NONE    0x01
#define IIR_MSI	    0x00
#define IIR_THRE    0x02
#define IIR_RDA	    0x04
#define IIR_RLS	    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFO    0xc0

#define FCR_ENABLE	  0x01
#define FCR_CLEAR_RX	  0x02
#define FCR_TRIGGER_SHIFT 6

#define LCR_DLAB 0x80

#define MCR_DTR	 0x01
#define MCR_RTS	 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DR	 0x01
#define LSR_OE	 0x02
#define LSR_BI	 0x10
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define MSR_DELTA 0x0f
#define MSR_TERI  0x04
#define MSR_CTS	  0x10
#define MSR_DSR	  0x20
#define MSR_RI	  0x40
#define MSR_DCD	  0x80
#define MSR_LINES 0xf0

#endif
