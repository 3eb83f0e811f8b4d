/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hyp/main.c stands where its own "arch/..." is looked for first, so the fakes of tests/unit/fake/arch never get their turn
 * there. They are included before it (-include), and the real ones are made to look included.
 */
#ifndef FAKE_MAIN_HEADERS_H
#define FAKE_MAIN_HEADERS_H

#include <arch/cache.h>
#include <arch/csr.h>
#include <arch/fence.h>
#include <arch/interrupts.h>
#include <arch/memmap.h>
#include <arch/pcpu.h>
#include <arch/sbi_call.h>

/* The program's own: blocks of cbo.zero, and of cbo.clean and its like. */
void arch_set_cboz_block(unsigned int bytes);
void arch_set_cbom_block(unsigned int bytes);

#define ARCH_CACHE_H
#define ARCH_FENCE_H
#define ARCH_INTERRUPTS_H
#define ARCH_SBI_CALL_H

#endif
