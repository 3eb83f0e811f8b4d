/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a test guest says what it found: "TEST name PASS", or "TEST name FAIL what", then it powers off.
 * Boot argument hold=1: before it passes it says "TEST name HOLD" and waits for a byte from the UART.
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include <stdbool.h>

#include "print.h"

#define GUEST(name) const char guest_name[] = name

extern const char guest_name[];
extern unsigned long boot_regs[32];
extern unsigned long boot_time; /* the time counter when the guest began */

void guest_main(void);

/* Is this hartvisor (SBI implementation 12), or the machine itself? */
bool guest_is_virtual(void);

__attribute__((noreturn)) void test_pass(void);
__attribute__((noreturn, format(printf, 1, 2))) void test_fail(const char *fmt, ...);
__attribute__((noreturn)) void guest_reboot(void);

#define CHECK(cond)                                                          \
	do {                                                                 \
		if (!(cond))                                                 \
			test_fail("%s:%d: %s", guest_name, __LINE__, #cond); \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long a_ = (long)(a), b_ = (long)(b);                                               \
		if (a_ != b_)                                                                      \
			test_fail("%s:%d: %s is %ld (0x%lx), not %s = %ld (0x%lx)", guest_name,    \
				  __LINE__, #a, a_, (unsigned long)a_, #b, b_, (unsigned long)b_); \
	} while (0)

#endif
