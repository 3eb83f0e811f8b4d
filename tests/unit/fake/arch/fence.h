/* SPDX-License-Identifier: BSD-2-Clause */
/* Each fence calls the program: its own fake_fence(), or that of tests/unit/fake/fence.c, which counts. */
#ifndef FAKE_ARCH_FENCE_H
#define FAKE_ARCH_FENCE_H

#include "lib/types.h"

enum fake_fence {
	FAKE_FENCE_I,
	FAKE_FENCE_W_O,
	FAKE_SFENCE_VMA_ALL,
	FAKE_HFENCE_GVMA_ALL,
	FAKE_HFENCE_VVMA_ALL,
	FAKE_HFENCE_VVMA_ADDR,
	FAKE_HFENCE_VVMA_ASID,
	FAKE_HFENCE_VVMA_ADDR_ASID,
	NR_FAKE_FENCES,
};

/* fake_fence - the hart of this thread executes a fence. @gva, @asid: 0 where it has none. */
void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid);

static inline void arch_fence_i(void)
{
	fake_fence(FAKE_FENCE_I, 0, 0);
}

static inline void arch_fence_w_o(void)
{
	fake_fence(FAKE_FENCE_W_O, 0, 0);
}

static inline void arch_sfence_vma_all(void)
{
	fake_fence(FAKE_SFENCE_VMA_ALL, 0, 0);
}

static inline void arch_hfence_gvma_all(void)
{
	fake_fence(FAKE_HFENCE_GVMA_ALL, 0, 0);
}

static inline void arch_hfence_vvma_all(void)
{
	fake_fence(FAKE_HFENCE_VVMA_ALL, 0, 0);
}

static inline void arch_hfence_vvma_addr(gva_t a)
{
	fake_fence(FAKE_HFENCE_VVMA_ADDR, a.gva, 0);
}

static inline void arch_hfence_vvma_asid(uint64_t asid)
{
	fake_fence(FAKE_HFENCE_VVMA_ASID, 0, asid);
}

static inline void arch_hfence_vvma_addr_asid(gva_t a, uint64_t asid)
{
	fake_fence(FAKE_HFENCE_VVMA_ADDR_ASID, a.gva, asid);
}

#endif
