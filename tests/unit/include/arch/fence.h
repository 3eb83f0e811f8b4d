/* SPDX-License-Identifier: BSD-2-Clause */
/* Fences that count themselves, per thread as harts have them; tests/unit/fake/fence.c. */
#ifndef FAKE_ARCH_FENCE_H
#define FAKE_ARCH_FENCE_H

#include <stdint.h>

struct fake_fences {
	unsigned int fence_i;
	unsigned int sfence_vma_all;
	unsigned int hfence_gvma_all;
	unsigned int hfence_vvma_all;
	unsigned int hfence_vvma_addr;
	unsigned int hfence_vvma_asid;
	unsigned int hfence_vvma_addr_asid;
	uint64_t last_gva, last_asid;
};

extern _Thread_local struct fake_fences fake_fences;

static inline void arch_fence_i(void)
{
	fake_fences.fence_i++;
}

/* The program's own: what it has seen of memory and devices so far. */
void fake_fence_w_o(void);

static inline void arch_fence_w_o(void)
{
	fake_fence_w_o();
}

static inline void arch_sfence_vma_all(void)
{
	fake_fences.sfence_vma_all++;
}

static inline void arch_hfence_gvma_all(void)
{
	fake_fences.hfence_gvma_all++;
}

static inline void arch_hfence_vvma_all(void)
{
	fake_fences.hfence_vvma_all++;
}

static inline void arch_hfence_vvma_addr(uint64_t gva)
{
	fake_fences.hfence_vvma_addr++;
	fake_fences.last_gva = gva;
}

static inline void arch_hfence_vvma_asid(uint64_t asid)
{
	fake_fences.hfence_vvma_asid++;
	fake_fences.last_asid = asid;
}

static inline void arch_hfence_vvma_addr_asid(uint64_t gva, uint64_t asid)
{
	fake_fences.hfence_vvma_addr_asid++;
	fake_fences.last_gva = gva;
	fake_fences.last_asid = asid;
}

#endif
