/* SPDX-License-Identifier: BSD-2-Clause */
/* HS-mode's fence of a hart with a TLB: tests/unit/tlb/test_hostmap.c. */
#ifndef FAKE_ARCH_FENCE_H
#define FAKE_ARCH_FENCE_H

void arch_sfence_vma_all(void);

#endif
