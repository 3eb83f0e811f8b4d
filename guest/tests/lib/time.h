/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GUEST_TIME_H
#define GUEST_TIME_H

#include <stdbool.h>

/* The time counter's value in so many milliseconds or microseconds from now. */
unsigned long time_in_ms(unsigned long ms);
unsigned long time_in_us(unsigned long us);

/* timer_set - by Sstc when the device tree has it, else by SBI TIME; ~0: never. */
void timer_set(unsigned long when);
bool timer_is_sstc(void);

#endif
