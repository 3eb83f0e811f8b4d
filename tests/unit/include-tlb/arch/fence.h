/* SPDX-License-Identifier: BSD-2-Clause */
/* Fences of a hart with a TLB and an instruction cache: tests/unit/tlb/hart.c. */
#ifndef FAKE_ARCH_FENCE_H
#define FAKE_ARCH_FENCE_H

#include <stdint.h>

void arch_hfence_gvma_all(void);
void arch_hfence_vvma_all(void);
void arch_hfence_vvma_addr(uint64_t gva);
void arch_hfence_vvma_asid(uint64_t asid);
void arch_hfence_vvma_addr_asid(uint64_t gva, uint64_t asid);
void arch_fence_i(void);

static inline void arch_fence_w_o(void)
{
}

static inline void arch_sfence_vma_all(void)
{
}

#endif
