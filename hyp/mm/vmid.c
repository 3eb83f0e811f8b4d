// SPDX-License-Identifier: BSD-2-Clause
#include "mm/vmid.h"

#include "arch/csr.h"

/* Touched by its own pcpu only. */
struct vmid_pcpu {
	uint32_t next;	/* the number to be handed out next */
	uint32_t limit; /* how many there are */
};

static struct vmid_pcpu vmid_pcpus[MAX_PCPUS];
uint64_t vmid_generation[MAX_PCPUS];

#define VMID_ONES (HGATP_VMID_MASK << HGATP_VMID_SHIFT)

/*
 * How many bits hgatp.VMID has: those that hold a one. With MODE = Bare every other field must be
 * zero, so only a valid mode shows them (privileged specification, "hgatp"). hgatp is active in
 * HS-mode, so the hart may walk from whatever root stands there: @root holds no valid entry.
 */
static unsigned int probe_bits(hpa_t root)
{
	unsigned int bits = 0;

	for (uint64_t mode = HGATP_MODE_SV39X4; mode <= HGATP_MODE_SV57X4 && bits == 0; mode++) {
		uint64_t found;

		csr_write(CSR_HGATP, mode << HGATP_MODE_SHIFT | VMID_ONES | root.hpa >> PAGE_SHIFT);
		found = csr_read(CSR_HGATP);
		if (found >> HGATP_MODE_SHIFT != mode)
			continue;
		while (found & BIT(HGATP_VMID_SHIFT + bits) & VMID_ONES)
			bits++;
	}
	csr_write(CSR_HGATP, 0);
	return bits;
}

/* Every number handed out so far is stale. The next one is the first of its generation. */
static void begin_generation(unsigned int pcpu)
{
	vmid_generation[pcpu]++;
	vmid_pcpus[pcpu].next = 0;
}

unsigned int vmid_init_pcpu(unsigned int pcpu, unsigned int limit_bits, hpa_t root)
{
	unsigned int bits = probe_bits(root);

	if (bits > limit_bits)
		bits = limit_bits;
	begin_generation(pcpu);
	vmid_pcpus[pcpu].limit = 1u << bits;
	return bits;
}

enum vmid_fence vmid_alloc(struct vmid *v, unsigned int pcpu)
{
	struct vmid_pcpu *p = &vmid_pcpus[pcpu];

	if (p->next >= p->limit)
		begin_generation(pcpu);
	v->generation = vmid_generation[pcpu];
	v->pcpu = (uint16_t)pcpu;
	v->id = (uint16_t)p->next++;
	if (v->id == 0)
		return VMID_FENCE_ALL;
	return v->generation > 1 ? VMID_FENCE_VVMA : VMID_FENCE_NONE;
}

void vmid_park(unsigned int pcpu)
{
	csr_write(CSR_HGATP, 0);
	begin_generation(pcpu);
}
