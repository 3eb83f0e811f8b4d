/* SPDX-License-Identifier: BSD-2-Clause */
/* The program says how a hart waits. */
#ifndef FAKE_ARCH_CPU_H
#define FAKE_ARCH_CPU_H

void cpu_wait_for_interrupt(void);

#endif
