/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print() formats %s %c %d %u %x with l, 0 and a width, and hands the whole text to SBI's debug console
 * in one piece, so that lines of several harts stay whole; without DBCN it polls the UART.
 */
#ifndef GUEST_PRINT_H
#define GUEST_PRINT_H

#include <stdarg.h>
#include <stddef.h>

__attribute__((format(printf, 1, 2))) void print(const char *fmt, ...);
size_t vformat(char *buf, size_t size, const char *fmt, va_list ap);

#endif
