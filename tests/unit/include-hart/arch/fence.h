/* SPDX-License-Identifier: BSD-2-Clause */
/* Every fence is told to the program, which remembers which vcpu's hart made it. */
#ifndef FAKE_ARCH_FENCE_H
#define FAKE_ARCH_FENCE_H

#include <stdint.h>

enum hart_fence {
	HART_FENCE_I,
	HART_FENCE_VVMA, /* all of the VMID's, or so little that a test asks for no more */
	HART_FENCE_GVMA,
	NR_HART_FENCES,
};

void hart_fenced(enum hart_fence kind);

static inline void arch_fence_i(void)
{
	hart_fenced(HART_FENCE_I);
}

/* No hart of these programs has a register to be kicked by. */
static inline void arch_fence_w_o(void)
{
}

static inline void arch_sfence_vma_all(void)
{
}

static inline void arch_hfence_gvma_all(void)
{
	hart_fenced(HART_FENCE_GVMA);
}

static inline void arch_hfence_vvma_all(void)
{
	hart_fenced(HART_FENCE_VVMA);
}

static inline void arch_hfence_vvma_addr(uint64_t gva)
{
	(void)gva;
	hart_fenced(HART_FENCE_VVMA);
}

static inline void arch_hfence_vvma_asid(uint64_t asid)
{
	(void)asid;
	hart_fenced(HART_FENCE_VVMA);
}

static inline void arch_hfence_vvma_addr_asid(uint64_t gva, uint64_t asid)
{
	(void)gva;
	(void)asid;
	hart_fenced(HART_FENCE_VVMA);
}

#endif
