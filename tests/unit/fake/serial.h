/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual 16550A between a driver, which the test is, and a terminal. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/dev/vuart.c hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/pcpu.c
 * SOURCES: tests/unit/fake/serial.c
 */
#ifndef FAKE_SERIAL_H
#define FAKE_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/vdev.h"
#include "fake/devvm.h"
#include "irqchip/virqchip.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = 0, DLL = 0, DLM = 1, FCR = 2 };

extern struct vuart *uart;
extern bool line;
extern unsigned int line_changes;
extern struct virqchip chip;

/* What the terminal got, what it still takes, and whether it owes a call of vuart_output_ready(). */
extern char out[256];
extern size_t out_len, out_room;
extern bool wants_room;

/* What is typed and not read yet; found_empty: the terminal owes a call of vuart_input_ready(). */
extern char in[256];
extern size_t in_len;
extern bool found_empty;
#define BREAK '\xfe' /* of what is typed */

/* type - as the terminal does: the UART is told only when the ring was empty before. */
void type(const char *text);

/* The driver's accesses, a byte each. */
uint8_t rd(unsigned int reg);
void wr(unsigned int reg, uint8_t val);

int setup(void **state);
int teardown(void **state);

#define UART_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
