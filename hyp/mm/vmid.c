// SPDX-License-Identifier: BSD-2-Clause
#include "mm/vmid.h"

#include "arch/csr.h"
#include "arch/fence.h"

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
 * zero, so only a valid mode shows them (privileged specification, "hgatp").
 */
static unsigned int probe_bits(void)
{
	unsigned int bits = 0;

	for (uint64_t mode = HGATP_MODE_SV39X4; mode <= HGATP_MODE_SV57X4 && bits == 0; mode++) {
		uint64_t found;

		csr_write(CSR_HGATP, mode << HGATP_MODE_SHIFT | VMID_ONES);
		found = csr_read(CSR_HGATP);
		if (found >> HGATP_MODE_SHIFT != mode)
			continue;
		while (found & BIT(HGATP_VMID_SHIFT + bits) & VMID_ONES)
			bits++;
	}
	csr_write(CSR_HGATP, 0);
	return bits;
}

unsigned int vmid_init_pcpu(unsigned int pcpu, unsigned int limit_bits)
{
	struct vmid_pcpu *p = &vmid_pcpus[pcpu];
	unsigned int bits = probe_bits();

	if (bits > limit_bits)
		bits = limit_bits;
	arch_hfence_gvma_all();
	vmid_generation[pcpu]++;
	p->next = 0;
	p->limit = 1u << bits;
	return bits;
}

bool vmid_alloc(struct vmid *v, unsigned int pcpu)
{
	struct vmid_pcpu *p = &vmid_pcpus[pcpu];

	if (p->next >= p->limit) {
		/*
		 * No guest runs on this hart now, and none will under an old number: one flush of
		 * the G-stage serves for all of them. VS-stage entries can only be fenced one VMID
		 * at a time, by whoever gets it next.
		 */
		arch_hfence_gvma_all();
		vmid_generation[pcpu]++;
		p->next = 0;
	}
	v->generation = vmid_generation[pcpu];
	v->pcpu = (uint16_t)pcpu;
	v->id = (uint16_t)p->next++;
	return vmid_generation[pcpu] > 1;
}
