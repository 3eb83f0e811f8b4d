/* SPDX-License-Identifier: BSD-2-Clause */
/* Translation and instruction fences of this hart (privileged specification, "Hypervisor
 * Memory-Management Fence Instructions"), and the one between memory and devices (unprivileged
 * specification, "Memory Ordering Instructions"). Encoded by the assembler's own names. */
#ifndef ARCH_FENCE_H
#define ARCH_FENCE_H

#include "lib/types.h"

static inline void arch_fence_i(void)
{
	__asm__ volatile("fence.i" : : : "memory");
}

static inline void arch_sfence_vma_all(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

/* What was written to memory before comes before what is written to devices after. */
static inline void arch_fence_w_o(void)
{
	__asm__ volatile("fence w, o" : : : "memory");
}

/* All G-stage entries of this hart, for every VMID. */
static inline void arch_hfence_gvma_all(void)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.gvma\n.option pop" : : : "memory");
}

/* All VS-stage entries under the VMID that hgatp holds. */
static inline void arch_hfence_vvma_all(void)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.vvma\n.option pop" : : : "memory");
}

static inline void arch_hfence_vvma_addr(gva_t a)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.vvma %0, zero\n.option pop"
			 :
			 : "r"(a.gva)
			 : "memory");
}

static inline void arch_hfence_vvma_asid(uint64_t asid)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.vvma zero, %0\n.option pop"
			 :
			 : "r"(asid)
			 : "memory");
}

static inline void arch_hfence_vvma_addr_asid(gva_t a, uint64_t asid)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.vvma %0, %1\n.option pop"
			 :
			 : "r"(a.gva), "r"(asid)
			 : "memory");
}

#endif
