/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A source that waits by `__asm__ volatile("wfi")` can be included behind this header: each wait is a call of
 * fake_wfi(), which the test defines. Include every other header first: they may have assembler of their own.
 */
#ifndef FAKE_WFI_H
#define FAKE_WFI_H

void fake_wfi(const char *insn);

#define __asm__
#define volatile(insn) fake_wfi(insn)

#endif
